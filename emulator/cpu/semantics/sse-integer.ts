/** Packed integer instructions on xmm registers, SSE2 to SSE4.2 (SDM vol. 2). */
import type { FormRow, Semantic } from '../decode/form.ts';
import type { I32, Local, V128 } from '../wasm/function-builder.ts';
import type { V128_SHIFT, V128_UNARY } from '../wasm/opcodes.ts';
import type { Emitter } from './emitter.ts';
import { readI32, readI64, staticByte } from './sse-operand.ts';
import * as op from './sse-vector.ts';
import { direct, lanes, type VectorOp } from './sse-vector.ts';

/** `Vx Wx`: destination := destination op source. */
export const packed = (vectorOp: VectorOp): Semantic => (e) => {
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  e.writeV128(0, vectorOp(e.f, a, b));
};

/** As `packed`, for operations whose result with equal operands is a constant. */
const packedIdiom = (vectorOp: VectorOp, same: (f: Emitter['f']) => V128): Semantic => (e) => {
  if (e.sameRegister(0, 1)) e.writeV128(0, same(e.f));
  else packed(vectorOp)(e);
};

const row = (mnemonic: string, opcode: string, vectorOp: VectorOp): FormRow => [mnemonic, `66 0F ${opcode} /r`, 'Vx Wx', packed(vectorOp), 'align'];
const idiom = (mnemonic: string, opcode: string, vectorOp: VectorOp, same: (f: Emitter['f']) => V128): FormRow =>
  [mnemonic, `66 0F ${opcode} /r`, 'Vx Wx', packedIdiom(vectorOp, same), 'align'];

/** How one lane width shifts: wasm takes counts modulo the width, x86 shifts everything out. */
export interface LaneShift {
  readonly name: keyof typeof V128_SHIFT;
  readonly bits: number;
}
export const SHIFTS = {
  psrlw: { name: 'i16x8ShrU', bits: 16 }, psrld: { name: 'i32x4ShrU', bits: 32 }, psrlq: { name: 'i64x2ShrU', bits: 64 },
  psraw: { name: 'i16x8ShrS', bits: 16 }, psrad: { name: 'i32x4ShrS', bits: 32 },
  psllw: { name: 'i16x8Shl', bits: 16 }, pslld: { name: 'i32x4Shl', bits: 32 }, psllq: { name: 'i64x2Shl', bits: 64 },
} as const satisfies Record<string, LaneShift>;

/** `value` shifted by `count`, an i32 that has been limited to 0…255 (larger ones behave as 255). */
export function shiftLanes(e: Emitter, shift: LaneShift, value: Local<'v128'>, count: Local<'i32'>): V128 {
  const { f } = e;
  const inRange = (): I32 => f.i32.ltU(f.get(count), f.i32.const(shift.bits));
  if (shift.name.endsWith('ShrS')) return f.v[shift.name](f.get(value), f.select(f.get(count), f.i32.const(shift.bits - 1), inRange()));
  return f.select(f.v[shift.name](f.get(value), f.get(count)), op.zero(f), inRange());
}

/** As shiftLanes, with a count known while emitting. */
export function shiftLanesBy(e: Emitter, shift: LaneShift, value: Local<'v128'>, count: number): V128 {
  const { f } = e;
  if (count < shift.bits) return f.v[shift.name](f.get(value), f.i32.const(count));
  if (shift.name.endsWith('ShrS')) return f.v[shift.name](f.get(value), f.i32.const(shift.bits - 1));
  return op.zero(f);
}

/** Count operand of a shift by register: all 64 bits count; limited to 255. */
export function shiftCount(e: Emitter, low64: Local<'i64'>): Local<'i32'> {
  const { f } = e;
  return e.keep(f.select(f.convert.i32WrapI64(f.get(low64)), f.i32.const(255), f.i64.ltU(f.get(low64), f.i64.const(255))));
}

const shiftByRegister = (shift: LaneShift): Semantic => (e) => {
  const count = shiftCount(e, e.keep(e.f.v.i64x2ExtractLane(e.readV128(1), 0)));
  const value = e.keep(e.readV128(0));
  e.writeV128(0, shiftLanes(e, shift, value, count));
};

const shiftByImmediate = (shift: LaneShift): Semantic => (e) => {
  const known = e.staticImmediate(1);
  const value = e.keep(e.readV128(0));
  if (known !== undefined) {
    e.writeV128(0, shiftLanesBy(e, shift, value, known & 0xff));
    return;
  }
  const count = e.keep(e.f.i32.and(readI32(e, 1), e.f.i32.const(0xff)));
  e.writeV128(0, shiftLanes(e, shift, value, count));
};

/** PSRLDQ, PSLLDQ: whole register by bytes. */
const shiftBytes = (left: boolean): Semantic => (e) => {
  const count = Math.min(staticByte(e, 1), 16);
  const value = e.keep(e.readV128(0));
  const first = left ? 16 - count : count;
  const { f } = e;
  const result = left
    ? f.v.shuffle(op.zero(f), f.get(value), Array.from({ length: 16 }, (_, i) => first + i))
    : f.v.shuffle(f.get(value), op.zero(f), Array.from({ length: 16 }, (_, i) => first + i));
  e.writeV128(0, result);
};

const alignRight: Semantic = (e) => {
  const count = staticByte(e, 2);
  const source = e.keep(e.readV128(1));
  const destination = e.keep(e.readV128(0));
  const { f } = e;
  const window = Array.from({ length: 16 }, (_, i) => i + (count & 15));
  if (count < 16) e.writeV128(0, f.v.shuffle(f.get(source), f.get(destination), window));
  else if (count < 32) e.writeV128(0, f.v.shuffle(f.get(destination), op.zero(f), window));
  else e.writeV128(0, op.zero(f));
};

/** Four 2-bit selectors of an immediate. */
export const selectors = (imm: number): number[] => [imm & 3, (imm >> 2) & 3, (imm >> 4) & 3, (imm >> 6) & 3];

const shuffleSource = (bytes: (imm: number) => number[]): Semantic => (e) => {
  const value = e.keep(e.readV128(1));
  e.writeV128(0, e.f.v.shuffle(e.f.get(value), e.f.get(value), bytes(staticByte(e, 2))));
};
const shuffleDwords = shuffleSource((imm) => lanes(4, selectors(imm)));
const shuffleLowWords = shuffleSource((imm) => lanes(2, [...selectors(imm), 4, 5, 6, 7]));
const shuffleHighWords = shuffleSource((imm) => lanes(2, [0, 1, 2, 3, ...selectors(imm).map((n) => n + 4)]));

const moveMask = (name: 'i8x16Bitmask' | 'i32x4Bitmask' | 'i64x2Bitmask'): Semantic => (e) => {
  const mask = e.f.v[name](e.readV128(1));
  e.write(0, mask);
};

/** PMOVSX, PMOVZX: `steps` widenings of the low bytes of the source. */
const widen = (bytes: 2 | 4 | 8, ...steps: (keyof typeof V128_UNARY)[]): Semantic => (e) => {
  const { f } = e;
  let value: V128;
  if (e.kind(1) === 'mem') {
    const address = e.linearAddress(1, bytes);
    if (bytes === 8) value = e.loadAt('v128Load64Zero', address);
    else if (bytes === 4) value = e.loadAt('v128Load32Zero', address);
    else value = f.v.i32x4Splat(e.loadAt('i32Load16U', address));
  } else value = e.readV128(1);
  for (const step of steps) value = f.v[step](value);
  e.writeV128(0, value);
};

const widenRows = (signed: boolean): FormRow[] => {
  const name = signed ? 'PMOVSX' : 'PMOVZX';
  const high = signed ? 2 : 3;
  const words = signed ? 'i16x8ExtendLowI8x16S' : 'i16x8ExtendLowI8x16U';
  const dwords = signed ? 'i32x4ExtendLowI16x8S' : 'i32x4ExtendLowI16x8U';
  const qwords = signed ? 'i64x2ExtendLowI32x4S' : 'i64x2ExtendLowI32x4U';
  const widening = (suffix: string, digit: number, source: string, bytes: 2 | 4 | 8, ...steps: (keyof typeof V128_UNARY)[]): FormRow =>
    [name + suffix, `66 0F 38 ${high}${digit} /r`, `Vx ${source}`, widen(bytes, ...steps)];
  return [
    widening('BW', 0, 'Wq', 8, words), widening('BD', 1, 'Wd', 4, words, dwords), widening('BQ', 2, 'Ww', 2, words, dwords, qwords),
    widening('WD', 3, 'Wq', 8, dwords), widening('WQ', 4, 'Wd', 4, dwords, qwords), widening('DQ', 5, 'Wq', 8, qwords),
  ];
};

/** PBLENDVB, BLENDVPS, BLENDVPD: lanes of the source where xmm0's lane is negative. */
const blendVariable = (shift: keyof typeof V128_SHIFT, bits: number): Semantic => (e) => {
  const { f } = e;
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const mask = e.keep(f.v[shift](e.xmm(0), f.i32.const(bits - 1)));
  e.writeV128(0, f.v.bitselect(f.get(b), f.get(a), f.get(mask)));
};

/** PBLENDW, BLENDPS, BLENDPD: lanes of the source where the immediate's bit is set. */
const blendImmediate = (bytes: number): Semantic => (e) => {
  const imm = staticByte(e, 2);
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const count = 16 / bytes;
  e.writeV128(0, e.f.v.shuffle(e.f.get(a), e.f.get(b), lanes(bytes, Array.from({ length: count }, (_, i) => ((imm >> i) & 1 ? count + i : i)))));
};

/** ZF: source & destination is zero; CF: source & ~destination is zero. */
const test: Semantic = (e) => {
  const { f } = e;
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const zf = f.i32.shl(f.i32.eqz(f.v.v128AnyTrue(f.v.v128And(f.get(a), f.get(b)))), f.i32.const(6));
  e.setAllFlags(f.i32.or(zf, f.i32.eqz(f.v.v128AnyTrue(f.v.v128AndNot(f.get(b), f.get(a))))));
};

/** PEXTRx to a register or memory; the lane is `imm` modulo the number of lanes. */
const extract = (lane: 'i8x16ExtractLaneU' | 'i16x8ExtractLaneU' | 'i32x4ExtractLane' | 'i64x2ExtractLane', count: number): Semantic => (e) => {
  const value = e.f.v[lane](e.readV128(1), staticByte(e, 2) & (count - 1));
  e.write(0, value);
};

/** PINSRB, PINSRW, PINSRD from a general register or memory. */
const insert = (lane: 'i8x16ReplaceLane' | 'i16x8ReplaceLane' | 'i32x4ReplaceLane', count: number): Semantic => (e) => {
  const value = e.keep(readI32(e, 1));
  e.writeV128(0, e.f.v[lane](e.readV128(0), e.f.get(value), staticByte(e, 2) & (count - 1)));
};
const insertQword: Semantic = (e) => {
  const value = e.keep(readI64(e, 1));
  e.writeV128(0, e.f.v.i64x2ReplaceLane(e.readV128(0), e.f.get(value), staticByte(e, 2) & 1));
};

const shiftRows = (mnemonic: string, opcode: string, shift: LaneShift, group: string): FormRow[] => [
  [mnemonic, `66 0F ${opcode} /r`, 'Vx Wx', shiftByRegister(shift), 'align'],
  [mnemonic, `66 0F ${group} ib`, 'Ux Ib', shiftByImmediate(shift)],
];

export const sseIntegerForms: readonly FormRow[] = [
  row('PUNPCKLBW', '60', op.interleave(1, 0, 8)), row('PUNPCKLWD', '61', op.interleave(2, 0, 4)),
  row('PUNPCKLDQ', '62', op.interleave(4, 0, 2)), row('PUNPCKLQDQ', '6C', op.interleave(8, 0, 1)),
  row('PUNPCKHBW', '68', op.interleave(1, 8, 8)), row('PUNPCKHWD', '69', op.interleave(2, 4, 4)),
  row('PUNPCKHDQ', '6A', op.interleave(4, 2, 2)), row('PUNPCKHQDQ', '6D', op.interleave(8, 1, 1)),
  row('PACKSSWB', '63', direct('i8x16NarrowI16x8S')), row('PACKUSWB', '67', direct('i8x16NarrowI16x8U')),
  row('PACKSSDW', '6B', direct('i16x8NarrowI32x4S')), row('PACKUSDW', '38 2B', direct('i16x8NarrowI32x4U')),

  row('PCMPGTB', '64', direct('i8x16GtS')), row('PCMPGTW', '65', direct('i16x8GtS')), row('PCMPGTD', '66', direct('i32x4GtS')),
  row('PCMPGTQ', '38 37', direct('i64x2GtS')),
  idiom('PCMPEQB', '74', direct('i8x16Eq'), op.ones), idiom('PCMPEQW', '75', direct('i16x8Eq'), op.ones),
  idiom('PCMPEQD', '76', direct('i32x4Eq'), op.ones), idiom('PCMPEQQ', '38 29', direct('i64x2Eq'), op.ones),

  row('PADDB', 'FC', direct('i8x16Add')), row('PADDW', 'FD', direct('i16x8Add')), row('PADDD', 'FE', direct('i32x4Add')), row('PADDQ', 'D4', direct('i64x2Add')),
  idiom('PSUBB', 'F8', direct('i8x16Sub'), op.zero), idiom('PSUBW', 'F9', direct('i16x8Sub'), op.zero),
  idiom('PSUBD', 'FA', direct('i32x4Sub'), op.zero), idiom('PSUBQ', 'FB', direct('i64x2Sub'), op.zero),
  row('PADDSB', 'EC', direct('i8x16AddSatS')), row('PADDSW', 'ED', direct('i16x8AddSatS')),
  row('PADDUSB', 'DC', direct('i8x16AddSatU')), row('PADDUSW', 'DD', direct('i16x8AddSatU')),
  row('PSUBSB', 'E8', direct('i8x16SubSatS')), row('PSUBSW', 'E9', direct('i16x8SubSatS')),
  row('PSUBUSB', 'D8', direct('i8x16SubSatU')), row('PSUBUSW', 'D9', direct('i16x8SubSatU')),
  row('PAVGB', 'E0', direct('i8x16AvgrU')), row('PAVGW', 'E3', direct('i16x8AvgrU')),
  row('PMULLW', 'D5', direct('i16x8Mul')), row('PMULHW', 'E5', op.multiplyHighSigned), row('PMULHUW', 'E4', op.multiplyHighUnsigned),
  row('PMULLD', '38 40', direct('i32x4Mul')), row('PMULUDQ', 'F4', op.multiplyEvenUnsigned), row('PMULDQ', '38 28', op.multiplyEvenSigned),
  row('PMADDWD', 'F5', direct('i32x4DotI16x8S')), row('PMADDUBSW', '38 04', op.multiplyAddBytes), row('PMULHRSW', '38 0B', op.multiplyHighRounded),
  row('PSADBW', 'F6', op.sumOfDifferences),
  row('PMINUB', 'DA', direct('i8x16MinU')), row('PMAXUB', 'DE', direct('i8x16MaxU')), row('PMINSW', 'EA', direct('i16x8MinS')), row('PMAXSW', 'EE', direct('i16x8MaxS')),
  row('PMINSB', '38 38', direct('i8x16MinS')), row('PMINSD', '38 39', direct('i32x4MinS')), row('PMINUW', '38 3A', direct('i16x8MinU')), row('PMINUD', '38 3B', direct('i32x4MinU')),
  row('PMAXSB', '38 3C', direct('i8x16MaxS')), row('PMAXSD', '38 3D', direct('i32x4MaxS')), row('PMAXUW', '38 3E', direct('i16x8MaxU')), row('PMAXUD', '38 3F', direct('i32x4MaxU')),

  row('PAND', 'DB', direct('v128And')), row('POR', 'EB', direct('v128Or')),
  idiom('PXOR', 'EF', direct('v128Xor'), op.zero), idiom('PANDN', 'DF', op.andNot, op.zero),
  ['ANDPS', 'NP 0F 54 /r', 'Vps Wps', packed(direct('v128And')), 'align'], ['ANDPD', '66 0F 54 /r', 'Vpd Wpd', packed(direct('v128And')), 'align'],
  ['ANDNPS', 'NP 0F 55 /r', 'Vps Wps', packed(op.andNot), 'align'], ['ANDNPD', '66 0F 55 /r', 'Vpd Wpd', packed(op.andNot), 'align'],
  ['ORPS', 'NP 0F 56 /r', 'Vps Wps', packed(direct('v128Or')), 'align'], ['ORPD', '66 0F 56 /r', 'Vpd Wpd', packed(direct('v128Or')), 'align'],
  ['XORPS', 'NP 0F 57 /r', 'Vps Wps', packedIdiom(direct('v128Xor'), op.zero), 'align'],
  ['XORPD', '66 0F 57 /r', 'Vpd Wpd', packedIdiom(direct('v128Xor'), op.zero), 'align'],

  ...shiftRows('PSRLW', 'D1', SHIFTS.psrlw, '71 /2'), ...shiftRows('PSRLD', 'D2', SHIFTS.psrld, '72 /2'), ...shiftRows('PSRLQ', 'D3', SHIFTS.psrlq, '73 /2'),
  ...shiftRows('PSRAW', 'E1', SHIFTS.psraw, '71 /4'), ...shiftRows('PSRAD', 'E2', SHIFTS.psrad, '72 /4'),
  ...shiftRows('PSLLW', 'F1', SHIFTS.psllw, '71 /6'), ...shiftRows('PSLLD', 'F2', SHIFTS.pslld, '72 /6'), ...shiftRows('PSLLQ', 'F3', SHIFTS.psllq, '73 /6'),
  ['PSRLDQ', '66 0F 73 /3 ib', 'Ux Ib', shiftBytes(false), 'imm8-static'], ['PSLLDQ', '66 0F 73 /7 ib', 'Ux Ib', shiftBytes(true), 'imm8-static'],

  ['PSHUFD', '66 0F 70 /r ib', 'Vx Wx Ib', shuffleDwords, 'align imm8-static'],
  ['PSHUFHW', 'F3 0F 70 /r ib', 'Vx Wx Ib', shuffleHighWords, 'align imm8-static'],
  ['PSHUFLW', 'F2 0F 70 /r ib', 'Vx Wx Ib', shuffleLowWords, 'align imm8-static'],
  ['PALIGNR', '66 0F 3A 0F /r ib', 'Vx Wx Ib', alignRight, 'align imm8-static'],
  ['PBLENDVB', '66 0F 38 10 /r', 'Vx Wx', blendVariable('i8x16ShrS', 8), 'align'],
  ['BLENDVPS', '66 0F 38 14 /r', 'Vps Wps', blendVariable('i32x4ShrS', 32), 'align'],
  ['BLENDVPD', '66 0F 38 15 /r', 'Vpd Wpd', blendVariable('i64x2ShrS', 64), 'align'],
  ['BLENDPS', '66 0F 3A 0C /r ib', 'Vps Wps Ib', blendImmediate(4), 'align imm8-static'],
  ['BLENDPD', '66 0F 3A 0D /r ib', 'Vpd Wpd Ib', blendImmediate(8), 'align imm8-static'],
  ['PBLENDW', '66 0F 3A 0E /r ib', 'Vx Wx Ib', blendImmediate(2), 'align imm8-static'],
  ['PTEST', '66 0F 38 17 /r', 'Vx Wx', test, 'align'],
  ...widenRows(true), ...widenRows(false),

  ['PMOVMSKB', '66 0F D7 /r', 'Gd Ux', moveMask('i8x16Bitmask')],
  ['MOVMSKPS', 'NP 0F 50 /r', 'Gd Ups', moveMask('i32x4Bitmask')], ['MOVMSKPD', '66 0F 50 /r', 'Gd Upd', moveMask('i64x2Bitmask')],
  ['PEXTRW', '66 0F C5 /r ib', 'Gd Ux Ib', extract('i16x8ExtractLaneU', 8), 'imm8-static'],
  ['PEXTRB', '66 0F 3A 14 /r ib', 'Rd Vx Ib', extract('i8x16ExtractLaneU', 16), 'imm8-static'],
  ['PEXTRB', '66 0F 3A 14 /r ib', 'Mb Vx Ib', extract('i8x16ExtractLaneU', 16), 'imm8-static'],
  ['PEXTRW', '66 0F 3A 15 /r ib', 'Rd Vx Ib', extract('i16x8ExtractLaneU', 8), 'imm8-static'],
  ['PEXTRW', '66 0F 3A 15 /r ib', 'Mw Vx Ib', extract('i16x8ExtractLaneU', 8), 'imm8-static'],
  ['PEXTRD', '66 0F 3A 16 /r ib', 'Ed Vx Ib', extract('i32x4ExtractLane', 4), 'imm8-static'],
  ['PEXTRQ', '66 REX.W 0F 3A 16 /r ib', 'Eq Vx Ib', extract('i64x2ExtractLane', 2), 'imm8-static'],
  ['EXTRACTPS', '66 0F 3A 17 /r ib', 'Ed Vx Ib', extract('i32x4ExtractLane', 4), 'imm8-static'],
  ['PINSRB', '66 0F 3A 20 /r ib', 'Vx Rd Ib', insert('i8x16ReplaceLane', 16), 'imm8-static'],
  ['PINSRB', '66 0F 3A 20 /r ib', 'Vx Mb Ib', insert('i8x16ReplaceLane', 16), 'imm8-static'],
  ['PINSRW', '66 0F C4 /r ib', 'Vx Rd Ib', insert('i16x8ReplaceLane', 8), 'imm8-static'],
  ['PINSRW', '66 0F C4 /r ib', 'Vx Mw Ib', insert('i16x8ReplaceLane', 8), 'imm8-static'],
  ['PINSRD', '66 0F 3A 22 /r ib', 'Vx Ed Ib', insert('i32x4ReplaceLane', 4), 'imm8-static'],
  ['PINSRQ', '66 REX.W 0F 3A 22 /r ib', 'Vx Eq Ib', insertQword, 'imm8-static'],

  row('PSHUFB', '38 00', op.shuffleBytes),
  row('PHADDW', '38 01', op.horizontalAddWords), row('PHADDD', '38 02', op.horizontalAddDwords), row('PHADDSW', '38 03', op.horizontalAddSaturated),
  row('PHSUBW', '38 05', op.horizontalSubWords), row('PHSUBD', '38 06', op.horizontalSubDwords), row('PHSUBSW', '38 07', op.horizontalSubSaturated),
  row('PSIGNB', '38 08', op.signBytes), row('PSIGNW', '38 09', op.signWords), row('PSIGND', '38 0A', op.signDwords),
  row('PABSB', '38 1C', op.absBytes), row('PABSW', '38 1D', op.absWords), row('PABSD', '38 1E', op.absDwords),
  row('PHMINPOSUW', '38 41', op.minimumPosition),
];
