/** Conversions between 80-bit registers and what FLD, FST, FILD, FIST, FBLD and FBSTP find in memory. */
import { type BinaryFormat, isDenormal, isInfinite, isNaNBits, isSignaling, packRounded, signOf as signOfBits, unpackFinite } from './binary-format.ts';
import { classify, EXPONENT_MASK, exactExtended, type Extended, extended, type ExtendedControl, type ExtendedOutcome, infinityOf, INTEGER_BIT, QUIET_BIT, signOf, unpack, zeroOf } from './extended.ts';
import { Exception, roundFinite, type Rounding, roundShift } from './rounding.ts';

/** FLD of a float or double: exact; signaling NaNs become quiet with IE, denormals raise DE. */
export function fromBinary(format: BinaryFormat, bits: bigint): ExtendedOutcome {
  const sign = signOfBits(format, bits);
  if (isNaNBits(format, bits)) {
    const significand = INTEGER_BIT | QUIET_BIT | ((bits & format.fractionMask) << (63n - format.fractionBits));
    return { value: extended(sign, EXPONENT_MASK, significand), flags: isSignaling(format, bits) ? Exception.invalid : 0, up: false };
  }
  if (isInfinite(format, bits)) return { value: infinityOf(sign), flags: 0, up: false };
  return { value: exactExtended(unpackFinite(format, bits)), flags: isDenormal(format, bits) ? Exception.denormal : 0, up: false };
}

/** Bits for memory; `stored` false: an unmasked exception keeps memory and stack as they are. */
export interface MemoryOutcome {
  readonly bits: bigint;
  readonly flags: number;
  readonly up: boolean;
}

/** FST of a float or double, rounding by `control.mode` to the format's own precision. */
export function toBinary(format: BinaryFormat, x: Extended, control: ExtendedControl): MemoryOutcome {
  const sign = signOf(x) ? format.signBit : 0n;
  const outcome = (bits: bigint, flags: number, up = false): MemoryOutcome => ({ bits, flags, up });
  switch (classify(x)) {
    case 'unsupported':
      return outcome(format.indefinite, Exception.invalid);
    case 'quiet':
    case 'signaling': {
      const fraction = (x.significand & (INTEGER_BIT - 1n)) >> (63n - format.fractionBits);
      return outcome(sign | format.infinity | format.quietBit | fraction, classify(x) === 'signaling' ? Exception.invalid : 0);
    }
    case 'infinity':
      return outcome(sign | format.infinity, 0);
    case 'zero':
      return outcome(sign, 0);
    default: {
      const rounded = roundFinite(unpack(x), format, control.mode, control.underflowMasked);
      if (rounded.overflow) {
        const precision = rounded.inexact || control.overflowMasked ? Exception.precision : 0;
        const bits = packRounded(format, signOf(x), rounded, control.mode);
        return outcome(bits, Exception.overflow | precision, (bits & ~format.signBit) === format.infinity);
      }
      const inexact = rounded.inexact ? Exception.precision : 0;
      if (rounded.tiny && !control.underflowMasked) return outcome(0n, Exception.underflow | inexact, rounded.roundedUp);
      const underflow = rounded.tiny && rounded.inexact ? Exception.underflow : 0;
      return outcome(packRounded(format, signOf(x), rounded, control.mode), inexact | underflow, rounded.roundedUp);
    }
  }
}

/** Rounds to an integer whose magnitude is at most `limit` (`limit - 1` if positive, unless `symmetric`); undefined if it does not fit. */
function toBoundedInteger(x: Extended, mode: Rounding, limit: bigint, symmetric: boolean): { magnitude: bigint; inexact: boolean; up: boolean } | undefined {
  const kind = classify(x);
  if (kind === 'zero') return { magnitude: 0n, inexact: false, up: false };
  if (kind !== 'normal' && kind !== 'denormal') return undefined;
  const value = unpack(x);
  if (value.exponent > 8) return undefined;
  const rounded = roundShift(value.significand, -value.exponent, value.sign, mode);
  if (rounded.value > (value.sign === 1 && !symmetric ? limit : limit - 1n)) return undefined;
  return { magnitude: rounded.value, inexact: rounded.inexact, up: rounded.up };
}

/** FIST, FISTP, FISTTP: a signed integer of `width` bits, or the integer indefinite with IE. */
export function toInteger(x: Extended, width: number, mode: Rounding): MemoryOutcome {
  const limit = 1n << BigInt(width - 1);
  const integer = toBoundedInteger(x, mode, limit, false);
  if (integer === undefined) return { bits: limit, flags: Exception.invalid, up: false };
  return {
    bits: BigInt.asUintN(width, signOf(x) ? -integer.magnitude : integer.magnitude),
    flags: integer.inexact ? Exception.precision : 0,
    up: integer.up,
  };
}

export function fromInteger(value: bigint): Extended {
  return exactExtended({ sign: value < 0n ? 1 : 0, exponent: 0, significand: value < 0n ? -value : value });
}

const DECIMAL_LIMIT = 10n ** 18n;
const DECIMAL_INDEFINITE = 0xffffc000000000000000n;

/** FBSTP: eighteen packed decimal digits and a sign byte. */
export function toDecimal(x: Extended, mode: Rounding): MemoryOutcome {
  const integer = toBoundedInteger(x, mode, DECIMAL_LIMIT, true);
  if (integer === undefined) return { bits: DECIMAL_INDEFINITE, flags: Exception.invalid, up: false };
  let bits = 0n;
  let rest = integer.magnitude;
  for (let digit = 0n; digit < 18n; digit++) {
    bits |= rest % 10n << (digit * 4n);
    rest /= 10n;
  }
  if (signOf(x)) bits |= 0x80n << 72n;
  return { bits, flags: integer.inexact ? Exception.precision : 0, up: integer.up };
}

/** FBLD: the value of 80 bits of packed decimal; digits above 9 count as they are, as the hardware happens to do. */
export function fromDecimal(bits: bigint): Extended {
  let value = 0n;
  for (let digit = 17n; digit >= 0n; digit--) value = value * 10n + ((bits >> (digit * 4n)) & 15n);
  const sign = Number((bits >> 79n) & 1n);
  return value === 0n ? zeroOf(sign) : exactExtended({ sign, exponent: 0, significand: value });
}
