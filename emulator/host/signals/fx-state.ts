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
const ST = 32;
const XMM_IMAGE = 160;
const XMM_BYTES = 256;
const TOP_SHIFT = 11;

/** Writes the image into `image`. */
export function saveFxState(linear: LinearMemory, context: ThreadContext, image: Uint8Array): void {
  const { view, u8 } = linear;
  const out = new DataView(image.buffer, image.byteOffset, FX_BYTES);
  const top = view.getInt32(context.at(FPU_TOP), true) & 7;
  image.fill(0, 0, FX_BYTES);
  out.setUint16(0, view.getInt32(context.at(FPU_CONTROL), true), true);
  out.setUint16(2, (view.getInt32(context.at(FPU_STATUS), true) & ~(7 << TOP_SHIFT)) | (top << TOP_SHIFT), true);
  out.setUint8(4, view.getInt32(context.at(FPU_TAGS), true));
  out.setUint16(6, view.getInt32(context.at(FPU_OPCODE), true), true);
  out.setBigUint64(8, view.getBigUint64(context.at(FPU_IP), true), true);
  out.setBigUint64(16, view.getBigUint64(context.at(FPU_DP), true), true);
  out.setUint32(24, view.getUint32(context.at(MXCSR), true), true);
  out.setUint32(28, MXCSR_MASK, true);
  for (let i = 0; i < 8; i++) {
    const from = context.at(FPU_REGS) + ((top + i) & 7) * 16;
    image.set(u8.subarray(from, from + 10), ST + i * 16);
  }
  const xmm = context.at(XMM);
  image.set(u8.subarray(xmm, xmm + XMM_BYTES), XMM_IMAGE);
}

/** Loads the image; false, changing nothing, when MXCSR has bits that do not exist (FXRSTOR would fault). */
export function loadFxState(linear: LinearMemory, context: ThreadContext, image: Uint8Array): boolean {
  const { view, u8 } = linear;
  const from = new DataView(image.buffer, image.byteOffset, FX_BYTES);
  const mxcsr = from.getUint32(24, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
  const status = from.getUint16(2, true);
  const top = (status >> TOP_SHIFT) & 7;
  view.setInt32(context.at(FPU_CONTROL), from.getUint16(0, true), true);
  view.setInt32(context.at(FPU_STATUS), status & ~(7 << TOP_SHIFT), true);
  view.setInt32(context.at(FPU_TOP), top, true);
  view.setInt32(context.at(FPU_TAGS), from.getUint8(4), true);
  view.setInt32(context.at(FPU_OPCODE), from.getUint16(6, true) & 0x7ff, true);
  view.setBigUint64(context.at(FPU_IP), from.getBigUint64(8, true), true);
  view.setBigUint64(context.at(FPU_DP), from.getBigUint64(16, true), true);
  view.setUint32(context.at(MXCSR), mxcsr, true);
  for (let i = 0; i < 8; i++) {
    const at = ST + i * 16;
    u8.set(image.subarray(at, at + 10), context.at(FPU_REGS) + ((top + i) & 7) * 16);
  }
  u8.set(image.subarray(XMM_IMAGE, XMM_IMAGE + XMM_BYTES), context.at(XMM));
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
