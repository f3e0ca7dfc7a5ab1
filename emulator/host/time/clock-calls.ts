/** System calls that read and set clocks and sleep: clock_*, nanosleep, gettimeofday, time, times, adjtimex. */
import { Errno } from '../errno.ts';
import { Capability, capable } from '../misc/credentials.ts';
import type { Thread } from '../process/thread.ts';
import { type SyscallCall, type SyscallResult, type SyscallRow, Wait } from '../syscall.ts';
import { type ClockTime, NANOSECONDS } from './clock.ts';
import { readDuration, readPair, readTimespec, ticks, writeDuration, writePair } from './time-values.ts';

/** Clock ids; the alarm clocks (8, 9) need a clock chip that wakes the machine, which it has not. */
export const ClockId = {
  REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3, MONOTONIC_RAW: 4, REALTIME_COARSE: 5, MONOTONIC_COARSE: 6, BOOTTIME: 7, TAI: 11,
} as const;
export const TIMER_ABSTIME = 1;
/** Resolution of the *_COARSE clocks: a tick of 250 Hz. */
const COARSE = 4_000_000;
/** A sleep longer than this (about 104 days) does not end by itself. */
const FOREVER = 2 ** 53;

/** Clock ids of other processes and threads: ~id << 3 | 4 for a thread | 0 … 2, the kind of time, all the same here. */
const CLOCK_OF_THREAD = 4;
const CLOCK_KIND = 3;

/** Processor time a clock id stands for, in ns; undefined: not such a clock, or of nobody. */
export function processorTime(thread: Thread, clock: number): number | undefined {
  if (clock === ClockId.PROCESS_CPUTIME) return thread.process.timers.used;
  if (clock === ClockId.THREAD_CPUTIME) return thread.retired;
  if (clock >= 0 || (clock & CLOCK_KIND) === CLOCK_KIND) return undefined;
  const id = ~(clock >> 3);
  if ((clock & CLOCK_OF_THREAD) !== 0) {
    const other = id === 0 ? thread : thread.kernel.threads.get(id);
    return other?.process === thread.process ? other.retired : undefined;
  }
  return (id === 0 ? thread.process : thread.kernel.processes.get(id))?.timers.used;
}

/** What a clock shows; undefined: no such clock. */
export function readClock(thread: Thread, clock: number): ClockTime | undefined {
  const machine = thread.kernel.clock;
  switch (clock) {
    case ClockId.REALTIME:
    case ClockId.TAI:
      return machine.realtime();
    case ClockId.REALTIME_COARSE: {
      const { seconds, nanoseconds } = machine.realtime();
      return { seconds, nanoseconds: nanoseconds - (nanoseconds % COARSE) };
    }
    case ClockId.MONOTONIC:
    case ClockId.MONOTONIC_RAW:
    case ClockId.BOOTTIME:
      return split(machine.monotonic);
    case ClockId.MONOTONIC_COARSE:
      return split(machine.monotonic - (machine.monotonic % COARSE));
    default: {
      const used = processorTime(thread, clock);
      return used === undefined ? undefined : split(used);
    }
  }
}

/** The CLOCK_MONOTONIC deadline of an absolute time on a clock; undefined when sleeping and timers do not work on it. */
export function deadlineOf(thread: Thread, clock: number, time: ClockTime): number | undefined {
  switch (clock) {
    case ClockId.REALTIME:
    case ClockId.TAI:
      return thread.kernel.clock.monotonicAt(time);
    case ClockId.MONOTONIC:
    case ClockId.BOOTTIME:
      return time.seconds * NANOSECONDS + time.nanoseconds;
    default:
      return undefined;
  }
}

/**
 * Sleeps until the deadline; interrupted, it tells `remainAddress` (unless 0) what is left. A relative sleep goes on after a stop by restart_syscall,
 * an absolute one by being made again.
 */
function sleepUntil(call: SyscallCall, deadline: number, remainAddress: number, absolute: boolean): SyscallResult {
  const { thread } = call;
  const { clock } = thread.kernel;
  if (clock.monotonic >= deadline) return 0;
  return new Wait([], absolute ? 'restart-nohand' : 'restart-block', deadline > FOREVER ? undefined : deadline, () => {
    if (absolute) return undefined;
    thread.signals.restartBlock = (again) => sleepUntil(again, deadline, remainAddress, false);
    if (remainAddress !== 0 && !writeDuration(thread.space, remainAddress, deadline - clock.monotonic, call.timeLayout)) return -Errno.EFAULT;
    return undefined;
  });
}

function nanosleep(call: SyscallCall): SyscallResult {
  const { thread } = call;
  if (typeof call.state !== 'number') {
    const duration = readDuration(thread.space, call.args[0], call.timeLayout);
    if (duration < 0) return duration;
    call.state = thread.kernel.clock.monotonic + duration;
  }
  return sleepUntil(call, Number(call.state), call.args[1], false);
}

function clockNanosleep(call: SyscallCall): SyscallResult {
  const { thread, timeLayout } = call;
  const [, , requestAddress, remainAddress] = call.args;
  const absolute = (call.int(1) & TIMER_ABSTIME) !== 0;
  if (typeof call.state !== 'number') {
    const clock = call.int(0);
    const time = readTimespec(thread.space, requestAddress, timeLayout);
    const now = readClock(thread, clock);
    if (now === undefined) return -Errno.EINVAL;
    if (clock === ClockId.THREAD_CPUTIME) return -Errno.EINVAL;
    const deadline = deadlineOf(thread, clock, typeof time === 'number' ? now : time);
    if (deadline === undefined) return -Errno.EOPNOTSUPP;
    if (typeof time === 'number') return time;
    call.state = absolute ? deadline : thread.kernel.clock.monotonic + time.seconds * NANOSECONDS + time.nanoseconds;
  }
  return sleepUntil(call, Number(call.state), remainAddress, absolute);
}

function clockGettime(call: SyscallCall): SyscallResult {
  const time = readClock(call.thread, call.int(0));
  if (time === undefined) return -Errno.EINVAL;
  return writePair(call.thread.space, call.args[1], time.seconds, time.nanoseconds, call.timeLayout) ? 0 : -Errno.EFAULT;
}

function clockGetres(call: SyscallCall): SyscallResult {
  const clock = call.int(0);
  if (readClock(call.thread, clock) === undefined) return -Errno.EINVAL;
  if (call.args[1] === 0) return 0;
  const coarse = clock === ClockId.REALTIME_COARSE || clock === ClockId.MONOTONIC_COARSE;
  return writePair(call.thread.space, call.args[1], 0, coarse ? COARSE : 1, call.timeLayout) ? 0 : -Errno.EFAULT;
}

function clockSettime(call: SyscallCall): SyscallResult {
  const { thread } = call;
  if (call.int(0) !== ClockId.REALTIME) return -Errno.EINVAL;
  const time = readTimespec(thread.space, call.args[1], call.timeLayout);
  return typeof time === 'number' ? time : setCalendar(thread, time);
}

function setCalendar(thread: Thread, time: ClockTime): number {
  if (!capable(thread.process.credentials, Capability.SYS_TIME)) return -Errno.EPERM;
  thread.kernel.clock.setRealtime(time);
  return 0;
}

function gettimeofday(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const [timeAddress, zoneAddress] = call.args;
  const { seconds, nanoseconds } = thread.kernel.clock.realtime();
  if (timeAddress !== 0 && !writePair(thread.space, timeAddress, seconds, Math.floor(nanoseconds / 1000), wordSize)) return -Errno.EFAULT;
  // struct timezone: minutes west and DST kind, 4 bytes each
  if (zoneAddress !== 0 && !thread.space.write(zoneAddress, new Uint8Array(8))) return -Errno.EFAULT;
  return 0;
}

function settimeofday(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const [timeAddress] = call.args;
  if (timeAddress === 0) return 0;
  const pair = readPair(thread.space, timeAddress, call.wordSize);
  if (pair === undefined) return -Errno.EFAULT;
  if (pair.fraction < 0 || pair.fraction >= 1_000_000 || pair.seconds < 0) return -Errno.EINVAL;
  return setCalendar(thread, { seconds: pair.seconds, nanoseconds: pair.fraction * 1000 });
}

function time(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const [address] = call.args;
  const { seconds } = thread.kernel.clock.realtime();
  if (address !== 0) {
    const written = wordSize === 8 ? thread.space.writeU64(address, seconds) : thread.space.writeU32(address, seconds);
    if (!written) return -Errno.EFAULT;
  }
  return seconds;
}

function times(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const { timers } = thread.process;
  const [address] = call.args;
  if (address !== 0) {
    // struct tms: own user and system time, the children's
    if (!writePair(thread.space, address, ticks(timers.used), 0, wordSize)) return -Errno.EFAULT;
    if (!writePair(thread.space, address + 2 * wordSize, ticks(timers.childrenUsed), 0, wordSize)) return -Errno.EFAULT;
  }
  return ticks(thread.kernel.clock.monotonic);
}

/** struct timex by word size (include/uapi/linux/timex.h, include/linux/compat.h). The *_time64 calls have the 64-bit one. */
const TIMEX = {
  8: { modes: 0, status: 40, precision: 56, seconds: 72, fraction: 80, tick: 88, bytes: 208 },
  4: { modes: 0, status: 20, precision: 28, seconds: 36, fraction: 40, tick: 44, bytes: 128 },
} as const;
const STA_UNSYNC = 64;
const TIME_ERROR = 5;
const TICK_MICROSECONDS = 10000;

/** Reads out a clock nobody adjusts; adjusting it is refused. */
function adjtimex(call: SyscallCall, address: number): SyscallResult {
  const { thread } = call;
  const word = call.timeLayout === 4 ? 4 : 8;
  const layout = TIMEX[word];
  const modes = thread.space.readU32(address + layout.modes);
  if (modes === undefined) return -Errno.EFAULT;
  if (modes !== 0) return -Errno.EPERM;
  const out = new Uint8Array(layout.bytes);
  const view = new DataView(out.buffer);
  const put = (at: number, value: number): void => (word === 8 ? view.setBigInt64(at, BigInt(value), true) : view.setInt32(at, value, true));
  const { seconds, nanoseconds } = thread.kernel.clock.realtime();
  view.setInt32(layout.status, STA_UNSYNC, true);
  put(layout.precision, 1);
  put(layout.seconds, seconds);
  put(layout.fraction, Math.floor(nanoseconds / 1000));
  put(layout.tick, TICK_MICROSECONDS);
  return thread.space.write(address, out) ? TIME_ERROR : -Errno.EFAULT;
}

function split(nanoseconds: number): ClockTime {
  return { seconds: Math.floor(nanoseconds / NANOSECONDS), nanoseconds: nanoseconds % NANOSECONDS };
}

/** stime: sets the clock to whole seconds. */
function stime(call: SyscallCall): SyscallResult {
  const seconds = call.thread.space.readU32(call.args[0]);
  return seconds === undefined ? -Errno.EFAULT : setCalendar(call.thread, { seconds: seconds | 0, nanoseconds: 0 });
}

/** i386 only. */
export const clockSyscalls32: readonly SyscallRow[] = [{ name: 'stime', args: ['ptr'], handler: stime }];

export const clockSyscalls: readonly SyscallRow[] = [
  { name: 'clock_gettime', args: ['int', 'ptr'], handler: clockGettime },
  { name: 'clock_settime', args: ['int', 'ptr'], handler: clockSettime },
  { name: 'clock_getres', args: ['int', 'ptr'], handler: clockGetres },
  { name: 'clock_nanosleep', args: ['int', 'int', 'ptr', 'ptr'], handler: clockNanosleep },
  { name: 'nanosleep', args: ['ptr', 'ptr'], handler: nanosleep },
  { name: 'gettimeofday', args: ['ptr', 'ptr'], handler: gettimeofday },
  { name: 'settimeofday', args: ['ptr', 'ptr'], handler: settimeofday },
  { name: 'time', args: ['ptr'], handler: time },
  { name: 'times', args: ['ptr'], handler: times },
  { name: 'adjtimex', args: ['ptr'], handler: (call) => adjtimex(call, call.args[0]) },
  { name: 'clock_adjtime', args: ['int', 'ptr'], handler: (call) => (call.int(0) === ClockId.REALTIME ? adjtimex(call, call.args[1]) : -Errno.EINVAL) },
];
