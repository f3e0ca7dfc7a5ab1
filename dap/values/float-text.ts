/** Floating-point numbers as gdb writes them: C's `%g` with as many digits as tell all numbers of the type apart (gdb/target-float.c). */
import { littleEndian } from './value.ts';

interface Layout {
  readonly exponentBits: number;
  /** Of the fraction; an x87 number has its integer bit besides. */
  readonly fractionBits: number;
  readonly explicitInteger: boolean;
  readonly digits: number;
}

const SINGLE: Layout = { exponentBits: 8, fractionBits: 23, explicitInteger: false, digits: 9 };
const DOUBLE: Layout = { exponentBits: 11, fractionBits: 52, explicitInteger: false, digits: 17 };
const EXTENDED: Layout = { exponentBits: 15, fractionBits: 63, explicitInteger: true, digits: 21 };

/** @param bytes 4, 8, or at least 10 with padding behind them */
export function floatText(bytes: Uint8Array): string {
  const { exponentBits, fractionBits, explicitInteger, digits } = bytes.length === 4 ? SINGLE : bytes.length === 8 ? DOUBLE : EXTENDED;
  const integerBits = explicitInteger ? 1 : 0;
  const raw = littleEndian(bytes.subarray(0, (1 + exponentBits + integerBits + fractionBits) / 8));
  const fraction = raw & ((1n << BigInt(fractionBits)) - 1n);
  const special = (1 << exponentBits) - 1;
  const exponent = Number(raw >> BigInt(fractionBits + integerBits)) & special;
  const sign = raw >> BigInt(exponentBits + integerBits + fractionBits) === 1n ? '-' : '';
  if (exponent === special) return sign + (fraction === 0n ? 'inf' : `nan(0x${(explicitInteger ? fraction | (1n << 63n) : fraction).toString(16)})`);
  const integer = explicitInteger ? (raw >> BigInt(fractionBits)) & 1n : exponent === 0 ? 0n : 1n;
  const mantissa = (integer << BigInt(fractionBits)) | fraction;
  const bias = (special >> 1) + fractionBits;
  return sign + generalText(mantissa, Math.max(exponent, 1) - bias, digits);
}

/** `%g` of mantissa × 2^exponent, exactly rounded. */
function generalText(mantissa: bigint, exponent: number, digits: number): string {
  if (mantissa === 0n) return '0';
  const numerator = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa;
  const denominator = exponent >= 0 ? 1n : 1n << BigInt(-exponent);
  // The power of ten of the first digit: near enough by length, then mended.
  let power = Math.floor(((mantissa.toString(2).length - 1 + exponent) * Math.LN2) / Math.LN10);
  while (compareScaled(numerator, denominator, power + 1) >= 0) power++;
  while (compareScaled(numerator, denominator, power) < 0) power--;
  let text = rounded(numerator, denominator, digits - 1 - power).toString();
  if (text.length > digits) {
    power++;
    text = text.slice(0, digits);
  }
  const all = text.replace(/0+$/, '');
  if (power < -4 || power >= digits) {
    const tail = all.length > 1 ? `.${all.slice(1)}` : '';
    return `${all[0]}${tail}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  if (power < 0) return `0.${'0'.repeat(-power - 1)}${all}`;
  const whole = all.slice(0, power + 1).padEnd(power + 1, '0');
  return all.length > power + 1 ? `${whole}.${all.slice(power + 1)}` : whole;
}

const ten = (power: number): bigint => 10n ** BigInt(power);

/** The sign of numerator ÷ denominator − 10^power. */
function compareScaled(numerator: bigint, denominator: bigint, power: number): number {
  const [a, b] = power >= 0 ? [numerator, denominator * ten(power)] : [numerator * ten(-power), denominator];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** numerator ÷ denominator × 10^places as an integer, ties to even. */
function rounded(numerator: bigint, denominator: bigint, places: number): bigint {
  const [a, b] = places >= 0 ? [numerator * ten(places), denominator] : [numerator, denominator * ten(-places)];
  const quotient = a / b;
  const twice = (a % b) * 2n;
  return twice > b || (twice === b && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}
