/**
 * DWARF expressions on integers. What is not known (a register the caller could not recover, memory that cannot be read)
 * ends the evaluation with `unavailable`; operators on typed values are refused by name.
 */
import { Cursor, type Block } from './cursor.ts';

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
  /** Address `index` of .debug_addr (DW_OP_addrx). */
  readonly indexedAddress?: ((index: number) => number) | undefined;
  /** Value at function entry of what the expression describes (DW_OP_entry_value). */
  readonly entryValue?: ((block: Block) => bigint | undefined) | undefined;
}

export type PieceLocation =
  | { readonly kind: 'memory'; readonly address: number }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'optimised-out' };

export type Location =
  | PieceLocation
  /** Parts from the lowest address on; `size` in bytes. */
  | { readonly kind: 'pieces'; readonly pieces: readonly { readonly location: PieceLocation; readonly size: number }[] }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** More steps than any compiler's expression takes: a jump backwards may loop. */
const MOST_STEPS = 10_000;

class Unavailable extends Error {}

/** Where something is. An empty expression says that it is optimised out. @throws DwarfError */
export function evaluateLocation(block: Block, context: ExpressionContext, start: readonly bigint[] = []): Location {
  try {
    return new Evaluator(block, context, start).location();
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unavailable', reason: error.message };
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
  private readonly stack: bigint[];
  private readonly pieces: { location: PieceLocation; size: number }[] = [];
  private current: PieceLocation | undefined;

  constructor(block: Block, context: ExpressionContext, start: readonly bigint[]) {
    this.context = context;
    this.cursor = Cursor.of(block);
    this.start = block.offset;
    this.width = context.addressSize * 8;
    this.stack = [...start];
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
    this.stack.push(BigInt.asUintN(this.width, value));
  }

  private pop(): bigint {
    const value = this.stack.pop();
    if (value === undefined) throw this.cursor.error('expression takes more than it has', this.start);
    return value;
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

  private load(value: bigint, size: number): void {
    const address = this.address(value);
    const bytes = this.context.memory(address, size);
    if (bytes === undefined || bytes.length < size) throw new Unavailable(`memory at ${address < 0 ? '-' : ''}0x${Math.abs(address).toString(16)} cannot be read`);
    let result = 0n;
    for (let i = size - 1; i >= 0; i--) result = (result << 8n) | BigInt(bytes[i]);
    this.push(result);
  }

  private signed(value: bigint): bigint {
    return BigInt.asIntN(this.width, value);
  }

  private binary(compute: (a: bigint, b: bigint) => bigint): void {
    const b = this.pop();
    this.push(compute(this.pop(), b));
  }

  private compare(test: (a: bigint, b: bigint) => boolean): void {
    this.binary((a, b) => (test(this.signed(a), this.signed(b)) ? 1n : 0n));
  }

  private jump(distance: number): void {
    const target = this.cursor.offset + distance;
    if (target < this.start || target > this.cursor.end) throw this.cursor.error('jump out of the expression');
    this.cursor.offset = target;
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
      case 0x03: return this.push(BigInt(cursor.address(this.context.addressSize)));
      case 0x06: return this.load(this.pop(), this.context.addressSize);
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
      case 0x13: this.pop(); return;
      case 0x14: return this.pick(1);
      case 0x15: return this.pick(cursor.u8());
      case 0x16: { const a = this.pop(); const b = this.pop(); this.stack.push(a, b); return; }
      case 0x17: { const a = this.pop(); const b = this.pop(); const c = this.pop(); this.stack.push(a, c, b); return; }
      case 0x19: { const a = this.signed(this.pop()); return this.push(a < 0n ? -a : a); }
      case 0x1a: return this.binary((a, b) => a & b);
      case 0x1b: return this.binary((a, b) => this.signed(a) / this.nonZero(this.signed(b)));
      case 0x1c: return this.binary((a, b) => a - b);
      case 0x1d: return this.binary((a, b) => a % this.nonZero(b));
      case 0x1e: return this.binary((a, b) => a * b);
      case 0x1f: return this.push(-this.pop());
      case 0x20: return this.push(~this.pop());
      case 0x21: return this.binary((a, b) => a | b);
      case 0x22: return this.binary((a, b) => a + b);
      case 0x23: return this.push(this.pop() + cursor.ulebBig());
      case 0x24: return this.binary((a, b) => (b >= this.width ? 0n : a << b));
      case 0x25: return this.binary((a, b) => (b >= this.width ? 0n : a >> b));
      case 0x26: return this.binary((a, b) => this.signed(a) >> (b >= this.width ? BigInt(this.width - 1) : b));
      case 0x27: return this.binary((a, b) => a ^ b);
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
      case 0x93: this.pieces.push({ location: this.take(), size: cursor.uleb() }); return;
      case 0x94: {
        const size = cursor.u8();
        if (size < 1 || size > this.context.addressSize) throw cursor.error(`access of ${size} bytes`, at);
        return this.load(this.pop(), size);
      }
      case 0x96: return;
      case 0x9c: {
        if (this.context.cfa === undefined) throw new Unavailable('the CFA is not known');
        return this.push(this.context.cfa);
      }
      case 0x9e: {
        const { data, offset, end } = cursor.block(cursor.uleb());
        this.current = { kind: 'bytes', bytes: new Uint8Array(data.bytes.subarray(offset, end)) };
        return;
      }
      case 0x9f: this.current = { kind: 'value', value: this.pop() }; return;
      case 0xa1: {
        if (this.context.indexedAddress === undefined) throw cursor.error('DW_OP_addrx without a unit', at);
        return this.push(BigInt(this.context.indexedAddress(cursor.uleb())));
      }
      case 0xa3: case 0xf3: {
        const value = this.context.entryValue?.(cursor.block(cursor.uleb()));
        if (value === undefined) throw new Unavailable('the value at function entry is not known');
        return this.push(value);
      }
      default: throw new Unavailable(`operator 0x${code.toString(16)} is not supported`);
    }
  }

  private nonZero(value: bigint): bigint {
    if (value === 0n) throw new Unavailable('the expression divides by zero');
    return value;
  }
}
