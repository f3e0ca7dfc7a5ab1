/** System calls that set what signals do and which are blocked: rt_sigaction, rt_sigprocmask, rt_sigpending, rt_sigreturn, and i386's older ones. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { KEEP_RAX, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { forceSegv } from './deliver.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import type { SignalAction } from './process-signals.ts';
import { discardIgnored, offerShared } from './send.ts';
import { leaveHandler32, leaveOldHandler32 } from './signal-frame-32.ts';
import { leaveHandler } from './signal-frame.ts';
import { SaFlag, Signal, SIGRTMAX } from './signal-numbers.ts';
import { readSignalSet, SIGSET_BYTES, writeSignalSet } from './signal-set-access.ts';
import { SignalSet } from './signal-set.ts';

/** struct kernel_sigaction by word size, and the one of before signals above 32. */
interface ActionLayout {
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: number;
  readonly bytes: number;
  readonly wordSize: 4 | 8;
  readonly maskBytes: 4 | 8;
}
const SIGACTION: Readonly<Record<4 | 8, ActionLayout>> = {
  8: { handler: 0, flags: 8, restorer: 16, mask: 24, bytes: 32, wordSize: 8, maskBytes: 8 },
  4: { handler: 0, flags: 4, restorer: 8, mask: 12, bytes: 20, wordSize: 4, maskBytes: 8 },
};
const OLD_SIGACTION: ActionLayout = { handler: 0, mask: 4, flags: 8, restorer: 12, bytes: 16, wordSize: 4, maskBytes: 4 };
const How = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 } as const;
/** Flags the kernel knows; others are cleared, so that a program can find out. */
const KNOWN_FLAGS = 0xdc000807;

function rtSigaction(call: SyscallCall): SyscallResult {
  return call.args[3] === SIGSET_BYTES ? sigaction(call, SIGACTION[call.wordSize]) : -Errno.EINVAL;
}

function sigaction(call: SyscallCall, layout: ActionLayout): SyscallResult {
  const { process, space } = call.thread;
  const signal = call.int(0);
  const [, newAddress, oldAddress] = call.args;
  const given = newAddress === 0 ? undefined : space.read(newAddress, layout.bytes);
  if (newAddress !== 0 && given === undefined) return -Errno.EFAULT;
  const old = setAction(process, signal, given === undefined ? undefined : parseAction(given, layout));
  if (typeof old === 'number') return old;
  return oldAddress === 0 || space.write(oldAddress, formatAction(old, layout)) ? 0 : -Errno.EFAULT;
}

/** Sets the action, if one is given; the former one, or -EINVAL. */
function setAction(process: Process, signal: number, action: SignalAction | undefined): SignalAction | number {
  if (signal < 1 || signal > SIGRTMAX) return -Errno.EINVAL;
  if (action !== undefined && (signal === Signal.KILL || signal === Signal.STOP)) return -Errno.EINVAL;
  const old = process.signals.actions[signal];
  if (action !== undefined) {
    process.signals.actions[signal] = action;
    discardIgnored(process, signal);
  }
  return old;
}

function parseAction(bytes: Uint8Array, layout: ActionLayout): SignalAction {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mask = new SignalSet(view.getUint32(layout.mask, true), layout.maskBytes === 8 ? view.getUint32(layout.mask + 4, true) : 0);
  mask.delete(Signal.KILL);
  mask.delete(Signal.STOP);
  const word = (at: number): number => (layout.wordSize === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  return {
    handler: word(layout.handler), flags: (view.getUint32(layout.flags, true) & KNOWN_FLAGS) >>> 0, restorer: word(layout.restorer), mask, wordSize: layout.wordSize,
  };
}

function formatAction(action: SignalAction, layout: ActionLayout): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number): void => (layout.wordSize === 8 ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true));
  put(layout.handler, action.handler);
  put(layout.flags, action.flags);
  put(layout.restorer, action.restorer);
  view.setUint32(layout.mask, action.mask.lo, true);
  if (layout.maskBytes === 8) view.setUint32(layout.mask + 4, action.mask.hi, true);
  return bytes;
}

function rtSigprocmask(call: SyscallCall): SyscallResult {
  const { signals, space } = call.thread;
  const [, newAddress, oldAddress, size] = call.args;
  if (size !== SIGSET_BYTES) return -Errno.EINVAL;
  const old = signals.blocked.copy();
  if (newAddress !== 0) {
    const given = readSignalSet(space, newAddress);
    if (given === undefined) return -Errno.EFAULT;
    const result = changeMask(signals.blocked, call.int(0), given);
    if (result < 0) return result;
    offerShared(call.thread);
  }
  return oldAddress === 0 || writeSignalSet(space, oldAddress, old) ? 0 : -Errno.EFAULT;
}

function changeMask(blocked: SignalSet, how: number, given: SignalSet): number {
  given.delete(Signal.KILL);
  given.delete(Signal.STOP);
  switch (how) {
    case How.BLOCK:
      blocked.addAll(given);
      return 0;
    case How.UNBLOCK:
      blocked.deleteAll(given);
      return 0;
    case How.SETMASK:
      blocked.set(given);
      return 0;
    default:
      return -Errno.EINVAL;
  }
}

function rtSigpending(call: SyscallCall, address: number, size: number): SyscallResult {
  const { signals, process, space } = call.thread;
  if (size > SIGSET_BYTES) return -Errno.EINVAL;
  const set = signals.pending.set.copy();
  set.addAll(process.signals.pending.set);
  const shown = new SignalSet(set.lo & signals.blocked.lo, set.hi & signals.blocked.hi);
  const bytes = new Uint8Array(SIGSET_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, shown.toBig(), true);
  return space.write(address, bytes.subarray(0, size)) ? 0 : -Errno.EFAULT;
}

function sigreturn(leave: (thread: Thread) => boolean): (call: SyscallCall) => SyscallResult {
  return ({ thread }) => {
    if (leave(thread)) return KEEP_RAX;
    forceSegv(thread, Signal.SEGV);
    thread.context.setGprNumber(Reg.rax, 0);
    return KEEP_RAX;
  };
}

/** signal(2) itself: a handler that is reset when it runs, and may be interrupted by its own signal. The former handler. */
function signal(call: SyscallCall): SyscallResult {
  const flags = (SaFlag.RESETHAND | SaFlag.NODEFER) >>> 0;
  const old = setAction(call.thread.process, call.int(0), { handler: call.args[1], flags, restorer: 0, mask: new SignalSet(), wordSize: 4 });
  return typeof old === 'number' ? old : old.handler;
}

/** sigprocmask of before signals above 32: those are left alone. */
function sigprocmask(call: SyscallCall): SyscallResult {
  const { signals, space } = call.thread;
  const [, newAddress, oldAddress] = call.args;
  const { lo, hi } = signals.blocked;
  if (newAddress !== 0) {
    const given = space.readU32(newAddress);
    if (given === undefined) return -Errno.EFAULT;
    const how = call.int(0);
    const result = changeMask(signals.blocked, how, new SignalSet(given, how === How.SETMASK ? hi : 0));
    if (result < 0) return result;
    offerShared(call.thread);
  }
  return oldAddress === 0 || space.writeU32(oldAddress, lo) ? 0 : -Errno.EFAULT;
}

/** ssetmask: the whole mask, of 32 signals, is the argument, and the former one the result. */
function ssetmask(call: SyscallCall): SyscallResult {
  const { signals } = call.thread;
  const { lo } = signals.blocked;
  changeMask(signals.blocked, How.SETMASK, new SignalSet(call.uint(0), 0));
  offerShared(call.thread);
  return lo;
}

/** i386 only. */
export const signalActionSyscalls32: readonly SyscallRow[] = [
  { name: 'sigaction', args: ['signal', 'ptr', 'ptr'], handler: (call) => sigaction(call, OLD_SIGACTION) },
  { name: 'signal', args: ['signal', 'ptr'], handler: signal },
  { name: 'sigprocmask', args: ['int', 'ptr', 'ptr'], handler: sigprocmask },
  { name: 'sigpending', args: ['ptr'], handler: (call) => rtSigpending(call, call.args[0], 4) },
  { name: 'sgetmask', args: [], handler: ({ thread }) => thread.signals.blocked.lo },
  { name: 'ssetmask', args: ['hex'], handler: ssetmask },
  { name: 'sigreturn', args: [], handler: sigreturn(leaveOldHandler32) },
  { name: 'rt_sigreturn', args: [], handler: sigreturn(leaveHandler32) },
];

export const signalActionSyscalls: readonly SyscallRow[] = [
  { name: 'rt_sigaction', args: ['signal', 'ptr', 'ptr', 'size'], handler: rtSigaction },
  { name: 'rt_sigprocmask', args: ['int', 'ptr', 'ptr', 'size'], handler: rtSigprocmask },
  { name: 'rt_sigpending', args: ['ptr', 'size'], handler: (call) => rtSigpending(call, call.args[0], call.args[1]) },
  { name: 'rt_sigreturn', args: [], handler: sigreturn(leaveHandler) },
];
