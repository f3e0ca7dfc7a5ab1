/**
 * The x87's transcendental instructions, correctly rounded. Real processors are within one unit in the last place of
 * that, and differ among themselves; so results may differ from a given processor's in the last bit. Arguments of FSIN, FCOS, FSINCOS and
 * FPTAN are reduced with the same 66-bit π as on Intel's processors, which matters more (SDM vol. 1, section 8.3.8).
 */
import {
  arcTangentRatio, cosine, divide, exponentialRatio, FRACTION, LN2, logarithmRatio, multiply, ONE, PI, sineRatio,
} from './fixed-point.ts';
import { multiplyExact } from './exact.ts';
import {
  classify, type Extended, type ExtendedClass, type ExtendedControl, type ExtendedOutcome, exactExtended, EXPONENT_MASK, finishExtended, infinityOf, signOf, unpack, zeroOf,
} from './extended.ts';
import { INVALID, special } from './extended-arithmetic.ts';
import { bitLength, Exception, type Finite, roundFinite, Rounding } from './rounding.ts';

const result = (value: Extended, flags: number): ExtendedOutcome => ({ value, flags, up: false });
const denormal = (...classes: ExtendedClass[]): number => (classes.includes('denormal') ? Exception.denormal : 0);
/** Bits of the processor's internal result, which is what the rounding mode applies to: sin(2^-40) is 2^-40 in every mode. */
const INTERNAL = { precision: 68, minExponent: -(2 ** 20), maxExponent: 2 ** 20 };

/** Rounds an irrational result. The precision control is ignored, and every result counts as inexact. */
function finish(value: Finite, control: ExtendedControl, flags: number): ExtendedOutcome {
  const internal = roundFinite(value, INTERNAL, Rounding.nearest, true);
  const outcome = finishExtended({ sign: value.sign, exponent: internal.exponent, significand: internal.significand }, { ...control, precision: 64 }, flags);
  const tiny = (outcome.value.signExponent & EXPONENT_MASK) === 0 ? Exception.underflow : 0;
  return { ...outcome, flags: outcome.flags | Exception.precision | tiny };
}

/** A number in fixed point; bits below are cut off. */
function toFixed(value: Finite): bigint {
  const shift = value.exponent + FRACTION;
  const magnitude = shift >= 0 ? value.significand << BigInt(shift) : value.significand >> BigInt(-shift);
  return value.sign ? -magnitude : magnitude;
}

/** A fixed-point approximation of an irrational number: the lowest bit is sticky. */
function irrational(fixed: bigint): Finite {
  const magnitude = fixed < 0n ? -fixed : fixed;
  return { sign: fixed < 0n ? 1 : 0, exponent: -FRACTION - 1, significand: (magnitude << 1n) | 1n };
}

/** x × ratio, irrational. A ratio that is indistinguishable from 1 must have been moved off it by the caller. */
const scaled = (x: Finite, ratio: bigint): Finite => multiplyExact(x, irrational(ratio));
/** A ratio below (above) 1 that rounds to it is kept on its side. */
const below = (ratio: bigint): bigint => (ratio >= ONE ? ONE - 1n : ratio);

/** F2XM1: 2^x - 1 for -1 ≤ x ≤ 1; beyond that range the manual promises nothing and x comes back. */
export function powerOfTwoMinusOne(a: Extended, control: ExtendedControl): ExtendedOutcome {
  const kind = classify(a);
  const nan = special(a, kind, a, kind);
  if (nan !== undefined) return nan;
  if (kind === 'zero') return result(a, 0);
  if (kind === 'infinity') return result(signOf(a) ? { signExponent: 0xbfff, significand: 1n << 63n } : a, 0);
  const x = unpack(a);
  const top = x.exponent + bitLength(x.significand);
  if (top > 1 || (top === 1 && toFixed({ ...x, sign: 0 }) !== ONE)) return result(a, denormal(kind) | Exception.precision);
  if (top === 1) return result(exactExtended(x.sign ? { sign: 1, exponent: -1, significand: 1n } : { sign: 0, exponent: 0, significand: 1n }), Exception.precision);
  const ratio = multiply(LN2, exponentialRatio(multiply(toFixed(x), LN2)));
  return finish(scaled(x, ratio), control, denormal(kind));
}

/** y × log2(x) once x is an ordinary positive number. */
function timesLogarithm(y: Extended, x: Finite, control: ExtendedControl, flags: number): ExtendedOutcome {
  // x = m × 2^exponent with m between √½ and √2, or nearly.
  const length = bitLength(x.significand);
  let exponent = x.exponent + length - 1;
  let m = toFixed({ sign: 0, exponent: 1 - length, significand: x.significand });
  if (m > (ONE * 3n) / 2n) {
    m >>= 1n;
    exponent++;
  }
  if (m === ONE) {
    // The processor's logarithm of a power of two is a little too small, which directed rounding and underflow bring to light.
    const magnitude = BigInt(Math.abs(exponent));
    const fixed = magnitude * ONE - ((magnitude * ONE) >> BigInt(INTERNAL.precision - 1));
    return finish(multiplyExact(unpack(y), irrational(exponent < 0 ? -fixed : fixed)), control, flags);
  }
  const offset = m - ONE;
  const fraction = divide(multiply(offset, logarithmRatio(offset)), LN2);
  return finish(multiplyExact(unpack(y), irrational(BigInt(exponent) * ONE + fraction)), control, flags);
}

/** FYL2X: y × log2(x). */
export function logarithm(x: Extended, y: Extended, control: ExtendedControl): ExtendedOutcome {
  const kindX = classify(x);
  const kindY = classify(y);
  const nan = special(x, kindX, y, kindY);
  if (nan !== undefined) return nan;
  const flags = denormal(kindX, kindY);
  if (kindX === 'zero') {
    if (kindY === 'zero') return INVALID;
    return result(infinityOf(signOf(y) ^ 1), kindY === 'infinity' ? 0 : Exception.zeroDivide);
  }
  if (signOf(x) === 1) return INVALID;
  if (kindX === 'infinity') return kindY === 'zero' ? INVALID : result(infinityOf(signOf(y)), flags);
  const value = unpack(x);
  const top = value.exponent + bitLength(value.significand);
  const isOne = top === 1 && value.significand === 1n << BigInt(-value.exponent);
  if (kindY === 'infinity') return isOne ? INVALID : result(infinityOf(signOf(y) ^ (top < 1 ? 1 : 0)), flags);
  if (isOne || kindY === 'zero') return result(zeroOf(signOf(y) ^ (top < 1 ? 1 : 0)), flags);
  return timesLogarithm(y, value, control, flags);
}

/** FYL2XP1: y × log2(x + 1). */
export function logarithmOfOnePlus(x: Extended, y: Extended, control: ExtendedControl): ExtendedOutcome {
  const kindX = classify(x);
  const kindY = classify(y);
  const nan = special(x, kindX, y, kindY);
  if (nan !== undefined) return nan;
  const flags = denormal(kindX, kindY);
  const sign = signOf(x) ^ signOf(y);
  if (kindX === 'infinity') return signOf(x) === 1 || kindY === 'zero' ? INVALID : result(infinityOf(sign), flags);
  if (kindY === 'infinity') return kindX === 'zero' ? INVALID : result(infinityOf(sign), flags);
  if (kindX === 'zero' || kindY === 'zero') return result(zeroOf(sign), flags);
  const value = unpack(x);
  // Beyond the promised range there is still a logarithm for everything above -1; the processor gives x back for the rest.
  const fixed = toFixed(value);
  if (fixed <= -ONE) return result(x, flags | Exception.precision);
  if (fixed > ONE) {
    const sum = { sign: 0, exponent: Math.min(value.exponent, 0), significand: 0n };
    sum.significand = (value.significand << BigInt(value.exponent - sum.exponent)) + (1n << BigInt(-sum.exponent));
    return timesLogarithm(y, sum, control, flags);
  }
  const ratio = divide(logarithmRatio(fixed), LN2);
  return finish(multiplyExact(unpack(y), scaled(value, ratio)), control, flags);
}

/** FPATAN: the angle of the point (x, y), where y is ST(1). */
export function arcTangent(x: Extended, y: Extended, control: ExtendedControl): ExtendedOutcome {
  const kindX = classify(x);
  const kindY = classify(y);
  const nan = special(x, kindX, y, kindY);
  if (nan !== undefined) return nan;
  const flags = denormal(kindX, kindY);
  const sign = signOf(y);
  const left = signOf(x) === 1;
  const angle = (fixed: bigint): ExtendedOutcome => finish({ ...irrational(fixed), sign }, control, flags);
  if (kindY === 'infinity') {
    if (kindX === 'infinity') return angle(left ? (PI * 3n) / 4n : PI / 4n);
    return angle(PI / 2n);
  }
  if (kindX === 'infinity' || kindY === 'zero') return left ? angle(PI) : result(zeroOf(sign), flags);
  if (kindX === 'zero') return angle(PI / 2n);
  const a = { ...unpack(x), sign: 0 };
  const b = { ...unpack(y), sign: 0 };
  const steep = b.exponent + bitLength(b.significand) > a.exponent + bitLength(a.significand)
    || (b.exponent + bitLength(b.significand) === a.exponent + bitLength(a.significand) && toFixed({ ...b, exponent: -bitLength(b.significand) }) > toFixed({ ...a, exponent: -bitLength(a.significand) }));
  const [small, large] = steep ? [a, b] : [b, a];
  // small / large to FRACTION significant bits, so that its relative precision does not depend on its size.
  const shift = FRACTION + bitLength(large.significand) - bitLength(small.significand);
  const quotient = (small.significand << BigInt(Math.max(shift, 0))) / large.significand;
  const slope: Finite = { sign: 0, exponent: small.exponent - large.exponent - Math.max(shift, 0), significand: quotient };
  const ratio = below(arcTangentRatio(toFixed(slope)));
  if (!steep && !left) return finish({ ...scaled(slope, ratio), sign }, control, flags);
  const acute = multiply(toFixed(slope), ratio);
  if (steep) return angle(left ? PI / 2n + acute : PI / 2n - acute);
  return angle(PI - acute);
}

/** π as the processor has it for argument reduction: 66 significant bits. */
const PI_66 = 0xc90fdaa22168c234cn;
const PI_66_EXPONENT = -66;

export interface Trigonometric {
  /** C2: the argument is 2^63 or beyond; nothing was computed. */
  readonly outOfRange: boolean;
  readonly sine: ExtendedOutcome;
  readonly cosine: ExtendedOutcome;
  readonly tangent: ExtendedOutcome;
}

const outside = (a: Extended): Trigonometric => ({ outOfRange: true, sine: result(a, 0), cosine: result(a, 0), tangent: result(a, 0) });
const same = (outcome: ExtendedOutcome): Trigonometric => ({ outOfRange: false, sine: outcome, cosine: outcome, tangent: outcome });

/** FSIN, FCOS, FSINCOS, FPTAN. */
export function trigonometric(a: Extended, control: ExtendedControl): Trigonometric {
  const kind = classify(a);
  const nan = special(a, kind, a, kind);
  if (nan !== undefined) return same(nan);
  if (kind === 'infinity') return same(INVALID);
  const one = exactExtended({ sign: 0, exponent: 0, significand: 1n });
  if (kind === 'zero') return { outOfRange: false, sine: result(a, 0), cosine: result(one, 0), tangent: result(a, 0) };
  const x = unpack(a);
  if (x.exponent + bitLength(x.significand) > 63) return outside(a);
  const flags = denormal(kind);
  // x = quadrant × π/2 + rest, exactly, with |rest| ≤ π/4.
  const exponent = Math.min(x.exponent, PI_66_EXPONENT - 1);
  const dividend = x.significand << BigInt(x.exponent - exponent);
  const divisor = PI_66 << BigInt(PI_66_EXPONENT - 1 - exponent);
  const quadrant = (2n * dividend + divisor) / (2n * divisor);
  const difference = dividend - quadrant * divisor;
  const rest: Finite = { sign: difference < 0n ? 1 : 0, exponent, significand: difference < 0n ? -difference : difference };
  const square = multiply(toFixed(rest), toFixed(rest));
  const sineOf = scaled(rest, below(sineRatio(square)));
  const cosineFixed = cosine(square);
  const cosineOf = irrational(cosineFixed >= ONE ? ONE - 1n : cosineFixed);
  const turn = Number(quadrant & 3n);
  const finishSigned = (value: Finite, negative: boolean): ExtendedOutcome =>
    finish({ ...value, sign: value.sign ^ (negative ? 1 : 0) }, control, flags);
  const odd = (turn & 1) === 1;
  const backwards = x.sign === 1;
  const sine = finishSigned(odd ? cosineOf : sineOf, (turn >= 2) !== backwards);
  const cosineResult = finishSigned(odd ? sineOf : cosineOf, turn === 1 || turn === 2);
  const secant = divide(ONE, cosineOf.significand >> 1n);
  const tangentRatio = multiply(below(sineRatio(square)), secant);
  let tangent: Finite;
  if (!odd) tangent = scaled(rest, tangentRatio <= ONE ? ONE + 1n : tangentRatio);
  else {
    // -cot(rest): cos / sin, with the quotient scaled so that a small rest keeps its precision.
    const numerator = cosineOf.significand << BigInt(FRACTION);
    tangent = { sign: rest.sign ^ 1, exponent: cosineOf.exponent - FRACTION - sineOf.exponent - 1, significand: ((numerator / sineOf.significand) << 1n) | 1n };
  }
  return { outOfRange: false, sine, cosine: cosineResult, tangent: finishSigned(tangent, backwards) };
}
