/**
 * SSE conversions and ROUNDxx. wasm's conversions round to nearest and saturate, x86's round by MXCSR, report
 * what was lost and answer 0x80000000… for what does not fit: the inline result is used where both agree and no flag
 * can change, otherwise a helper decides.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import type { FunctionBuilder, I32, Local, V128, Val } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { allLanes, normalNumber, plainLanes, plainOperand, reload, spill, usualMxcsr } from './sse-float.ts';
import { Conversion, convertHelper, FIRST, isDouble, Layout, RESULT, roundHelper } from './sse-float-helpers.ts';
import { fromLow64, staticByte } from './sse-operand.ts';

type AnyLocal = Local<'i32'> | Local<'i64'> | Local<'f32'> | Local<'f64'> | Local<'v128'>;

/** Unless `sure`, converts `count` lanes of `source` again by the helper and replaces `result`. */
export function settleConversion(e: Emitter, sure: I32, conversion: Conversion, count: number, source: AnyLocal, result: AnyLocal): void {
  const { f } = e;
  f.if(
    f.i32.eqz(sure),
    () => {
      spill(f, FIRST, source);
      e.raiseIf(e.callHelper(convertHelper, [f.i32.const(conversion), f.i32.const(count)]), Vector.simd, 0);
      reload(f, RESULT, result);
    },
    undefined,
    false,
  );
}

/** CVT(T)SS2SI, CVT(T)SD2SI. Singles are judged as doubles, which hold them exactly. */
const toInteger = (double: boolean, truncate: boolean): Semantic => (e) => {
  const { f } = e;
  const source = double ? e.keep(e.readF64(1)) : e.keep(e.readF32(1));
  const value = source.type === 'f64' ? source : e.keep(f.convert.f64PromoteF32(f.get(source)));
  const integral = e.keep(truncate ? f.f64.trunc(f.get(value)) : f.f64.nearest(f.get(value)));
  const exactOrUsual = (): I32 => f.i32.or(f.f64.eq(f.get(integral), f.get(value)), usualMxcsr(e));
  const conversion = conversionToInteger(double, truncate, e.sizeOf(0) === 8);
  if (e.sizeOf(0) === 8) {
    const result = e.keep(f.convert.i64TruncSatF64S(f.get(integral)));
    const inRange = (): I32 => f.i32.and(f.f64.ge(f.get(integral), f.f64.const(-(2 ** 63))), f.f64.lt(f.get(integral), f.f64.const(2 ** 63)));
    settleConversion(e, f.i32.and(inRange(), exactOrUsual()), conversion, 1, source, result);
    e.write(0, f.get(result));
  } else {
    const result = e.keep(f.convert.i32TruncSatF64S(f.get(integral)));
    const inRange = (): I32 => f.i32.and(f.f64.ge(f.get(integral), f.f64.const(-(2 ** 31))), f.f64.lt(f.get(integral), f.f64.const(2 ** 31)));
    settleConversion(e, f.i32.and(inRange(), exactOrUsual()), conversion, 1, source, result);
    e.write(0, f.get(result));
  }
};

function conversionToInteger(double: boolean, truncate: boolean, wide: boolean): Conversion {
  if (double) {
    if (truncate) return wide ? Conversion.truncateDoubleToInt64 : Conversion.truncateDoubleToInt32;
    return wide ? Conversion.doubleToInt64 : Conversion.doubleToInt32;
  }
  if (truncate) return wide ? Conversion.truncateSingleToInt64 : Conversion.truncateSingleToInt32;
  return wide ? Conversion.singleToInt64 : Conversion.singleToInt32;
}

/** An integer of the destination's precision or less: |value| ≤ 2^bits. */
function fits(f: FunctionBuilder, value: Local<'i32'> | Local<'i64'>, bits: number): I32 {
  if (value.type === 'i64') return f.i64.leU(f.i64.add(f.get(value), f.i64.const(2 ** bits)), f.i64.const(2 ** (bits + 1)));
  return f.i32.leU(f.i32.add(f.get(value), f.i32.const(2 ** bits)), f.i32.const(2 ** (bits + 1)));
}

function keepInteger(e: Emitter, operand: number): Local<'i32'> | Local<'i64'> {
  const local = e.keep(e.read(operand));
  return local.type === 'i64' ? { index: local.index, type: 'i64' } : { index: local.index, type: 'i32' };
}

const integerToDouble: Semantic = (e) => {
  const { f } = e;
  const value = keepInteger(e, 1);
  if (value.type === 'i32') {
    e.writeF64(0, f.convert.f64ConvertI32S(f.get(value)));
    return;
  }
  const result = e.keep(f.convert.f64ConvertI64S(f.get(value)));
  settleConversion(e, f.i32.or(fits(f, value, 53), usualMxcsr(e)), Conversion.int64ToDouble, 1, value, result);
  e.writeF64(0, f.get(result));
};

const integerToSingle: Semantic = (e) => {
  const { f } = e;
  const value = keepInteger(e, 1);
  const result = e.keep(value.type === 'i64' ? f.convert.f32ConvertI64S(f.get(value)) : f.convert.f32ConvertI32S(f.get(value)));
  const conversion = value.type === 'i64' ? Conversion.int64ToSingle : Conversion.int32ToSingle;
  settleConversion(e, f.i32.or(fits(f, value, 24), usualMxcsr(e)), conversion, 1, value, result);
  e.writeF32(0, f.get(result));
};

const singleToDouble: Semantic = (e) => {
  const { f } = e;
  const source = e.keep(e.readF32(1));
  const result = e.keep(f.convert.f64PromoteF32(f.get(source)));
  settleConversion(e, plainOperand(f, source), Conversion.singleToDouble, 1, source, result);
  e.writeF64(0, f.get(result));
};

const doubleToSingle: Semantic = (e) => {
  const { f } = e;
  const source = e.keep(e.readF64(1));
  const result = e.keep(f.convert.f32DemoteF64(f.get(source)));
  const exact = (): I32 => f.f64.eq(f.convert.f64PromoteF32(f.get(result)), f.get(source));
  const sure = f.i32.or(f.i32.and(f.i32.or(exact(), usualMxcsr(e)), normalNumber(f, result)), f.f64.eq(f.get(source), f.f64.const(0)));
  settleConversion(e, sure, Conversion.doubleToSingle, 1, source, result);
  e.writeF32(0, f.get(result));
};

/** The low 8 bytes of an xmm register, or 8 bytes of memory, with zeros above. */
function lowHalfOf(e: Emitter, operand: number): Local<'v128'> {
  if (e.kind(operand) === 'mem') return e.keep(e.loadAt('v128Load64Zero', e.linearAddress(operand)));
  return e.keep(fromLow64(e, e.readLow64(operand)));
}

const singlesToDoubles: Semantic = (e) => {
  const { f } = e;
  const source = lowHalfOf(e, 1);
  const result = e.keep(f.v.f64x2PromoteLowF32x4(f.get(source)));
  settleConversion(e, allLanes(f, plainLanes(f, false, source)), Conversion.singleToDouble, 2, source, result);
  e.writeV128(0, f.get(result));
};

const doublesToSingles: Semantic = (e) => {
  const { f } = e;
  const source = e.keep(e.readV128(1));
  const result = e.keep(f.v.f32x4DemoteF64x2Zero(f.get(source)));
  const back = e.keep(f.v.f64x2PromoteLowF32x4(f.get(result)));
  const magnitude = (): V128 => f.v.f64x2Abs(f.get(back));
  const normal = (): V128 => f.v.v128And(f.v.f64x2Ge(magnitude(), f.v.f64x2Splat(f.f64.const(2 ** -126))), f.v.f64x2Lt(magnitude(), f.v.f64x2Splat(f.f64.const(Infinity))));
  const ordinary = (): I32 => allLanes(f, f.v.v128Or(normal(), f.v.f64x2Eq(f.get(source), f.v.const(0n, 0n))));
  const exact = (): I32 => allLanes(f, f.v.f64x2Eq(f.get(back), f.get(source)));
  // The helper writes two singles; what lies above them must be zero.
  f.store.i64Store(f.i32.const(0), f.i64.const(0), RESULT + 8);
  settleConversion(e, f.i32.and(ordinary(), f.i32.or(exact(), usualMxcsr(e))), Conversion.doubleToSingle, 2, source, result);
  e.writeV128(0, f.get(result));
};

const integersToDoubles: Semantic = (e) => e.writeV128(0, e.f.v.f64x2ConvertLowI32x4S(e.f.get(lowHalfOf(e, 1))));

const integersToSingles: Semantic = (e) => {
  const { f } = e;
  const source = e.keep(e.readV128(1));
  const result = e.keep(f.v.f32x4ConvertI32x4S(f.get(source)));
  const exact = (): I32 => f.v.i32x4AllTrue(f.v.i32x4LeU(f.v.i32x4Abs(f.get(source)), f.v.i32x4Splat(f.i32.const(2 ** 24))));
  settleConversion(e, f.i32.or(exact(), usualMxcsr(e)), Conversion.int32ToSingle, 4, source, result);
  e.writeV128(0, f.get(result));
};

/** CVT(T)PS2DQ on a local; also what CVT(T)PS2PI does to its two lanes. */
export function singlesToIntegers(e: Emitter, source: Local<'v128'>, truncate: boolean, count: number): Local<'v128'> {
  const { f } = e;
  const integral = e.keep(truncate ? f.v.f32x4Trunc(f.get(source)) : f.v.f32x4Nearest(f.get(source)));
  const result = e.keep(f.v.i32x4TruncSatF32x4S(f.get(integral)));
  const inRange = (): I32 => allLanes(f, f.v.f32x4Lt(f.v.f32x4Abs(f.get(integral)), f.v.f32x4Splat(f.f32.const(2 ** 31))));
  const exact = (): I32 => allLanes(f, f.v.f32x4Eq(f.get(integral), f.get(source)));
  settleConversion(e, f.i32.and(inRange(), f.i32.or(exact(), usualMxcsr(e))), truncate ? Conversion.truncateSingleToInt32 : Conversion.singleToInt32, count, source, result);
  return result;
}

/** CVT(T)PD2DQ on a local: two integers in the low half, zeros above. */
export function doublesToIntegers(e: Emitter, source: Local<'v128'>, truncate: boolean): Local<'v128'> {
  const { f } = e;
  const integral = e.keep(truncate ? f.v.f64x2Trunc(f.get(source)) : f.v.f64x2Nearest(f.get(source)));
  const result = e.keep(f.v.i32x4TruncSatF64x2SZero(f.get(integral)));
  const inRange = (): I32 => allLanes(f, f.v.f64x2Lt(f.v.f64x2Abs(f.get(integral)), f.v.f64x2Splat(f.f64.const(2 ** 31))));
  const exact = (): I32 => allLanes(f, f.v.f64x2Eq(f.get(integral), f.get(source)));
  f.store.i64Store(f.i32.const(0), f.i64.const(0), RESULT + 8);
  settleConversion(e, f.i32.and(inRange(), f.i32.or(exact(), usualMxcsr(e))), truncate ? Conversion.truncateDoubleToInt32 : Conversion.doubleToInt32, 2, source, result);
  return result;
}

const packedToIntegers = (double: boolean, truncate: boolean): Semantic => (e) => {
  const source = e.keep(e.readV128(1));
  const result = double ? doublesToIntegers(e, source, truncate) : singlesToIntegers(e, source, truncate, 4);
  e.writeV128(0, e.f.get(result));
};

const ROUND_OPERATION = ['nearest', 'floor', 'ceil', 'trunc'] as const;
const ROUND_LANES = {
  nearest: ['f32x4Nearest', 'f64x2Nearest'], floor: ['f32x4Floor', 'f64x2Floor'], ceil: ['f32x4Ceil', 'f64x2Ceil'], trunc: ['f32x4Trunc', 'f64x2Trunc'],
} as const;

/** ROUNDSS, ROUNDSD. With PE suppressed and the mode in the immediate only NaNs and (for DAZ) denormals need the helper. */
const roundScalar = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const control = staticByte(e, 2) & 15;
  const operation = ROUND_OPERATION[(control & 4) !== 0 ? 0 : control & 3];
  const judge = (source: Local<'f32'> | Local<'f64'>, result: Local<'f32'> | Local<'f64'>, integral: () => I32, ordered: () => I32): void => {
    const sure = (control & 12) === 8 ? plainOperand(f, source) : f.i32.or(integral(), f.i32.and(ordered(), usualMxcsr(e)));
    settleRound(e, sure, control, layout, source, result);
  };
  if (isDouble(layout)) {
    const source = e.keep(e.readF64(1));
    const result = e.keep(f.f64[operation](f.get(source)));
    judge(source, result, () => f.f64.eq(f.get(result), f.get(source)), () => f.f64.eq(f.get(source), f.get(source)));
    e.writeF64(0, f.get(result));
  } else {
    const source = e.keep(e.readF32(1));
    const result = e.keep(f.f32[operation](f.get(source)));
    judge(source, result, () => f.f32.eq(f.get(result), f.get(source)), () => f.f32.eq(f.get(source), f.get(source)));
    e.writeF32(0, f.get(result));
  }
};

const roundPacked = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const control = staticByte(e, 2) & 15;
  const double = isDouble(layout);
  const source = e.keep(e.readV128(1));
  const result = e.keep(f.v[ROUND_LANES[ROUND_OPERATION[(control & 4) !== 0 ? 0 : control & 3]][double ? 1 : 0]](f.get(source)));
  const same = (a: Local<'v128'>, b: Local<'v128'>): I32 => allLanes(f, double ? f.v.f64x2Eq(f.get(a), f.get(b)) : f.v.f32x4Eq(f.get(a), f.get(b)));
  const sure = (control & 12) === 8 ? allLanes(f, plainLanes(f, double, source)) : f.i32.or(same(result, source), f.i32.and(same(source, source), usualMxcsr(e)));
  settleRound(e, sure, control, layout, source, result);
  e.writeV128(0, f.get(result));
};

function settleRound(e: Emitter, sure: Val<'i32'>, control: number, layout: Layout, source: AnyLocal, result: AnyLocal): void {
  const { f } = e;
  f.if(
    f.i32.eqz(sure),
    () => {
      spill(f, FIRST, source);
      e.raiseIf(e.callHelper(roundHelper, [f.i32.const(control), f.i32.const(layout)]), Vector.simd, 0);
      reload(f, RESULT, result);
    },
    undefined,
    false,
  );
}

export const sseConvertForms: readonly FormRow[] = [
  ['CVTSI2SS', 'F3 0F 2A /r', 'Vss Ey', integerToSingle], ['CVTSI2SD', 'F2 0F 2A /r', 'Vsd Ey', integerToDouble],
  ['CVTTSS2SI', 'F3 0F 2C /r', 'Gy Wss', toInteger(false, true)], ['CVTTSD2SI', 'F2 0F 2C /r', 'Gy Wsd', toInteger(true, true)],
  ['CVTSS2SI', 'F3 0F 2D /r', 'Gy Wss', toInteger(false, false)], ['CVTSD2SI', 'F2 0F 2D /r', 'Gy Wsd', toInteger(true, false)],
  ['CVTSS2SD', 'F3 0F 5A /r', 'Vsd Wss', singleToDouble], ['CVTSD2SS', 'F2 0F 5A /r', 'Vss Wsd', doubleToSingle],
  ['CVTPS2PD', 'NP 0F 5A /r', 'Vpd Wq', singlesToDoubles], ['CVTPD2PS', '66 0F 5A /r', 'Vps Wpd', doublesToSingles, 'align'],
  ['CVTDQ2PS', 'NP 0F 5B /r', 'Vps Wx', integersToSingles, 'align'],
  ['CVTPS2DQ', '66 0F 5B /r', 'Vx Wps', packedToIntegers(false, false), 'align'], ['CVTTPS2DQ', 'F3 0F 5B /r', 'Vx Wps', packedToIntegers(false, true), 'align'],
  ['CVTDQ2PD', 'F3 0F E6 /r', 'Vpd Wq', integersToDoubles],
  ['CVTPD2DQ', 'F2 0F E6 /r', 'Vx Wpd', packedToIntegers(true, false), 'align'], ['CVTTPD2DQ', '66 0F E6 /r', 'Vx Wpd', packedToIntegers(true, true), 'align'],
  ['ROUNDPS', '66 0F 3A 08 /r ib', 'Vps Wps Ib', roundPacked(Layout.ps), 'align imm8-static'],
  ['ROUNDPD', '66 0F 3A 09 /r ib', 'Vpd Wpd Ib', roundPacked(Layout.pd), 'align imm8-static'],
  ['ROUNDSS', '66 0F 3A 0A /r ib', 'Vss Wss Ib', roundScalar(Layout.ss), 'imm8-static'],
  ['ROUNDSD', '66 0F 3A 0B /r ib', 'Vsd Wsd Ib', roundScalar(Layout.sd), 'imm8-static'],
];
