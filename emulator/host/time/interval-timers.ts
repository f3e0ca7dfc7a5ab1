/** alarm, setitimer, getitimer: one timer of each kind per process. */
import { Errno } from '../errno.ts';
import type { Process } from '../process/process.ts';
import { sendSignal } from '../signals/send.ts';
import { kernelInfo } from '../signals/signal-info.ts';
import { Signal } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { NANOSECONDS } from './clock.ts';
import { type IntervalTimer, IntervalTimerKind } from './process-timers.ts';
import { readTimeval, writeTimeval } from './time-values.ts';

const SIGNALS = [Signal.ALRM, Signal.VTALRM, Signal.PROF] as const;
const KINDS = 3;
/** What getitimer shows of a timer that is due but has not fired: never 0, which would mean that it is off. */
const LEAST = 1000;

/** Time left and interval, ns; 0: off. */
interface Setting {
  readonly value: number;
  readonly interval: number;
}

function now(process: Process, kind: number): number {
  return kind === IntervalTimerKind.real ? process.kernel.clock.monotonic : process.timers.used;
}

function read(process: Process, kind: number): Setting {
  const timer = process.timers.intervals[kind];
  return { value: timer.deadline === 0 ? 0 : Math.max(timer.deadline - now(process, kind), LEAST), interval: timer.interval };
}

function arm(process: Process, kind: number, setting: Setting): void {
  const timer = process.timers.intervals[kind];
  stop(process, timer);
  timer.interval = setting.interval;
  if (setting.value === 0) return;
  start(process, kind, timer, now(process, kind) + setting.value);
}

function start(process: Process, kind: number, timer: IntervalTimer, deadline: number): void {
  timer.deadline = deadline;
  const fire = () => {
    timer.handle = undefined;
    timer.processorTimer = undefined;
    sendSignal(process.kernel, process, kernelInfo(SIGNALS[kind]));
    if (timer.interval === 0) timer.deadline = 0;
    else start(process, kind, timer, nextDeadline(deadline, timer.interval, now(process, kind)));
  };
  if (kind === IntervalTimerKind.real) {
    timer.handle = process.kernel.timers.add(deadline, fire);
  } else {
    timer.processorTimer = { deadline, fire };
    process.timers.armProcessorTimer(timer.processorTimer);
  }
}

function stop(process: Process, timer: IntervalTimer): void {
  if (timer.handle !== undefined) process.kernel.timers.cancel(timer.handle);
  if (timer.processorTimer !== undefined) process.timers.disarmProcessorTimer(timer.processorTimer);
  timer.handle = undefined;
  timer.processorTimer = undefined;
  timer.deadline = 0;
}

/** First multiple of the interval after `deadline` that lies in the future. */
export function nextDeadline(deadline: number, interval: number, time: number): number {
  return deadline + interval * (Math.floor(Math.max(time - deadline, 0) / interval) + 1);
}

/** At exit. */
export function stopIntervalTimers(process: Process): void {
  for (const timer of process.timers.intervals) stop(process, timer);
}

function readSetting(call: SyscallCall, address: number): Setting | number {
  const interval = readTimeval(call.thread.space, address, call.wordSize);
  if (interval < 0) return interval;
  const value = readTimeval(call.thread.space, address + 2 * call.wordSize, call.wordSize);
  return value < 0 ? value : { value, interval };
}

function writeSetting(call: SyscallCall, address: number, setting: Setting): boolean {
  const { space } = call.thread;
  return writeTimeval(space, address, setting.interval, call.wordSize) && writeTimeval(space, address + 2 * call.wordSize, setting.value, call.wordSize);
}

function setitimer(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const kind = call.uint(0);
  const [, newAddress, oldAddress] = call.args;
  const setting = newAddress === 0 ? { value: 0, interval: 0 } : readSetting(call, newAddress);
  if (typeof setting === 'number') return setting;
  if (kind >= KINDS) return -Errno.EINVAL;
  const old = read(process, kind);
  arm(process, kind, setting);
  return oldAddress === 0 || writeSetting(call, oldAddress, old) ? 0 : -Errno.EFAULT;
}

function getitimer(call: SyscallCall): SyscallResult {
  const kind = call.uint(0);
  if (kind >= KINDS) return -Errno.EINVAL;
  return writeSetting(call, call.args[1], read(call.thread.process, kind)) ? 0 : -Errno.EFAULT;
}

function alarm(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { value } = read(process, IntervalTimerKind.real);
  arm(process, IntervalTimerKind.real, { value: call.uint(0) * NANOSECONDS, interval: 0 });
  const seconds = Math.floor(value / NANOSECONDS);
  const rest = value % NANOSECONDS;
  return (seconds === 0 && rest > 0) || rest >= NANOSECONDS / 2 ? seconds + 1 : seconds;
}

export const intervalTimerSyscalls: readonly SyscallRow[] = [
  { name: 'alarm', args: ['uint'], handler: alarm },
  { name: 'setitimer', args: ['int', 'ptr', 'ptr'], handler: setitimer },
  { name: 'getitimer', args: ['int', 'ptr'], handler: getitimer },
];
