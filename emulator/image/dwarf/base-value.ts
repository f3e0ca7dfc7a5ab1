/** Values of DWARF base types on the expression stack (DWARF 5, section 2.5.1): integers of a size and sign, and floating-point numbers. */
import { Encoding } from './constants.ts';

export interface BaseType {
  /** Bytes. */
  readonly size: number;
  /** {@link Encoding} */
  readonly encoding: number;
}

/** An entry of the stack. Without a type: the generic type, an integer of an address's size whose sign the operator decides. */
export interface StackValue {
  readonly bits: bigint;
  readonly type: BaseType | undefined;
}

export type Operation = (a: bigint, b: bigint) => bigint;

const buffer = new DataView(new ArrayBuffer(8));

export const isFloat = (type: BaseType): boolean => type.encoding === Encoding.float;
export const isSigned = (type: BaseType): boolean => type.encoding === Encoding.signed || type.encoding === Encoding.signedChar;

/** The integer the bits stand for. */
export function integerOf({ bits, type }: StackValue): bigint {
  if (type === undefined) return bits;
  return isSigned(type) ? BigInt.asIntN(type.size * 8, bits) : BigInt.asUintN(type.size * 8, bits);
}

/** Number of a `float` or `double`; undefined for the wider ones, which a JavaScript number cannot hold. */
export function floatOf(bits: bigint, size: number): number | undefined {
  buffer.setBigUint64(0, BigInt.asUintN(64, bits), true);
  return size === 8 ? buffer.getFloat64(0, true) : size === 4 ? buffer.getFloat32(0, true) : undefined;
}

export function floatBits(value: number, size: number): bigint {
  buffer.setBigUint64(0, 0n, true);
  if (size === 8) buffer.setFloat64(0, value, true);
  else buffer.setFloat32(0, value, true);
  return buffer.getBigUint64(0, true);
}

/** DW_OP_convert. Undefined where the numbers cannot be represented here. */
export function convert(value: StackValue, type: BaseType | undefined, addressSize: number): StackValue | undefined {
  const size = type?.size ?? addressSize;
  const from = value.type;
  if (from !== undefined && isFloat(from)) {
    const number = floatOf(value.bits, from.size);
    if (number === undefined || size > 8) return undefined;
    if (type !== undefined && isFloat(type)) return { bits: floatBits(number, size), type };
    return Number.isFinite(number) ? { bits: BigInt.asUintN(size * 8, BigInt(Math.trunc(number))), type } : undefined;
  }
  const integer = integerOf(value);
  if (type !== undefined && isFloat(type)) return size === 4 || size === 8 ? { bits: floatBits(Number(integer), size), type } : undefined;
  return { bits: BigInt.asUintN(size * 8, integer), type };
}

/** The four operations that floating-point operands have; undefined for the others. */
export function floatOperation(code: number, a: StackValue, b: StackValue, type: BaseType): StackValue | undefined {
  const x = floatOf(a.bits, type.size);
  const y = floatOf(b.bits, type.size);
  if (x === undefined || y === undefined) return undefined;
  switch (code) {
    case 0x1b: return { bits: floatBits(x / y, type.size), type };
    case 0x1c: return { bits: floatBits(x - y, type.size), type };
    case 0x1e: return { bits: floatBits(x * y, type.size), type };
    case 0x22: return { bits: floatBits(x + y, type.size), type };
    default: return undefined;
  }
}
