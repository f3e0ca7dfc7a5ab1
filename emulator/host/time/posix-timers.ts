/** timer_create and its kin. A timer whose last signal still waits to be taken does not send another: the expiries are counted in that one's overrun. */
import { Errno } from '../errno.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { sendTimerSignal } from '../signals/send.ts';
import { InfoOffset, timerInfo } from '../signals/signal-info.ts';
import { Signal, SIGRTMAX } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { deadlineOf, processorTime, readClock, TIMER_ABSTIME } from './clock-calls.ts';
import { NANOSECONDS } from './clock.ts';
import { nextDeadline } from './interval-timers.ts';
import type { PosixTimer } from './process-timers.ts';
import { pairBytes, readTimespec, writeDuration } from './time-values.ts';

/** struct sigevent: sigev_value 0, sigev_signo 8, sigev_notify 12, thread id 16. */
const SIGEVENT = { value: 0, signal: 8, notify: 12, tid: 16, bytes: 64 } as const;
const Notify = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 } as const;
const OVERRUN_MAX = 0x7fffffff;

function time(thread: Thread, timer: PosixTimer): number {
  return processorTime(thread, timer.clock) ?? thread.kernel.clock.monotonic;
}

function timerCreate(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const { process, space } = thread;
  const clock = call.int(0);
  const [, eventAddress, idAddress] = call.args;
  if (readClock(thread, clock) === undefined) return -Errno.EINVAL;
  if (processorTime(thread, clock) === undefined && deadlineOf(thread, clock, { seconds: 0, nanoseconds: 0 }) === undefined) return -Errno.EOPNOTSUPP;
  const id = process.timers.freshId();
  let event = { value: BigInt(id), signal: Signal.ALRM as number, notify: Notify.SIGNAL as number, tid: 0 };
  if (eventAddress !== 0) {
    const bytes = space.read(eventAddress, SIGEVENT.bytes);
    if (bytes === undefined) return -Errno.EFAULT;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // i386 has a four-byte sigev_value, and everything after it four bytes earlier
    const shift = 8 - wordSize;
    event = {
      value: wordSize === 8 ? view.getBigUint64(SIGEVENT.value, true) : BigInt(view.getUint32(SIGEVENT.value, true)),
      signal: view.getInt32(SIGEVENT.signal - shift, true), notify: view.getInt32(SIGEVENT.notify - shift, true), tid: view.getInt32(SIGEVENT.tid - shift, true),
    };
    if (!isGoodEvent(thread, event)) return -Errno.EINVAL;
  }
  if (!space.writeU32(idAddress, id)) return -Errno.EFAULT;
  const tid = event.notify === Notify.THREAD_ID ? event.tid : 0;
  process.timers.posix.set(id, { id, clock, notify: event.notify, signal: event.signal, value: event.value, tid, deadline: 0, interval: 0, handle: undefined, processorTimer: undefined, queued: undefined, overrun: 0 });
  return 0;
}

function isGoodEvent(thread: Thread, event: { readonly signal: number; readonly notify: number; readonly tid: number }): boolean {
  if (event.notify === Notify.NONE) return true;
  if (event.signal < 1 || event.signal > SIGRTMAX) return false;
  if (event.notify === Notify.THREAD_ID) return thread.kernel.threads.get(event.tid)?.process === thread.process;
  return event.notify === Notify.SIGNAL || event.notify === Notify.THREAD;
}

function start(process: Process, timer: PosixTimer, deadline: number): void {
  timer.deadline = deadline;
  if (timer.notify === Notify.NONE) return;
  const fire = () => {
    timer.handle = undefined;
    timer.processorTimer = undefined;
    const now = time(process.leader, timer);
    const next = timer.interval === 0 ? 0 : nextDeadline(deadline, timer.interval, now);
    expire(process, timer, next === 0 ? 1 : Math.round((next - deadline) / timer.interval));
    if (next === 0) timer.deadline = 0;
    else start(process, timer, next);
  };
  if (processorTime(process.leader, timer.clock) !== undefined) {
    timer.processorTimer = { deadline, fire };
    process.timers.armProcessorTimer(timer.processorTimer);
  } else {
    timer.handle = process.kernel.timers.add(deadline, fire);
  }
}

/** The timer has run out `count` times. */
function expire(process: Process, timer: PosixTimer, count: number): void {
  const target = timer.tid === 0 ? process : process.kernel.threads.get(timer.tid);
  if (target === undefined) return;
  const { queued } = timer;
  if (queued !== undefined && target.signals.pending.holds(queued)) {
    queued.setInt(InfoOffset.overrun, Math.min(queued.int(InfoOffset.overrun) + count, OVERRUN_MAX));
    return;
  }
  if (queued !== undefined) timer.overrun = queued.int(InfoOffset.overrun);
  timer.queued = timerInfo(timer.signal, timer.id, count - 1, timer.value);
  sendTimerSignal(process.kernel, target, timer.queued);
}

function stop(process: Process, timer: PosixTimer): void {
  if (timer.handle !== undefined) process.kernel.timers.cancel(timer.handle);
  if (timer.processorTimer !== undefined) process.timers.disarmProcessorTimer(timer.processorTimer);
  timer.handle = undefined;
  timer.processorTimer = undefined;
  timer.deadline = 0;
}

/** At exec and exit. */
export function deletePosixTimers(process: Process): void {
  for (const timer of process.timers.posix.values()) stop(process, timer);
  process.timers.posix.clear();
}

function writeSetting(call: SyscallCall, address: number, timer: PosixTimer): boolean {
  const { space } = call.thread;
  const now = time(call.thread, timer);
  let left = 0;
  if (timer.deadline !== 0) {
    if (timer.notify === Notify.NONE && timer.deadline <= now) left = timer.interval === 0 ? 0 : nextDeadline(timer.deadline, timer.interval, now) - now;
    else left = Math.max(timer.deadline - now, 1);
  }
  return writeDuration(space, address, timer.interval, call.timeLayout) && writeDuration(space, address + pairBytes(call.timeLayout), left, call.timeLayout);
}

function timerSettime(call: SyscallCall): SyscallResult {
  const { thread, timeLayout } = call;
  const { process, space } = thread;
  const [, , newAddress, oldAddress] = call.args;
  const interval = readTimespec(space, newAddress, timeLayout);
  if (typeof interval === 'number') return interval;
  const value = readTimespec(space, newAddress + pairBytes(timeLayout), timeLayout);
  if (typeof value === 'number') return value;
  const timer = process.timers.posix.get(call.int(0));
  if (timer === undefined) return -Errno.EINVAL;
  if (oldAddress !== 0 && !writeSetting(call, oldAddress, timer)) return -Errno.EFAULT;
  stop(process, timer);
  timer.interval = interval.seconds * NANOSECONDS + interval.nanoseconds;
  timer.overrun = 0;
  timer.queued = undefined;
  const duration = value.seconds * NANOSECONDS + value.nanoseconds;
  if (duration === 0) return 0;
  const absolute = (call.int(1) & TIMER_ABSTIME) !== 0;
  start(process, timer, absolute ? (deadlineOf(thread, timer.clock, value) ?? duration) : time(thread, timer) + duration);
  return 0;
}

function timerGettime(call: SyscallCall): SyscallResult {
  const timer = call.thread.process.timers.posix.get(call.int(0));
  if (timer === undefined) return -Errno.EINVAL;
  return writeSetting(call, call.args[1], timer) ? 0 : -Errno.EFAULT;
}

function timerGetoverrun(call: SyscallCall): SyscallResult {
  const { process, kernel } = call.thread;
  const timer = process.timers.posix.get(call.int(0));
  if (timer === undefined) return -Errno.EINVAL;
  const target = timer.tid === 0 ? process : kernel.threads.get(timer.tid);
  if (timer.queued === undefined || target?.signals.pending.holds(timer.queued) === true) return timer.overrun;
  return timer.queued.int(InfoOffset.overrun);
}

function timerDelete(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const timer = process.timers.posix.get(call.int(0));
  if (timer === undefined) return -Errno.EINVAL;
  stop(process, timer);
  process.timers.posix.delete(timer.id);
  return 0;
}

export const posixTimerSyscalls: readonly SyscallRow[] = [
  { name: 'timer_create', args: ['int', 'ptr', 'ptr'], handler: timerCreate },
  { name: 'timer_settime', args: ['int', 'int', 'ptr', 'ptr'], handler: timerSettime },
  { name: 'timer_gettime', args: ['int', 'ptr'], handler: timerGettime },
  { name: 'timer_getoverrun', args: ['int'], handler: timerGetoverrun },
  { name: 'timer_delete', args: ['int'], handler: timerDelete },
];
