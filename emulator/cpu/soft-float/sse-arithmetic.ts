/**
 * Every SSE floating-point operation on bit patterns: value, NaN and exception flags as the processor gives
 * them (SDM vol. 1, sections 4.8.3.5, 4.9 and 11.5). Slow and exact; the emitted code only comes here when its fast path is unsure.
 *
 * Flags are reported, not applied: what an unmasked one does is the caller's business. The masks in `mxcsr`
 * matter here all the same: tiny exact results raise UE only when it is unmasked.
 */
import { addExact, compareFinite, divideSticky, multiplyExact, negated, squareRootSticky } from './exact.ts';
import { type BinaryFormat, isDenormal, isInfinite, isNaNBits, isSignaling, isZero, packRounded, signOf, unpackFinite } from './binary-format.ts';
import { Exception, type Finite, roundFinite, Rounding, roundShift } from './rounding.ts';

/** Control bits of MXCSR. */
export const Mxcsr = { flags: 0x3f, daz: 0x40, underflowMask: 0x800, overflowMask: 0x400, roundingShift: 13, ftz: 0x8000, maskShift: 7 } as const;

export interface Outcome {
  readonly bits: bigint;
  /** {@link Exception} bits. */
  readonly flags: number;
}

/** {@link Exception} flags found before the result is computed. */
export const PRE_COMPUTATION = Exception.invalid | Exception.denormal | Exception.zeroDivide;

export const roundingOf = (mxcsr: number): Rounding => ((mxcsr >> Mxcsr.roundingShift) & 3) as Rounding;

/** Denormals are zeros when DAZ is set. */
function operand(format: BinaryFormat, bits: bigint, mxcsr: number): bigint {
  return (mxcsr & Mxcsr.daz) !== 0 && isDenormal(format, bits) ? bits & format.signBit : bits;
}

const denormalFlag = (format: BinaryFormat, a: bigint, b: bigint): number => (isDenormal(format, a) || isDenormal(format, b) ? Exception.denormal : 0);
const invalid = (format: BinaryFormat): Outcome => ({ bits: format.indefinite, flags: Exception.invalid });

/** The NaN which comes out when one goes in: the first operand's if it is one. */
function propagate(format: BinaryFormat, a: bigint, b: bigint): Outcome {
  const flags = isSignaling(format, a) || isSignaling(format, b) ? Exception.invalid : 0;
  return { bits: (isNaNBits(format, a) ? a : b) | format.quietBit, flags };
}

/** Rounds and packs a finite result. */
export function finish(format: BinaryFormat, value: Finite, mxcsr: number, flags: number): Outcome {
  if (value.significand === 0n) return { bits: value.sign ? format.signBit : 0n, flags };
  const mode = roundingOf(mxcsr);
  const masked = (mxcsr & Mxcsr.underflowMask) !== 0;
  const rounded = roundFinite(value, format, mode, masked);
  if (rounded.overflow) {
    const precision = rounded.inexact || (mxcsr & Mxcsr.overflowMask) !== 0 ? Exception.precision : 0;
    return { bits: packRounded(format, value.sign, rounded, mode), flags: flags | Exception.overflow | precision };
  }
  if (rounded.tiny && !masked) return { bits: 0n, flags: flags | Exception.underflow | (rounded.inexact ? Exception.precision : 0) };
  if (rounded.tiny && (mxcsr & Mxcsr.ftz) !== 0) {
    return { bits: value.sign ? format.signBit : 0n, flags: flags | Exception.underflow | Exception.precision };
  }
  let raised = flags;
  if (rounded.inexact) raised |= Exception.precision | (rounded.tiny ? Exception.underflow : 0);
  return { bits: packRounded(format, value.sign, rounded, mode), flags: raised };
}

export type BinaryOperation = (format: BinaryFormat, first: bigint, second: bigint, mxcsr: number) => Outcome;

const addition = (subtract: boolean): BinaryOperation => (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  if (isNaNBits(format, a) || isNaNBits(format, b)) return propagate(format, a, b);
  const signB = signOf(format, b) ^ (subtract ? 1 : 0);
  if (isInfinite(format, a)) {
    if (isInfinite(format, b) && signOf(format, a) !== signB) return invalid(format);
    return { bits: a, flags: denormalFlag(format, a, b) };
  }
  const flags = denormalFlag(format, a, b);
  if (isInfinite(format, b)) return { bits: (signB ? format.signBit : 0n) | format.infinity, flags };
  const y = unpackFinite(format, b);
  return finish(format, addExact(unpackFinite(format, a), subtract ? negated(y) : y, roundingOf(mxcsr)), mxcsr, flags);
};
export const add = addition(false);
export const subtract = addition(true);

export const multiply: BinaryOperation = (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  if (isNaNBits(format, a) || isNaNBits(format, b)) return propagate(format, a, b);
  const flags = denormalFlag(format, a, b);
  if (isInfinite(format, a) || isInfinite(format, b)) {
    if (isZero(format, a) || isZero(format, b)) return invalid(format);
    return { bits: ((a ^ b) & format.signBit) | format.infinity, flags };
  }
  return finish(format, multiplyExact(unpackFinite(format, a), unpackFinite(format, b)), mxcsr, flags);
};

export const divide: BinaryOperation = (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  if (isNaNBits(format, a) || isNaNBits(format, b)) return propagate(format, a, b);
  const sign = (a ^ b) & format.signBit;
  const flags = denormalFlag(format, a, b);
  if (isInfinite(format, a)) return isInfinite(format, b) ? invalid(format) : { bits: sign | format.infinity, flags };
  if (isInfinite(format, b)) return { bits: sign, flags };
  if (isZero(format, b)) return isZero(format, a) ? invalid(format) : { bits: sign | format.infinity, flags: Exception.zeroDivide };
  if (isZero(format, a)) return { bits: sign, flags };
  return finish(format, divideSticky(unpackFinite(format, a), unpackFinite(format, b)), mxcsr, flags);
};

/** Square root of the second operand; the first is not looked at. */
export const squareRoot: BinaryOperation = (format, _first, second, mxcsr) => {
  const b = operand(format, second, mxcsr);
  if (isNaNBits(format, b)) return propagate(format, b, b);
  if (isZero(format, b)) return { bits: b, flags: 0 };
  if (signOf(format, b) === 1) return invalid(format);
  const flags = denormalFlag(format, b, b);
  if (isInfinite(format, b)) return { bits: b, flags };
  return finish(format, squareRootSticky(unpackFinite(format, b)), mxcsr, flags);
};

/** -1, 0, 1, or undefined for unordered. */
function order(format: BinaryFormat, a: bigint, b: bigint): number | undefined {
  if (isNaNBits(format, a) || isNaNBits(format, b)) return undefined;
  const infiniteA = isInfinite(format, a);
  const infiniteB = isInfinite(format, b);
  if (infiniteA || infiniteB) {
    const x = infiniteA ? (signOf(format, a) ? -1 : 1) : 0;
    const y = infiniteB ? (signOf(format, b) ? -1 : 1) : 0;
    return Math.sign(x - y);
  }
  return compareFinite(unpackFinite(format, a), unpackFinite(format, b));
}

const extremum = (wanted: number): BinaryOperation => (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  const ordering = order(format, a, b);
  if (ordering === undefined) return { bits: b, flags: Exception.invalid };
  return { bits: ordering === wanted ? a : b, flags: denormalFlag(format, a, b) };
};
/** First operand if it is less, else the second: also for NaNs and equal zeros. */
export const minimum = extremum(-1);
export const maximum = extremum(1);

/** CMPxx: all ones or zero by predicate 0–7 (EQ LT LE UNORD NEQ NLT NLE ORD). */
export const compare = (predicate: number): BinaryOperation => (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  const ordering = order(format, a, b);
  const basic = predicate & 3;
  const holds = basic === 0 ? ordering === 0 : basic === 1 ? ordering === -1 : basic === 2 ? ordering !== undefined && ordering <= 0 : ordering === undefined;
  const bits = holds !== predicate >= 4 ? (1n << BigInt(format.bits)) - 1n : 0n;
  return { bits, flags: compareFlags(format, a, b, ordering, basic === 1 || basic === 2) };
};

function compareFlags(format: BinaryFormat, a: bigint, b: bigint, ordering: number | undefined, quietIsInvalid: boolean): number {
  if (ordering !== undefined) return denormalFlag(format, a, b);
  return quietIsInvalid || isSignaling(format, a) || isSignaling(format, b) ? Exception.invalid : 0;
}

/** COMISx (`ordered`) and UCOMISx: `bits` are CF, PF and ZF in their rflags places. */
export const compareToFlags = (ordered: boolean): BinaryOperation => (format, first, second, mxcsr) => {
  const a = operand(format, first, mxcsr);
  const b = operand(format, second, mxcsr);
  const ordering = order(format, a, b);
  const bits = ordering === undefined ? 0x45n : ordering < 0 ? 1n : ordering === 0 ? 0x40n : 0n;
  return { bits, flags: compareFlags(format, a, b, ordering, ordered) };
};

/** Between binary32 and binary64. */
export function convertFormat(from: BinaryFormat, to: BinaryFormat, source: bigint, mxcsr: number): Outcome {
  const a = operand(from, source, mxcsr);
  const sign = signOf(from, a) ? to.signBit : 0n;
  if (isNaNBits(from, a)) {
    const fraction = a & from.fractionMask;
    const moved = to.fractionBits > from.fractionBits ? fraction << (to.fractionBits - from.fractionBits) : fraction >> (from.fractionBits - to.fractionBits);
    return { bits: sign | to.infinity | to.quietBit | moved, flags: isSignaling(from, a) ? Exception.invalid : 0 };
  }
  if (isInfinite(from, a)) return { bits: sign | to.infinity, flags: 0 };
  return finish(to, unpackFinite(from, a), mxcsr, denormalFlag(from, a, a));
}

/** To a signed integer of `width` bits; NaN and what does not fit give the integer indefinite and IE. */
export function toInteger(format: BinaryFormat, source: bigint, width: number, mode: Rounding, mxcsr: number): Outcome {
  const a = operand(format, source, mxcsr);
  const indefinite = { bits: 1n << BigInt(width - 1), flags: Exception.invalid };
  if (isNaNBits(format, a) || isInfinite(format, a)) return indefinite;
  const value = unpackFinite(format, a);
  if (value.exponent > width) return value.significand === 0n ? { bits: 0n, flags: 0 } : indefinite;
  const { value: magnitude, inexact } = roundShift(value.significand, -value.exponent, value.sign, mode);
  const limit = 1n << BigInt(width - 1);
  if (magnitude > (value.sign ? limit : limit - 1n)) return indefinite;
  return { bits: BigInt.asUintN(width, value.sign ? -magnitude : magnitude), flags: inexact ? Exception.precision : 0 };
}

export function fromInteger(format: BinaryFormat, value: bigint, mxcsr: number): Outcome {
  return finish(format, { sign: value < 0n ? 1 : 0, exponent: 0, significand: value < 0n ? -value : value }, mxcsr, 0);
}

/** ROUNDxx: to an integral value in the same format. Bits 1–0 of `control` are the mode, bit 2 says "MXCSR's", bit 3 keeps PE quiet. */
export function roundToIntegral(format: BinaryFormat, source: bigint, control: number, mxcsr: number): Outcome {
  const a = operand(format, source, mxcsr);
  if (isNaNBits(format, a)) return propagate(format, a, a);
  if (isInfinite(format, a) || isZero(format, a)) return { bits: a, flags: 0 };
  const mode = (control & 4) !== 0 ? roundingOf(mxcsr) : ((control & 3) as Rounding);
  const value = unpackFinite(format, a);
  if (value.exponent >= 0) return { bits: a, flags: 0 };
  const { value: magnitude, inexact } = roundShift(value.significand, -value.exponent, value.sign, mode);
  const flags = inexact && (control & 8) === 0 ? Exception.precision : 0;
  return { bits: finish(format, { sign: value.sign, exponent: 0, significand: magnitude }, mxcsr, 0).bits, flags };
}

