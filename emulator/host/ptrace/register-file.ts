/**
 * struct user and struct user_regs_struct of x86-64 as ptrace reads and writes them. This is what UML does most, so registers are moved between the
 * save slot and a buffer as pairs of 32-bit words, with no bigint on the way.
 */
import { Flag } from '../../cpu/flags.ts';
import { CPU, GPR, ORIG_RAX, Reg, RIP, Segment, SEGMENT_BASE, SELECTOR } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { setSegment } from '../process/segments.ts';
import type { Thread } from '../process/thread.ts';

type Kind = 'plain' | 'flags' | 'selector' | 'code-selector' | 'base';
interface Field {
  readonly kind: Kind;
  /** Offset in the save slot. */
  readonly slot: number;
}

function register(number: number): Field {
  return { kind: 'plain', slot: GPR - CPU + number * 8 };
}
function selector(segment: number, kind: Kind = 'selector'): Field {
  return { kind, slot: SELECTOR - CPU + segment * 4 };
}

/** The 27 words of user_regs_struct in order (arch/x86/include/asm/user_64.h). */
const FIELDS: readonly Field[] = [
  register(15), register(14), register(13), register(12), register(Reg.rbp), register(Reg.rbx), register(11), register(10), register(9), register(8),
  register(Reg.rax), register(Reg.rcx), register(Reg.rdx), register(Reg.rsi), register(Reg.rdi),
  { kind: 'plain', slot: ORIG_RAX - CPU }, { kind: 'plain', slot: RIP - CPU },
  selector(Segment.cs, 'code-selector'), { kind: 'flags', slot: 0 }, register(Reg.rsp), selector(Segment.ss, 'code-selector'),
  { kind: 'base', slot: SEGMENT_BASE - CPU + Segment.fs * 8 }, { kind: 'base', slot: SEGMENT_BASE - CPU + Segment.gs * 8 },
  selector(Segment.ds), selector(Segment.es), selector(Segment.fs), selector(Segment.gs),
];
export const REGISTERS = FIELDS.length;
export const REGISTER_BYTES = REGISTERS * 8;
/** Flags a tracer may change. */
export const WRITABLE_FLAGS = Flag.cf | Flag.pf | Flag.af | Flag.zf | Flag.sf | Flag.tf | Flag.df | Flag.of | Flag.nt | Flag.rf | Flag.ac;
/** High word of the first address that is not the user's. */
const USER_END_HIGH = 0x7fff;
const USER_END_LOW = 0xfffff000;

/** The kernel's struct user: the registers, things that read as 0, the debug registers, and two more words of 0. */
const USER_BYTES = 928;
export const DEBUG_REGISTERS = 848;
export const DEBUG_COUNT = 8;
const USER_END = 0x7ffffffff000n;
/** dr7: the bits that enable dr0–dr3, and those which are not reserved. */
const DR7_ENABLES = 0xffn;
const DR7_KEPT = 0xffff03ffn;

const scratch = new Uint32Array(REGISTERS * 2);
/** What {@link readRegisters} fills and {@link writeRegisters} takes. */
export const registerBytes = new Uint8Array(scratch.buffer);

/** Copies all registers of a stopped thread to `registerBytes`. */
export function readRegisters(thread: Thread): void {
  for (let i = 0; i < REGISTERS; i++) readField(thread, i);
}

/** Sets the first `count` registers from `registerBytes`, in order; 0, or -EIO at the first value that is not allowed. */
export function writeRegisters(thread: Thread, count: number): number {
  for (let i = 0; i < count; i++) {
    const result = writeField(thread, i, scratch[i * 2], scratch[i * 2 + 1]);
    if (result < 0) return result;
  }
  return 0;
}

/** PTRACE_PEEKUSER. A negative errno, or 0 and the value in the first eight bytes of `registerBytes`. */
export function peekUser(thread: Thread, offset: number): number {
  if (offset % 8 !== 0 || offset >= USER_BYTES) return -Errno.EIO;
  scratch[0] = 0;
  scratch[1] = 0;
  if (offset < REGISTER_BYTES) {
    const index = offset / 8;
    readField(thread, index);
    scratch[0] = scratch[index * 2];
    scratch[1] = scratch[index * 2 + 1];
  } else if (offset >= DEBUG_REGISTERS && offset < DEBUG_REGISTERS + DEBUG_COUNT * 8) {
    const value = thread.signals.debugRegisters[(offset - DEBUG_REGISTERS) / 8];
    scratch[0] = Number(value & 0xffffffffn);
    scratch[1] = Number(value >> 32n);
  }
  return 0;
}

/** PTRACE_POKEUSER. */
export function pokeUser(thread: Thread, offset: number, value: bigint): number {
  if (offset % 8 !== 0 || offset >= USER_BYTES) return -Errno.EIO;
  if (offset < REGISTER_BYTES) return writeField(thread, offset / 8, Number(value & 0xffffffffn), Number(value >> 32n));
  if (offset < DEBUG_REGISTERS || offset >= DEBUG_REGISTERS + DEBUG_COUNT * 8) return -Errno.EIO;
  return setDebugRegister(thread, (offset - DEBUG_REGISTERS) / 8, value);
}

function readField(thread: Thread, index: number): void {
  const { kind, slot } = FIELDS[index];
  const { linear, cpu } = thread.kernel;
  const { u32 } = linear;
  const from = (thread.context.slot + slot) >>> 2;
  const to = index * 2;
  switch (kind) {
    case 'plain':
    case 'base':
      scratch[to] = u32[from];
      scratch[to + 1] = u32[from + 1];
      return;
    case 'flags':
      scratch[to] = cpu.readRflags(thread.context);
      scratch[to + 1] = 0;
      return;
    default:
      scratch[to] = u32[from] & 0xffff;
      scratch[to + 1] = 0;
  }
}

function writeField(thread: Thread, index: number, low: number, high: number): number {
  const { kind, slot } = FIELDS[index];
  const { linear, cpu } = thread.kernel;
  const { u32 } = linear;
  const at = (thread.context.slot + slot) >>> 2;
  switch (kind) {
    case 'base':
      if (high > USER_END_HIGH || (high === USER_END_HIGH && low >= USER_END_LOW)) return -Errno.EIO;
      u32[at] = low;
      u32[at + 1] = high;
      return 0;
    case 'plain':
      u32[at] = low;
      u32[at + 1] = high;
      return 0;
    case 'flags':
      cpu.writeRflags(thread.context, (cpu.readRflags(thread.context) & ~WRITABLE_FLAGS) | (low & WRITABLE_FLAGS));
      return 0;
    default: {
      const value = low & 0xffff;
      if (isBadSelector(value, kind === 'code-selector')) return -Errno.EIO;
      // What names a descriptor takes its base from there; in 64-bit code 0 leaves fs_base and gs_base as they are.
      if (kind === 'selector' && (value > 3 || thread.wordSize === 4)) setSegment(thread, (slot - (SELECTOR - CPU)) / 4, value);
      else u32[at] = value;
      return 0;
    }
  }
}

/** Selectors a tracer may not set: not the user's, or none where there must be one. */
export function isBadSelector(value: number, needed: boolean): boolean {
  return value !== 0 ? (value & 3) !== 3 : needed;
}

/**
 * dr4 and dr5 do not exist; dr0–dr3 take user addresses. Enabling one in dr7 says that no slot is free: those of this processor belong to the
 * machine's debugger, and a watchpoint that never hits would be worse than none.
 */
export function setDebugRegister(thread: Thread, number: number, value: bigint): number {
  const registers = thread.signals.debugRegisters;
  if (number === 4 || number === 5) return -Errno.EIO;
  if (number < 4 && value >= USER_END) return -Errno.EINVAL;
  if (number === 7 && (value & DR7_ENABLES) !== 0n) return -Errno.ENOSPC;
  registers[number] = number === 7 ? value & DR7_KEPT : value;
  return 0;
}
