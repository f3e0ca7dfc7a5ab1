/**
 * The x87's 80-bit format. Unlike the IEEE interchange formats its integer bit is explicit, so that there are
 * encodings which mean nothing: since the 387, pseudo-NaNs, pseudo-infinities and unnormals are invalid operands, while
 * pseudo-denormals (exponent 0 with the integer bit set) count as denormal operands of exponent 1.
 */
import { bitLength, Exception, type Finite, overflowsToInfinity, roundFinite, type Rounded, Rounding } from './rounding.ts';

/** One register: sign and 15-bit exponent as they stand in memory (bytes 8–9), and the 64-bit significand. */
export interface Extended {
  readonly signExponent: number;
  readonly significand: bigint;
}

export interface ExtendedOutcome {
  readonly value: Extended;
  /** Exception bits. */
  readonly flags: number;
  /** C1: the magnitude was rounded up. */
  readonly up: boolean;
}

export const EXPONENT_MASK = 0x7fff;
export const BIAS = 16383;
export const INTEGER_BIT = 1n << 63n;
export const QUIET_BIT = 1n << 62n;
const MIN_EXPONENT = -16382;
const MAX_EXPONENT = 16383;
/** Weight of the lowest significand bit of denormals. */
const LOWEST = MIN_EXPONENT - 63;
/** What unmasked overflow and underflow move the exponent by (SDM vol. 1, 8.5.4). */
const WRAP = 24576;

export const extended = (sign: number, exponent: number, significand: bigint): Extended => ({ signExponent: (sign << 15) | exponent, significand });
export const INDEFINITE = extended(1, EXPONENT_MASK, INTEGER_BIT | QUIET_BIT);
export const zeroOf = (sign: number): Extended => extended(sign, 0, 0n);
export const infinityOf = (sign: number): Extended => extended(sign, EXPONENT_MASK, INTEGER_BIT);

export const signOf = (x: Extended): number => (x.signExponent >> 15) & 1;
const exponentOf = (x: Extended): number => x.signExponent & EXPONENT_MASK;
const hasIntegerBit = (x: Extended): boolean => x.significand >= INTEGER_BIT;

export type ExtendedClass = 'zero' | 'denormal' | 'normal' | 'infinity' | 'quiet' | 'signaling' | 'unsupported';

export function classify(x: Extended): ExtendedClass {
  const exponent = exponentOf(x);
  if (exponent === 0) return x.significand === 0n ? 'zero' : 'denormal';
  if (!hasIntegerBit(x)) return 'unsupported';
  if (exponent !== EXPONENT_MASK) return 'normal';
  if (x.significand === INTEGER_BIT) return 'infinity';
  return (x.significand & QUIET_BIT) !== 0n ? 'quiet' : 'signaling';
}

export const isNaNClass = (c: ExtendedClass): boolean => c === 'quiet' || c === 'signaling';

/** A zero, denormal or normal register as a number. */
export function unpack(x: Extended): Finite {
  return { sign: signOf(x), exponent: LOWEST + Math.max(exponentOf(x), 1) - 1, significand: x.significand };
}

/** How to round: significand bits (24, 53 or 64) and mode, and which of overflow and underflow are masked. */
export interface ExtendedControl {
  readonly precision: number;
  readonly mode: Rounding;
  readonly overflowMasked: boolean;
  readonly underflowMasked: boolean;
}

/** Rounds and packs a finite number, with `flags` found on the way to it. */
export function finishExtended(value: Finite, control: ExtendedControl, flags: number): ExtendedOutcome {
  const { sign } = value;
  if (value.significand === 0n) return { value: zeroOf(sign), flags, up: false };
  const range = { precision: control.precision, minExponent: MIN_EXPONENT, maxExponent: MAX_EXPONENT };
  const rounded = roundFinite(value, range, control.mode, control.underflowMasked);
  const inexact = rounded.inexact ? Exception.precision : 0;
  if (rounded.overflow) {
    if (!control.overflowMasked) {
      // FSCALE can go further than that (SDM vol. 1, 8.5.4).
      if (leadOf(rounded) - WRAP > MAX_EXPONENT) return { value: infinityOf(sign), flags: flags | Exception.overflow | Exception.precision, up: true };
      return { value: packNormal(sign, rounded, -WRAP), flags: flags | Exception.overflow | inexact, up: rounded.roundedUp };
    }
    const infinite = overflowsToInfinity(sign, control.mode);
    const largest = extended(sign, EXPONENT_MASK - 1, ((1n << BigInt(control.precision)) - 1n) << BigInt(64 - control.precision));
    return { value: infinite ? infinityOf(sign) : largest, flags: flags | Exception.overflow | Exception.precision, up: infinite };
  }
  if (rounded.tiny) {
    if (!control.underflowMasked) {
      if (leadOf(rounded) + WRAP < MIN_EXPONENT) return { value: zeroOf(sign), flags: flags | Exception.underflow | Exception.precision, up: false };
      return { value: packNormal(sign, rounded, WRAP), flags: flags | Exception.underflow | inexact, up: rounded.roundedUp };
    }
    return { value: packTiny(sign, rounded), flags: flags | inexact | (rounded.inexact ? Exception.underflow : 0), up: rounded.roundedUp };
  }
  return { value: packNormal(sign, rounded, 0), flags: flags | inexact, up: rounded.roundedUp };
}

/** Exponent of the leading bit. */
const leadOf = (rounded: Rounded): number => rounded.exponent + bitLength(rounded.significand) - 1;

function packNormal(sign: number, rounded: Rounded, wrap: number): Extended {
  return extended(sign, leadOf(rounded) + BIAS + wrap, rounded.significand << BigInt(64 - bitLength(rounded.significand)));
}

// A denormal that rounds up to 2^-16382 gets exponent 1.
function packTiny(sign: number, rounded: Rounded): Extended {
  const significand = rounded.significand << BigInt(rounded.exponent - LOWEST);
  return extended(sign, significand >= INTEGER_BIT ? 1 : 0, significand);
}

/** A number that is exact in 64 bits and in range (integers, constants). */
export function exactExtended(value: Finite): Extended {
  return finishExtended(value, { precision: 64, mode: Rounding.nearest, overflowMasked: true, underflowMasked: true }, 0).value;
}

/** -1, 0, 1 for two infinities or finite numbers, see exact.ts for the latter. */
export const asOrder = (c: ExtendedClass, x: Extended): number => (c === 'infinity' ? (signOf(x) ? -1 : 1) : 0);

/** The NaN two operands give, at least one of which is one (SDM vol. 1, table 4-7): quiet before signaling, then the larger significand. */
export function propagateNaN(a: Extended, b: Extended): ExtendedOutcome {
  const classA = classify(a);
  const classB = classify(b);
  const flags = classA === 'signaling' || classB === 'signaling' ? Exception.invalid : 0;
  return { value: quieted(chooseNaN(a, classA, b, classB)), flags, up: false };
}

export const quieted = (x: Extended): Extended => ({ signExponent: x.signExponent, significand: x.significand | QUIET_BIT });

function chooseNaN(a: Extended, classA: ExtendedClass, b: Extended, classB: ExtendedClass): Extended {
  if (!isNaNClass(classB)) return a;
  if (!isNaNClass(classA)) return b;
  if (classA !== classB) return classA === 'quiet' ? a : b;
  if (a.significand !== b.significand) return a.significand > b.significand ? a : b;
  return signOf(a) <= signOf(b) ? a : b;
}
