/**
 * User registers of a UML task that is in the kernel, as the kernel keeps them in `thread.regs` and will load them when the task goes back to
 * user mode: general ones in the order of struct user_regs_struct (arch/x86/include/asm/user_64.h, user_32.h), the others as an FXSAVE image.
 */
import type { Architecture } from '../registers.ts';
import { LayoutError, type GuestObject } from './guest-object.ts';

const GENERAL: Readonly<Record<4 | 8, readonly string[]>> = {
  4: ['ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp', 'eax', 'ds', 'es', 'fs', 'gs', 'orig_eax', 'eip', 'cs', 'eflags', 'esp', 'ss'],
  8: [
    'r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi', 'orig_rax', 'rip', 'cs', 'eflags', 'rsp', 'ss',
    'fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs',
  ],
};

/** Byte offset and width in the FXSAVE image (SDM vol. 1, table 10-2). What gdb shows of the pointers are their 32-bit halves. */
const FLOATING: Readonly<Record<string, readonly [number, number]>> = {
  fctrl: [0, 2], fstat: [2, 2], fop: [6, 2], fioff: [8, 4], fiseg: [12, 2], fooff: [16, 4], foseg: [20, 2], mxcsr: [24, 4],
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`st${i}`, [32 + 16 * i, 10] as const])),
  ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`xmm${i}`, [160 + 16 * i, 16] as const])),
};
const TAGS = 4;
const STATUS = 2;
const STACK = 32;
const TAG_EMPTY = 3;

/** Where a register is kept: address and bytes. */
interface Place {
  readonly address: number;
  readonly bytes: number;
}

function place(task: GuestObject, name: string, wordSize: 4 | 8): Place | undefined {
  const index = GENERAL[wordSize].indexOf(name);
  if (index >= 0) {
    const general = task.first('thread.regs.regs.gp', 'thread.regs.regs.skas.regs');
    if (general === undefined) throw new LayoutError('this kernel does not keep user registers in thread.regs');
    return { address: general.address + index * wordSize, bytes: wordSize };
  }
  const floating = FLOATING[name];
  return floating === undefined ? undefined : { address: floatingState(task) + floating[0], bytes: floating[1] };
}

function floatingState(task: GuestObject): number {
  const state = task.first('thread.regs.regs.fp', 'thread.regs.regs.skas.fp');
  if (state === undefined) throw new LayoutError('this kernel does not keep floating-point registers in thread.regs');
  return state.address;
}

/** The register's bytes, `undefined` when the kernel does not keep it. @throws LayoutError @throws GuestDataError */
export function readSavedRegister(task: GuestObject, { registers, wordSize }: Architecture, register: number): Uint8Array | undefined {
  const { name } = registers.registers[register];
  const size = registers.size(register);
  if (name === 'ftag') return tagWord(task);
  const found = place(task, name, wordSize);
  if (found === undefined) return undefined;
  const value = task.memory(found.address, Math.min(found.bytes, size));
  if (value === undefined) return undefined;
  const out = new Uint8Array(size);
  out.set(value);
  return out;
}

/** Where to write the value, and the bytes to write there; undefined when the register is not one that can be. */
export function savedRegisterWrite(
  task: GuestObject, { registers, wordSize }: Architecture, register: number, value: Uint8Array,
): { readonly address: number; readonly bytes: Uint8Array } | undefined {
  const { name } = registers.registers[register];
  if (name === 'ftag') return { address: floatingState(task) + TAGS, bytes: Uint8Array.of(abridged(value)) };
  const found = place(task, name, wordSize);
  if (found === undefined) return undefined;
  const bytes = new Uint8Array(found.bytes);
  bytes.set(value.subarray(0, found.bytes));
  return { address: found.address, bytes };
}

const statusTop = (status: Uint8Array | undefined): number => (status === undefined ? 0 : (status[1] >> 3) & 7);

/** The x87 tag word: two bits for each physical register, from the one bit FXSAVE keeps and the register's contents. */
function tagWord(task: GuestObject): Uint8Array | undefined {
  const base = floatingState(task);
  const image = task.memory(base, STACK + 8 * 16);
  if (image === undefined) return undefined;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const top = statusTop(image.subarray(STATUS, STATUS + 2));
  let word = 0;
  for (let physical = 0; physical < 8; physical++) {
    let tag = TAG_EMPTY;
    if ((image[TAGS] & (1 << physical)) !== 0) {
      const at = STACK + ((physical - top) & 7) * 16;
      const significand = view.getBigUint64(at, true);
      const exponent = view.getUint16(at + 8, true) & 0x7fff;
      if (exponent === 0x7fff) tag = 2;
      else if (exponent === 0) tag = significand === 0n ? 1 : 2;
      else tag = significand >> 63n === 1n ? 0 : 2;
    }
    word |= tag << (physical * 2);
  }
  return Uint8Array.of(word & 0xff, word >> 8, 0, 0);
}

function abridged(value: Uint8Array): number {
  const word = value[0] | (value[1] << 8);
  let used = 0;
  for (let physical = 0; physical < 8; physical++) if (((word >> (physical * 2)) & 3) !== TAG_EMPTY) used |= 1 << physical;
  return used;
}
