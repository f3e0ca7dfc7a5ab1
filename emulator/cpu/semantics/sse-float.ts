/**
 * SSE arithmetic and comparison. Each operation is done inline by wasm and then judged: if MXCSR is in its usual
 * state (all masked, to nearest, PE already set), the operands are no denormals and the result is an ordinary number, then
 * no flag can change and the result is right. Otherwise a helper does it again, exactly (sse-float-helpers.ts).
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import type { FunctionBuilder, I32, Local, V128 } from '../wasm/function-builder.ts';
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

/** |x| ≥ smallest normal number, or x = 0: neither denormal nor NaN. */
export function plainOperand(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') {
    return f.i32.or(f.f64.ge(f.f64.abs(f.get(x)), f.f64.const(smallestNormal.f64)), f.f64.eq(f.get(x), f.f64.const(0)));
  }
  return f.i32.or(f.f32.ge(f.f32.abs(f.get(x)), f.f32.const(smallestNormal.f32)), f.f32.eq(f.get(x), f.f32.const(0)));
}

/** Normal and finite. */
export function normalNumber(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') {
    return f.i32.and(f.f64.ge(f.f64.abs(f.get(x)), f.f64.const(smallestNormal.f64)), f.f64.lt(f.f64.abs(f.get(x)), f.f64.const(Infinity)));
  }
  return f.i32.and(f.f32.ge(f.f32.abs(f.get(x)), f.f32.const(smallestNormal.f32)), f.f32.lt(f.f32.abs(f.get(x)), f.f32.const(Infinity)));
}

function finite(f: F, x: ScalarLocal): I32 {
  if (x.type === 'f64') return f.f64.lt(f.f64.abs(f.get(x)), f.f64.const(Infinity));
  return f.f32.lt(f.f32.abs(f.get(x)), f.f32.const(Infinity));
}

/** As plainOperand, for all lanes: a mask. */
export function plainLanes(f: F, double: boolean, x: Local<'v128'>): V128 {
  if (double) return f.v.v128Or(f.v.f64x2Ge(f.v.f64x2Abs(f.get(x)), f.v.f64x2Splat(f.f64.const(smallestNormal.f64))), f.v.f64x2Eq(f.get(x), f.v.const(0n, 0n)));
  return f.v.v128Or(f.v.f32x4Ge(f.v.f32x4Abs(f.get(x)), f.v.f32x4Splat(f.f32.const(smallestNormal.f32))), f.v.f32x4Eq(f.get(x), f.v.const(0n, 0n)));
}

function normalLanes(f: F, double: boolean, x: Local<'v128'>): V128 {
  if (double) return f.v.v128And(f.v.f64x2Ge(f.v.f64x2Abs(f.get(x)), f.v.f64x2Splat(f.f64.const(smallestNormal.f64))), f.v.f64x2Lt(f.v.f64x2Abs(f.get(x)), f.v.f64x2Splat(f.f64.const(Infinity))));
  return f.v.v128And(f.v.f32x4Ge(f.v.f32x4Abs(f.get(x)), f.v.f32x4Splat(f.f32.const(smallestNormal.f32))), f.v.f32x4Lt(f.v.f32x4Abs(f.get(x)), f.v.f32x4Splat(f.f32.const(Infinity))));
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

type Arithmetic = 'add' | 'sub' | 'mul' | 'div';

/** Sums are exact where they are tiny, so any finite result will do; products and quotients must be normal. */
const scalarArithmetic = (name: Arithmetic, layout: Layout): Semantic => (e) => {
  const { f } = e;
  const sum = name === 'add' || name === 'sub';
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const a = e.keep(e.readF64(0));
    const result = e.keep(f.f64[name](f.get(a), f.get(b)));
    const operands = (): I32 => f.i32.and(plainOperand(f, a), plainOperand(f, b));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), sum ? finite(f, result) : normalNumber(f, result)), operands()), Operation[name], layout, a, b, result);
    e.writeF64(0, f.get(result));
  } else {
    const b = e.keep(e.readF32(1));
    const a = e.keep(e.readF32(0));
    const result = e.keep(f.f32[name](f.get(a), f.get(b)));
    const operands = (): I32 => f.i32.and(plainOperand(f, a), plainOperand(f, b));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), sum ? finite(f, result) : normalNumber(f, result)), operands()), Operation[name], layout, a, b, result);
    e.writeF32(0, f.get(result));
  }
};

/** Packed operation on two locals, judged by lanes. */
function packedOperation(e: Emitter, operation: number, layout: Layout, a: Local<'v128'>, b: Local<'v128'>, result: Local<'v128'>, tinyIsExact: boolean): void {
  const { f } = e;
  const double = isDouble(layout);
  const lanesOk = allLanes(f, f.v.v128And(tinyIsExact ? finiteLanes(f, double, result) : normalLanes(f, double, result), f.v.v128And(plainLanes(f, double, a), plainLanes(f, double, b))));
  settle(e, f.i32.and(lanesOk, usualMxcsr(e)), operation, layout, a, b, result);
}

const VECTOR = {
  add: ['f32x4Add', 'f64x2Add'], sub: ['f32x4Sub', 'f64x2Sub'], mul: ['f32x4Mul', 'f64x2Mul'], div: ['f32x4Div', 'f64x2Div'],
} as const;

const packedArithmetic = (name: Arithmetic, layout: Layout): Semantic => (e) => {
  const { f } = e;
  const b = e.keep(e.readV128(1));
  const a = e.keep(e.readV128(0));
  const result = e.keep(f.v[VECTOR[name][isDouble(layout) ? 1 : 0]](f.get(a), f.get(b)));
  packedOperation(e, Operation[name], layout, a, b, result, name === 'add' || name === 'sub');
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
  packedOperation(e, Operation[name], layout, even, odd, result, true);
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
  packedOperation(e, Operation.addsub, layout, a, b, result, true);
  e.writeV128(0, f.get(result));
};

const scalarRoot = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  if (isDouble(layout)) {
    const b = e.keep(e.readF64(1));
    const result = e.keep(f.f64.sqrt(f.get(b)));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), finite(f, result)), plainOperand(f, b)), Operation.sqrt, layout, b, b, result);
    e.writeF64(0, f.get(result));
  } else {
    const b = e.keep(e.readF32(1));
    const result = e.keep(f.f32.sqrt(f.get(b)));
    settle(e, f.i32.and(f.i32.and(usualMxcsr(e), finite(f, result)), plainOperand(f, b)), Operation.sqrt, layout, b, b, result);
    e.writeF32(0, f.get(result));
  }
};

const packedRoot = (layout: Layout): Semantic => (e) => {
  const { f } = e;
  const double = isDouble(layout);
  const b = e.keep(e.readV128(1));
  const result = e.keep(double ? f.v.f64x2Sqrt(f.get(b)) : f.v.f32x4Sqrt(f.get(b)));
  packedOperation(e, Operation.sqrt, layout, b, b, result, true);
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
  const flushed = f.keep(
    f.v.bitselect(f.get(quotient), f.v.v128And(f.get(quotient), splat(0x80000000)), f.v.i32x4GeS(f.v.v128And(f.get(quotient), splat(0x7fffffff)), splat(0x00800000))),
  );
  if (root) {
    const negative = f.v.f32x4Lt(f.get(value), f.v.const(0n, 0n));
    f.set(flushed, f.v.bitselect(splat(0xffc00000), f.get(flushed), negative));
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
