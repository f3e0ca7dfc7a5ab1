/**
 * Rounding of exact binary numbers. Arithmetic here works on exact values (or values whose lowest bit stands for
 * "and something more": sticky), so that one rounding step at the end is all that differs between formats.
 */

/** Floating-point exception flags, in the places MXCSR and the x87 status word share. */
export const Exception = { invalid: 1, denormal: 2, zeroDivide: 4, overflow: 8, underflow: 16, precision: 32 } as const;

/** Rounding modes as the RC fields encode them. */
export const Rounding = { nearest: 0, down: 1, up: 2, zero: 3 } as const;
export type Rounding = (typeof Rounding)[keyof typeof Rounding];

/** A finite number: (-1)^sign × significand × 2^exponent. The significand is any non-negative integer. */
export interface Finite {
  readonly sign: number;
  readonly exponent: number;
  readonly significand: bigint;
}

/** Where a format's numbers end: bits of significand, and the exponents of the leading bit of its normal numbers. */
export interface Range {
  readonly precision: number;
  readonly minExponent: number;
  readonly maxExponent: number;
}

export interface Rounded {
  /** Integer significand; `exponent` is the weight of its lowest bit. Normal numbers have exactly `precision` bits. */
  significand: bigint;
  exponent: number;
  inexact: boolean;
  /** The magnitude grew by rounding (C1 of the x87). */
  roundedUp: boolean;
  /** After rounding as if the exponent were unbounded, the value lies below the normal range (how x86 detects it). */
  tiny: boolean;
  /** … or above it. */
  overflow: boolean;
}

/** Number of bits of a non-negative integer; 0 has none. */
export function bitLength(value: bigint): number {
  if (value < 0x20000000000000n) {
    const small = Number(value);
    return small < 0x100000000 ? 32 - Math.clz32(small) : 64 - Math.clz32(Math.floor(small / 0x100000000));
  }
  const hex = value.toString(16);
  return hex.length * 4 - Math.clz32(parseInt(hex[0], 16)) + 28;
}

/** `significand >> drop`, rounded (a negative `drop` shifts left). */
export function roundShift(significand: bigint, drop: number, sign: number, mode: Rounding): { value: bigint; inexact: boolean; up: boolean } {
  if (drop <= 0) return { value: significand << BigInt(-drop), inexact: false, up: false };
  const shift = BigInt(drop);
  const quotient = significand >> shift;
  const rest = significand - (quotient << shift);
  if (rest === 0n) return { value: quotient, inexact: false, up: false };
  let up: boolean;
  if (mode === Rounding.nearest) {
    const half = 1n << (shift - 1n);
    up = rest > half || (rest === half && (quotient & 1n) === 1n);
  } else up = mode === Rounding.zero ? false : (mode === Rounding.down) === (sign === 1);
  return { value: up ? quotient + 1n : quotient, inexact: true, up };
}

/**
 * Rounds a non-zero number to a format. With `bounded`, tiny numbers are rounded to the denormal grid; without it
 * (unmasked underflow, exponent to be wrapped) they keep full precision.
 */
export function roundFinite(value: Finite, range: Range, mode: Rounding, bounded: boolean): Rounded {
  const { sign, significand } = value;
  const length = bitLength(significand);
  let drop = length - range.precision;
  let rounded = roundShift(significand, drop, sign, mode);
  let lead = value.exponent + length - 1;
  if (bitLength(rounded.value) > range.precision) {
    rounded = { ...rounded, value: rounded.value >> 1n };
    drop++;
    lead++;
  }
  const tiny = lead < range.minExponent;
  const overflow = lead > range.maxExponent;
  if (tiny && bounded) {
    drop = range.minExponent - range.precision + 1 - value.exponent;
    rounded = roundShift(significand, drop, sign, mode);
  }
  return { significand: rounded.value, exponent: value.exponent + drop, inexact: rounded.inexact, roundedUp: rounded.up, tiny, overflow };
}

/** Whether an overflow in this mode gives infinity rather than the largest number. */
export function overflowsToInfinity(sign: number, mode: Rounding): boolean {
  return mode === Rounding.nearest || (mode !== Rounding.zero && (mode === Rounding.down) === (sign === 1));
}
