/**
 * DWARF expressions (DWARF 5, section 2.5 and 2.6, with the GNU numbers of DWARF 4). What is not known (a register the caller
 * could not recover, memory that cannot be read) ends the evaluation with `unavailable`, and `entry-value` when the only thing missing is a
 * value at function entry: debuggers call that optimised out.
 */
import { convert, floatOf, floatOperation, integerOf, isFloat, isSigned, type BaseType, type Operation, type StackValue } from './base-value.ts';
import { Attribute } from './constants.ts';
import { Cursor, type Block } from './cursor.ts';
import type { Unit } from './unit.ts';

/** Register by DWARF number; undefined when its value is not known. */
export type RegisterReader = (register: number) => bigint | undefined;
/** Exactly `length` bytes, or undefined when they cannot be read. Upper-half addresses are negative. */
export type MemoryReader = (address: number, length: number) => Uint8Array | undefined;

export interface ExpressionContext {
  readonly addressSize: 4 | 8;
  readonly register: RegisterReader;
  readonly memory: MemoryReader;
  readonly cfa?: bigint | undefined;
  /** DW_OP_fbreg counts from here: the value of the function's DW_AT_frame_base. */
  readonly frameBase?: (() => bigint | undefined) | undefined;
  /** Added to addresses the expression names: how far a position-independent program was loaded from where it was linked. */
  readonly loadOffset?: number | undefined;
  /** The unit the expression belongs to: operators that index its tables or name its types need it. */
  readonly unit?: Unit | undefined;
  /** Value at function entry of what the expression describes (DW_OP_entry_value). */
  readonly entryValue?: ((block: Block) => bigint | undefined) | undefined;
}

export type PieceLocation =
  | { readonly kind: 'memory'; readonly address: number }
  | { readonly kind: 'register'; readonly register: number }
  /** `size`: bytes of a typed value; those of an address otherwise. */
  | { readonly kind: 'value'; readonly value: bigint; readonly size: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A pointer that does not exist, to a variable that does not either: `entry` (an offset in .debug_info) describes it. */
  | { readonly kind: 'implicit-pointer'; readonly entry: number; readonly offset: number }
  | { readonly kind: 'optimised-out' };

export type Location =
  | PieceLocation
  /** Parts from the lowest bit on. */
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'unavailable' | 'entry-value'; readonly reason: string };

export interface Piece {
  readonly location: PieceLocation;
  /** Size, and where it starts in its location, in bits. */
  readonly bits: number;
  readonly offset: number;
}

/** More steps than any compiler's expression takes: a jump backwards may loop. */
const MOST_STEPS = 10_000;

class Unavailable extends Error {
  readonly kind: 'unavailable' | 'entry-value';

  constructor(reason: string, kind: 'unavailable' | 'entry-value' = 'unavailable') {
    super(reason);
    this.kind = kind;
  }
}

/** Where something is. An empty expression says that it is optimised out. @throws DwarfError */
export function evaluateLocation(block: Block, context: ExpressionContext, start: readonly bigint[] = []): Location {
  try {
    return new Evaluator(block, context, start).location();
  } catch (error) {
    if (error instanceof Unavailable) return { kind: error.kind, reason: error.message };
    throw error;
  }
}

/** Number an expression computes (DW_AT_call_value, CFA rules …); undefined when something it needs is not known. @throws DwarfError */
export function evaluateValue(block: Block, context: ExpressionContext, start: readonly bigint[] = []): bigint | undefined {
  const location = evaluateLocation(block, context, start);
  if (location.kind === 'value') return location.value;
  if (location.kind === 'memory') return BigInt.asUintN(64, BigInt(location.address));
  return location.kind === 'register' ? context.register(location.register) : undefined;
}

class Evaluator {
  private readonly context: ExpressionContext;
  private readonly cursor: Cursor;
  private readonly start: number;
  private readonly width: number;
  private readonly stack: StackValue[];
  private readonly pieces: Piece[] = [];
  private current: PieceLocation | undefined;

  constructor(block: Block, context: ExpressionContext, start: readonly bigint[]) {
    this.context = context;
    this.cursor = Cursor.of(block);
    this.start = block.offset;
    this.width = context.addressSize * 8;
    this.stack = start.map((bits) => ({ bits, type: undefined }));
  }

  location(): Location {
    for (let steps = 0; !this.cursor.done; steps++) {
      if (steps > MOST_STEPS) throw this.cursor.error('expression without an end', this.start);
      this.step();
    }
    if (this.pieces.length > 0) return { kind: 'pieces', pieces: this.pieces };
    return this.take();
  }

  private take(): PieceLocation {
    const known = this.current;
    this.current = undefined;
    if (known !== undefined) return known;
    if (this.stack.length === 0) return { kind: 'optimised-out' };
    return { kind: 'memory', address: this.address(this.pop()) };
  }

  private address(value: bigint): number {
    const address = Number(this.width === 64 ? BigInt.asIntN(64, value) : value);
    if (!Number.isSafeInteger(address)) throw new Unavailable(`0x${value.toString(16)} is not an address`);
    return address;
  }

  private push(value: bigint): void {
    this.stack.push({ bits: BigInt.asUintN(this.width, value), type: undefined });
  }

  private popValue(): StackValue {
    const value = this.stack.pop();
    if (value === undefined) throw this.cursor.error('expression takes more than it has', this.start);
    return value;
  }

  private pop(): bigint {
    return integerOf(this.popValue());
  }

  private pick(index: number): void {
    if (index >= this.stack.length) throw this.cursor.error('expression takes more than it has', this.start);
    this.stack.push(this.stack[this.stack.length - 1 - index]);
  }

  private register(number: number): bigint {
    const value = this.context.register(number);
    if (value === undefined) throw new Unavailable(`register ${number} is not known`);
    return value;
  }

  private read(value: bigint, size: number): bigint {
    const address = this.address(value);
    const bytes = this.context.memory(address, size);
    if (bytes === undefined || bytes.length < size) throw new Unavailable(`memory at ${address < 0 ? '-' : ''}0x${Math.abs(address).toString(16)} cannot be read`);
    let result = 0n;
    for (let i = size - 1; i >= 0; i--) result = (result << 8n) | BigInt(bytes[i]);
    return result;
  }

  /** A value as a signed integer: operators that care for the sign take generic values as signed. */
  private signed(value: StackValue): bigint {
    return value.type === undefined ? BigInt.asIntN(this.width, value.bits) : integerOf(value);
  }

  private unsigned({ bits, type }: StackValue): bigint {
    return BigInt.asUintN(type === undefined ? this.width : type.size * 8, bits);
  }

  /** An operator on two values of one type; `view` says how it takes their bits. */
  private binary(code: number, compute: Operation, view: 'signed' | 'unsigned' = 'unsigned'): void {
    const b = this.popValue();
    const a = this.popValue();
    const { type } = a;
    if (type !== undefined && isFloat(type)) {
      const result = floatOperation(code, a, b, type);
      if (result === undefined) throw new Unavailable(`operator 0x${code.toString(16)} on floating-point values is not supported`);
      this.stack.push(result);
      return;
    }
    const read = (value: StackValue): bigint => (view === 'signed' ? this.signed(value) : this.unsigned(value));
    this.stack.push({ bits: BigInt.asUintN(type === undefined ? this.width : type.size * 8, compute(read(a), read(b))), type });
  }

  private compare(test: (a: bigint | number, b: bigint | number) => boolean): void {
    const b = this.popValue();
    const a = this.popValue();
    const read = (value: StackValue): bigint | number => {
      if (value.type === undefined || !isFloat(value.type)) return this.signed(value);
      const number = floatOf(value.bits, value.type.size);
      if (number === undefined) throw new Unavailable('comparison of extended floating-point values is not supported');
      return number;
    };
    this.push(test(read(a), read(b)) ? 1n : 0n);
  }

  private jump(distance: number): void {
    const target = this.cursor.offset + distance;
    if (target < this.start || target > this.cursor.end) throw this.cursor.error('jump out of the expression');
    this.cursor.offset = target;
  }

  private unit(at: number): Unit {
    const { unit } = this.context;
    if (unit === undefined) throw this.cursor.error('operator that needs a unit, without one', at);
    return unit;
  }

  /** The base type at an offset in the unit; 0 is the generic type. */
  private baseType(at: number): BaseType | undefined {
    const offset = this.cursor.uleb();
    if (offset === 0) return undefined;
    const unit = this.unit(at);
    const die = unit.store.dieAt(unit.offset + offset);
    const size = die?.number(Attribute.byteSize);
    const encoding = die?.number(Attribute.encoding);
    if (size === undefined || encoding === undefined) throw this.cursor.error('the type of a value is not a base type', at);
    return { size, encoding };
  }

  private shift(value: StackValue): bigint {
    const bits = BigInt(value.type === undefined ? this.width : value.type.size * 8);
    const distance = this.unsigned(value);
    return distance >= bits ? bits : distance;
  }

  private shiftBy(code: number): void {
    const distance = this.shift(this.popValue());
    const value = this.popValue();
    const size = value.type === undefined ? this.width : value.type.size * 8;
    const arithmetic = code === 0x26 || (code === 0x25 && value.type !== undefined && isSigned(value.type));
    const result = code === 0x24 ? this.unsigned(value) << distance : (arithmetic ? this.signed(value) : this.unsigned(value)) >> distance;
    this.stack.push({ bits: BigInt.asUintN(size, result), type: value.type });
  }

  private step(): void {
    const { cursor } = this;
    const at = cursor.offset;
    const code = cursor.u8();
    if (code >= 0x30 && code <= 0x4f) return this.push(BigInt(code - 0x30));
    if (code >= 0x50 && code <= 0x6f) {
      this.current = { kind: 'register', register: code - 0x50 };
      return;
    }
    if (code >= 0x70 && code <= 0x8f) return this.push(this.register(code - 0x70) + BigInt(cursor.sleb()));
    switch (code) {
      case 0x03: return this.push(BigInt(cursor.address(this.context.addressSize) + (this.context.loadOffset ?? 0)));
      case 0x06: return this.push(this.read(this.pop(), this.context.addressSize));
      case 0x08: return this.push(BigInt(cursor.u8()));
      case 0x09: return this.push(BigInt(cursor.i8()));
      case 0x0a: return this.push(BigInt(cursor.u16()));
      case 0x0b: return this.push(BigInt(cursor.i16()));
      case 0x0c: return this.push(BigInt(cursor.u32()));
      case 0x0d: return this.push(BigInt(cursor.i32()));
      case 0x0e: return this.push(cursor.u64Big());
      case 0x0f: return this.push(cursor.i64Big());
      case 0x10: return this.push(cursor.ulebBig());
      case 0x11: return this.push(cursor.slebBig());
      case 0x12: return this.pick(0);
      case 0x13: this.popValue(); return;
      case 0x14: return this.pick(1);
      case 0x15: return this.pick(cursor.u8());
      case 0x16: { const a = this.popValue(); const b = this.popValue(); this.stack.push(a, b); return; }
      case 0x17: { const a = this.popValue(); const b = this.popValue(); const c = this.popValue(); this.stack.push(a, c, b); return; }
      case 0x19: return this.unary((value) => (value < 0n ? -value : value));
      case 0x1a: return this.binary(code, (a, b) => a & b);
      case 0x1b: return this.binary(code, (a, b) => a / this.nonZero(b), 'signed');
      case 0x1c: return this.binary(code, (a, b) => a - b);
      case 0x1d: return this.binary(code, (a, b) => a % this.nonZero(b));
      case 0x1e: return this.binary(code, (a, b) => a * b);
      case 0x1f: return this.unary((value) => -value);
      case 0x20: return this.unary((value) => ~value);
      case 0x21: return this.binary(code, (a, b) => a | b);
      case 0x22: return this.binary(code, (a, b) => a + b);
      case 0x23: { const more = cursor.ulebBig(); return this.unary((value) => value + more); }
      case 0x24: case 0x25: case 0x26: return this.shiftBy(code);
      case 0x27: return this.binary(code, (a, b) => a ^ b);
      case 0x28: { const distance = cursor.i16(); if (this.pop() !== 0n) this.jump(distance); return; }
      case 0x29: return this.compare((a, b) => a === b);
      case 0x2a: return this.compare((a, b) => a >= b);
      case 0x2b: return this.compare((a, b) => a > b);
      case 0x2c: return this.compare((a, b) => a <= b);
      case 0x2d: return this.compare((a, b) => a < b);
      case 0x2e: return this.compare((a, b) => a !== b);
      case 0x2f: return this.jump(cursor.i16());
      case 0x90: this.current = { kind: 'register', register: cursor.uleb() }; return;
      case 0x91: {
        const offset = cursor.slebBig();
        const base = this.context.frameBase?.();
        if (base === undefined) throw new Unavailable('the frame base is not known');
        return this.push(base + offset);
      }
      case 0x92: return this.push(this.register(cursor.uleb()) + cursor.slebBig());
      case 0x93: { const location = this.take(); this.pieces.push({ location, bits: cursor.uleb() * 8, offset: 0 }); return; }
      case 0x94: {
        const size = cursor.u8();
        if (size < 1 || size > this.context.addressSize) throw cursor.error(`access of ${size} bytes`, at);
        return this.push(this.read(this.pop(), size));
      }
      case 0x96: case 0xf0: return;
      case 0x9b: case 0xe0: throw new Unavailable('thread-local variables are not supported');
      case 0x9c: {
        if (this.context.cfa === undefined) throw new Unavailable('the CFA is not known');
        return this.push(this.context.cfa);
      }
      case 0x9d: { const location = this.take(); const bits = cursor.uleb(); this.pieces.push({ location, bits, offset: cursor.uleb() }); return; }
      case 0x9e: {
        const { data, offset, end } = cursor.block(cursor.uleb());
        this.current = { kind: 'bytes', bytes: new Uint8Array(data.bytes.subarray(offset, end)) };
        return;
      }
      case 0x9f: {
        const value = this.popValue();
        this.current = { kind: 'value', value: integerOf(value), size: value.type?.size ?? this.context.addressSize };
        return;
      }
      case 0xa0: case 0xf2: {
        const unit = this.unit(at);
        const entry = cursor.unsigned(unit.version <= 2 ? unit.addressSize : unit.offsetSize);
        this.current = { kind: 'implicit-pointer', entry, offset: cursor.sleb() };
        return;
      }
      case 0xa1: case 0xfb: return this.push(BigInt(this.unit(at).indexedAddress(cursor.uleb()) + (this.context.loadOffset ?? 0)));
      case 0xa3: case 0xf3: {
        const value = this.context.entryValue?.(cursor.block(cursor.uleb()));
        if (value === undefined) throw new Unavailable('the value at function entry is not known', 'entry-value');
        return this.push(value);
      }
      case 0xa4: case 0xf4: {
        const type = this.baseType(at);
        const block = Cursor.of(cursor.block(cursor.u8()));
        let bits = 0n;
        for (let shift = 0n; !block.done; shift += 8n) bits |= BigInt(block.u8()) << shift;
        this.stack.push({ bits, type });
        return;
      }
      case 0xa5: case 0xf5: {
        const bits = this.register(cursor.uleb());
        const type = this.baseType(at);
        this.stack.push({ bits: type === undefined ? bits : BigInt.asUintN(type.size * 8, bits), type });
        return;
      }
      case 0xa6: case 0xf6: {
        const size = cursor.u8();
        const type = this.baseType(at);
        this.stack.push({ bits: this.read(this.pop(), size), type });
        return;
      }
      case 0xa8: case 0xf7: {
        const type = this.baseType(at);
        const result = convert(this.popValue(), type, this.context.addressSize);
        if (result === undefined) throw new Unavailable('a conversion to or from an extended floating-point type is not supported');
        this.stack.push(result);
        return;
      }
      case 0xa9: case 0xf9: {
        const type = this.baseType(at);
        this.stack.push({ bits: this.unsigned(this.popValue()), type });
        return;
      }
      default: throw new Unavailable(`operator 0x${code.toString(16)} is not supported`);
    }
  }

  private unary(compute: (value: bigint) => bigint): void {
    const value = this.popValue();
    if (value.type !== undefined && isFloat(value.type)) throw new Unavailable('an operator on a floating-point value is not supported');
    this.stack.push({ bits: BigInt.asUintN(value.type === undefined ? this.width : value.type.size * 8, compute(this.signed(value))), type: value.type });
  }

  private nonZero(value: bigint): bigint {
    if (value === 0n) throw new Unavailable('the expression divides by zero');
    return value;
  }
}
