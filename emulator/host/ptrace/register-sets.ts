/** PTRACE_GETREGSET and SETREGSET: the register sets of a 64-bit thread, by core note type. The CPU has no XSAVE, so NT_X86_XSTATE does not exist (ENODEV). */
import { Errno } from '../errno.ts';
import type { Thread } from '../process/thread.ts';
import { FX_BYTES, fxBytes, loadFxState, saveFxState } from '../signals/fx-state.ts';
import { readRegisters, REGISTER_BYTES, registerBytes, writeRegisters } from './register-file.ts';
import { NoteType } from './requests.ts';

/** Copies a register set to the tracer's memory; 0 or a negative errno. */
export function getRegisters(tracer: Thread, tracee: Thread, address: number, length = REGISTER_BYTES): number {
  readRegisters(tracee);
  if (tracee.ptrace !== undefined) tracee.ptrace.registers = 'tracer';
  return tracer.space.write(address, length === REGISTER_BYTES ? registerBytes : registerBytes.subarray(0, length)) ? 0 : -Errno.EFAULT;
}

export function setRegisters(tracer: Thread, tracee: Thread, address: number, length = REGISTER_BYTES): number {
  if (tracer.space.readInto(address, length === REGISTER_BYTES ? registerBytes : registerBytes.subarray(0, length)) !== length) return -Errno.EFAULT;
  if (tracee.ptrace !== undefined) tracee.ptrace.registers = 'given';
  return writeRegisters(tracee, length >>> 3);
}

export function getFloatingRegisters(tracer: Thread, tracee: Thread, address: number, length = FX_BYTES): number {
  saveFxState(tracee.kernel.linear, tracee.context);
  return tracer.space.write(address, length === FX_BYTES ? fxBytes : fxBytes.subarray(0, length)) ? 0 : -Errno.EFAULT;
}

export function setFloatingRegisters(tracer: Thread, tracee: Thread, address: number, length = FX_BYTES): number {
  if (length !== FX_BYTES) return -Errno.EINVAL;
  if (tracer.space.readInto(address, fxBytes) !== FX_BYTES) return -Errno.EFAULT;
  return loadFxState(tracee.kernel.linear, tracee.context) ? 0 : -Errno.EINVAL;
}

interface RegisterSet {
  readonly bytes: number;
  readonly get: (tracer: Thread, tracee: Thread, address: number, length: number) => number;
  readonly set: (tracer: Thread, tracee: Thread, address: number, length: number) => number;
}
const SETS: ReadonlyMap<number, RegisterSet> = new Map<number, RegisterSet>([
  [NoteType.PRSTATUS, { bytes: REGISTER_BYTES, get: getRegisters, set: setRegisters }],
  [NoteType.PRFPREG, { bytes: FX_BYTES, get: getFloatingRegisters, set: setFloatingRegisters }],
]);
/** Sets the kernel knows of but this CPU, or this thread, does not have. */
const ABSENT: ReadonlySet<number> = new Set([NoteType.X86_XSTATE, NoteType.X86_IOPERM]);

/** `iovec` is the tracer's struct iovec, whose length is set to what was copied. */
export function regset(tracer: Thread, tracee: Thread, type: number, iovec: number, write: boolean): number {
  const { space } = tracer;
  const address = space.readU64(iovec);
  const room = space.readU64(iovec + 8);
  if (address === undefined || room === undefined) return -Errno.EFAULT;
  const set = SETS.get(type);
  if (set === undefined) return ABSENT.has(type) && room % 8 === 0 ? -Errno.ENODEV : -Errno.EINVAL;
  if (room % 8 !== 0) return -Errno.EINVAL;
  const length = Math.min(room, set.bytes);
  const result = (write ? set.set : set.get)(tracer, tracee, address, length);
  if (result < 0) return result;
  return space.writeU64(iovec + 8, length) ? 0 : -Errno.EFAULT;
}
