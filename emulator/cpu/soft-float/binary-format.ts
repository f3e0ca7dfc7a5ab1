/** IEEE binary32 and binary64 as bit patterns: taking them apart and putting rounded numbers together. */
import { type Finite, overflowsToInfinity, type Range, type Rounded, type Rounding } from './rounding.ts';

export interface BinaryFormat extends Range {
  /** Width in bits: 32 or 64. */
  readonly bits: number;
  /** Exponent of the lowest significand bit of denormals and of biased exponent 1. */
  readonly lowest: number;
  readonly fractionBits: bigint;
  readonly fractionMask: bigint;
  readonly exponentMask: bigint;
  readonly signBit: bigint;
  /** Set in quiet NaNs. */
  readonly quietBit: bigint;
  readonly infinity: bigint;
  /** The NaN which invalid operations give: negative, quiet, no payload. */
  readonly indefinite: bigint;
}

function binaryFormat(bits: number, precision: number, maxExponent: number): BinaryFormat {
  const fractionBits = BigInt(precision - 1);
  const exponentMask = BigInt(2 * maxExponent + 1);
  const signBit = 1n << BigInt(bits - 1);
  const quietBit = 1n << (fractionBits - 1n);
  const infinity = exponentMask << fractionBits;
  return {
    bits, precision, maxExponent, minExponent: 1 - maxExponent, lowest: 1 - maxExponent - (precision - 1), fractionBits,
    fractionMask: (1n << fractionBits) - 1n, exponentMask, signBit, quietBit, infinity, indefinite: signBit | infinity | quietBit,
  };
}

export const BINARY32 = binaryFormat(32, 24, 127);
export const BINARY64 = binaryFormat(64, 53, 1023);

export const signOf = (format: BinaryFormat, bits: bigint): number => ((bits & format.signBit) === 0n ? 0 : 1);
export const isNaNBits = (format: BinaryFormat, bits: bigint): boolean => (bits & ~format.signBit) > format.infinity;
export const isSignaling = (format: BinaryFormat, bits: bigint): boolean => isNaNBits(format, bits) && (bits & format.quietBit) === 0n;
export const isInfinite = (format: BinaryFormat, bits: bigint): boolean => (bits & ~format.signBit) === format.infinity;
export const isZero = (format: BinaryFormat, bits: bigint): boolean => (bits & ~format.signBit) === 0n;
export const isDenormal = (format: BinaryFormat, bits: bigint): boolean => (bits & format.infinity) === 0n && !isZero(format, bits);

/** A finite pattern (zeros included) as a number. */
export function unpackFinite(format: BinaryFormat, bits: bigint): Finite {
  const biased = Number((bits >> format.fractionBits) & format.exponentMask);
  const fraction = bits & format.fractionMask;
  if (biased === 0) return { sign: signOf(format, bits), exponent: format.lowest, significand: fraction };
  return { sign: signOf(format, bits), exponent: format.lowest + biased - 1, significand: fraction | (1n << format.fractionBits) };
}

/** A rounded number as a pattern; overflow gives infinity or the largest number, by mode. */
export function packRounded(format: BinaryFormat, sign: number, rounded: Rounded, mode: Rounding): bigint {
  const signBits = sign ? format.signBit : 0n;
  if (rounded.overflow) return signBits | (overflowsToInfinity(sign, mode) ? format.infinity : format.infinity - 1n);
  const leading = 1n << format.fractionBits;
  // A denormal that rounds up to the smallest normal number carries into the exponent by itself.
  if (rounded.significand < leading) return signBits | rounded.significand;
  const biased = BigInt(rounded.exponent - format.lowest + 1);
  return signBits | (biased << format.fractionBits) | (rounded.significand - leading);
}
