/**
 * Reading a section byte by byte, with bounds.
 *
 * Addresses are numbers and always exact: 64-bit ones are sign-extended, so that a kernel in the upper half of the canonical
 * space has negative addresses (in the order of its memory), and one of the lower half the addresses everybody expects.
 */
import { DwarfError } from './dwarf-error.ts';

const SIGN_BIT_53 = 0x200000;
const TWO_32 = 0x1_0000_0000;
/** Longest LEB128 number of 64 bits. */
const LEB_BYTES = 10;

export class SectionData {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  error(offset: number, what: string): DwarfError {
    return new DwarfError(this.name, offset, what);
  }

  /** NUL-terminated string at `offset`. */
  string(offset: number): string {
    if (offset >= this.bytes.length) throw this.error(offset, 'string beyond the end of the section');
    const end = this.bytes.indexOf(0, offset);
    if (end < 0) throw this.error(offset, 'string without an end');
    return decodeText(this.bytes, offset, end);
  }
}

const decoder = new TextDecoder();
const LONGEST_BY_HAND = 32;

/** UTF-8; short ASCII (nearly every name) without the decoder's overhead. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > LONGEST_BY_HAND) return decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    if (bytes[i] >= 0x80) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

/** A piece of a section: an expression, a list, an instruction sequence. */
export interface Block {
  readonly data: SectionData;
  readonly offset: number;
  readonly end: number;
}

export class Cursor {
  readonly data: SectionData;
  offset: number;
  readonly end: number;

  /** @throws DwarfError when the range is not inside the section */
  constructor(data: SectionData, offset = 0, end = data.size) {
    if (!(offset >= 0 && offset <= end && end <= data.size)) throw data.error(offset, `range up to 0x${end.toString(16)} is not inside the section of 0x${data.size.toString(16)} bytes`);
    this.data = data;
    this.offset = offset;
    this.end = end;
  }

  static of(block: Block): Cursor {
    return new Cursor(block.data, block.offset, block.end);
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  error(what: string, offset = this.offset): DwarfError {
    return this.data.error(offset, what);
  }

  skip(count: number): void {
    this.advance(count);
  }

  u8(): number {
    return this.data.view.getUint8(this.advance(1));
  }

  i8(): number {
    return this.data.view.getInt8(this.advance(1));
  }

  u16(): number {
    return this.data.view.getUint16(this.advance(2), true);
  }

  i16(): number {
    return this.data.view.getInt16(this.advance(2), true);
  }

  u24(): number {
    const at = this.advance(3);
    return this.data.view.getUint16(at, true) + this.data.view.getUint8(at + 2) * 0x10000;
  }

  u32(): number {
    return this.data.view.getUint32(this.advance(4), true);
  }

  i32(): number {
    return this.data.view.getInt32(this.advance(4), true);
  }

  /** @throws DwarfError when the value is not exact as a number */
  u64(): number {
    const at = this.advance(8);
    const high = this.data.view.getUint32(at + 4, true);
    if (high >= SIGN_BIT_53) throw this.error(`0x${this.data.view.getBigUint64(at, true).toString(16)} is too large here`, at);
    return high * TWO_32 + this.data.view.getUint32(at, true);
  }

  u64Big(): bigint {
    return this.data.view.getBigUint64(this.advance(8), true);
  }

  i64Big(): bigint {
    return this.data.view.getBigInt64(this.advance(8), true);
  }

  /** Unsigned integer of 1, 2, 4 or 8 bytes. */
  unsigned(size: number): number {
    switch (size) {
      case 1: return this.u8();
      case 2: return this.u16();
      case 4: return this.u32();
      case 8: return this.u64();
      default: throw this.error(`integer of ${size} bytes`);
    }
  }

  /** An address of 4 or 8 bytes; the upper half of the 64-bit space is negative. */
  address(size: number): number {
    if (size !== 8) return this.unsigned(size);
    const at = this.advance(8);
    const high = this.data.view.getInt32(at + 4, true);
    if (high >= SIGN_BIT_53 || high < -SIGN_BIT_53) throw this.error(`0x${this.data.view.getBigUint64(at, true).toString(16)} is not a canonical address`, at);
    return high * TWO_32 + this.data.view.getUint32(at, true);
  }

  /** Unsigned LEB128. @throws DwarfError when it is not exact as a number */
  uleb(): number {
    const { bytes } = this.data;
    const start = this.offset;
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.offset >= this.end) throw this.error('truncated LEB128 number', start);
      const byte = bytes[this.offset++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
      if (this.offset - start >= LEB_BYTES) throw this.error('LEB128 number of more than 64 bits', start);
    }
    if (value > Number.MAX_SAFE_INTEGER) throw this.error('LEB128 number is too large here', start);
    return value;
  }

  ulebBig(): bigint {
    const { bytes } = this.data;
    const start = this.offset;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (this.offset >= this.end) throw this.error('truncated LEB128 number', start);
      if (this.offset - start >= LEB_BYTES) throw this.error('LEB128 number of more than 64 bits', start);
      const byte = bytes[this.offset++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  }

  slebBig(): bigint {
    const { bytes } = this.data;
    const start = this.offset;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (this.offset >= this.end) throw this.error('truncated LEB128 number', start);
      if (this.offset - start >= LEB_BYTES) throw this.error('LEB128 number of more than 64 bits', start);
      const byte = bytes[this.offset++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, BigInt.asIntN(Number(shift) + 7, value));
    }
  }

  /** Signed LEB128. @throws DwarfError when it is not exact as a number */
  sleb(): number {
    const { bytes } = this.data;
    const first = bytes[this.offset];
    // One byte is by far the most frequent, two nearly all the rest.
    if (this.offset < this.end && first < 0x80) {
      this.offset++;
      return (first << 25) >> 25;
    }
    const start = this.offset;
    const value = Number(this.slebBig());
    if (!Number.isSafeInteger(value)) throw this.error('LEB128 number is too large here', start);
    return value;
  }

  string(): string {
    const { bytes } = this.data;
    const start = this.offset;
    let end = start;
    while (end < this.end && bytes[end] !== 0) end++;
    if (end >= this.end) throw this.error('string without an end', start);
    this.offset = end + 1;
    return decodeText(bytes, start, end);
  }

  block(length: number): Block {
    const offset = this.advance(length);
    return { data: this.data, offset, end: offset + length };
  }

  /** An initial length: 32 bits, or 64 after an escape. Afterwards the cursor stands behind it. */
  initialLength(): { readonly length: number; readonly offsetSize: 4 | 8 } {
    const start = this.offset;
    const length = this.u32();
    if (length < 0xfffffff0) return { length, offsetSize: 4 };
    if (length !== 0xffffffff) throw this.error(`reserved length 0x${length.toString(16)}`, start);
    return { length: this.u64(), offsetSize: 8 };
  }

  private advance(count: number): number {
    const at = this.offset;
    if (count > this.end - at) throw this.error(`truncated: ${count} bytes wanted, ${this.end - at} left`);
    this.offset = at + count;
    return at;
  }
}
