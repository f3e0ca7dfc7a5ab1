/** epoll, eventfd, timerfd, signalfd. */
import { Errno } from '../errno.ts';
import { SignalSet } from '../signals/signal-set.ts';
import { NANOSECONDS } from '../time/clock.ts';
import { pairBytes, readTimespec, writeDuration } from '../time/time-values.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { fileArgument } from './arguments.ts';
import { EpollFile, EpollFlag } from './epoll.ts';
import { EventFd } from './event-fd.ts';
import { installFile } from './open-calls.ts';
import { OpenFlag } from './open-flags.ts';
import { TimedWait, useMask } from './poll-calls.ts';
import { SignalFd } from './signal-fd.ts';
import { TimerFd } from './timer-fd.ts';

const Control = { add: 1, delete: 2, modify: 3 } as const;
const EVENT_BYTES = 12;
const MAX_EVENTS = Math.floor(0x7fffffff / EVENT_BYTES);
const EVENTFD_SEMAPHORE = 1;
const TimerFlag = { absolute: 1, cancelOnSet: 2 } as const;
const ClockId = { realtime: 0, monotonic: 1, boottime: 7, realtimeAlarm: 8, boottimeAlarm: 9 } as const;
const CREATE_FLAGS = OpenFlag.closeOnExec | OpenFlag.nonBlock;

function epollCreate(call: SyscallCall, flags: number): number {
  if ((flags & ~OpenFlag.closeOnExec) !== 0) return -Errno.EINVAL;
  return installFile(call, new EpollFile(), (flags & OpenFlag.closeOnExec) !== 0);
}

function epollControl(call: SyscallCall): number {
  const set = fileArgument(call, 0);
  const file = fileArgument(call, 2);
  const operation = call.int(1);
  let events = 0;
  let data = new Uint8Array(8);
  if (operation !== Control.delete) {
    const bytes = call.thread.space.read(call.args[3], EVENT_BYTES);
    if (bytes === undefined) return -Errno.EFAULT;
    events = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
    data = bytes.slice(4);
  }
  if (set === undefined || file === undefined) return -Errno.EBADF;
  if (file.readiness === undefined) return -Errno.EPERM;
  if (!(set instanceof EpollFile) || set === file) return -Errno.EINVAL;
  if ((events & EpollFlag.exclusive) !== 0 && (operation !== Control.add || file instanceof EpollFile || (events & EpollFlag.oneShot) !== 0)) return -Errno.EINVAL;
  switch (operation) {
    case Control.add:
      return set.add(call.int(2), file, { events, data });
    case Control.modify:
      return set.modify(call.int(2), file, { events, data });
    case Control.delete:
      return set.delete(call.int(2), file);
    default:
      return -Errno.EINVAL;
  }
}

/** One try of a wait; `begin` gives the deadline, and -errno, at the first. */
function epollWait(call: SyscallCall, begin: () => { readonly deadline: number | undefined } | number): SyscallResult {
  const maximum = call.int(2);
  if (maximum <= 0 || maximum > MAX_EVENTS) return -Errno.EINVAL;
  const set = fileArgument(call, 0);
  if (set === undefined) return -Errno.EBADF;
  if (!(set instanceof EpollFile)) return -Errno.EINVAL;
  if (!(call.state instanceof TimedWait)) {
    const start = begin();
    if (typeof start === 'number') return start;
    call.state = new TimedWait(start.deadline);
  }
  const wait = call.state instanceof TimedWait ? call.state : new TimedWait(undefined);
  const { kernel, space, signals } = call.thread;
  const found = set.collect(maximum);
  const expired = wait.deadline !== undefined && kernel.clock.monotonic >= wait.deadline;
  if (found.length === 0 && !expired) return new Wait([set.readiness], 'eintr', wait.deadline);
  signals.restoreMask();
  const bytes = new Uint8Array(found.length * EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  found.forEach(({ events, data }, i) => {
    view.setUint32(i * EVENT_BYTES, events, true);
    bytes.set(data, i * EVENT_BYTES + 4);
  });
  return space.write(call.args[1], bytes) ? found.length : -Errno.EFAULT;
}

function milliseconds(call: SyscallCall): { readonly deadline: number | undefined } {
  const timeout = call.int(3);
  return { deadline: timeout < 0 ? undefined : call.thread.kernel.clock.monotonic + timeout * 1e6 };
}

function epollPwait(call: SyscallCall): SyscallResult {
  return epollWait(call, () => {
    const masked = useMask(call, call.args[4], call.args[5]);
    return masked !== 0 ? masked : milliseconds(call);
  });
}

function epollPwait2(call: SyscallCall): SyscallResult {
  return epollWait(call, () => {
    const masked = useMask(call, call.args[4], call.args[5]);
    if (masked !== 0) return masked;
    if (call.args[3] === 0) return { deadline: undefined };
    const time = readTimespec(call.thread.space, call.args[3], call.wordSize === 8 ? 8 : 'padded');
    if (typeof time === 'number') return time;
    const { seconds, nanoseconds } = time;
    return { deadline: Math.min(call.thread.kernel.clock.monotonic + seconds * NANOSECONDS + nanoseconds, Number.MAX_SAFE_INTEGER) };
  });
}

function eventFd(call: SyscallCall, flags: number): number {
  if ((flags & ~(CREATE_FLAGS | EVENTFD_SEMAPHORE)) !== 0) return -Errno.EINVAL;
  return installFile(call, new EventFd(call.uint(0), (flags & EVENTFD_SEMAPHORE) !== 0, flags & OpenFlag.nonBlock), (flags & OpenFlag.closeOnExec) !== 0);
}

const TIMER_CLOCKS: ReadonlySet<number> = new Set(Object.values(ClockId));

function timerFdCreate(call: SyscallCall): number {
  const flags = call.int(1);
  if ((flags & ~CREATE_FLAGS) !== 0 || !TIMER_CLOCKS.has(call.int(0))) return -Errno.EINVAL;
  return installFile(call, new TimerFd(call.thread.kernel, call.int(0), flags & OpenFlag.nonBlock), (flags & OpenFlag.closeOnExec) !== 0);
}

function timerFdArgument(call: SyscallCall): TimerFd | number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  return file instanceof TimerFd ? file : -Errno.EINVAL;
}

function storeTimes(call: SyscallCall, address: number, timer: TimerFd): number {
  const { remaining, interval } = timer.remaining();
  const { timeLayout, thread: { space } } = call;
  const stored = writeDuration(space, address, interval, timeLayout) && writeDuration(space, address + pairBytes(timeLayout), remaining, timeLayout);
  return stored ? 0 : -Errno.EFAULT;
}

function timerFdSetTime(call: SyscallCall): number {
  const flags = call.int(1);
  const { timeLayout, thread: { space } } = call;
  const period = readTimespec(space, call.args[2], timeLayout);
  const first = readTimespec(space, call.args[2] + pairBytes(timeLayout), timeLayout);
  if (period === -Errno.EFAULT || first === -Errno.EFAULT) return -Errno.EFAULT;
  if ((flags & ~(TimerFlag.absolute | TimerFlag.cancelOnSet)) !== 0 || typeof period === 'number' || typeof first === 'number') return -Errno.EINVAL;
  const { seconds, nanoseconds } = first;
  const timer = timerFdArgument(call);
  if (typeof timer === 'number') return timer;
  if (call.args[3] !== 0) {
    const stored = storeTimes(call, call.args[3], timer);
    if (stored !== 0) return stored;
  }
  const { clock } = call.thread.kernel;
  let deadline: number | undefined;
  if (seconds !== 0 || nanoseconds !== 0) {
    const value = seconds * NANOSECONDS + nanoseconds;
    const isCalendar = timer.clock === ClockId.realtime || timer.clock === ClockId.realtimeAlarm;
    if ((flags & TimerFlag.absolute) === 0) deadline = clock.monotonic + value;
    else deadline = isCalendar ? clock.monotonicAt({ seconds, nanoseconds }) : value;
    deadline = Math.min(deadline, Number.MAX_SAFE_INTEGER);
  }
  timer.set(deadline, period.seconds * NANOSECONDS + period.nanoseconds);
  return 0;
}

function timerFdGetTime(call: SyscallCall): number {
  const timer = timerFdArgument(call);
  return typeof timer === 'number' ? timer : storeTimes(call, call.args[1], timer);
}

function signalFd(call: SyscallCall, flags: number): number {
  if ((flags & ~CREATE_FLAGS) !== 0 || call.args[2] !== 8) return -Errno.EINVAL;
  const lo = call.thread.space.readU32(call.args[1]);
  const hi = call.thread.space.readU32(call.args[1] + 4);
  if (lo === undefined || hi === undefined) return -Errno.EFAULT;
  const mask = new SignalSet(lo, hi);
  if (call.int(0) === -1) return installFile(call, new SignalFd(call.thread, mask, flags & OpenFlag.nonBlock), (flags & OpenFlag.closeOnExec) !== 0);
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  if (!(file instanceof SignalFd)) return -Errno.EINVAL;
  file.setMask(mask);
  return call.int(0);
}

export const eventSyscalls: readonly SyscallRow[] = [
  { name: 'epoll_create', args: ['int'], handler: (call) => (call.int(0) <= 0 ? -Errno.EINVAL : epollCreate(call, 0)) },
  { name: 'epoll_create1', args: ['flags'], handler: (call) => epollCreate(call, call.int(0)) },
  { name: 'epoll_ctl', args: ['fd', 'int', 'fd', 'ptr'], handler: epollControl },
  { name: 'epoll_wait', args: ['fd', 'ptr', 'int', 'int'], handler: (call) => epollWait(call, () => milliseconds(call)) },
  { name: 'epoll_pwait', args: ['fd', 'ptr', 'int', 'int', 'ptr', 'size'], handler: epollPwait },
  { name: 'epoll_pwait2', args: ['fd', 'ptr', 'int', 'ptr', 'ptr', 'size'], handler: epollPwait2 },
  { name: 'eventfd', args: ['uint'], handler: (call) => eventFd(call, 0) },
  { name: 'eventfd2', args: ['uint', 'flags'], handler: (call) => eventFd(call, call.int(1)) },
  { name: 'timerfd_create', args: ['int', 'flags'], handler: timerFdCreate },
  { name: 'timerfd_settime', args: ['fd', 'flags', 'ptr', 'ptr'], handler: timerFdSetTime },
  { name: 'timerfd_gettime', args: ['fd', 'ptr'], handler: timerFdGetTime },
  { name: 'signalfd', args: ['fd', 'ptr', 'size'], handler: (call) => signalFd(call, 0) },
  { name: 'signalfd4', args: ['fd', 'ptr', 'size', 'flags'], handler: (call) => signalFd(call, call.int(3)) },
];
