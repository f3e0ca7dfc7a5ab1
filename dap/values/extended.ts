/** x87 numbers of 80 bits (SDM vol. 1, "Floating-Point Data Types"), as far as a double has them. */
import { integerBytes, littleEndian } from './value.ts';

const BIAS = 16383;
const MANTISSA_BITS = 63;
const INTEGER_BIT = 1n << 63n;
const SPECIAL = 0x7fff;

export function fromExtended(bytes: Uint8Array): number {
  const mantissa = littleEndian(bytes.subarray(0, 8));
  const head = bytes[8] | (bytes[9] << 8);
  const exponent = head & SPECIAL;
  const sign = (head & 0x8000) !== 0 ? -1 : 1;
  if (exponent === SPECIAL) return (mantissa & (INTEGER_BIT - 1n)) === 0n ? sign * Infinity : NaN;
  return sign * Number(mantissa) * 2 ** (exponent - BIAS - MANTISSA_BITS);
}

/** `size`: bytes the type has with its padding. */
export function toExtended(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const put = (exponent: number, mantissa: bigint): Uint8Array => {
    bytes.set(integerBytes(mantissa, 8));
    bytes.set(integerBytes(BigInt(sign | exponent), 2), 8);
    return bytes;
  };
  if (Number.isNaN(value)) return put(SPECIAL, INTEGER_BIT | (INTEGER_BIT >> 1n));
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return put(SPECIAL, INTEGER_BIT);
  if (magnitude === 0) return put(0, 0n);
  const bits = new DataView(new ArrayBuffer(8));
  // Subnormal doubles are normal here: scaled, they are so there, too.
  const scale = magnitude < 2 ** -1022 ? 64 : 0;
  bits.setFloat64(0, magnitude * 2 ** scale);
  const raw = bits.getBigUint64(0);
  return put(Number(raw >> 52n) - 1023 - scale + BIAS, INTEGER_BIT | ((raw & ((1n << 52n) - 1n)) << 11n));
}
