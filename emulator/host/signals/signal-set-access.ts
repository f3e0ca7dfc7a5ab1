/** Signal masks and siginfo in guest memory. */
import type { GuestMemory } from '../../memory/guest-copy.ts';
import { Errno } from '../errno.ts';
import { parseInfo } from './signal-info-layout.ts';
import { SIGINFO_BYTES, type SignalInfo } from './signal-info.ts';
import { Signal } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';

/** The only size of a mask the kernel accepts. */
export const SIGSET_BYTES = 8;

/** Reads a mask; undefined: EFAULT. */
export function readSignalSet(space: GuestMemory, address: number): SignalSet | undefined {
  const lo = space.readU32(address);
  const hi = space.readU32(address + 4);
  return lo === undefined || hi === undefined ? undefined : new SignalSet(lo, hi);
}

/** Reads a mask a thread may block: without SIGKILL and SIGSTOP. */
export function readBlockable(space: GuestMemory, address: number): SignalSet | undefined {
  const set = readSignalSet(space, address);
  set?.delete(Signal.KILL);
  set?.delete(Signal.STOP);
  return set;
}

export function writeSignalSet(space: GuestMemory, address: number, set: SignalSet): boolean {
  return space.writeU32(address, set.lo) && space.writeU32(address + 4, set.hi);
}

/**
 * For ppoll, pselect6 and epoll_pwait: the mask to wait with, from a pointer and a size the guest gave.
 * @returns undefined when the pointer is 0, a negative errno, or the mask (pass it to `thread.signals.useTemporaryMask`)
 */
export function readTemporaryMask(space: GuestMemory, address: number, size: number): SignalSet | number | undefined {
  if (address === 0) return undefined;
  if (size !== SIGSET_BYTES) return -Errno.EINVAL;
  return readBlockable(space, address) ?? -Errno.EFAULT;
}

/** Reads a siginfo_t. */
export function readInfo(space: GuestMemory, address: number, wordSize: 4 | 8): SignalInfo | undefined {
  const bytes = space.read(address, SIGINFO_BYTES);
  return bytes === undefined ? undefined : parseInfo(bytes, wordSize);
}
