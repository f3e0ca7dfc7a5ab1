/**
 * Register sets: PTRACE_GETREGS and its kin show a tracee as the tracer's word size has it, PTRACE_GETREGSET as the tracee's, by core note type.
 * The CPU has no XSAVE, so NT_X86_XSTATE does not exist (ENODEV).
 */
import { Segment } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { USER_DESC_BYTES } from '../memory/user-desc.ts';
import { getTls, setTls, TLS_BYTES } from '../process/segments.ts';
import type { Thread } from '../process/thread.ts';
import { FX_BYTES, fxBytes, loadFxState, saveFxState } from '../signals/fx-state.ts';
import { I387_BYTES, i387FromFx, i387ToFx } from '../signals/i387-state.ts';
import { REGISTER_BYTES_32, readRegisters32, registerBytes32, writeRegisters32 } from './register-file-32.ts';
import { readRegisters, REGISTER_BYTES, registerBytes, writeRegisters } from './register-file.ts';
import { NoteType } from './requests.ts';

export interface RegisterSet {
  readonly bytes: number;
  /** What a length has to be a multiple of, if that is not the word size. */
  readonly unit?: number;
  /** Copies the first `length` bytes to the tracer's memory; 0 or a negative errno. */
  readonly get: (tracer: Thread, tracee: Thread, address: number, length: number) => number;
  readonly set: (tracer: Thread, tracee: Thread, address: number, length: number) => number;
}

/** The general registers by word size. */
export const GENERAL: Readonly<Record<4 | 8, RegisterSet>> = {
  8: general(REGISTER_BYTES, registerBytes, readRegisters, (tracee, length) => writeRegisters(tracee, length >>> 3)),
  4: general(REGISTER_BYTES_32, registerBytes32, readRegisters32, (tracee, length) => writeRegisters32(tracee, length >>> 2)),
};

function general(bytes: number, buffer: Uint8Array, read: (tracee: Thread) => void, write: (tracee: Thread, length: number) => number): RegisterSet {
  const part = (length: number): Uint8Array => (length === bytes ? buffer : buffer.subarray(0, length));
  return {
    bytes,
    get: (tracer, tracee, address, length) => {
      read(tracee);
      if (tracee.ptrace !== undefined) tracee.ptrace.registers = 'tracer';
      return tracer.space.write(address, part(length)) ? 0 : -Errno.EFAULT;
    },
    set: (tracer, tracee, address, length) => {
      if (tracer.space.readInto(address, part(length)) !== length) return -Errno.EFAULT;
      if (tracee.ptrace !== undefined) tracee.ptrace.registers = 'given';
      return write(tracee, length);
    },
  };
}

/** The FXSAVE image: x86-64's floating-point registers, and i386's extended ones. */
export const EXTENDED_FLOATING: RegisterSet = {
  bytes: FX_BYTES,
  get: (tracer, tracee, address, length) => {
    saveFxState(tracee.kernel.linear, tracee.context);
    return tracer.space.write(address, length === FX_BYTES ? fxBytes : fxBytes.subarray(0, length)) ? 0 : -Errno.EFAULT;
  },
  set: (tracer, tracee, address, length) => {
    if (length !== FX_BYTES) return -Errno.EINVAL;
    if (tracer.space.readInto(address, fxBytes) !== FX_BYTES) return -Errno.EFAULT;
    return loadFxState(tracee.kernel.linear, tracee.context) ? 0 : -Errno.EINVAL;
  },
};

const I387: RegisterSet = {
  bytes: I387_BYTES,
  get: (tracer, tracee, address, length) => tracer.space.write(address, i387Of(tracee).subarray(0, length)) ? 0 : -Errno.EFAULT,
  set: (tracer, tracee, address, length) => {
    const bytes = i387Of(tracee);
    if (tracer.space.readInto(address, bytes.subarray(0, length)) !== length) return -Errno.EFAULT;
    i387ToFx(bytes);
    return loadFxState(tracee.kernel.linear, tracee.context) ? 0 : -Errno.EINVAL;
  },
};

/** The x87 state as FSAVE has it; the FXSAVE image is in `fxBytes` afterwards. */
function i387Of({ kernel, context }: Thread): Uint8Array {
  saveFxState(kernel.linear, context);
  return i387FromFx(context.selector(Segment.cs), context.selector(Segment.ds));
}

/** PTRACE_GETFPREGS by word size. */
export const FLOATING: Readonly<Record<4 | 8, RegisterSet>> = { 8: EXTENDED_FLOATING, 4: I387 };

const TLS: RegisterSet = { bytes: TLS_BYTES, unit: USER_DESC_BYTES, get: getTls, set: setTls };

const SETS: Readonly<Record<4 | 8, ReadonlyMap<number, RegisterSet>>> = {
  8: new Map<number, RegisterSet>([[NoteType.PRSTATUS, GENERAL[8]], [NoteType.PRFPREG, EXTENDED_FLOATING]]),
  4: new Map<number, RegisterSet>([[NoteType.PRSTATUS, GENERAL[4]], [NoteType.PRFPREG, I387], [NoteType.PRXFPREG, EXTENDED_FLOATING], [NoteType.I386_TLS, TLS]]),
};
/** Sets the kernel knows of, but this CPU, or a thread without I/O permissions, does not have, and what it says of them. */
const ABSENT: ReadonlyMap<number, number> = new Map<number, number>([[NoteType.X86_XSTATE, Errno.ENODEV], [NoteType.X86_IOPERM, Errno.ENXIO]]);

/** `iovec` is the tracer's struct iovec, in its word size, whose length is set to what was copied. */
export function regset(tracer: Thread, wordSize: 4 | 8, tracee: Thread, type: number, iovec: number, write: boolean): number {
  const { space } = tracer;
  const address = space.readWord(iovec, wordSize);
  const room = space.readWord(iovec + wordSize, wordSize);
  if (address === undefined || room === undefined) return -Errno.EFAULT;
  const unit = tracee.wordSize;
  const set = SETS[unit].get(type);
  const absent = ABSENT.get(type);
  if (set === undefined) return absent !== undefined && room % unit === 0 ? -absent : -Errno.EINVAL;
  if (room % (set.unit ?? unit) !== 0) return -Errno.EINVAL;
  const length = Math.min(room, set.bytes);
  const result = (write ? set.set : set.get)(tracer, tracee, address, length);
  if (result < 0) return result;
  return space.writeWord(iovec + wordSize, length, wordSize) ? 0 : -Errno.EFAULT;
}
