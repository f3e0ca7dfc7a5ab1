/** struct user32 and user_regs_struct32: the registers as 32-bit tracers, and PTRACE_GETREGSET on 32-bit tracees, see them (arch/x86/kernel/ptrace.c: getreg32, putreg32). */
import { CPU, GPR, ORIG_RAX, Reg, RIP, Segment, SELECTOR } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { setSegment } from '../process/segments.ts';
import type { Thread } from '../process/thread.ts';
import { DEBUG_COUNT, isBadSelector, setDebugRegister, WRITABLE_FLAGS } from './register-file.ts';

type Field =
  /** A register of the save slot, cut to 32 bits. */
  | { readonly kind: 'plain'; readonly slot: number }
  /** The number of the system call: -1 stays -1. */
  | { readonly kind: 'call' }
  | { readonly kind: 'flags' }
  | { readonly kind: 'code' | 'data'; readonly segment: number };

const register = (number: number): Field => ({ kind: 'plain', slot: GPR - CPU + number * 8 });

/** The 17 words in order (arch/x86/include/asm/user32.h). */
const FIELDS: readonly Field[] = [
  ...[Reg.rbx, Reg.rcx, Reg.rdx, Reg.rsi, Reg.rdi, Reg.rbp, Reg.rax].map(register),
  ...[Segment.ds, Segment.es, Segment.fs, Segment.gs].map((segment): Field => ({ kind: 'data', segment })),
  { kind: 'call' }, { kind: 'plain', slot: RIP - CPU }, { kind: 'code', segment: Segment.cs }, { kind: 'flags' }, register(Reg.rsp), { kind: 'code', segment: Segment.ss },
];
export const REGISTERS_32 = FIELDS.length;
export const REGISTER_BYTES_32 = REGISTERS_32 * 4;
/** struct user32, and where its debug registers are. */
const USER_BYTES = 284;
const DEBUG_REGISTERS = 252;

const scratch = new Uint32Array(REGISTERS_32);
/** What {@link readRegisters32} fills and {@link writeRegisters32} takes. */
export const registerBytes32 = new Uint8Array(scratch.buffer);

export function readRegisters32(thread: Thread): void {
  for (let i = 0; i < REGISTERS_32; i++) scratch[i] = readField(thread, FIELDS[i]);
}

/** Sets the first `count` registers; 0, or -EIO at the first value that is not allowed. */
export function writeRegisters32(thread: Thread, count: number): number {
  for (let i = 0; i < count; i++) {
    const result = writeField(thread, FIELDS[i], scratch[i]);
    if (result < 0) return result;
  }
  return 0;
}

/** PTRACE_PEEKUSER of a 32-bit tracer; -errno, or 0 and the value in the first word of `registerBytes32`. */
export function peekUser32(thread: Thread, offset: number): number {
  if (offset % 4 !== 0 || offset > USER_BYTES) return -Errno.EIO;
  const debug = (offset - DEBUG_REGISTERS) / 4;
  if (offset < REGISTER_BYTES_32) scratch[0] = readField(thread, FIELDS[offset / 4]);
  else scratch[0] = debug >= 0 && debug < DEBUG_COUNT ? Number(thread.signals.debugRegisters[debug] & 0xffffffffn) : 0;
  return 0;
}

/** PTRACE_POKEUSER; the members of the structure that are nothing are ignored. */
export function pokeUser32(thread: Thread, offset: number, value: number): number {
  if (offset % 4 !== 0 || offset > USER_BYTES) return -Errno.EIO;
  if (offset < REGISTER_BYTES_32) return writeField(thread, FIELDS[offset / 4], value);
  const debug = (offset - DEBUG_REGISTERS) / 4;
  return debug >= 0 && debug < DEBUG_COUNT ? setDebugRegister(thread, debug, BigInt(value)) : 0;
}

function readField(thread: Thread, field: Field): number {
  const { u32 } = thread.kernel.linear;
  switch (field.kind) {
    case 'plain':
      return u32[(thread.context.slot + field.slot) >>> 2];
    case 'call':
      return u32[thread.context.at(ORIG_RAX) >>> 2];
    case 'flags':
      return thread.kernel.cpu.readRflags(thread.context);
    default:
      return u32[(thread.context.slot + (SELECTOR - CPU) + field.segment * 4) >>> 2] & 0xffff;
  }
}

function writeField(thread: Thread, field: Field, value: number): number {
  const { linear, cpu } = thread.kernel;
  switch (field.kind) {
    case 'plain': {
      const at = (thread.context.slot + field.slot) >>> 2;
      linear.u32[at] = value;
      linear.u32[at + 1] = 0;
      return 0;
    }
    case 'call':
      thread.origRax = value | 0;
      return 0;
    case 'flags':
      cpu.writeRflags(thread.context, (cpu.readRflags(thread.context) & ~WRITABLE_FLAGS) | (value & WRITABLE_FLAGS));
      return 0;
    case 'code':
    case 'data':
      if (isBadSelector(value & 0xffff, field.kind === 'code')) return -Errno.EIO;
      if (field.kind === 'data') setSegment(thread, field.segment, value);
      else thread.context.setSelector(field.segment, value);
      return 0;
  }
}
