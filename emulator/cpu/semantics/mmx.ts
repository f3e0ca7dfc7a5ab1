/**
 * MMX: the significands of the x87's physical registers as eight 64-bit vectors. Every MMX instruction makes TOP 0 and all
 * tags valid, and one that writes a register sets its sign and exponent to ones; EMMS empties the stack again.
 *
 * Operations are those of xmm registers (sse-vector.ts) on a v128 whose low half counts.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { FPU_REGS, FPU_TAGS, FPU_TOP } from '../state.ts';
import type { I64, Local, V128 } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { doublesToIntegers, settleConversion, singlesToIntegers } from './sse-convert.ts';
import { usualMxcsr } from './sse-float.ts';
import { Conversion } from './sse-float-helpers.ts';
import { type LaneShift, selectors, shiftCount, shiftLanes, shiftLanesBy, SHIFTS } from './sse-integer.ts';
import { maskedStore } from './sse-move.ts';
import { fromLow64, lowHalf, readI32, readI64, staticByte } from './sse-operand.ts';
import * as op from './sse-vector.ts';
import { direct, interleave, lanes, type VectorOp } from './sse-vector.ts';
import { checkPending } from './x87-helpers.ts';

/** TOP 0, all registers in use. After every load of the instruction, before it writes. */
function enter(e: Emitter): void {
  const { f } = e;
  f.store.i32Store(f.i32.const(0), f.i32.const(0), FPU_TOP);
  f.store.i32Store(f.i32.const(0), f.i32.const(0xff), FPU_TAGS);
}

/** What a store does first: TOP changes even when it faults, the tags do not. */
function enterStore(e: Emitter): void {
  e.f.store.i32Store(e.f.i32.const(0), e.f.i32.const(0), FPU_TOP);
}

/** Writes an MMX register. */
function writeMmx(e: Emitter, operand: number, value: I64): void {
  const { f } = e;
  const kept = e.keep(value);
  enter(e);
  e.writeLow64(operand, f.get(kept));
  f.store.i32Store16(f.i32.shl(e.registerNumber(operand), f.i32.const(4)), f.i32.const(0xffff), FPU_REGS + 8);
}

const low = (e: Emitter, value: V128): I64 => e.f.v.i64x2ExtractLane(value, 0);

/** A 64-bit operand in both halves. */
const lift = (e: Emitter, operand: number): Local<'v128'> => e.keep(e.f.v.i64x2Splat(e.readLow64(operand)));

/** `Pq Qq`: an operation whose low half depends on the low halves alone. */
const lanewise = (vectorOp: VectorOp): Semantic => (e) => {
  checkPending(e);
  const b = lift(e, 1);
  const a = lift(e, 0);
  writeMmx(e, 0, low(e, vectorOp(e.f, a, b)));
};

/** PUNPCKL…: memory operands are 32 bits. */
const interleaveLow = (bytes: 1 | 2 | 4): Semantic => (e) => {
  checkPending(e);
  const b = e.kind(1) === 'mem' ? e.keep(e.f.v.i32x4Splat(e.readLow32(1))) : lift(e, 1);
  const a = lift(e, 0);
  writeMmx(e, 0, low(e, interleave(bytes, 0, 8 / bytes)(e.f, a, b)));
};

/** Operations that treat destination and source as one vector of twice the length: packs and horizontal ones. */
const joined = (vectorOp: VectorOp): Semantic => (e) => {
  checkPending(e);
  const { f } = e;
  const b = lift(e, 1);
  const both = e.keep(f.v.i64x2ReplaceLane(f.v.i64x2Splat(e.readLow64(0)), f.v.i64x2ExtractLane(f.get(b), 0), 1));
  writeMmx(e, 0, low(e, vectorOp(f, both, both)));
};

const shiftByRegister = (shift: LaneShift): Semantic => (e) => {
  checkPending(e);
  const count = shiftCount(e, e.keep(e.readLow64(1)));
  const value = lift(e, 0);
  writeMmx(e, 0, low(e, shiftLanes(e, shift, value, count)));
};
const shiftByImmediate = (shift: LaneShift): Semantic => (e) => {
  checkPending(e);
  const known = e.staticImmediate(1);
  const value = lift(e, 0);
  if (known !== undefined) {
    writeMmx(e, 0, low(e, shiftLanesBy(e, shift, value, known & 0xff)));
    return;
  }
  const count = e.keep(e.f.i32.and(readI32(e, 1), e.f.i32.const(0xff)));
  writeMmx(e, 0, low(e, shiftLanes(e, shift, value, count)));
};

const shuffleWords: Semantic = (e) => {
  checkPending(e);
  const order = selectors(staticByte(e, 2));
  const source = lift(e, 1);
  writeMmx(e, 0, low(e, e.f.v.shuffle(e.f.get(source), e.f.get(source), lanes(2, [...order, ...order]))));
};

const alignRight: Semantic = (e) => {
  checkPending(e);
  const { f } = e;
  const count = staticByte(e, 2);
  const source = lift(e, 1);
  const destination = lift(e, 0);
  if (count >= 16) {
    writeMmx(e, 0, f.i64.const(0));
    return;
  }
  const joinedBytes = e.keep(f.v.shuffle(f.get(source), f.get(destination), lanes(8, [0, 2])));
  writeMmx(e, 0, low(e, f.v.shuffle(f.get(joinedBytes), op.zero(f), Array.from({ length: 16 }, (_, i) => Math.min(i + count, 31)))));
};

const insertWord: Semantic = (e) => {
  checkPending(e);
  const value = e.keep(readI32(e, 1));
  writeMmx(e, 0, low(e, e.f.v.i16x8ReplaceLane(e.f.v.i64x2Splat(e.readLow64(0)), e.f.get(value), staticByte(e, 2) & 3)));
};
const extractWord: Semantic = (e) => {
  checkPending(e);
  const value = e.keep(e.f.v.i16x8ExtractLaneU(e.f.v.i64x2Splat(e.readLow64(1)), staticByte(e, 2) & 3));
  enter(e);
  e.write(0, e.f.get(value));
};
const moveMask: Semantic = (e) => {
  checkPending(e);
  const mask = e.keep(e.f.i32.and(e.f.v.i8x16Bitmask(e.f.v.i64x2Splat(e.readLow64(1))), e.f.i32.const(0xff)));
  enter(e);
  e.write(0, e.f.get(mask));
};

const load: Semantic = (e) => {
  checkPending(e);
  writeMmx(e, 0, e.readLow64(1));
};
const store: Semantic = (e) => {
  checkPending(e);
  enterStore(e);
  e.writeLow64(0, e.readLow64(1));
  enter(e);
};
const loadDword: Semantic = (e) => {
  checkPending(e);
  writeMmx(e, 0, e.f.convert.i64ExtendI32U(readI32(e, 1)));
};
const storeDword: Semantic = (e) => {
  checkPending(e);
  enterStore(e);
  e.write(0, e.readLow32(1));
  enter(e);
};
const loadGeneral64: Semantic = (e) => {
  checkPending(e);
  writeMmx(e, 0, readI64(e, 1));
};
const storeGeneral64: Semantic = (e) => {
  checkPending(e);
  enterStore(e);
  e.write(0, e.readLow64(1));
  enter(e);
};
const maskedMove: Semantic = (e) => {
  checkPending(e);
  const { f } = e;
  const mask = e.keep(f.i32.and(f.v.i8x16Bitmask(f.v.i64x2Splat(e.readLow64(1))), f.i32.const(0xff)));
  const value = lift(e, 0);
  enter(e);
  maskedStore(e, value, mask, 8);
};
const toXmm: Semantic = (e) => {
  checkPending(e);
  const value = e.keep(fromLow64(e, e.readLow64(1)));
  enter(e);
  e.writeV128(0, e.f.get(value));
};
const fromXmm: Semantic = (e) => {
  checkPending(e);
  writeMmx(e, 0, lowHalf(e, 1));
};

/** CVTPI2PS, CVTPI2PD: they leave the x87 alone when their source is memory. */
const fromIntegers = (double: boolean): Semantic => (e) => {
  const { f } = e;
  const touches = e.kind(1) !== 'mem';
  if (touches) checkPending(e);
  const source = e.keep(fromLow64(e, e.readLow64(1)));
  if (touches) enter(e);
  if (double) {
    e.writeV128(0, f.v.f64x2ConvertLowI32x4S(f.get(source)));
    return;
  }
  const result = e.keep(f.v.f32x4ConvertI32x4S(f.get(source)));
  const exact = f.v.i32x4AllTrue(f.v.i32x4LeU(f.v.i32x4Abs(f.get(source)), f.v.i32x4Splat(f.i32.const(2 ** 24))));
  settleConversion(e, f.i32.or(exact, usualMxcsr(e)), Conversion.int32ToSingle, 2, source, result);
  e.writeLow64(0, low(e, f.get(result)));
};

/** CVT(T)PS2PI, CVT(T)PD2PI. An unmasked exception finds the x87 changed already. */
const toIntegers = (double: boolean, truncate: boolean): Semantic => (e) => {
  const { f } = e;
  checkPending(e);
  const source = e.keep(double ? e.readV128(1) : fromLow64(e, e.readLow64(1)));
  enter(e);
  const result = double ? doublesToIntegers(e, source, truncate) : singlesToIntegers(e, source, truncate, 2);
  writeMmx(e, 0, low(e, f.get(result)));
};

const empty: Semantic = (e) => {
  checkPending(e);
  e.f.store.i32Store(e.f.i32.const(0), e.f.i32.const(0), FPU_TOP);
  e.f.store.i32Store(e.f.i32.const(0), e.f.i32.const(0), FPU_TAGS);
};

const row = (mnemonic: string, opcode: string, vectorOp: VectorOp): FormRow => [mnemonic, `NP 0F ${opcode} /r`, 'Pq Qq', lanewise(vectorOp)];
const joinedRow = (mnemonic: string, opcode: string, vectorOp: VectorOp): FormRow => [mnemonic, `NP 0F ${opcode} /r`, 'Pq Qq', joined(vectorOp)];
const shiftRows = (mnemonic: string, opcode: string, shift: LaneShift, group: string): FormRow[] => [
  [mnemonic, `NP 0F ${opcode} /r`, 'Pq Qq', shiftByRegister(shift)],
  [mnemonic, `NP 0F ${group} ib`, 'Nq Ib', shiftByImmediate(shift)],
];

export const mmxForms: readonly FormRow[] = [
  ['PUNPCKLBW', 'NP 0F 60 /r', 'Pq Qd', interleaveLow(1)], ['PUNPCKLWD', 'NP 0F 61 /r', 'Pq Qd', interleaveLow(2)], ['PUNPCKLDQ', 'NP 0F 62 /r', 'Pq Qd', interleaveLow(4)],
  row('PUNPCKHBW', '68', interleave(1, 4, 8)), row('PUNPCKHWD', '69', interleave(2, 2, 4)), row('PUNPCKHDQ', '6A', interleave(4, 1, 2)),
  joinedRow('PACKSSWB', '63', direct('i8x16NarrowI16x8S')), joinedRow('PACKUSWB', '67', direct('i8x16NarrowI16x8U')), joinedRow('PACKSSDW', '6B', direct('i16x8NarrowI32x4S')),
  row('PCMPGTB', '64', direct('i8x16GtS')), row('PCMPGTW', '65', direct('i16x8GtS')), row('PCMPGTD', '66', direct('i32x4GtS')),
  row('PCMPEQB', '74', direct('i8x16Eq')), row('PCMPEQW', '75', direct('i16x8Eq')), row('PCMPEQD', '76', direct('i32x4Eq')),
  row('PADDB', 'FC', direct('i8x16Add')), row('PADDW', 'FD', direct('i16x8Add')), row('PADDD', 'FE', direct('i32x4Add')), row('PADDQ', 'D4', direct('i64x2Add')),
  row('PSUBB', 'F8', direct('i8x16Sub')), row('PSUBW', 'F9', direct('i16x8Sub')), row('PSUBD', 'FA', direct('i32x4Sub')), row('PSUBQ', 'FB', direct('i64x2Sub')),
  row('PADDSB', 'EC', direct('i8x16AddSatS')), row('PADDSW', 'ED', direct('i16x8AddSatS')), row('PADDUSB', 'DC', direct('i8x16AddSatU')), row('PADDUSW', 'DD', direct('i16x8AddSatU')),
  row('PSUBSB', 'E8', direct('i8x16SubSatS')), row('PSUBSW', 'E9', direct('i16x8SubSatS')), row('PSUBUSB', 'D8', direct('i8x16SubSatU')), row('PSUBUSW', 'D9', direct('i16x8SubSatU')),
  row('PAVGB', 'E0', direct('i8x16AvgrU')), row('PAVGW', 'E3', direct('i16x8AvgrU')),
  row('PMULLW', 'D5', direct('i16x8Mul')), row('PMULHW', 'E5', op.multiplyHighSigned), row('PMULHUW', 'E4', op.multiplyHighUnsigned),
  row('PMADDWD', 'F5', direct('i32x4DotI16x8S')), row('PMULUDQ', 'F4', op.multiplyEvenUnsigned), row('PSADBW', 'F6', op.sumOfDifferences),
  row('PMINUB', 'DA', direct('i8x16MinU')), row('PMAXUB', 'DE', direct('i8x16MaxU')), row('PMINSW', 'EA', direct('i16x8MinS')), row('PMAXSW', 'EE', direct('i16x8MaxS')),
  row('PAND', 'DB', direct('v128And')), row('POR', 'EB', direct('v128Or')), row('PXOR', 'EF', direct('v128Xor')), row('PANDN', 'DF', op.andNot),
  ...shiftRows('PSRLW', 'D1', SHIFTS.psrlw, '71 /2'), ...shiftRows('PSRLD', 'D2', SHIFTS.psrld, '72 /2'), ...shiftRows('PSRLQ', 'D3', SHIFTS.psrlq, '73 /2'),
  ...shiftRows('PSRAW', 'E1', SHIFTS.psraw, '71 /4'), ...shiftRows('PSRAD', 'E2', SHIFTS.psrad, '72 /4'),
  ...shiftRows('PSLLW', 'F1', SHIFTS.psllw, '71 /6'), ...shiftRows('PSLLD', 'F2', SHIFTS.pslld, '72 /6'), ...shiftRows('PSLLQ', 'F3', SHIFTS.psllq, '73 /6'),

  row('PSHUFB', '38 00', op.shuffleBytesMmx), row('PMADDUBSW', '38 04', op.multiplyAddBytes), row('PMULHRSW', '38 0B', op.multiplyHighRounded),
  joinedRow('PHADDW', '38 01', op.horizontalAddWords), joinedRow('PHADDD', '38 02', op.horizontalAddDwords), joinedRow('PHADDSW', '38 03', op.horizontalAddSaturated),
  joinedRow('PHSUBW', '38 05', op.horizontalSubWords), joinedRow('PHSUBD', '38 06', op.horizontalSubDwords), joinedRow('PHSUBSW', '38 07', op.horizontalSubSaturated),
  row('PSIGNB', '38 08', op.signBytes), row('PSIGNW', '38 09', op.signWords), row('PSIGND', '38 0A', op.signDwords),
  row('PABSB', '38 1C', op.absBytes), row('PABSW', '38 1D', op.absWords), row('PABSD', '38 1E', op.absDwords),

  ['PSHUFW', 'NP 0F 70 /r ib', 'Pq Qq Ib', shuffleWords, 'imm8-static'], ['PALIGNR', 'NP 0F 3A 0F /r ib', 'Pq Qq Ib', alignRight, 'imm8-static'],
  ['PINSRW', 'NP 0F C4 /r ib', 'Pq Rd/Mw Ib', insertWord, 'imm8-static'], ['PEXTRW', 'NP 0F C5 /r ib', 'Gd Nq Ib', extractWord, 'imm8-static'],
  ['PMOVMSKB', 'NP 0F D7 /r', 'Gd Nq', moveMask],

  ['MOVQ', 'NP 0F 6F /r', 'Pq Qq', load], ['MOVQ', 'NP 0F 7F /r', 'Qq Pq', (e) => (e.kind(0) === 'mem' ? store(e) : load(e))], ['MOVNTQ', 'NP 0F E7 /r', 'Mq Pq', store],
  ['MOVD', 'NP 0F 6E /r', 'Pd Ed', loadDword], ['MOVQ', 'NP REX.W 0F 6E /r', 'Pq Eq', loadGeneral64],
  ['MOVD', 'NP 0F 7E /r', 'Ed Pd', storeDword], ['MOVQ', 'NP REX.W 0F 7E /r', 'Eq Pq', storeGeneral64],
  ['MASKMOVQ', 'NP 0F F7 /r', 'Pq Nq', maskedMove], ['MOVQ2DQ', 'F3 0F D6 /r', 'Vx Nq', toXmm], ['MOVDQ2Q', 'F2 0F D6 /r', 'Pq Uq', fromXmm],
  ['CVTPI2PS', 'NP 0F 2A /r', 'Vps Qq', fromIntegers(false)], ['CVTPI2PD', '66 0F 2A /r', 'Vpd Qq', fromIntegers(true)],
  ['CVTTPS2PI', 'NP 0F 2C /r', 'Pq Wq', toIntegers(false, true)], ['CVTTPD2PI', '66 0F 2C /r', 'Pq Wpd', toIntegers(true, true), 'align'],
  ['CVTPS2PI', 'NP 0F 2D /r', 'Pq Wq', toIntegers(false, false)], ['CVTPD2PI', '66 0F 2D /r', 'Pq Wpd', toIntegers(true, false), 'align'],
  ['EMMS', 'NP 0F 77', '', empty],
];
