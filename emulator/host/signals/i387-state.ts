/**
 * The x87 state as FSAVE stores it (struct user_i387_ia32_struct, 108 bytes): i386's signal frames and PTRACE_GETFPREGS. It is made from,
 * and put into, the FXSAVE image in `fxBytes`.
 */
import { fxBytes } from './fx-state.ts';

export const I387_BYTES = 108;
const REGISTER_BYTES = 10;
/** Offsets in the FXSAVE image and in the i387 structure. */
const Fx = { control: 0, status: 2, tags: 4, opcode: 6, ip: 8, dp: 16, st: 32 } as const;
const I387 = { control: 0, status: 4, tags: 8, ip: 12, code: 16, dp: 20, data: 24, st: 28 } as const;
const ONES = 0xffff0000;
const Tag = { valid: 0, zero: 1, special: 2, empty: 3 } as const;
const TOP_SHIFT = 11;

const fxView = new DataView(fxBytes.buffer, fxBytes.byteOffset, fxBytes.byteLength);

/** The structure for what is in `fxBytes`; the selectors are those of the thread's code and data, not of the last instruction. */
export function i387FromFx(codeSelector: number, dataSelector: number): Uint8Array {
  const out = new Uint8Array(I387_BYTES);
  const view = new DataView(out.buffer);
  const top = (fxView.getUint16(Fx.status, true) >> TOP_SHIFT) & 7;
  const used = fxView.getUint8(Fx.tags);
  let tags = 0;
  for (let physical = 0; physical < 8; physical++) {
    const tag = (used & (1 << physical)) === 0 ? Tag.empty : tagOf(Fx.st + ((physical - top) & 7) * 16);
    tags |= tag << (physical * 2);
  }
  view.setUint32(I387.control, (fxView.getUint16(Fx.control, true) | ONES) >>> 0, true);
  view.setUint32(I387.status, (fxView.getUint16(Fx.status, true) | ONES) >>> 0, true);
  view.setUint32(I387.tags, (tags | ONES) >>> 0, true);
  view.setUint32(I387.ip, fxView.getUint32(Fx.ip, true), true);
  view.setUint32(I387.code, codeSelector, true);
  view.setUint32(I387.dp, fxView.getUint32(Fx.dp, true), true);
  view.setUint32(I387.data, (dataSelector | ONES) >>> 0, true);
  for (let i = 0; i < 8; i++) out.set(fxBytes.subarray(Fx.st + i * 16, Fx.st + i * 16 + REGISTER_BYTES), I387.st + i * REGISTER_BYTES);
  return out;
}

/** Puts the structure's state into `fxBytes`, leaving the SSE part there as it is. */
export function i387ToFx(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tags = view.getUint16(I387.tags, true);
  let used = 0;
  for (let physical = 0; physical < 8; physical++) if (((tags >> (physical * 2)) & 3) !== Tag.empty) used |= 1 << physical;
  fxView.setUint16(Fx.control, view.getUint16(I387.control, true), true);
  fxView.setUint16(Fx.status, view.getUint16(I387.status, true), true);
  fxView.setUint16(Fx.tags, used, true);
  fxView.setUint16(Fx.opcode, view.getUint16(I387.code + 2, true), true);
  fxView.setBigUint64(Fx.ip, BigInt(view.getUint32(I387.ip, true)), true);
  fxView.setBigUint64(Fx.dp, BigInt(view.getUint32(I387.dp, true)), true);
  for (let i = 0; i < 8; i++) fxBytes.set(bytes.subarray(I387.st + i * REGISTER_BYTES, I387.st + (i + 1) * REGISTER_BYTES), Fx.st + i * 16);
}

function tagOf(at: number): number {
  const exponent = fxView.getUint16(at + 8, true) & 0x7fff;
  const significand = fxView.getBigUint64(at, true);
  if (exponent === 0x7fff) return Tag.special;
  if (exponent === 0) return significand === 0n ? Tag.zero : Tag.special;
  return significand >> 63n === 1n ? Tag.valid : Tag.special;
}
