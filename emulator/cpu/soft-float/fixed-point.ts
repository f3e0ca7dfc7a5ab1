/**
 * Elementary functions in binary fixed point on BigInts: `x` stands for x / 2^FRACTION. All errors stay far below what
 * 64-bit significands can see; functions of small arguments are given as ratios to the argument, so that relative precision is kept.
 */
import { integerSquareRoot } from './exact.ts';

/** Fraction bits of every fixed-point number here. */
export const FRACTION = 320;
const SHIFT = BigInt(FRACTION);
export const ONE = 1n << SHIFT;

export const multiply = (a: bigint, b: bigint): bigint => (a * b) >> SHIFT;
export const divide = (a: bigint, b: bigint): bigint => (a << SHIFT) / b;
const squareRoot = (a: bigint): bigint => integerSquareRoot(a << SHIFT);

/** Sum of `coefficient(n)` × z^n, n = 0, 1, …, where each term is the last one times z × factor(n); until terms vanish. */
function series(z: bigint, next: (term: bigint, n: bigint) => bigint): bigint {
  let sum = ONE;
  let term = ONE;
  for (let n = 1n; ; n++) {
    term = next(multiply(term, z), n);
    if (term === 0n || term === -1n) return sum;
    sum += term;
  }
}

/** atanh(t) / t as a function of t². */
function inverseHyperbolicTangentRatio(tt: bigint): bigint {
  let sum = ONE;
  let power = ONE;
  for (let n = 3n; ; n += 2n) {
    power = multiply(power, tt);
    if (power === 0n) return sum;
    sum += power / n;
  }
}

/** atan(t) / t as a function of t², for small t. */
function inverseTangentRatio(tt: bigint): bigint {
  let sum = ONE;
  let power = ONE;
  let negative = true;
  for (let n = 3n; ; n += 2n) {
    power = multiply(power, tt);
    if (power === 0n) return sum;
    sum += negative ? -(power / n) : power / n;
    negative = !negative;
  }
}

function reciprocalArcTangent(n: bigint): bigint {
  const t = ONE / n;
  return multiply(t, inverseTangentRatio(multiply(t, t)));
}

/** π by Machin's formula. */
export const PI = 16n * reciprocalArcTangent(5n) - 4n * reciprocalArcTangent(239n);
/** ln 2 = 2 atanh(1/3). */
export const LN2 = ((): bigint => {
  const third = ONE / 3n;
  return 2n * multiply(third, inverseHyperbolicTangentRatio(multiply(third, third)));
})();

/** sin(x) / x as a function of x². */
export const sineRatio = (xx: bigint): bigint => series(xx, (term, n) => -term / (2n * n * (2n * n + 1n)));
/** cos(x) as a function of x². */
export const cosine = (xx: bigint): bigint => series(xx, (term, n) => -term / ((2n * n - 1n) * (2n * n)));
/** (e^u - 1) / u. */
export const exponentialRatio = (u: bigint): bigint => series(u, (term, n) => term / (n + 1n));

/** ln(1 + x) / x, for -1 < x: 2 atanh(x / (2 + x)) / x. */
export function logarithmRatio(x: bigint): bigint {
  const t = divide(x, 2n * ONE + x);
  return divide(multiply(2n * ONE, inverseHyperbolicTangentRatio(multiply(t, t))), 2n * ONE + x);
}

/** atan(t) / t for 0 ≤ t ≤ 1. */
export function arcTangentRatio(t: bigint): bigint {
  // atan t = 2 atan(t / (1 + √(1 + t²))): seven halvings leave less than 2^-7. The ratio of the arguments is carried along.
  let reduced = t;
  let scale = ONE;
  for (let i = 0; i < 7; i++) {
    const divisor = ONE + squareRoot(ONE + multiply(reduced, reduced));
    reduced = divide(reduced, divisor);
    scale = divide(2n * scale, divisor);
  }
  return multiply(scale, inverseTangentRatio(multiply(reduced, reduced)));
}
