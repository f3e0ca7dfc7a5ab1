/**
 * A value of the target with its type: where it is, and the bytes of it that are known. Reading may throw a Miss; what can never be known
 * (optimised out, not mapped) is a {@link ValueError} with the words the user sees.
 */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import type { DwarfType, Member } from '../../emulator/image/dwarf/types.ts';
import type { TargetMemory } from '../symbols/target-memory.ts';

export class ValueError extends Error {}

export const OPTIMISED_OUT = '<optimized out>';

export type Place =
  | { readonly kind: 'memory'; readonly address: bigint }
  /** A whole register (or its low bytes) of a frame. */
  | { readonly kind: 'register'; readonly name: string; readonly level: number }
  /** A result, or put together from pieces: it cannot be assigned to. */
  | { readonly kind: 'none' };

export type Content =
  /** Read where it lies when needed. */
  | { readonly kind: 'memory' }
  /** `known`: per byte, 0 where it is optimised out; undefined: all are known. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly known: Uint8Array | undefined }
  | { readonly kind: 'optimised-out' }
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** A pointer that exists only in the debug information; `target` is what it would point to. */
  | { readonly kind: 'synthetic-pointer'; readonly target: () => Value };

export interface BitField {
  readonly shift: number;
  readonly width: number;
}

export class Value {
  readonly type: DwarfType;
  readonly place: Place;
  readonly content: Content;
  readonly bits: BitField | undefined;
  private readonly memory: TargetMemory;

  constructor(memory: TargetMemory, type: DwarfType, place: Place, content: Content, bits?: BitField) {
    this.memory = memory;
    this.type = type;
    this.place = place;
    this.content = content;
    this.bits = bits;
  }

  static inMemory(memory: TargetMemory, type: DwarfType, address: bigint, bits?: BitField): Value {
    return new Value(memory, type, { kind: 'memory', address: BigInt.asUintN(64, address) }, { kind: 'memory' }, bits);
  }

  static result(memory: TargetMemory, type: DwarfType, bytes: Uint8Array): Value {
    return new Value(memory, type, { kind: 'none' }, { kind: 'bytes', bytes, known: undefined });
  }

  static integer(memory: TargetMemory, type: DwarfType, value: bigint): Value {
    return Value.result(memory, type, integerBytes(value, type.size ?? 8));
  }

  /** A value of the same type elsewhere in memory. */
  at(address: bigint): Value {
    return Value.inMemory(this.memory, this.type, address);
  }

  get address(): bigint | undefined {
    return this.place.kind === 'memory' ? this.place.address : undefined;
  }

  /** Type without typedefs and qualifiers, completed from another unit where it is only declared. */
  get plain(): DwarfType {
    return this.type.stripped.complete;
  }

  /** Bytes the type has; an array without a bound has none. */
  get size(): number {
    return this.type.size ?? 0;
  }

  /** The first `length` bytes. @throws ValueError, Miss */
  read(length = this.bits === undefined ? this.size : Math.ceil((this.bits.shift + this.bits.width) / 8)): Uint8Array {
    const { content, place } = this;
    switch (content.kind) {
      case 'optimised-out': throw new ValueError(OPTIMISED_OUT);
      case 'unavailable': throw new ValueError(`<${content.reason}>`);
      case 'synthetic-pointer': throw new ValueError('(synthetic pointer)');
      case 'bytes':
        if (content.known?.subarray(0, length).includes(0) === true || content.bytes.length < length) throw new ValueError(OPTIMISED_OUT);
        return content.bytes.subarray(0, length);
      case 'memory': {
        if (place.kind !== 'memory') throw new ValueError('<not in memory>');
        const bytes = this.memory.read(place.address, length);
        if (bytes === undefined) throw new ValueError(`<cannot access memory at 0x${place.address.toString(16)}>`);
        return bytes;
      }
    }
  }

  /** Value of an integer, enumeration, boolean or pointer, with the sign of its type. @throws ValueError, Miss */
  integer(): bigint {
    const { plain, bits } = this;
    const raw = littleEndian(this.read());
    const width = bits?.width ?? this.size * 8;
    const value = bits === undefined ? raw : raw >> BigInt(bits.shift);
    return isSigned(plain) ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  }

  /** A part of this value. */
  part(type: DwarfType, offset: number, bits?: BitField): Value {
    const { content, place } = this;
    if (content.kind === 'memory' && place.kind === 'memory') return Value.inMemory(this.memory, type, place.address + BigInt(offset), bits);
    if (content.kind !== 'bytes') return new Value(this.memory, type, { kind: 'none' }, content, bits);
    const length = bits === undefined ? (type.size ?? 0) : Math.ceil((bits.shift + bits.width) / 8);
    const bytes = content.bytes.subarray(offset, offset + length);
    const known = content.known?.subarray(offset, offset + length);
    if (known !== undefined && !known.includes(1)) return new Value(this.memory, type, { kind: 'none' }, { kind: 'optimised-out' }, bits);
    return new Value(this.memory, type, { kind: 'none' }, { kind: 'bytes', bytes, known }, bits);
  }

  member(member: Member): Value {
    return this.part(member.type, member.offset, member.bits);
  }

  cast(type: DwarfType): Value {
    return new Value(this.memory, type, this.place, this.content, this.bits);
  }

  /** What a pointer points to. @throws ValueError, Miss */
  dereference(): Value {
    const { plain, content } = this;
    if (plain.kind !== 'pointer' && plain.kind !== 'reference') throw new ValueError(`${String(this.type)} is not a pointer`);
    if (content.kind === 'synthetic-pointer') return content.target();
    return Value.inMemory(this.memory, plain.target, this.integer());
  }

  /** Element of an array, or behind a pointer. @throws ValueError, Miss */
  element(index: bigint): Value {
    const { plain } = this;
    if (plain.kind === 'array') {
      const type = elementType(plain);
      return this.part(type, Number(index) * (type.size ?? 0));
    }
    const first = this.dereference();
    return first.address === undefined ? first : Value.inMemory(this.memory, first.type, first.address + index * BigInt(first.type.size ?? 1));
  }

  /** Text up to a NUL from where this value (an array of characters) or what it points to lies. @throws ValueError, Miss */
  text(limit: number): { readonly text: string; readonly complete: boolean } {
    const { plain, content } = this;
    let bytes: Uint8Array;
    if (plain.kind === 'array' && content.kind === 'bytes') bytes = content.bytes;
    else {
      const address = plain.kind === 'array' ? this.address : this.integer();
      if (address === undefined) throw new ValueError(OPTIMISED_OUT);
      const most = plain.kind === 'array' && plain.size !== undefined ? Math.min(plain.size, limit) : limit;
      bytes = readText(this.memory, address, most);
      if (bytes.length === 0 && most > 0) throw new ValueError(`<cannot access memory at 0x${address.toString(16)}>`);
    }
    const end = bytes.indexOf(0);
    const shown = end < 0 ? bytes.subarray(0, limit) : bytes.subarray(0, end);
    return { text: Buffer.from(shown).toString('latin1'), complete: end >= 0 || (plain.kind === 'array' && bytes.length <= limit) };
  }
}

/** In small steps: a string rarely needs the next page. */
function readText(memory: TargetMemory, address: bigint, limit: number): Uint8Array {
  let length = Math.min(64, limit);
  for (;;) {
    const bytes = memory.readSome(address, length);
    if (bytes.length < length || bytes.includes(0) || length >= limit) return bytes;
    length = Math.min(length * 4, limit);
  }
}

export function elementType(array: DwarfType): DwarfType {
  const { dimensions, target } = array;
  return dimensions.length < 2 ? target : array.inner();
}

export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function integerBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, rest = BigInt.asUintN(size * 8, value); i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

export function isSigned(type: DwarfType): boolean {
  if (type.kind === 'enumeration') {
    if (type.die !== undefined && type.target.kind !== 'void') return isSigned(type.target.stripped);
    return type.enumerators.some(({ value }) => value < 0n);
  }
  return type.encoding === Encoding.signed || type.encoding === Encoding.signedChar;
}

export const isFloat = (type: DwarfType): boolean => type.encoding === Encoding.float;
export const isCharacter = (type: DwarfType): boolean => type.encoding === Encoding.signedChar || type.encoding === Encoding.unsignedChar;
export const isPointer = (type: DwarfType): boolean => type.kind === 'pointer' || type.kind === 'reference';
export const isAggregate = (type: DwarfType): boolean => type.kind === 'structure' || type.kind === 'union';
export const isScalar = (type: DwarfType): boolean => type.kind === 'base' || type.kind === 'enumeration' || isPointer(type);
