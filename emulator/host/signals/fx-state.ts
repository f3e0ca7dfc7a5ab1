/**
 * The 512-byte FXSAVE image (SDM vol. 1, table 10-2, 64-bit form) of a thread's save slot and back: signal frames, PTRACE_GETFPREGS.
 * In the image x87 registers are counted from the top of the stack, in the slot they are the physical ones.
 */
import { FPU_CONTROL, FPU_DP, FPU_IP, FPU_OPCODE, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP, MXCSR, XMM } from '../../cpu/state.ts';
import type { LinearMemory } from '../../memory/linear-memory.ts';
import type { ThreadContext } from '../process/thread-context.ts';

export const FX_BYTES = 512;
/** MXCSR bits that exist; others fault in FXRSTOR. */
export const MXCSR_MASK = 0xffff;
const INITIAL_MXCSR = 0x1f80;
const INITIAL_CONTROL = 0x37f;
const XMM_BYTES = 256;
const TOP_SHIFT = 11;
/** 32-bit words of the image. */
const Word = { control: 0, tags: 1, ip: 2, dp: 4, mxcsr: 6, mask: 7, st: 8, xmm: 40, reserved: 104 } as const;
const WORDS = FX_BYTES / 4;

/** The one image everybody fills and empties: copied at every turn of a UML process, so nothing is allocated. */
const image = new Uint32Array(WORDS);
/** Its bytes, for copying to and from guests. */
export const fxBytes = new Uint8Array(image.buffer);

/** Writes the thread's state into `fxBytes`. */
export function saveFxState(linear: LinearMemory, context: ThreadContext): void {
  const { u32 } = linear;
  const at = (field: number) => context.at(field) >>> 2;
  const top = u32[at(FPU_TOP)] & 7;
  image[Word.control] = (u32[at(FPU_CONTROL)] & 0xffff) | ((((u32[at(FPU_STATUS)] & ~(7 << TOP_SHIFT)) | (top << TOP_SHIFT)) & 0xffff) << 16);
  image[Word.tags] = (u32[at(FPU_TAGS)] & 0xff) | ((u32[at(FPU_OPCODE)] & 0x7ff) << 16);
  for (let i = 0; i < 2; i++) {
    image[Word.ip + i] = u32[at(FPU_IP) + i];
    image[Word.dp + i] = u32[at(FPU_DP) + i];
  }
  image[Word.mxcsr] = u32[at(MXCSR)];
  image[Word.mask] = MXCSR_MASK;
  const registers = at(FPU_REGS);
  for (let i = 0; i < 8; i++) {
    const from = registers + ((top + i) & 7) * 4;
    const to = Word.st + i * 4;
    image[to] = u32[from];
    image[to + 1] = u32[from + 1];
    image[to + 2] = u32[from + 2] & 0xffff;
    image[to + 3] = 0;
  }
  const xmm = at(XMM);
  for (let i = 0; i < XMM_BYTES / 4; i++) image[Word.xmm + i] = u32[xmm + i];
  image.fill(0, Word.reserved);
}

/** Loads the thread's state from `fxBytes`; false, changing nothing, when MXCSR has bits that do not exist (FXRSTOR would fault). */
export function loadFxState(linear: LinearMemory, context: ThreadContext): boolean {
  const { u32 } = linear;
  const at = (field: number) => context.at(field) >>> 2;
  if ((image[Word.mxcsr] & ~MXCSR_MASK) !== 0) return false;
  const status = image[Word.control] >>> 16;
  const top = (status >> TOP_SHIFT) & 7;
  u32[at(FPU_CONTROL)] = image[Word.control] & 0xffff;
  u32[at(FPU_STATUS)] = status & ~(7 << TOP_SHIFT);
  u32[at(FPU_TOP)] = top;
  u32[at(FPU_TAGS)] = image[Word.tags] & 0xff;
  u32[at(FPU_OPCODE)] = (image[Word.tags] >>> 16) & 0x7ff;
  for (let i = 0; i < 2; i++) {
    u32[at(FPU_IP) + i] = image[Word.ip + i];
    u32[at(FPU_DP) + i] = image[Word.dp + i];
  }
  u32[at(MXCSR)] = image[Word.mxcsr];
  const registers = at(FPU_REGS);
  for (let i = 0; i < 8; i++) {
    const to = registers + ((top + i) & 7) * 4;
    const from = Word.st + i * 4;
    u32[to] = image[from];
    u32[to + 1] = image[from + 1];
    u32[to + 2] = image[from + 2] & 0xffff;
  }
  const xmm = at(XMM);
  for (let i = 0; i < XMM_BYTES / 4; i++) u32[xmm + i] = image[Word.xmm + i];
  return true;
}

/** What a signal handler starts with (and FNINIT, LDMXCSR 0x1f80, zeroed xmm registers). */
export function resetFxState(linear: LinearMemory, context: ThreadContext): void {
  const { view, u8 } = linear;
  u8.fill(0, context.at(FPU_CONTROL), context.at(FPU_REGS) + 128);
  view.setInt32(context.at(FPU_CONTROL), INITIAL_CONTROL, true);
  view.setUint32(context.at(MXCSR), INITIAL_MXCSR, true);
  u8.fill(0, context.at(XMM), context.at(XMM) + XMM_BYTES);
}
