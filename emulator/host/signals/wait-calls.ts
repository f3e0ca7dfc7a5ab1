/** System calls that wait for signals: pause, rt_sigsuspend, rt_sigtimedwait, and restart_syscall, which goes on with an interrupted sleep. */
import { Errno } from '../errno.ts';
import { type SyscallCall, type SyscallResult, type SyscallRow, Wait } from '../syscall.ts';
import { readDuration } from '../time/time-values.ts';
import { signalPending } from './send.ts';
import { infoBytes } from './signal-info-layout.ts';
import { Signal } from './signal-numbers.ts';
import { readBlockable, readSignalSet, SIGSET_BYTES } from './signal-set-access.ts';
import { SignalSet } from './signal-set.ts';

function pause(): SyscallResult {
  return new Wait([], 'restart-nohand');
}

function rtSigsuspend(call: SyscallCall): SyscallResult {
  const { signals, space } = call.thread;
  const [address, size] = call.args;
  if (call.state === undefined) {
    if (size !== SIGSET_BYTES) return -Errno.EINVAL;
    const mask = readBlockable(space, address);
    if (mask === undefined) return -Errno.EFAULT;
    signals.useTemporaryMask(mask);
    call.state = mask;
  }
  return new Wait([], 'restart-nohand');
}

class TimedWait {
  readonly set: SignalSet;
  readonly deadline: number | undefined;

  constructor(set: SignalSet, deadline: number | undefined) {
    this.set = set;
    this.deadline = deadline;
  }
}

function rtSigtimedwait(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const { signals, process, space, kernel } = thread;
  const [setAddress, infoAddress, timeoutAddress, size] = call.args;
  let waiting = call.state instanceof TimedWait ? call.state : undefined;
  if (waiting === undefined) {
    if (size !== SIGSET_BYTES) return -Errno.EINVAL;
    const set = readSignalSet(space, setAddress);
    if (set === undefined) return -Errno.EFAULT;
    set.delete(Signal.KILL);
    set.delete(Signal.STOP);
    let deadline: number | undefined;
    if (timeoutAddress !== 0) {
      const duration = readDuration(space, timeoutAddress, call.timeLayout);
      if (duration < 0) return duration;
      deadline = kernel.clock.monotonic + duration;
    }
    waiting = new TimedWait(set, deadline);
    call.state = waiting;
  }
  const { set, deadline } = waiting;
  const others = new SignalSet(~set.lo, ~set.hi);
  signals.waitingFor = undefined;
  const info = signals.pending.take(others) ?? process.signals.pending.take(others);
  if (info !== undefined) {
    if (infoAddress !== 0 && !space.write(infoAddress, infoBytes(info, call.wordSize))) return -Errno.EFAULT;
    return info.signal;
  }
  if (deadline !== undefined && kernel.clock.monotonic >= deadline) return signalPending(thread) ? -Errno.EINTR : -Errno.EAGAIN;
  signals.waitingFor = set;
  return new Wait([], 'eintr', deadline, () => {
    signals.waitingFor = undefined;
    return undefined;
  });
}

function restartSyscall(call: SyscallCall): SyscallResult {
  call.state ??= call.thread.signals.restartBlock;
  return typeof call.state === 'function' ? call.state(call) : -Errno.EINTR;
}

/** The sigsuspend of before signals above 32: the mask itself is the third argument. */
function sigsuspend(call: SyscallCall): SyscallResult {
  const { signals } = call.thread;
  if (call.state === undefined) {
    const mask = new SignalSet(call.uint(2), 0);
    mask.delete(Signal.KILL);
    mask.delete(Signal.STOP);
    signals.useTemporaryMask(mask);
    call.state = mask;
  }
  return new Wait([], 'restart-nohand');
}

/** i386 only. */
export const signalWaitSyscalls32: readonly SyscallRow[] = [{ name: 'sigsuspend', args: ['int', 'int', 'hex'], handler: sigsuspend }];

export const signalWaitSyscalls: readonly SyscallRow[] = [
  { name: 'pause', args: [], handler: pause },
  { name: 'rt_sigsuspend', args: ['ptr', 'size'], handler: rtSigsuspend },
  { name: 'rt_sigtimedwait', args: ['ptr', 'ptr', 'ptr', 'size'], handler: rtSigtimedwait },
  { name: 'restart_syscall', args: [], handler: restartSyscall },
];
