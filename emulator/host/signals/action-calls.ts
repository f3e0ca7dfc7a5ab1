/** System calls that set what signals do and which are blocked: rt_sigaction, rt_sigprocmask, rt_sigpending, rt_sigreturn. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { KEEP_RAX, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { forceSegv } from './deliver.ts';
import type { SignalAction } from './process-signals.ts';
import { discardIgnored, offerShared } from './send.ts';
import { leaveHandler } from './signal-frame.ts';
import { Signal, SIGRTMAX } from './signal-numbers.ts';
import { readSignalSet, SIGSET_BYTES, writeSignalSet } from './signal-set-access.ts';
import { SignalSet } from './signal-set.ts';

/** struct kernel_sigaction, 64-bit. */
const SIGACTION = { handler: 0, flags: 8, restorer: 16, mask: 24, bytes: 32 } as const;
const How = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 } as const;
/** Flags the kernel knows; others are cleared, so that a program can find out. */
const KNOWN_FLAGS = 0xdc000807;

function rtSigaction(call: SyscallCall): SyscallResult {
  const { process, space } = call.thread;
  const signal = call.int(0);
  const [, newAddress, oldAddress, size] = call.args;
  if (size !== SIGSET_BYTES) return -Errno.EINVAL;
  const given = newAddress === 0 ? undefined : space.read(newAddress, SIGACTION.bytes);
  if (newAddress !== 0 && given === undefined) return -Errno.EFAULT;
  if (signal < 1 || signal > SIGRTMAX) return -Errno.EINVAL;
  if (given !== undefined && (signal === Signal.KILL || signal === Signal.STOP)) return -Errno.EINVAL;
  const old = process.signals.actions[signal];
  if (given !== undefined) {
    process.signals.actions[signal] = parseAction(given);
    discardIgnored(process, signal);
  }
  return oldAddress === 0 || space.write(oldAddress, formatAction(old)) ? 0 : -Errno.EFAULT;
}

function parseAction(bytes: Uint8Array): SignalAction {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mask = new SignalSet(view.getUint32(SIGACTION.mask, true), view.getUint32(SIGACTION.mask + 4, true));
  mask.delete(Signal.KILL);
  mask.delete(Signal.STOP);
  return {
    handler: Number(view.getBigUint64(SIGACTION.handler, true)),
    flags: (view.getUint32(SIGACTION.flags, true) & KNOWN_FLAGS) >>> 0,
    restorer: Number(view.getBigUint64(SIGACTION.restorer, true)),
    mask,
  };
}

function formatAction(action: SignalAction): Uint8Array {
  const bytes = new Uint8Array(SIGACTION.bytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SIGACTION.handler, BigInt(action.handler), true);
  view.setBigUint64(SIGACTION.flags, BigInt(action.flags), true);
  view.setBigUint64(SIGACTION.restorer, BigInt(action.restorer), true);
  view.setBigUint64(SIGACTION.mask, action.mask.toBig(), true);
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

function rtSigpending(call: SyscallCall): SyscallResult {
  const { signals, process, space } = call.thread;
  const [address, size] = call.args;
  if (size > SIGSET_BYTES) return -Errno.EINVAL;
  const set = signals.pending.set.copy();
  set.addAll(process.signals.pending.set);
  const shown = new SignalSet(set.lo & signals.blocked.lo, set.hi & signals.blocked.hi);
  const bytes = new Uint8Array(SIGSET_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, shown.toBig(), true);
  return space.write(address, bytes.subarray(0, size)) ? 0 : -Errno.EFAULT;
}

function rtSigreturn(call: SyscallCall): SyscallResult {
  const { thread } = call;
  if (leaveHandler(thread)) return KEEP_RAX;
  forceSegv(thread, Signal.SEGV);
  thread.context.setGprNumber(Reg.rax, 0);
  return KEEP_RAX;
}

export const signalActionSyscalls: readonly SyscallRow[] = [
  { name: 'rt_sigaction', args: ['signal', 'ptr', 'ptr', 'size'], handler: rtSigaction },
  { name: 'rt_sigprocmask', args: ['int', 'ptr', 'ptr', 'size'], handler: rtSigprocmask },
  { name: 'rt_sigpending', args: ['ptr', 'size'], handler: rtSigpending },
  { name: 'rt_sigreturn', args: [], handler: rtSigreturn },
];
