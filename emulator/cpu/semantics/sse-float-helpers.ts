/**
 * The slow side of SSE floating point: helpers which emitted code calls when its fast path is unsure. Operands
 * and results travel through SCRATCH (a v128 cannot be passed, and NaN bits would not survive as JavaScript
 * numbers): first operand at {@link FIRST}, second at {@link SECOND}, result at {@link RESULT}.
 *
 * The commonest reason to come here is a program that has never rounded yet, so that PE is still clear; that
 * case is answered in plain doubles with error-free transformations, everything else by soft-float.
 */
import { MXCSR, SCRATCH } from '../state.ts';
import { BINARY32, BINARY64, type BinaryFormat } from '../soft-float/binary-format.ts';
import { Exception } from '../soft-float/rounding.ts';
import * as soft from '../soft-float/sse-arithmetic.ts';
import { type BinaryOperation, Mxcsr, type Outcome, PRE_COMPUTATION } from '../soft-float/sse-arithmetic.ts';
import type { Helper, HelperEnvironment } from './emitter.ts';

export const FIRST = SCRATCH;
export const SECOND = SCRATCH + 16;
export const RESULT = SCRATCH + 32;

/** Operand layouts: scalar or packed, single or double. */
export const Layout = { ss: 0, sd: 1, ps: 2, pd: 3 } as const;
export type Layout = (typeof Layout)[keyof typeof Layout];
export const isDouble = (layout: number): boolean => (layout & 1) === 1;
export const isPacked = (layout: number): boolean => (layout & 2) === 2;

/** Operations of {@link arithmeticHelper}; `compare` is the first of eight predicates. */
export const Operation = { add: 0, sub: 1, mul: 2, div: 3, sqrt: 4, min: 5, max: 6, addsub: 7, compare: 8 } as const;

const OPERATIONS: readonly BinaryOperation[] = [
  soft.add, soft.subtract, soft.multiply, soft.divide, soft.squareRoot, soft.minimum, soft.maximum, soft.add,
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(soft.compare),
];

/** MXCSR with everything masked, to nearest, no DAZ, no FTZ. */
const DEFAULT_CONTROL = 0x1f80;

function readBits(env: HelperEnvironment, format: BinaryFormat, address: number, lane: number): bigint {
  return format.bits === 64 ? env.view.getBigUint64(address + lane * 8, true) : BigInt(env.view.getUint32(address + lane * 4, true));
}

function writeBits(env: HelperEnvironment, format: BinaryFormat, lane: number, bits: bigint): void {
  if (format.bits === 64) env.view.setBigUint64(RESULT + lane * 8, bits, true);
  else env.view.setUint32(RESULT + lane * 4, Number(bits), true);
}

/**
 * Makes the flags of all lanes sticky; returns 1 when an unmasked one must raise #XM. If that one is found before
 * computing (IE, DE, ZE), the flags of computed results do not become visible.
 */
function settle(env: HelperEnvironment, flags: number): number {
  const mxcsr = env.i32[MXCSR >> 2];
  const unmasked = ~(mxcsr >> Mxcsr.maskShift);
  const before = flags & PRE_COMPUTATION;
  const stop = (before & unmasked) !== 0;
  env.i32[MXCSR >> 2] = mxcsr | (stop ? before : flags);
  return stop || (flags & unmasked) !== 0 ? 1 : 0;
}

const MIN_NORMAL = 2 ** -1022;
/** Above this a product's error term is a normal number. */
const SAFE_PRODUCT = 2 ** -960;
const SPLITTER = 2 ** 27 + 1;

/** Error of the rounded product `p` = a × b (Dekker); valid where nothing over- or underflows. */
function productError(a: number, b: number, p: number): number {
  const ta = a * SPLITTER;
  const ah = ta - (ta - a);
  const al = a - ah;
  const tb = b * SPLITTER;
  const bh = tb - (tb - b);
  const bl = b - bh;
  return al * bl - (p - ah * bh - al * bh - ah * bl);
}

function sumError(a: number, b: number, s: number): number {
  const bb = s - a;
  return a - (s - bb) + (b - bb);
}

const quickOperand = (x: number): boolean => {
  const magnitude = Math.abs(x);
  return magnitude < 2 ** 996 && (magnitude >= MIN_NORMAL || x === 0);
};

/** Result in `quickResult`; returns the flags (0 or PE), or -1 where soft-float must decide. */
let quickResult = 0;
function quickDouble(operation: number, a: number, b: number): number {
  if (!quickOperand(b) || (operation !== Operation.sqrt && !quickOperand(a))) return -1;
  let error: number;
  switch (operation) {
    case Operation.add:
      quickResult = a + b;
      error = sumError(a, b, quickResult);
      break;
    case Operation.sub:
      quickResult = a - b;
      error = sumError(a, -b, quickResult);
      break;
    case Operation.mul: {
      quickResult = a * b;
      if (a === 0 || b === 0) return 0;
      const magnitude = Math.abs(quickResult);
      if (!(magnitude > SAFE_PRODUCT && magnitude < 2 ** 996)) return -1;
      error = productError(a, b, quickResult);
      break;
    }
    case Operation.div: {
      if (b === 0) return -1;
      quickResult = a / b;
      if (a === 0) return 0;
      const magnitude = Math.abs(quickResult);
      if (!(magnitude > SAFE_PRODUCT && magnitude < 2 ** 996 && Math.abs(a) > SAFE_PRODUCT && Math.abs(b) > SAFE_PRODUCT)) return -1;
      const product = quickResult * b;
      return product === a && productError(quickResult, b, product) === 0 ? 0 : Exception.precision;
    }
    case Operation.sqrt: {
      quickResult = Math.sqrt(b);
      if (b === 0) return 0;
      if (!(b > SAFE_PRODUCT)) return -1;
      const square = quickResult * quickResult;
      return square === b && productError(quickResult, quickResult, square) === 0 ? 0 : Exception.precision;
    }
    default:
      return -1;
  }
  return error === 0 ? 0 : Exception.precision;
}

/** As quickDouble, for singles held in doubles: sums, products and remainders of singles are nearly always exact there. */
function quickSingle(operation: number, a: number, b: number): number {
  const fits = (x: number): boolean => {
    const magnitude = Math.abs(x);
    return (magnitude >= 2 ** -126 && magnitude < 2 ** 128) || x === 0;
  };
  if (!fits(b) || (operation !== Operation.sqrt && !fits(a))) return -1;
  let wide: number;
  let exact: boolean;
  switch (operation) {
    case Operation.add:
      wide = a + b;
      exact = sumError(a, b, wide) === 0;
      break;
    case Operation.sub:
      wide = a - b;
      exact = sumError(a, -b, wide) === 0;
      break;
    case Operation.mul:
      wide = a * b;
      exact = true;
      break;
    case Operation.div:
      if (b === 0) return -1;
      wide = a / b;
      exact = Math.fround(wide) * b === a;
      break;
    case Operation.sqrt:
      if (b < 0) return -1;
      wide = Math.sqrt(b);
      exact = Math.fround(wide) ** 2 === b;
      break;
    default:
      return -1;
  }
  quickResult = Math.fround(wide);
  if (!fits(quickResult) || (quickResult === 0 && wide !== 0)) return -1;
  return exact && quickResult === wide ? 0 : Exception.precision;
}

/** `(operation, layout) → 1 if #XM must be raised`: reads FIRST and SECOND, leaves RESULT and the sticky flags. */
export const arithmeticHelper: Helper<'i32'> = {
  name: 'sseArithmetic',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => {
    const doubles = new Float64Array(env.u8.buffer, env.u8.byteOffset);
    const singles = new Float32Array(env.u8.buffer, env.u8.byteOffset);
    return (operation: number, layout: number): number => {
      const wide = isDouble(layout);
      const count = isPacked(layout) ? (wide ? 2 : 4) : 1;
      const format = wide ? BINARY64 : BINARY32;
      const mxcsr = env.i32[MXCSR >> 2];
      const quick = (mxcsr & ~Mxcsr.flags) === DEFAULT_CONTROL;
      let flags = 0;
      for (let lane = 0; lane < count; lane++) {
        const laneOperation = operation === Operation.addsub ? (lane & 1 ? Operation.add : Operation.sub) : operation;
        if (quick) {
          const done = wide
            ? quickDouble(laneOperation, doubles[(FIRST >> 3) + lane], doubles[(SECOND >> 3) + lane])
            : quickSingle(laneOperation, singles[(FIRST >> 2) + lane], singles[(SECOND >> 2) + lane]);
          if (done >= 0) {
            flags |= done;
            if (wide) doubles[(RESULT >> 3) + lane] = quickResult;
            else singles[(RESULT >> 2) + lane] = quickResult;
            continue;
          }
        }
        const outcome = OPERATIONS[laneOperation](format, readBits(env, format, FIRST, lane), readBits(env, format, SECOND, lane), mxcsr);
        writeBits(env, format, lane, outcome.bits);
        flags |= outcome.flags;
      }
      return settle(env, flags);
    };
  },
};

/** `(ordered, layout) → CF, PF and ZF in their places, or -1 if #XM must be raised`: COMISx and UCOMISx. */
export const flagCompareHelper: Helper<'i32'> = {
  name: 'sseCompareToFlags',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => {
    const operations = [soft.compareToFlags(false), soft.compareToFlags(true)];
    return (ordered: number, layout: number): number => {
      const format = isDouble(layout) ? BINARY64 : BINARY32;
      const outcome = operations[ordered](format, readBits(env, format, FIRST, 0), readBits(env, format, SECOND, 0), env.i32[MXCSR >> 2]);
      return settle(env, outcome.flags) !== 0 ? -1 : Number(outcome.bits);
    };
  },
};

/** Conversions of {@link convertHelper}: name → [format of FIRST, what it becomes]. `int32` and `int64` round by MXCSR, `truncate…` toward zero. */
export const Conversion = {
  singleToDouble: 0, doubleToSingle: 1,
  singleToInt32: 2, singleToInt64: 3, doubleToInt32: 4, doubleToInt64: 5,
  truncateSingleToInt32: 6, truncateSingleToInt64: 7, truncateDoubleToInt32: 8, truncateDoubleToInt64: 9,
  int32ToSingle: 10, int64ToSingle: 11, int64ToDouble: 12,
} as const;
export type Conversion = (typeof Conversion)[keyof typeof Conversion];

interface LaneConversion {
  readonly fromBytes: 4 | 8;
  readonly toBytes: 4 | 8;
  readonly apply: (bits: bigint, mxcsr: number) => Outcome;
}
const toInteger = (format: BinaryFormat, width: 32 | 64, truncate: boolean): LaneConversion => ({
  fromBytes: format.bits === 64 ? 8 : 4,
  toBytes: width === 64 ? 8 : 4,
  apply: (bits, mxcsr) => soft.toInteger(format, bits, width, truncate ? 3 : soft.roundingOf(mxcsr), mxcsr),
});
const fromInteger = (format: BinaryFormat, width: 32 | 64): LaneConversion => ({
  fromBytes: width === 64 ? 8 : 4,
  toBytes: format.bits === 64 ? 8 : 4,
  apply: (bits, mxcsr) => soft.fromInteger(format, BigInt.asIntN(width, bits), mxcsr),
});
const CONVERSIONS: readonly LaneConversion[] = [
  { fromBytes: 4, toBytes: 8, apply: (bits, mxcsr) => soft.convertFormat(BINARY32, BINARY64, bits, mxcsr) },
  { fromBytes: 8, toBytes: 4, apply: (bits, mxcsr) => soft.convertFormat(BINARY64, BINARY32, bits, mxcsr) },
  toInteger(BINARY32, 32, false), toInteger(BINARY32, 64, false), toInteger(BINARY64, 32, false), toInteger(BINARY64, 64, false),
  toInteger(BINARY32, 32, true), toInteger(BINARY32, 64, true), toInteger(BINARY64, 32, true), toInteger(BINARY64, 64, true),
  fromInteger(BINARY32, 32), fromInteger(BINARY32, 64), fromInteger(BINARY64, 64),
];

/** `(conversion, lanes) → 1 if #XM must be raised`: FIRST to RESULT. */
export const convertHelper: Helper<'i32'> = {
  name: 'sseConvert',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (conversion: number, count: number): number => {
    const { fromBytes, toBytes, apply } = CONVERSIONS[conversion];
    const from = fromBytes === 8 ? BINARY64 : BINARY32;
    const to = toBytes === 8 ? BINARY64 : BINARY32;
    let flags = 0;
    for (let lane = 0; lane < count; lane++) {
      const outcome = apply(readBits(env, from, FIRST, lane), env.i32[MXCSR >> 2]);
      writeBits(env, to, lane, outcome.bits);
      flags |= outcome.flags;
    }
    return settle(env, flags);
  },
};

/** `(control, layout) → 1 if #XM must be raised`: ROUNDxx of FIRST to RESULT. */
export const roundHelper: Helper<'i32'> = {
  name: 'sseRound',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (control: number, layout: number): number => {
    const format = isDouble(layout) ? BINARY64 : BINARY32;
    const count = isPacked(layout) ? 128 / format.bits : 1;
    let flags = 0;
    for (let lane = 0; lane < count; lane++) {
      const outcome = soft.roundToIntegral(format, readBits(env, format, FIRST, lane), control, env.i32[MXCSR >> 2]);
      writeBits(env, format, lane, outcome.bits);
      flags |= outcome.flags;
    }
    return settle(env, flags);
  },
};

/**
 * `(immediate, layout) → 1 if #XM must be raised`: DPPS, DPPD. Products of the lanes chosen by bits 7–4, added in
 * pairs, each step rounding and raising by itself; the sum goes to the lanes chosen by bits 3–0.
 */
export const dotProductHelper: Helper<'i32'> = {
  name: 'sseDotProduct',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (immediate: number, layout: number): number => {
    const format = isDouble(layout) ? BINARY64 : BINARY32;
    const count = 128 / format.bits;
    const mxcsr = env.i32[MXCSR >> 2];
    let flags = 0;
    const sums: bigint[] = [];
    for (let lane = 0; lane < count; lane++) {
      if (((immediate >> (4 + lane)) & 1) === 0) {
        sums.push(0n);
        continue;
      }
      const product = soft.multiply(format, readBits(env, format, FIRST, lane), readBits(env, format, SECOND, lane), mxcsr);
      flags |= product.flags;
      sums.push(product.bits);
    }
    if (settle(env, flags) !== 0) return 1;
    // Which NaN survives depends on the order: DPPS adds the neighbour's value and its own, then its pair's sum and the other pair's; DPPD its own first.
    for (let distance = 1; distance < count; distance *= 2) {
      flags = 0;
      const next = sums.map((own, lane) => {
        const other = sums[lane ^ distance];
        const sum = distance === 1 && count === 4 ? soft.add(format, other, own, mxcsr) : soft.add(format, own, other, mxcsr);
        flags |= sum.flags;
        return sum.bits;
      });
      if (settle(env, flags) !== 0) return 1;
      sums.splice(0, count, ...next);
    }
    for (let lane = 0; lane < count; lane++) writeBits(env, format, lane, (immediate >> lane) & 1 ? sums[lane] : 0n);
    return 0;
  },
};
