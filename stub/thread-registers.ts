/** gdb's registers of a machine thread: names of registers.ts on one side, the thread's context slot on the other. */
import type { InterruptedCalls } from '../emulator/debug/interrupted-calls.ts';
import {
  FPU_CONTROL, FPU_DP, FPU_IP, FPU_OPCODE, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP, MXCSR, RIP, Reg, Segment, XMM,
} from '../emulator/cpu/state.ts';
import type { Thread } from '../emulator/host/process/thread.ts';

/** How one register is got and set. Values are little-endian bytes of the register's size. */
interface Access {
  readonly read: (thread: Thread, calls: Calls) => Uint8Array;
  /** False if the value cannot be. Undefined: read-only, except for the value it has. */
  readonly write?: (thread: Thread, value: DataView) => boolean;
}

function bytes(size: 4 | 8, value: bigint): Uint8Array {
  const out = new DataView(new ArrayBuffer(size));
  if (size === 8) out.setBigUint64(0, BigInt.asUintN(64, value), true);
  else out.setUint32(0, Number(BigInt.asUintN(32, value)), true);
  return new Uint8Array(out.buffer);
}

const done = (_: void): boolean => true;

/** A field of the context slot that is just as gdb wants it. */
function field(at: number, size: number): Access {
  return {
    read: (thread) => thread.kernel.linear.u8.slice(thread.context.at(at), thread.context.at(at) + size),
    write: (thread, value) => done(thread.kernel.linear.u8.set(new Uint8Array(value.buffer, value.byteOffset, size), thread.context.at(at))),
  };
}

const general = (register: number): Access => ({
  read: (thread, calls) => bytes(8, register === Reg.rax ? calls.rax(thread) : thread.context.gpr(register)),
  write: (thread, value) => done(thread.context.setGpr(register, value.getBigUint64(0, true))),
});

/** i386's half of a general register; the other one is cleared. */
const narrow = (register: number): Access => ({
  read: (thread, calls) => bytes(4, register === Reg.rax ? calls.rax(thread) : thread.context.gpr(register)),
  write: (thread, value) => done(thread.context.setGprNumber(register, value.getUint32(0, true))),
});

const selector = (segment: number): Access => ({ read: (thread) => bytes(4, BigInt(thread.context.selector(segment))) });

const base = (segment: number): Access => ({
  read: (thread) => bytes(8, thread.context.segmentBase(segment)),
  write: (thread, value) => done(thread.context.setSegmentBase(segment, value.getBigUint64(0, true))),
});

const TAG_VALID = 0;
const TAG_ZERO = 1;
const TAG_SPECIAL = 2;
const TAG_EMPTY = 3;
const EXPONENT = 0x7fff;
const ST_BYTES = 10;

const top = (thread: Thread): number => thread.kernel.linear.i32[thread.context.at(FPU_TOP) >>> 2] & 7;

/** Linear address of st(i). */
const stackRegister = (thread: Thread, i: number): number => thread.context.at(FPU_REGS) + ((top(thread) + i) & 7) * 16;

const st = (i: number): Access => ({
  read: (thread) => thread.kernel.linear.u8.slice(stackRegister(thread, i), stackRegister(thread, i) + ST_BYTES),
  write: (thread, value) => done(thread.kernel.linear.u8.set(new Uint8Array(value.buffer, value.byteOffset, ST_BYTES), stackRegister(thread, i))),
});

/** The full tag word, two bits for each physical register, from the abridged one and the contents. */
function tagWord(thread: Thread): number {
  const { context } = thread;
  const { view } = thread.kernel.linear;
  const used = view.getUint32(context.at(FPU_TAGS), true);
  let word = 0;
  for (let register = 0; register < 8; register++) {
    let tag = TAG_EMPTY;
    if ((used & (1 << register)) !== 0) {
      const at = context.at(FPU_REGS) + register * 16;
      const significand = view.getBigUint64(at, true);
      const exponent = view.getUint16(at + 8, true) & EXPONENT;
      if (exponent === EXPONENT) tag = TAG_SPECIAL;
      else if (exponent === 0) tag = significand === 0n ? TAG_ZERO : TAG_SPECIAL;
      else tag = significand >> 63n === 1n ? TAG_VALID : TAG_SPECIAL;
    }
    word |= tag << (register * 2);
  }
  return word;
}

const setInt = (thread: Thread, at: number, value: number): void => thread.kernel.linear.view.setInt32(thread.context.at(at), value, true);
const getInt = (thread: Thread, at: number): number => thread.kernel.linear.view.getInt32(thread.context.at(at), true);

/** Halves of the last instruction and data pointers, as fxsave's 32-bit layout has them: offset, and what Linux puts where the selector was. */
function pointerHalf(at: number, high: boolean): Access {
  return {
    read: (thread) => bytes(4, high ? BigInt(getInt(thread, at + 4) & 0xffff) : BigInt(getInt(thread, at))),
    write: (thread, value) => done(setInt(thread, high ? at + 4 : at, high ? value.getUint32(0, true) & 0xffff : value.getInt32(0, true))),
  };
}

const masked = (at: number, mask: number): Access => ({
  read: (thread) => bytes(4, BigInt(getInt(thread, at) & mask)),
  write: (thread, value) => done(setInt(thread, at, value.getUint32(0, true) & mask)),
});

const BY_NAME: Readonly<Record<string, Access>> = {
  ...Object.fromEntries(Object.entries(Reg).map(([name, register]) => [name, general(register)])),
  rip: field(RIP, 8),
  eflags: {
    read: (thread) => bytes(4, BigInt(thread.kernel.cpu.readRflags(thread.context))),
    write: (thread, value) => done(thread.kernel.cpu.writeRflags(thread.context, value.getUint32(0, true))),
  },
  ...Object.fromEntries(Object.entries(Segment).map(([name, segment]) => [name, selector(segment)])),
  fs_base: base(Segment.fs),
  gs_base: base(Segment.gs),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`st${i}`, st(i)])),
  fctrl: masked(FPU_CONTROL, 0xffff),
  fstat: {
    read: (thread) => bytes(4, BigInt((getInt(thread, FPU_STATUS) & 0xc7ff) | (top(thread) << 11))),
    write: (thread, value) => {
      const status = value.getUint32(0, true);
      setInt(thread, FPU_STATUS, status & 0xc7ff);
      setInt(thread, FPU_TOP, (status >>> 11) & 7);
      return true;
    },
  },
  ftag: {
    read: (thread) => bytes(4, BigInt(tagWord(thread))),
    write: (thread, value) => {
      const word = value.getUint32(0, true);
      let used = 0;
      for (let register = 0; register < 8; register++) if (((word >>> (register * 2)) & 3) !== TAG_EMPTY) used |= 1 << register;
      setInt(thread, FPU_TAGS, used);
      return true;
    },
  },
  fiseg: pointerHalf(FPU_IP, true),
  fioff: pointerHalf(FPU_IP, false),
  foseg: pointerHalf(FPU_DP, true),
  fooff: pointerHalf(FPU_DP, false),
  fop: masked(FPU_OPCODE, 0x7ff),
  ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`xmm${i}`, field(XMM + i * 16, 16)])),
  mxcsr: masked(MXCSR, 0xffff),
  orig_rax: {
    read: (thread) => bytes(8, BigInt(thread.origRax)),
    write: (thread, value) => {
      thread.origRax = Number(value.getBigInt64(0, true));
      return true;
    },
  },
  ...Object.fromEntries((['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const).map((name, register) => [name, narrow(register)])),
  eip: {
    read: (thread) => bytes(4, BigInt(thread.context.rip)),
    write: (thread, value) => {
      thread.context.rip = value.getUint32(0, true);
      return true;
    },
  },
  orig_eax: {
    read: (thread) => bytes(4, BigInt(thread.origRax)),
    write: (thread, value) => {
      thread.origRax = value.getInt32(0, true);
      return true;
    },
  },
};

/** What is asked about system calls that were interrupted. */
type Calls = Pick<InterruptedCalls, 'rax' | 'giveUp'>;

/** A register's bytes, by its name in registers.ts. */
export function readThreadRegister(thread: Thread, name: string, calls: Calls): Uint8Array {
  return BY_NAME[name].read(thread, calls);
}

/** False if the register cannot have that value. */
export function writeThreadRegister(thread: Thread, name: string, value: Uint8Array, calls: Calls): boolean {
  const access = BY_NAME[name];
  if (Buffer.compare(access.read(thread, calls), value) === 0) return true;
  if (access.write === undefined || !calls.giveUp(thread)) return false;
  return access.write(thread, new DataView(value.buffer, value.byteOffset, value.byteLength));
}
