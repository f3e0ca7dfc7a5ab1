/**
 * Objects of C types in the memory of the debuggee, read through its DWARF: fields by path, probed by existence, so that one piece of
 * code serves kernels of all versions. Nothing is cached but layouts: every read is of memory as it is now.
 */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import type { DwarfType, Member } from '../../emulator/image/dwarf/types.ts';

/** Exactly `length` bytes at a virtual address, or undefined when they cannot be read. */
export type GuestMemory = (address: number, length: number) => Uint8Array | undefined;

/** The kernel has no such field, variable or type, or it is not what was expected. */
export class LayoutError extends Error {}

/** Guest memory that cannot be read, or that is not what it should be (a list without an end). */
export class GuestDataError extends Error {}

/** What longer strings are cut to. */
const LONGEST_TEXT = 4096;
/** More elements than any list of a kernel has. */
const LONGEST_LIST = 1 << 20;

const hex = (address: number): string => `0x${address.toString(16)}`;
const decoder = new TextDecoder();

/** Where a path such as `thread.switch_buf[0].__rip` leads, from the start of a type. Undefined: it has no such field. */
function locate(from: DwarfType, path: string): Member | undefined {
  let type = from;
  let offset = 0;
  let bits: Member['bits'];
  let name: string | undefined;
  for (const [, field, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    type = type.stripped.complete;
    if (field !== undefined) {
      const member = type.kind === 'structure' || type.kind === 'union' ? type.member(field) : undefined;
      if (member === undefined) return undefined;
      offset += member.offset;
      ({ type, bits, name } = member);
    } else {
      const size = type.kind === 'array' ? type.target.size : undefined;
      if (size === undefined) return undefined;
      offset += Number(index) * size;
      type = type.target;
    }
  }
  return { name, type, offset, bits };
}

/** Layouts by type and path: the same few are asked for every task. */
const layouts = new WeakMap<DwarfType, Map<string, Member | undefined>>();

function layout(type: DwarfType, path: string): Member | undefined {
  let known = layouts.get(type);
  if (known === undefined) layouts.set(type, (known = new Map()));
  if (!known.has(path)) known.set(path, locate(type, path));
  return known.get(path);
}

/** Byte offset of a field in a type. @throws LayoutError */
export function offsetOf(type: DwarfType, path: string): number {
  const member = layout(type.stripped.complete, path);
  if (member === undefined) throw new LayoutError(`${type} has no member ${path}`);
  return member.offset;
}

export class GuestObject {
  readonly memory: GuestMemory;
  /** Without typedefs and qualifiers. */
  readonly type: DwarfType;
  readonly address: number;
  private readonly bits: Member['bits'];

  constructor(memory: GuestMemory, type: DwarfType, address: number, bits?: Member['bits']) {
    this.memory = memory;
    this.type = type.stripped.complete;
    this.address = address;
    this.bits = bits;
  }

  /** The field at a path such as `thread.regs` or `pids[1].pid`; pointers are not followed. Undefined: this kernel does not have it. */
  find(path: string): GuestObject | undefined {
    const member = layout(this.type, path);
    return member === undefined ? undefined : new GuestObject(this.memory, member.type, this.address + member.offset, member.bits);
  }

  /** The first of several fields that this kernel has. */
  first(...paths: readonly string[]): GuestObject | undefined {
    for (const path of paths) {
      const found = this.find(path);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A field that every kernel has. @throws LayoutError */
  at(path: string): GuestObject {
    const found = this.find(path);
    if (found === undefined) throw new LayoutError(`${this.type} has no member ${path}`);
    return found;
  }

  has(path: string): boolean {
    return layout(this.type, path) !== undefined;
  }

  /** Value of an integer, enumeration, pointer or bit-field, or of the one at a path. @throws LayoutError @throws GuestDataError */
  integer(path?: string): bigint {
    if (path !== undefined) return this.at(path).integer();
    const { type, bits } = this;
    const signed = type.encoding === Encoding.signed || type.encoding === Encoding.signedChar;
    if (bits !== undefined) {
      const value = littleEndian(this.read(Math.ceil((bits.shift + bits.width) / 8))) >> BigInt(bits.shift);
      return signed ? BigInt.asIntN(bits.width, value) : BigInt.asUintN(bits.width, value);
    }
    const { size } = type;
    const plain = type.kind === 'base' || type.kind === 'enumeration' || type.kind === 'pointer';
    if (!plain || size === undefined || size > 8) throw new LayoutError(`${type} is not a number`);
    const value = littleEndian(this.read(size));
    return signed ? BigInt.asIntN(size * 8, value) : value;
  }

  /** As {@link integer}, for values below 2^53: counts, ids, user-half addresses. */
  number(path?: string): number {
    if (path !== undefined) return this.at(path).number();
    const { type, bits } = this;
    const { size } = type;
    // The usual ones without bigints: lists of tasks are walked at every stop.
    if (bits !== undefined || type.kind !== 'pointer' || (size !== 8 && size !== 4)) return this.small() ?? Number(this.integer());
    const bytes = this.read(size);
    const low = word(bytes, 0);
    return size === 4 ? low : low + word(bytes, 4) * 0x1_0000_0000;
  }

  /** Value of an ordinary 32-bit integer. */
  private small(): number | undefined {
    const { type, bits } = this;
    if (bits !== undefined || type.kind !== 'base' || type.size !== 4) return undefined;
    const value = word(this.read(4), 0);
    return type.encoding === Encoding.signed ? value | 0 : value;
  }

  /** What a pointer points to, or the one at a path does; undefined for NULL. @throws LayoutError @throws GuestDataError */
  follow(path?: string): GuestObject | undefined {
    if (path !== undefined) return this.at(path).follow();
    if (this.type.kind !== 'pointer') throw new LayoutError(`${this.type} is not a pointer`);
    const address = this.number();
    return address === 0 ? undefined : new GuestObject(this.memory, this.type.target, address);
  }

  /** The same place as another type. */
  as(type: DwarfType): GuestObject {
    return new GuestObject(this.memory, type, this.address);
  }

  /** Element of an array, or of the array a pointer points to. */
  element(index: number): GuestObject {
    const base = this.type.kind === 'pointer' ? this.number() : this.address;
    const { target } = this.type;
    if ((this.type.kind !== 'pointer' && this.type.kind !== 'array') || target.size === undefined) throw new LayoutError(`${this.type} is not an array`);
    return new GuestObject(this.memory, target, base + index * target.size);
  }

  /** Elements of an array in all dimensions; undefined when its type does not say. */
  get length(): number | undefined {
    let count: number | undefined = 1;
    for (const dimension of this.type.dimensions) count = count === undefined || dimension === undefined ? undefined : count * dimension;
    return this.type.kind === 'array' ? count : undefined;
  }

  /** Characters up to the NUL: of an array, or of what a pointer points to (`''` for NULL). @throws LayoutError @throws GuestDataError */
  text(path?: string): string {
    if (path !== undefined) return this.at(path).text();
    const array = this.type.kind === 'array';
    if (!array && this.type.kind !== 'pointer') throw new LayoutError(`${this.type} is not a string`);
    const from = array ? this.address : this.number();
    if (from === 0) return '';
    return textAt(this.memory, from, Math.min((array ? this.type.size : undefined) ?? LONGEST_TEXT, LONGEST_TEXT));
  }

  /** The structure of a type whose member this is (container_of). @throws LayoutError */
  container(type: DwarfType, member: string): GuestObject {
    return new GuestObject(this.memory, type, this.address - offsetOf(type, member));
  }

  /**
   * Entries of the circular list whose head (a `struct list_head`) this is, as the structures they are members of. A head that
   * was never initialised has none. @throws GuestDataError at a list without an end
   */
  *list(type: DwarfType, member: string): Generator<GuestObject, void> {
    const offset = offsetOf(type, member);
    const seen = new Set<number>([this.address]);
    for (let node = this.number('next'); node !== 0 && node !== this.address;) {
      if (seen.has(node) || seen.size > LONGEST_LIST) throw new GuestDataError(`the list at ${hex(this.address)} does not come back to its head`);
      seen.add(node);
      yield new GuestObject(this.memory, type, node - offset);
      node = new GuestObject(this.memory, this.type, node).number('next');
    }
  }

  /** Entries of the list whose head (a `struct hlist_head`) this is. @throws GuestDataError at a list without an end */
  *hashList(type: DwarfType, member: string): Generator<GuestObject, void> {
    const offset = offsetOf(type, member);
    const seen = new Set<number>();
    for (let node = this.follow('first'); node !== undefined; node = node.follow('next')) {
      if (seen.has(node.address) || seen.size > LONGEST_LIST) throw new GuestDataError(`the list at ${hex(this.address)} has no end`);
      seen.add(node.address);
      yield new GuestObject(this.memory, type, node.address - offset);
    }
  }

  /** The object's bytes, or so many of them. @throws GuestDataError */
  read(length: number | undefined = this.type.size): Uint8Array {
    if (length === undefined) throw new LayoutError(`${this.type} has no size`);
    const bytes = this.memory(this.address, length);
    if (bytes === undefined) throw new GuestDataError(`${length} bytes at ${hex(this.address)} (${this.type}) cannot be read`);
    return bytes;
  }
}

/** Characters up to a NUL or the end of what is readable, at most `longest`. @throws GuestDataError when nothing is */
export function textAt(memory: GuestMemory, address: number, longest: number = LONGEST_TEXT): string {
  const parts: Uint8Array[] = [];
  for (let at = address, left = longest; left > 0;) {
    const bytes = memory(at, Math.min(left, 64 - (at % 64)));
    if (bytes === undefined) {
      if (parts.length === 0) throw new GuestDataError(`the string at ${hex(address)} cannot be read`);
      break;
    }
    const end = bytes.indexOf(0);
    parts.push(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) break;
    at += bytes.length;
    left -= bytes.length;
  }
  return decoder.decode(Buffer.concat(parts));
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

/** An unsigned number from its bytes, lowest first. */
export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}
