/** x87 arithmetic on 80-bit registers: value and exception flags of each basic operation. */
import { addExact, compareFinite, divideSticky, multiplyExact, negated, squareRootSticky } from './exact.ts';
import {
  asOrder, classify, type Extended, type ExtendedClass, type ExtendedControl, type ExtendedOutcome, exactExtended, finishExtended, INDEFINITE, infinityOf,
  isNaNClass, propagateNaN, signOf, unpack, zeroOf,
} from './extended.ts';
import { bitLength, Exception, Rounding, roundShift } from './rounding.ts';

export type ExtendedOperation = (a: Extended, b: Extended, control: ExtendedControl) => ExtendedOutcome;

export const INVALID: ExtendedOutcome = { value: INDEFINITE, flags: Exception.invalid, up: false };
const result = (value: Extended, flags: number): ExtendedOutcome => ({ value, flags, up: false });

/** What NaNs and meaningless encodings give, or undefined when both operands are numbers. */
export function special(a: Extended, classA: ExtendedClass, b: Extended, classB: ExtendedClass): ExtendedOutcome | undefined {
  if (classA === 'unsupported' || classB === 'unsupported') return INVALID;
  return isNaNClass(classA) || isNaNClass(classB) ? propagateNaN(a, b) : undefined;
}

const denormalFlag = (a: ExtendedClass, b: ExtendedClass): number => (a === 'denormal' || b === 'denormal' ? Exception.denormal : 0);

const addition = (subtract: boolean): ExtendedOperation => (a, b, control) => {
  const classA = classify(a);
  const classB = classify(b);
  const nan = special(a, classA, b, classB);
  if (nan !== undefined) return nan;
  const flags = denormalFlag(classA, classB);
  const signB = signOf(b) ^ (subtract ? 1 : 0);
  if (classA === 'infinity') return classB === 'infinity' && signOf(a) !== signB ? INVALID : result(a, flags);
  if (classB === 'infinity') return result(infinityOf(signB), flags);
  const y = unpack(b);
  return finishExtended(addExact(unpack(a), subtract ? negated(y) : y, control.mode), control, flags);
};
export const add = addition(false);
export const subtract = addition(true);

export const multiply: ExtendedOperation = (a, b, control) => {
  const classA = classify(a);
  const classB = classify(b);
  const nan = special(a, classA, b, classB);
  if (nan !== undefined) return nan;
  const flags = denormalFlag(classA, classB);
  if (classA === 'infinity' || classB === 'infinity') {
    if (classA === 'zero' || classB === 'zero') return INVALID;
    return result(infinityOf(signOf(a) ^ signOf(b)), flags);
  }
  return finishExtended(multiplyExact(unpack(a), unpack(b)), control, flags);
};

export const divide: ExtendedOperation = (a, b, control) => {
  const classA = classify(a);
  const classB = classify(b);
  const nan = special(a, classA, b, classB);
  if (nan !== undefined) return nan;
  const flags = denormalFlag(classA, classB);
  const sign = signOf(a) ^ signOf(b);
  if (classA === 'infinity') return classB === 'infinity' ? INVALID : result(infinityOf(sign), flags);
  if (classB === 'infinity') return result(zeroOf(sign), flags);
  if (classB === 'zero') return classA === 'zero' ? INVALID : result(infinityOf(sign), Exception.zeroDivide);
  if (classA === 'zero') return result(zeroOf(sign), flags);
  return finishExtended(divideSticky(unpack(a), unpack(b)), control, flags);
};

export const squareRoot = (a: Extended, control: ExtendedControl): ExtendedOutcome => {
  const classA = classify(a);
  const nan = special(a, classA, a, classA);
  if (nan !== undefined) return nan;
  if (classA === 'zero') return result(a, 0);
  if (signOf(a) === 1) return INVALID;
  if (classA === 'infinity') return result(a, 0);
  return finishExtended(squareRootSticky(unpack(a)), control, denormalFlag(classA, classA));
};

export interface Comparison {
  /** -1, 0, 1 or undefined for unordered. */
  readonly order: number | undefined;
  readonly flags: number;
}

/** FCOM (`quietIsInvalid`) and FUCOM. */
export function compare(a: Extended, b: Extended, quietIsInvalid: boolean): Comparison {
  const classA = classify(a);
  const classB = classify(b);
  if (classA === 'unsupported' || classB === 'unsupported') return { order: undefined, flags: Exception.invalid };
  if (isNaNClass(classA) || isNaNClass(classB)) {
    return { order: undefined, flags: quietIsInvalid || classA === 'signaling' || classB === 'signaling' ? Exception.invalid : 0 };
  }
  const flags = denormalFlag(classA, classB);
  if (classA === 'infinity' || classB === 'infinity') return { order: Math.sign(asOrder(classA, a) - asOrder(classB, b)), flags };
  return { order: compareFinite(unpack(a), unpack(b)), flags };
}

/** FRNDINT: to an integer by the rounding mode. */
export function roundToInteger(a: Extended, control: ExtendedControl): ExtendedOutcome {
  const classA = classify(a);
  const nan = special(a, classA, a, classA);
  if (nan !== undefined) return nan;
  if (classA === 'zero' || classA === 'infinity') return result(a, 0);
  const value = unpack(a);
  const flags = denormalFlag(classA, classA);
  if (value.exponent >= 0) return result(a, flags);
  const rounded = roundShift(value.significand, -value.exponent, value.sign, control.mode);
  return {
    value: exactExtended({ sign: value.sign, exponent: 0, significand: rounded.value }),
    flags: flags | (rounded.inexact ? Exception.precision : 0),
    up: rounded.up,
  };
}

/** FSCALE: a × 2^trunc(b). */
export const scale: ExtendedOperation = (a, b, control) => {
  const classA = classify(a);
  const classB = classify(b);
  const nan = special(a, classA, b, classB);
  if (nan !== undefined) return nan;
  const flags = denormalFlag(classA, classB);
  if (classB === 'infinity') {
    if (signOf(b) === 0) return classA === 'zero' ? INVALID : result(infinityOf(signOf(a)), flags);
    return classA === 'infinity' ? INVALID : result(zeroOf(signOf(a)), flags);
  }
  if (classA === 'infinity' || classA === 'zero') return result(a, flags);
  // Scaled by nothing, a pseudo-denormal still becomes the normal number it stands for.
  if (classB === 'zero') return result(classA === 'denormal' ? exactExtended(unpack(a)) : a, flags);
  const power = unpack(b);
  const magnitude = roundShift(power.significand, -power.exponent, 0, Rounding.zero).value;
  // Beyond this everything over- or underflows; clamping keeps the shifts small.
  const steps = Number(magnitude > 0x20000n ? 0x20000n : magnitude) * (power.sign ? -1 : 1);
  const value = unpack(a);
  // FSCALE ignores the precision control.
  return finishExtended({ ...value, exponent: value.exponent + steps }, { ...control, precision: 64 }, flags);
};

/** FXTRACT: significand (what is pushed) and unbiased exponent (what it replaces). */
export function extract(a: Extended): { significand: Extended; exponent: Extended; flags: number } {
  const classA = classify(a);
  const nan = special(a, classA, a, classA);
  if (nan !== undefined) return { significand: nan.value, exponent: nan.value, flags: nan.flags };
  if (classA === 'infinity') return { significand: a, exponent: infinityOf(0), flags: 0 };
  if (classA === 'zero') return { significand: a, exponent: infinityOf(1), flags: Exception.zeroDivide };
  const value = unpack(a);
  const length = bitLength(value.significand);
  const exponent = value.exponent + length - 1;
  return {
    significand: exactExtended({ sign: value.sign, exponent: 1 - length, significand: value.significand }),
    exponent: exactExtended({ sign: exponent < 0 ? 1 : 0, exponent: 0, significand: BigInt(Math.abs(exponent)) }),
    flags: denormalFlag(classA, classA),
  };
}

export interface Remainder extends ExtendedOutcome {
  /** Low three bits of the quotient, when the reduction is complete; undefined when there is none (NaNs, invalid operands). */
  readonly quotient: number | undefined;
  /** C2: the exponents are too far apart, run it again. */
  readonly partial: boolean;
}

/** FPREM (quotient truncated) and FPREM1 (quotient to nearest). */
export function remainder(a: Extended, b: Extended, nearest: boolean, control: ExtendedControl): Remainder {
  const classA = classify(a);
  const classB = classify(b);
  const done = (outcome: ExtendedOutcome, quotient: number | undefined): Remainder => ({ ...outcome, quotient, partial: false });
  const nan = special(a, classA, b, classB);
  if (nan !== undefined) return done(nan, undefined);
  if (classA === 'infinity' || classB === 'zero') return done(INVALID, undefined);
  const flags = denormalFlag(classA, classB);
  const exact = { ...control, precision: 64 };
  if (classA === 'zero') return done(result(a, flags), 0);
  // Also makes a normal number of a pseudo-denormal.
  if (classB === 'infinity') return done(finishExtended(unpack(a), exact, flags), 0);
  const x = unpack(a);
  const y = unpack(b);
  const topX = x.exponent + bitLength(x.significand);
  const topY = y.exponent + bitLength(y.significand);
  const distance = topX - topY;
  if (distance >= 64) {
    // Reduce the exponent difference by 32 to 63 (which of them is the processor's choice).
    const steps = (distance & 31) | 32;
    const scaled = { ...y, exponent: y.exponent + distance - steps };
    const reduced = reduce(x, scaled, false);
    return { ...finishExtended({ sign: x.sign, exponent: reduced.exponent, significand: reduced.rest }, exact, flags), quotient: 0, partial: true };
  }
  const reduced = reduce(x, y, nearest);
  const sign = reduced.negative ? x.sign ^ 1 : x.sign;
  const outcome = finishExtended({ sign: reduced.rest === 0n ? x.sign : sign, exponent: reduced.exponent, significand: reduced.rest }, exact, flags);
  return done(outcome, Number(reduced.quotient & 7n));
}

/** |x| mod |y|; with `nearest` the quotient is rounded to even and the rest may be negative. */
function reduce(x: { exponent: number; significand: bigint }, y: { exponent: number; significand: bigint }, nearest: boolean): { quotient: bigint; rest: bigint; exponent: number; negative: boolean } {
  const exponent = Math.min(x.exponent, y.exponent);
  const dividend = x.significand << BigInt(x.exponent - exponent);
  const divisor = y.significand << BigInt(y.exponent - exponent);
  const quotient = dividend / divisor;
  const rest = dividend - quotient * divisor;
  const twice = rest * 2n;
  if (nearest && (twice > divisor || (twice === divisor && (quotient & 1n) === 1n))) {
    return { quotient: quotient + 1n, rest: divisor - rest, exponent, negative: true };
  }
  return { quotient, rest, exponent, negative: false };
}
