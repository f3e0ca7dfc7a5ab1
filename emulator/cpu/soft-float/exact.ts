/**
 * Exact arithmetic on {@link Finite} numbers. Where a result has infinitely many bits (or absurdly many), its
 * lowest bit is sticky: set when anything non-zero was cut off, with enough bits kept for every rounding to come out right.
 */
import { bitLength, type Finite, Rounding } from './rounding.ts';

/** Bits kept beyond the operands': more than any format's precision and guard bits. */
const EXTRA = 136;

/** a + b; a zero sum has the sign IEEE gives it (minus when rounding down, unless both are alike). */
export function addExact(a: Finite, b: Finite, mode: Rounding): Finite {
  if (a.significand === 0n && b.significand === 0n) {
    return { sign: a.sign === b.sign ? a.sign : mode === Rounding.down ? 1 : 0, exponent: 0, significand: 0n };
  }
  if (a.significand === 0n) return b;
  if (b.significand === 0n) return a;
  const topA = a.exponent + bitLength(a.significand);
  const topB = b.exponent + bitLength(b.significand);
  const [high, low] = topA >= topB ? [a, b] : [b, a];
  if (Math.abs(topA - topB) > EXTRA) {
    // Far apart: the smaller one only pulls the larger one's sticky bit up or down.
    const wide = high.significand << BigInt(EXTRA);
    return { sign: high.sign, exponent: high.exponent - EXTRA, significand: high.sign === low.sign ? wide + 1n : wide - 1n };
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const x = a.significand << BigInt(a.exponent - exponent);
  const y = b.significand << BigInt(b.exponent - exponent);
  if (a.sign === b.sign) return { sign: a.sign, exponent, significand: x + y };
  if (x === y) return { sign: mode === Rounding.down ? 1 : 0, exponent: 0, significand: 0n };
  return x > y ? { sign: a.sign, exponent, significand: x - y } : { sign: b.sign, exponent, significand: y - x };
}

export function negated(a: Finite): Finite {
  return { sign: a.sign ^ 1, exponent: a.exponent, significand: a.significand };
}

export function multiplyExact(a: Finite, b: Finite): Finite {
  return { sign: a.sign ^ b.sign, exponent: a.exponent + b.exponent, significand: a.significand * b.significand };
}

/** a / b for b ≠ 0, with a sticky lowest bit. */
export function divideSticky(a: Finite, b: Finite): Finite {
  const shift = Math.max(0, EXTRA + bitLength(b.significand) - bitLength(a.significand));
  const dividend = a.significand << BigInt(shift);
  const quotient = dividend / b.significand;
  const sticky = quotient * b.significand === dividend ? 0n : 1n;
  return { sign: a.sign ^ b.sign, exponent: a.exponent - b.exponent - shift - 1, significand: (quotient << 1n) | sticky };
}

/** Square root of a non-negative number, with a sticky lowest bit. */
export function squareRootSticky(a: Finite): Finite {
  if (a.significand === 0n) return a;
  let shift = Math.max(0, 2 * EXTRA - bitLength(a.significand));
  if ((a.exponent - shift) % 2 !== 0) shift++;
  const radicand = a.significand << BigInt(shift);
  const root = integerSquareRoot(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return { sign: a.sign, exponent: (a.exponent - shift) / 2 - 1, significand: (root << 1n) | sticky };
}

/** Largest integer whose square is not above `value`. */
export function integerSquareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let guess = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/** -1, 0 or 1 as a is below, equal to or above b. */
export function compareFinite(a: Finite, b: Finite): number {
  const x = a.sign ? -a.significand : a.significand;
  const y = b.sign ? -b.significand : b.significand;
  if (x === 0n || y === 0n || a.sign !== b.sign) return x < y ? -1 : x > y ? 1 : 0;
  const topA = a.exponent + bitLength(a.significand);
  const topB = b.exponent + bitLength(b.significand);
  if (topA !== topB) return topA > topB === (a.sign === 0) ? 1 : -1;
  const exponent = Math.min(a.exponent, b.exponent);
  const p = x << BigInt(a.exponent - exponent);
  const q = y << BigInt(b.exponent - exponent);
  return p < q ? -1 : p > q ? 1 : 0;
}
