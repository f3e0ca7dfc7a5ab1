/**
 * SSE arithmetic and comparison. Each operation is done inline by wasm and then judged: if MXCSR is in its usual
 * state (all masked, to nearest, PE already set), the operands are no denormals and the result is an ordinary number, then
 * no flag can change and the result is right. Otherwise a helper does it again, exactly (sse-float-helpers.ts).
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import type { FunctionBuilder, I32, I64, Local, V128 } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { arithmeticHelper, dotProductHelper, FIRST, flagCompareHelper, isDouble, Layout, Operation, RESULT, SECOND } from './sse-float-helpers.ts';
import { mxcsr, staticByte } from './sse-operand.ts';
import { lanes } from './sse-vector.ts';

type F = FunctionBuilder;
type ScalarLocal = Local<'f32'> | Local<'f64'>;

/** MXCSR bits that must have their usual values, and those values: masks all set, RC, FTZ and DAZ clear, PE set. */
const CONTROL_BITS = 0xffe0;
const USUAL_CONTROL = 0x1fa0;

/** 1 when no exception can be raised and PE is sticky already. */
export function usualMxcsr(e: Emitter): I32 {
  return e.f.i32.eq(e.f.i32.and(mxcsr(e), e.f.i32.const(CONTROL_BITS)), e.f.i32.const(USUAL_CONTROL));
}

const smallestNormal = { f32: 2 ** -126, f64: 2 ** -1022 } as const;

/*
 * Judgements are made on the bits: shifted left by one they order magnitudes, and a range is one unsigned comparison.
 * That is half as much code as comparing floats, whose constants cost two instructions each.
 */

/** Exponents from -500 to 500 (-60 to 60 in single precision). */
const WINDOW_64 = { from: 523n << 53n, size: 1001n << 53n } as const;
const WINDOW_32 = { from: 67 << 24, size: 121 << 24 } as const;

/**
 * A normal number of moderate size. If two of a, b and a × b (or a / b) are, the third is a normal number: so a product and one of its
 * operands say everything about all three.
 */
function moderate(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') {
    return f.i64.ltU(f.i64.sub(f.i64.shl(f.convert.i64ReinterpretF64(f.get(x)), f.i64.const(1)), f.i64.const(WINDOW_64.from)), f.i64.const(WINDOW_64.size));
  }
  return f.i32.ltU(f.i32.sub(f.i32.shl(f.convert.i32ReinterpretF32(f.get(x)), f.i32.const(1)), f.i32.const(WINDOW_32.from)), f.i32.const(WINDOW_32.size));
}

/** Anything but a denormal. */
function notDenormal(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') {
    return f.i64.geU(f.i64.sub(f.i64.shl(f.convert.i64ReinterpretF64(f.get(x)), f.i64.const(1)), f.i64.const(1)), f.i64.const((1n << 53n) - 1n));
  }
  return f.i32.geU(f.i32.sub(f.i32.shl(f.convert.i32ReinterpretF32(f.get(x)), f.i32.const(1)), f.i32.const(1)), f.i32.const((1 << 24) - 1));
}

function finite(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') return f.i64.ltU(f.i64.shl(f.convert.i64ReinterpretF64(f.get(x)), f.i64.const(1)), f.i64.const(0x7ffn << 53n));
  return f.i32.ltU(f.i32.shl(f.convert.i32ReinterpretF32(f.get(x)), f.i32.const(1)), f.i32.const(0xff << 24));
}

/** Neither denormal nor NaN. */
export function plainOperand(f: F, x: ScalarLocal): I32 {
  const ordered = x.type === 'f64' ? f.f64.eq(f.get(x), f.get(x)) : f.f32.eq(f.get(x), f.get(x));
  return f.i32.and(ordered, notDenormal(f, x));
}

/** Normal and finite. */
export function normalNumber(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') {
    return f.i64.ltU(f.i64.sub(f.i64.shl(f.convert.i64ReinterpretF64(f.get(x)), f.i64.const(1)), f.i64.const(1n << 53n)), f.i64.const(0x7fen << 53n));
  }
  return f.i32.ltU(f.i32.sub(f.i32.shl(f.convert.i32ReinterpretF32(f.get(x)), f.i32.const(1)), f.i32.const(1 << 24)), f.i32.const(0xfe << 24));
}

/**
 * Bit 62 (30) is set where the two highest exponent bits differ: numbers between 2^-511 and 2^513 (2^-63 and 2^65), whose sums are
 * finite and exact where they are tiny. A shift and an exclusive or, of operands that are known before the result is.
 */
function middleBits64(f: F, x: Local<'f64'>): I64 {
  return f.i64.xor(f.i64.shl(f.convert.i64ReinterpretF64(f.get(x)), f.i64.const(1)), f.convert.i64ReinterpretF64(f.get(x)));
}
function middleBits32(f: F, x: Local<'f32'>): I32 {
  return f.i32.xor(f.i32.shl(f.convert.i32ReinterpretF32(f.get(x)), f.i32.const(1)), f.convert.i32ReinterpretF32(f.get(x)));
}

/**
 * Both operands are of middling size. With `narrow` the third exponent bit counts as well (2^-255 to 2^257; 2^-31 to 2^33), which makes
 * products and quotients normal numbers.
 */
function middling(e: Emitter, a: ScalarLocal, b: ScalarLocal, narrow: boolean): I32 {
  const { f } = e;
  if (a.type === 'f64' && b.type === 'f64') {
    const x = e.keep(middleBits64(f, a));
    const y = e.keep(middleBits64(f, b));
    const both = f.i64.and(f.get(x), f.get(y));
    const bits = narrow ? f.i64.and(both, f.i64.xor(f.i64.shl(f.i64.or(f.get(x), f.get(y)), f.i64.const(1)), f.i64.const(-1))) : both;
    return f.i64.ltS(f.i64.shl(bits, f.i64.const(1)), f.i64.const(0));
  }
  if (a.type !== 'f32' || b.type !== 'f32') throw new Error('operands of two precisions');
  const x = e.keep(middleBits32(f, a));
  const y = e.keep(middleBits32(f, b));
  const both = f.i32.and(f.get(x), f.get(y));
  const bits = narrow ? f.i32.and(both, f.i32.xor(f.i32.shl(f.i32.or(f.get(x), f.get(y)), f.i32.const(1)), f.i32.const(-1))) : both;
  return f.i32.ltS(f.i32.shl(bits, f.i32.const(1)), f.i32.const(0));
}

/** As `middling`, for all lanes. */
function middlingLanes(e: Emitter, double: boolean, a: Local<'v128'>, b: Local<'v128'>, narrow: boolean): I32 {
  const { f } = e;
  const shift = double ? 'i64x2Shl' : 'i32x4Shl';
  const bits = (x: Local<'v128'>): Local<'v128'> => e.keep(f.v.v128Xor(f.v[shift](f.get(x), f.i32.const(1)), f.get(x)));
  const x = bits(a);
  const y = bits(b);
  const both = f.v.v128And(f.get(x), f.get(y));
  const tested = narrow ? f.v.v128AndNot(both, f.v[shift](f.v.v128Or(f.get(x), f.get(y)), f.i32.const(1))) : both;
  const mask = f.v[double ? 'i64x2Bitmask' : 'i32x4Bitmask'](f.v[shift](tested, f.i32.const(1)));
  return f.i32.eq(mask, f.i32.const(double ? 3 : 15));
}

/** As plainOperand, for all lanes: a mask. */
export function plainLanes(f: F, double: boolean, x: Local<'v128'>): V128 {
  if (double) return f.v.v128Or(f.v.f64x2Ge(f.v.f64x2Abs(f.get(x)), f.v.f64x2Splat(f.f64.const(smallestNormal.f64))), f.v.f64x2Eq(f.get(x), f.v.const(0n, 0n)));
  return f.v.v128Or(f.v.f32x4Ge(f.v.f32x4Abs(f.get(x)), f.v.f32x4Splat(f.f32.const(smallestNormal.f32))), f.v.f32x4Eq(f.get(x), f.v.const(0n, 0n)));
}

/** As `moderate`, for the lanes of a result and one operand. A NaN operand has made the result one. */
function moderateLanes(f: F, double: boolean, result: Local<'v128'>, operand: Local<'v128'>): V128 {
  if (double) {
    const least = f.v.f64x2Pmin(f.v.f64x2Abs(f.get(result)), f.v.f64x2Abs(f.get(operand)));
    const large = f.v.f64x2Ge(least, f.v.f64x2Splat(f.f64.const(2 ** -500)));
    return f.v.v128And(large, f.v.f64x2Lt(f.v.f64x2Pmax(f.v.f64x2Abs(f.get(result)), f.v.f64x2Abs(f.get(operand))), f.v.f64x2Splat(f.f64.const(2 ** 500))));
  }
  const least = f.v.f32x4Pmin(f.v.f32x4Abs(f.get(result)), f.v.f32x4Abs(f.get(operand)));
  const large = f.v.f32x4Ge(least, f.v.f32x4Splat(f.f32.const(2 ** -60)));
  return f.v.v128And(large, f.v.f32x4Lt(f.v.f32x4Pmax(f.v.f32x4Abs(f.get(result)), f.v.f32x4Abs(f.get(operand))), f.v.f32x4Splat(f.f32.const(2 ** 60))));
}

function finiteLanes(f: F, double: boolean, x: Local<'v128'>): V128 {
  if (double) return f.v.f64x2Lt(f.v.f64x2Abs(f.get(x)), f.v.f64x2Splat(f.f64.const(Infinity)));
  return f.v.f32x4Lt(f.v.f32x4Abs(f.get(x)), f.v.f32x4Splat(f.f32.const(Infinity)));
}

/** All bits of a lane mask are set (the lanes are all ones or zero each). */
export function allLanes(f: F, mask: V128): I32 {
  return f.v.i32x4AllTrue(mask);
}

/** Stores a local to linear memory. */
export function spill(f: F, address: number, value: ScalarLocal | Local<'v128'> | Local<'i32'> | Local<'i64'>): void {
  const at = f.i32.const(0);
  switch (value.type) {
    case 'f32':
      return f.store.f32Store(at, f.get(value), address);
    case 'f64':
      return f.store.f64Store(at, f.get(value), address);
    case 'i32':
      return f.store.i32Store(at, f.get(value), address);
    case 'i64':
      return f.store.i64Store(at, f.get(value), address);
    case 'v128':
      return f.store.v128Store(at, f.get(value), address);
  }
}

/** Loads a local from linear memory. */
export function reload(f: F, address: number, into: ScalarLocal | Local<'v128'> | Local<'i32'> | Local<'i64'>): void {
  const at = f.i32.const(0);
  switch (into.type) {
    case 'f32':
      return f.set(into, f.load.f32Load(at, address));
    case 'f64':
      return f.set(into, f.load.f64Load(at, address));
    case 'i32':
      return f.set(into, f.load.i32Load(at, address));
    case 'i64':
      return f.set(into, f.load.i64Load(at, address));
    case 'v128':
      return f.set(into, f.load.v128Load(at, address));
  }
}

/** Unless `sure`, has the helper redo the operation on the spilled operands and replaces `result`. */
function settle(e: Emitter, sure: I32, operation: number, layout: Layout, first: ScalarLocal | Local<'v128'>, second: ScalarLocal | Local<'v128'>, result: ScalarLocal | Local<'v128'>): void {
  const { f } = e;
  f.if(
    f.i32.eqz(sure),
    () => {
      spill(f, FIRST, first);
      spill(f, SECOND, second);
      e.raiseIf(e.callHelper(arithmeticHelper, [f.i32.const(operation), f.i32.const(layout)]), Vector.simd, 0);
      reload(f, RESULT, result);
    },
    undefined,
    false,
  );
}

/**
 * As `settle` in two steps: `quick` is cheap and says yes for nearly everything, `sure` looks again. Conditional branches
 * rather than one condition: they need no booleans.
 */
function settleArithmetic(e: Emitter, quick: () => I32, sure: () => I32, operation: number, layout: Layout, first: ScalarLocal | Local<'v128'>, second: ScalarLocal | Local<'v128'>, result: ScalarLocal | Local<'v128'>): void {
  const { f } = e;
  f.block((done) => {
    f.block((unsure) => {
      f.brIf(unsure, f.i32.ne(f.i32.and(mxcsr(e), f.i32.const(CONTROL_BITS)), f.i32.const(USUAL_CONTROL)), false);
      f.brIf(done, quick(), true);
    });
    settle(e, sure(), operation, layout, first, second, result);
  });
}

type Arithmetic = 'add' | 'sub' | 'mul' | 'div';
const isSum = (name: Arithmetic): boolean => name === 'add' || name === 'sub';

/** What makes the inline result right: sums are exact where they are tiny, so any finite one will do; see `moderate` for the others. */
function sureArithmetic(e: Emitter, name: Arithmetic, a: ScalarLocal, b: ScalarLocal, result: ScalarLocal): I32 {
  const { f } = e;
  if (isSum(name)) return f.i32.and(f.i32.and(usualMxcsr(e), finite(f, result)), f.i32.and(notDenormal(f, a), notDenormal(f, b)));
  return f.i32.and(f.i32.and(usualMxcsr(e), moderate(f, result)), moderate(f, name === 'mul' ? a : b));
}

const scalarArithmetic = (name: Arithmetic, layout: Layout): Semantic => (e) => {
  const { f } = e;
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const a = e.keep(e.readF64(0));
    const result = e.keep(f.f64[name](f.get(a), f.get(b)));
    settleArithmetic(e, () => middling(e, a, b, !isSum(name)), () => sureArithmetic(e, name, a, b, result), Operation[name], layout, a, b, result);
    e.writeF64(0, f.get(result));
  } else {
    const b = e.keep(e.readF32(1));
    const a = e.keep(e.readF32(0));
    const result = e.keep(f.f32[name](f.get(a), f.get(b)));
    settleArithmetic(e, () => middling(e, a, b, !isSum(name)), () => sureArithmetic(e, name, a, b, result), Operation[name], layout, a, b, result);
    e.writeF32(0, f.get(result));
  }
};

/** Packed operation on two locals, judged by lanes. */
function packedOperation(e: Emitter, operation: number, layout: Layout, a: Local<'v128'>, b: Local<'v128'>, result: Local<'v128'>): void {
  const { f } = e;
  const double = isDouble(layout);
  const product = operation === Operation.mul || operation === Operation.div;
  const sure = (): I32 => {
    const ordinary = product
      ? moderateLanes(f, double, result, operation === Operation.mul ? a : b)
      : f.v.v128And(finiteLanes(f, double, result), f.v.v128And(plainLanes(f, double, a), plainLanes(f, double, b)));
    return f.i32.and(allLanes(f, ordinary), usualMxcsr(e));
  };
  settleArithmetic(e, () => middlingLanes(e, double, a, b, product), sure, operation, layout, a, b, result);
}

const VECTOR = {
  add: ['f32x4Add', 'f64x2Add'], sub: ['f32x4Sub', 'f64x2Sub'], mul: ['f32x4Mul', 'f64x2Mul'], div: ['f32x4Div', 'f64x2Div'],
} as const;

const packedArithmetic = (name: Arithmetic, layout: Layout): Semantic => (e) => {
  const { f } = e;
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const result = e.keep(f.v[VECTOR[name][isDouble(layout) ? 1 : 0]](f.get(a), f.get(b)));
  packedOperation(e, Operation[name], layout, a, b, result);
  e.writeV128(0, f.get(result));
};

/** HADDPx, HSUBPx: neighbours within a, then within b. */
const horizontal = (name: 'add' | 'sub', layout: Layout): Semantic => (e) => {
  const { f } = e;
  const double = isDouble(layout);
  const source = e.keep(e.readV128(1));
  const destination = e.keep(e.readV128(0));
  const bytes = double ? 8 : 4;
  const even = e.keep(f.v.shuffle(f.get(destination), f.get(source), lanes(bytes, double ? [0, 2] : [0, 2, 4, 6])));
  const odd = e.keep(f.v.shuffle(f.get(destination), f.get(source), lanes(bytes, double ? [1, 3] : [1, 3, 5, 7])));
  const result = e.keep(f.v[VECTOR[name][double ? 1 : 0]](f.get(even), f.get(odd)));
  packedOperation(e, Operation[name], layout, even, odd, result);
  e.writeV128(0, f.get(result));
};

/** ADDSUBPx: subtracts the even lanes, adds the odd ones. */
const addSubtract = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const result = e.keep(
    isDouble(layout)
      ? f.v.shuffle(f.v.f64x2Sub(f.get(a), f.get(b)), f.v.f64x2Add(f.get(a), f.get(b)), lanes(8, [0, 3]))
      : f.v.shuffle(f.v.f32x4Sub(f.get(a), f.get(b)), f.v.f32x4Add(f.get(a), f.get(b)), lanes(4, [0, 5, 2, 7])),
  );
  packedOperation(e, Operation.addsub, layout, a, b, result);
  e.writeV128(0, f.get(result));
};

const scalarRoot = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const result = e.keep(f.f64.sqrt(f.get(b)));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), finite(f, result)), notDenormal(f, b)), Operation.sqrt, layout, b, b, result);
    e.writeF64(0, f.get(result));
  } else {
    const b = e.keep(e.readF32(1));
    const result = e.keep(f.f32.sqrt(f.get(b)));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), finite(f, result)), notDenormal(f, b)), Operation.sqrt, layout, b, b, result);
    e.writeF32(0, f.get(result));
  }
};

const packedRoot = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const double = isDouble(layout);
  const b = e.keep(e.readV128(1));
  const result = e.keep(double ? f.v.f64x2Sqrt(f.get(b)) : f.v.f32x4Sqrt(f.get(b)));
  // Finite results come of numbers that are not negative.
  const ordinary = f.v.v128And(finiteLanes(f, double, result), plainLanes(f, double, b));
  settle(e, f.i32.and(allLanes(f, ordinary), usualMxcsr(e)), Operation.sqrt, layout, b, b, result);
  e.writeV128(0, f.get(result));
};

/** MINxx, MAXxx: `a < b ? a : b` and `a > b ? a : b` exactly. No rounding, so that MXCSR need not be looked at. */
const scalarExtremum = (name: 'min' | 'max', layout: Layout): Semantic => (e) => {
  const { f } = e;
  const order = name === 'min' ? 'lt' : 'gt';
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const a = e.keep(e.readF64(0));
    const result = e.keep(f.select(f.get(a), f.get(b), f.f64[order](f.get(a), f.get(b))));
    settle(e, f.i32.and(plainOperand(f, a), plainOperand(f, b)), Operation[name], layout, a, b, result);
    e.writeF64(0, f.get(result));
  } else {
    const b = e.keep(e.readF32(1));
    const a = e.keep(e.readF32(0));
    const result = e.keep(f.select(f.get(a), f.get(b), f.f32[order](f.get(a), f.get(b))));
    settle(e, f.i32.and(plainOperand(f, a), plainOperand(f, b)), Operation[name], layout, a, b, result);
    e.writeF32(0, f.get(result));
  }
};

const packedExtremum = (name: 'min' | 'max', layout: Layout): Semantic => (e) => {
  const { f } = e;
  const double = isDouble(layout);
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  // wasm's pmin(x, y) is y < x ? y : x, pmax(x, y) is x < y ? y : x.
  const pick = double ? (name === 'min' ? 'f64x2Pmin' : 'f64x2Pmax') : name === 'min' ? 'f32x4Pmin' : 'f32x4Pmax';
  const result = e.keep(f.v[pick](f.get(b), f.get(a)));
  settle(e, allLanes(f, f.v.v128And(plainLanes(f, double, a), plainLanes(f, double, b))), Operation[name], layout, a, b, result);
  e.writeV128(0, f.get(result));
};

/** CMPxx as a lane mask; `unordered` predicates and negations by and/or of what wasm has. */
function compareLanes(f: F, double: boolean, predicate: number, a: Local<'v128'>, b: Local<'v128'>): V128 {
  const eq = double ? 'f64x2Eq' : 'f32x4Eq';
  const ne = double ? 'f64x2Ne' : 'f32x4Ne';
  const lt = double ? 'f64x2Lt' : 'f32x4Lt';
  const le = double ? 'f64x2Le' : 'f32x4Le';
  switch (predicate) {
    case 0:
      return f.v[eq](f.get(a), f.get(b));
    case 1:
      return f.v[lt](f.get(a), f.get(b));
    case 2:
      return f.v[le](f.get(a), f.get(b));
    case 3:
      return f.v.v128Or(f.v[ne](f.get(a), f.get(a)), f.v[ne](f.get(b), f.get(b)));
    case 4:
      return f.v[ne](f.get(a), f.get(b));
    case 5:
      return f.v.v128Not(f.v[lt](f.get(a), f.get(b)));
    case 6:
      return f.v.v128Not(f.v[le](f.get(a), f.get(b)));
    default:
      return f.v.v128And(f.v[eq](f.get(a), f.get(a)), f.v[eq](f.get(b), f.get(b)));
  }
}

const packedCompare = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const predicate = staticByte(e, 2) & 7;
  const double = isDouble(layout);
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const result = e.keep(compareLanes(f, double, predicate, a, b));
  settle(e, allLanes(f, f.v.v128And(plainLanes(f, double, a), plainLanes(f, double, b))), Operation.compare + predicate, layout, a, b, result);
  e.writeV128(0, f.get(result));
};

const scalarCompare = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const predicate = staticByte(e, 2) & 7;
  const double = isDouble(layout);
  // Both operands in lane 0; the other lanes compare a register with itself or zeros and are not written.
  const b = e.keep(double ? f.v.f64x2Splat(e.readF64(1)) : f.v.f32x4Splat(e.readF32(1)));
  const a = e.keep(double ? f.v.f64x2Splat(e.readF64(0)) : f.v.f32x4Splat(e.readF32(0)));
  const result = e.keep(compareLanes(f, double, predicate, a, b));
  settle(e, allLanes(f, f.v.v128And(plainLanes(f, double, a), plainLanes(f, double, b))), Operation.compare + predicate, layout, a, b, result);
  if (double) e.writeLow64(0, f.v.i64x2ExtractLane(f.get(result), 0));
  else e.writeLow32(0, f.v.i32x4ExtractLane(f.get(result), 0));
};

/** COMISx, UCOMISx: plain operands are never unordered, so ZF and CF are two comparisons. */
const compareToFlags = (ordered: boolean, layout: Layout): Semantic => (e) => {
  const { f } = e;
  const flags = e.temp('i32');
  const judge = (a: ScalarLocal, b: ScalarLocal, quick: () => I32): void => {
    f.if(
      f.i32.and(plainOperand(f, a), plainOperand(f, b)),
      () => f.set(flags, quick()),
      () => {
        spill(f, FIRST, a);
        spill(f, SECOND, b);
        f.set(flags, e.callHelper(flagCompareHelper, [f.i32.const(ordered ? 1 : 0), f.i32.const(layout)]));
        e.raiseIf(f.i32.ltS(f.get(flags), f.i32.const(0)), Vector.simd, 0);
      },
      true,
    );
  };
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const a = e.keep(e.readF64(0));
    judge(a, b, () => f.i32.or(f.f64.lt(f.get(a), f.get(b)), f.i32.shl(f.f64.eq(f.get(a), f.get(b)), f.i32.const(6))));
  } else {
    const b = e.keep(e.readF32(1));
    const a = e.keep(e.readF32(0));
    judge(a, b, () => f.i32.or(f.f32.lt(f.get(a), f.get(b)), f.i32.shl(f.f32.eq(f.get(a), f.get(b)), f.i32.const(6))));
  }
  e.setAllFlags(f.get(flags));
};

const dotProduct = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const imm = staticByte(e, 2);
  f.store.v128Store(f.i32.const(0), e.readV128(1), SECOND);
  f.store.v128Store(f.i32.const(0), e.readV128(0), FIRST);
  e.raiseIf(e.callHelper(dotProductHelper, [f.i32.const(imm), f.i32.const(layout)]), Vector.simd, 0);
  e.writeV128(0, f.load.v128Load(f.i32.const(0), RESULT));
};

/** RCPxS, RSQRTxS: this machine answers with the quotient cut to 12 bits, within the 1.5 × 2^-12 the manual allows. */
const approximate = (root: boolean, layout: Layout): Semantic => (e) => {
  const { f } = e;
  if (layout === Layout.ps) {
    e.writeV128(0, approximation(f, e.keep(e.readV128(1)), root));
    return;
  }
  const source = e.keep(f.v.f32x4Splat(e.readF32(1)));
  e.writeLow32(0, f.v.i32x4ExtractLane(approximation(f, source, root), 0));
};

/** No flags and no rounding control: denormals count as zeros, tiny results are zeros, NaNs become quiet. */
function approximation(f: F, x: Local<'v128'>, root: boolean): V128 {
  const signs = (): V128 => f.v.v128And(f.get(x), f.v.i32x4Splat(f.i32.const(0x80000000)));
  const splat = (bits: number): V128 => f.v.i32x4Splat(f.i32.const(bits));
  // Denormals to signed zeros.
  const value = f.keep(
    f.v.bitselect(f.get(x), signs(), f.v.i32x4GeS(f.v.v128And(f.get(x), splat(0x7fffffff)), splat(0x00800000))),
  );
  const quotient = f.keep(f.v.f32x4Div(f.v.f32x4Splat(f.f32.const(1)), root ? f.v.f32x4Sqrt(f.get(value)) : f.get(value)));
  // Round to 12 bits of significand; infinities and zeros are unchanged by it.
  f.set(quotient, f.v.v128And(f.v.i32x4Add(f.get(quotient), splat(0x800)), splat(0xfffff000)));
  // Processors approximate 1 / 2^126 from below, where it is tiny.
  const flushed = f.keep(
    f.v.bitselect(f.get(quotient), f.v.v128And(f.get(quotient), splat(0x80000000)), f.v.i32x4GtS(f.v.v128And(f.get(quotient), splat(0x7fffffff)), splat(0x00800000))),
  );
  if (root) {
    f.set(flushed, f.v.bitselect(splat(0xffc00000), f.get(flushed), f.v.f32x4Lt(f.get(value), f.v.const(0n, 0n))));
  }
  const result = f.v.bitselect(f.v.v128Or(f.get(x), splat(0x00400000)), f.get(flushed), f.v.f32x4Ne(f.get(x), f.get(x)));
  for (const local of [value, quotient, flushed]) f.release(local);
  return result;
}

const arithmeticRows = (mnemonic: string, opcode: string, name: Arithmetic): FormRow[] => [
  [`${mnemonic}PS`, `NP 0F ${opcode} /r`, 'Vps Wps', packedArithmetic(name, Layout.ps), 'align'],
  [`${mnemonic}PD`, `66 0F ${opcode} /r`, 'Vpd Wpd', packedArithmetic(name, Layout.pd), 'align'],
  [`${mnemonic}SS`, `F3 0F ${opcode} /r`, 'Vss Wss', scalarArithmetic(name, Layout.ss)],
  [`${mnemonic}SD`, `F2 0F ${opcode} /r`, 'Vsd Wsd', scalarArithmetic(name, Layout.sd)],
];
const extremumRows = (mnemonic: string, opcode: string, name: 'min' | 'max'): FormRow[] => [
  [`${mnemonic}PS`, `NP 0F ${opcode} /r`, 'Vps Wps', packedExtremum(name, Layout.ps), 'align'],
  [`${mnemonic}PD`, `66 0F ${opcode} /r`, 'Vpd Wpd', packedExtremum(name, Layout.pd), 'align'],
  [`${mnemonic}SS`, `F3 0F ${opcode} /r`, 'Vss Wss', scalarExtremum(name, Layout.ss)],
  [`${mnemonic}SD`, `F2 0F ${opcode} /r`, 'Vsd Wsd', scalarExtremum(name, Layout.sd)],
];

export const sseFloatForms: readonly FormRow[] = [
  ...arithmeticRows('ADD', '58', 'add'), ...arithmeticRows('MUL', '59', 'mul'), ...arithmeticRows('SUB', '5C', 'sub'), ...arithmeticRows('DIV', '5E', 'div'),
  ...extremumRows('MIN', '5D', 'min'), ...extremumRows('MAX', '5F', 'max'),
  ['SQRTPS', 'NP 0F 51 /r', 'Vps Wps', packedRoot(Layout.ps), 'align'], ['SQRTPD', '66 0F 51 /r', 'Vpd Wpd', packedRoot(Layout.pd), 'align'],
  ['SQRTSS', 'F3 0F 51 /r', 'Vss Wss', scalarRoot(Layout.ss)], ['SQRTSD', 'F2 0F 51 /r', 'Vsd Wsd', scalarRoot(Layout.sd)],
  ['RSQRTPS', 'NP 0F 52 /r', 'Vps Wps', approximate(true, Layout.ps), 'align'], ['RSQRTSS', 'F3 0F 52 /r', 'Vss Wss', approximate(true, Layout.ss)],
  ['RCPPS', 'NP 0F 53 /r', 'Vps Wps', approximate(false, Layout.ps), 'align'], ['RCPSS', 'F3 0F 53 /r', 'Vss Wss', approximate(false, Layout.ss)],
  ['UCOMISS', 'NP 0F 2E /r', 'Vss Wss', compareToFlags(false, Layout.ss)], ['UCOMISD', '66 0F 2E /r', 'Vsd Wsd', compareToFlags(false, Layout.sd)],
  ['COMISS', 'NP 0F 2F /r', 'Vss Wss', compareToFlags(true, Layout.ss)], ['COMISD', '66 0F 2F /r', 'Vsd Wsd', compareToFlags(true, Layout.sd)],
  ['CMPPS', 'NP 0F C2 /r ib', 'Vps Wps Ib', packedCompare(Layout.ps), 'align imm8-static'],
  ['CMPPD', '66 0F C2 /r ib', 'Vpd Wpd Ib', packedCompare(Layout.pd), 'align imm8-static'],
  ['CMPSS', 'F3 0F C2 /r ib', 'Vss Wss Ib', scalarCompare(Layout.ss), 'imm8-static'],
  ['CMPSD', 'F2 0F C2 /r ib', 'Vsd Wsd Ib', scalarCompare(Layout.sd), 'imm8-static'],
  ['HADDPS', 'F2 0F 7C /r', 'Vps Wps', horizontal('add', Layout.ps), 'align'], ['HADDPD', '66 0F 7C /r', 'Vpd Wpd', horizontal('add', Layout.pd), 'align'],
  ['HSUBPS', 'F2 0F 7D /r', 'Vps Wps', horizontal('sub', Layout.ps), 'align'], ['HSUBPD', '66 0F 7D /r', 'Vpd Wpd', horizontal('sub', Layout.pd), 'align'],
  ['ADDSUBPS', 'F2 0F D0 /r', 'Vps Wps', addSubtract(Layout.ps), 'align'], ['ADDSUBPD', '66 0F D0 /r', 'Vpd Wpd', addSubtract(Layout.pd), 'align'],
  ['DPPS', '66 0F 3A 40 /r ib', 'Vps Wps Ib', dotProduct(Layout.ps), 'align imm8-static'],
  ['DPPD', '66 0F 3A 41 /r ib', 'Vpd Wpd Ib', dotProduct(Layout.pd), 'align imm8-static'],
];
