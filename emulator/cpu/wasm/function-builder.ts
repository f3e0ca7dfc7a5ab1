/**
 * Emits the body of one WebAssembly function at a time, with the stack discipline checked by
 * TypeScript: every method that pushes a value returns a {@link Val} token, every method that pops
 * takes one, and JavaScript's left-to-right evaluation of arguments is the order of emission:
 *
 *     f.set(sum, f.i64.add(f.get(a), f.get(b)));   // local.get a, local.get b, i64.add, local.set sum
 *
 * A token stands for "on the wasm stack now": use it exactly once, at once, and never store it.
 * Values that are needed twice go through a local ({@link FunctionBuilder.local}).
 */
import * as op from './opcodes.ts';

export type ValType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
export type IntType = 'i32' | 'i64';
export const VALTYPE_CODE: Record<ValType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A value of type `T` on top of the wasm operand stack. */
export interface Val<T extends ValType> {
  readonly type: T;
}
export type I32 = Val<'i32'>;
export type I64 = Val<'i64'>;
export type F32 = Val<'f32'>;
export type F64 = Val<'f64'>;
export type V128 = Val<'v128'>;
/** An i32 or an i64, where an instruction's operand size decides which. */
export type Word = Val<IntType>;

/** A wasm local of the function under construction. */
export interface Local<T extends ValType> {
  readonly index: number;
  readonly type: T;
}

/** A branch target made by `block` or `loop`; `depth` is its nesting level counted from the function body. */
export interface Label {
  readonly depth: number;
}

const ON_STACK: { readonly [T in ValType]: Val<T> } = {
  i32: { type: 'i32' }, i64: { type: 'i64' }, f32: { type: 'f32' }, f64: { type: 'f64' }, v128: { type: 'v128' },
};

/** Integer operations of one width; `FunctionBuilder.word(size)` picks the width at run time. */
export type IntOps<T extends IntType> = {
  [K in keyof typeof op.I32_BINARY]: (a: Val<T>, b: Val<T>) => Val<T>;
} & {
  [K in keyof typeof op.I32_COMPARE]: (a: Val<T>, b: Val<T>) => I32;
} & { [K in keyof typeof op.I32_UNARY]: (a: Val<T>) => Val<T> } & {
  readonly type: T;
  eqz(a: Val<T>): I32;
  /** Pushes a constant; numbers are taken modulo the width, bigints as two's complement. */
  const(value: number | bigint): Val<T>;
};
export type FloatOps<T extends 'f32' | 'f64'> = {
  [K in keyof typeof op.F64_BINARY]: (a: Val<T>, b: Val<T>) => Val<T>;
} & { [K in keyof typeof op.F64_UNARY]: (a: Val<T>) => Val<T> } & {
  [K in keyof typeof op.F64_COMPARE]: (a: Val<T>, b: Val<T>) => I32;
} & { const(value: number): Val<T> };
type ConvertOps = { [K in keyof typeof op.CONVERT]: (a: Val<(typeof op.CONVERT)[K][1]>) => Val<(typeof op.CONVERT)[K][2]> };
type LoadOps = { [K in keyof typeof op.LOAD]: (address: I32, offset?: number) => Val<(typeof op.LOAD)[K][1]> };
type StoreOps = { [K in keyof typeof op.STORE]: (address: I32, value: Val<(typeof op.STORE)[K][1]>, offset?: number) => void };
export type VectorOps = { [K in keyof typeof op.V128_BINARY]: (a: V128, b: V128) => V128 } & {
  [K in keyof typeof op.V128_UNARY]: (a: V128) => V128;
} & { [K in keyof typeof op.V128_SHIFT]: (a: V128, count: I32) => V128 } & { [K in keyof typeof op.V128_TEST]: (a: V128) => I32 } & {
  [K in keyof typeof op.V128_SPLAT]: (a: Val<(typeof op.V128_SPLAT)[K][1]>) => V128;
} & { [K in keyof typeof op.V128_EXTRACT]: (a: V128, lane: number) => Val<(typeof op.V128_EXTRACT)[K][1]> } & {
  [K in keyof typeof op.V128_REPLACE]: (a: V128, value: Val<(typeof op.V128_REPLACE)[K][1]>, lane: number) => V128;
} & {
  /** `i8x16.shuffle`: sixteen lane numbers, 0–15 from `a`, 16–31 from `b`. */
  shuffle(a: V128, b: V128, lanes: readonly number[]): V128;
  /** `v128.const` from the low and the high 64 bits. */
  const(low: bigint, high: bigint): V128;
  /** `v128.bitselect`: bits of `a` where `mask` is 1, of `b` where it is 0. */
  bitselect(a: V128, b: V128, mask: V128): V128;
};

/** In a memory access's alignment field: the number of the memory comes next (multiple memories proposal). */
const MEMORY_FOLLOWS = 0x40;

/** Grow-on-demand byte sink with LEB128 writers. */
export class ByteSink {
  bytes = new Uint8Array(4096);
  length = 0;

  u8(value: number): void {
    if (this.length === this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    let rest = value | 0;
    for (;;) {
      const byte = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
        this.u8(byte);
        return;
      }
      this.u8(byte | 0x80);
    }
  }

  /** Signed LEB128 of a 64-bit bigint. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    if (rest >= -0x80000000n && rest <= 0x7fffffffn) {
      this.s32(Number(rest));
      return;
    }
    for (;;) {
      const byte = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) {
        this.u8(byte);
        return;
      }
      this.u8(byte | 0x80);
    }
  }

  append(bytes: Uint8Array): void {
    const end = this.length + bytes.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(bytes, this.length);
    this.length = end;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

/** A finished function: parameters, further locals and body bytes (with the closing `end`). */
export interface FunctionBody {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  readonly locals: readonly ValType[];
  readonly code: Uint8Array;
  /** Branch hints (offset of the `if`/`br_if` from the start of `code`, likely?), for the metadata.code.branch_hint section. */
  readonly hints: readonly (readonly [offset: number, likely: boolean])[];
}

/** Emits one function; `begin` resets it, so one builder serves a whole run. */
export class FunctionBuilder {
  readonly sink = new ByteSink();
  readonly i32: IntOps<'i32'>;
  readonly i64: IntOps<'i64'>;
  readonly f32: FloatOps<'f32'>;
  readonly f64: FloatOps<'f64'>;
  readonly v: VectorOps;
  readonly convert: ConvertOps;
  readonly load: LoadOps;
  readonly store: StoreOps;
  /** The same for memory 1, which only modules that count have. */
  readonly counts: { readonly load: LoadOps; readonly store: StoreOps };
  private params: readonly ValType[] = [];
  private results: readonly ValType[] = [];
  private locals: ValType[] = [];
  private free: Record<ValType, Local<ValType>[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  private depth = 0;
  private hints: [number, boolean][] = [];

  constructor() {
    this.i32 = this.intOps('i32');
    this.i64 = this.intOps('i64');
    this.f32 = this.floatOps('f32');
    this.f64 = this.floatOps('f64');
    this.v = this.vectorOps();
    this.convert = this.convertOps();
    this.load = this.loadOps(0);
    this.store = this.storeOps(0);
    this.counts = { load: this.loadOps(1), store: this.storeOps(1) };
  }

  /** Starts a new function with the given parameters; they are locals 0, 1, … */
  begin(params: readonly ValType[], results: readonly ValType[]): void {
    this.sink.length = 0;
    this.params = params;
    this.results = results;
    this.locals = [];
    this.free = { i32: [], i64: [], f32: [], f64: [], v128: [] };
    this.depth = 0;
    this.hints = [];
  }

  /** Ends the function and returns it. */
  end(): FunctionBody {
    if (this.depth !== 0) throw new Error(`wasm function ended inside ${this.depth} open block(s)`);
    this.sink.u8(0x0b);
    return { params: this.params, results: this.results, locals: this.locals, code: this.sink.take(), hints: this.hints };
  }

  param<T extends ValType>(index: number, type: T): Local<T> {
    return { index, type };
  }

  /** A local of the given type: a released one if there is any, else a new one. Its value is unspecified. */
  local<T extends ValType>(type: T): Local<T> {
    const reused = this.free[type].pop();
    if (reused !== undefined) return { index: reused.index, type };
    this.locals.push(type);
    return { index: this.params.length + this.locals.length - 1, type };
  }

  /** Hands a local back for reuse. */
  release(local: Local<ValType>): void {
    this.free[local.type].push(local);
  }

  /** Evaluates `value` into a fresh local. */
  keep<T extends ValType>(value: Val<T>): Local<T> {
    const local = this.local(value.type);
    this.set(local, value);
    return local;
  }

  get<T extends ValType>(local: Local<T>): Val<T> {
    this.sink.u8(0x20);
    this.sink.u32(local.index);
    return this.pushed(local.type);
  }

  set<T extends ValType>(local: Local<T>, _value: Val<T>): void {
    this.sink.u8(0x21);
    this.sink.u32(local.index);
  }

  tee<T extends ValType>(local: Local<T>, _value: Val<T>): Val<T> {
    this.sink.u8(0x22);
    this.sink.u32(local.index);
    return this.pushed(local.type);
  }

  drop(_value: Val<ValType>): void {
    this.sink.u8(0x1a);
  }

  /** `a` when `condition` is non-zero, else `b`; all three are evaluated. */
  select<T extends IntType | 'f32' | 'f64' | 'v128'>(a: Val<T>, _b: Val<T>, _condition: I32): Val<T> {
    if (a.type === 'v128') {
      this.sink.u8(0x1c);
      this.sink.u8(1);
      this.sink.u8(VALTYPE_CODE.v128);
    } else this.sink.u8(0x1b);
    return this.pushed(a.type);
  }

  /** 32-bit operations for operand sizes 1, 2 and 4 bytes, 64-bit ones for 8. */
  word(size: number): IntOps<IntType> {
    return (size === 8 ? this.i64 : this.i32) as IntOps<IntType>;
  }

  globalGet<T extends ValType>(index: number, type: T): Val<T> {
    this.sink.u8(0x23);
    this.sink.u32(index);
    return this.pushed(type);
  }

  globalSet(index: number, _value: Val<ValType>): void {
    this.sink.u8(0x24);
    this.sink.u32(index);
  }

  /** `call`: the arguments are already on the stack in order. */
  call<T extends ValType>(functionIndex: number, _args: readonly Val<ValType>[], result: T): Val<T>;
  call(functionIndex: number, _args: readonly Val<ValType>[]): void;
  call<T extends ValType>(functionIndex: number, _args: readonly Val<ValType>[], result?: T): Val<T> | void {
    this.sink.u8(0x10);
    this.sink.u32(functionIndex);
    return result === undefined ? undefined : this.pushed(result);
  }

  /** `call_indirect` through table 0. */
  callIndirect<T extends ValType>(typeIndex: number, _args: readonly Val<ValType>[], _element: I32, result: T): Val<T> {
    this.sink.u8(0x11);
    this.sink.u32(typeIndex);
    this.sink.u8(0);
    return this.pushed(result);
  }

  /** `return_call`; leaves the function. */
  returnCall(functionIndex: number, _args: readonly Val<ValType>[]): void {
    this.sink.u8(0x12);
    this.sink.u32(functionIndex);
  }

  /** `return_call_indirect` through table 0; leaves the function. */
  returnCallIndirect(typeIndex: number, _args: readonly Val<ValType>[], _element: I32): void {
    this.sink.u8(0x13);
    this.sink.u32(typeIndex);
    this.sink.u8(0);
  }

  /** Opens a `block` without result; `br` to the label leaves it forwards. */
  block(body: (label: Label) => void): void {
    this.structured(0x02, body);
  }

  /** Opens a `loop` without result; `br` to the label starts it over. */
  loop(body: (label: Label) => void): void {
    this.structured(0x03, body);
  }

  /** Opens a `block`/`loop` that {@link close} ends: for control flow which does not nest with JavaScript's. */
  open(kind: 'block' | 'loop'): Label {
    this.sink.u8(kind === 'block' ? 0x02 : 0x03);
    this.sink.u8(0x40);
    return { depth: ++this.depth };
  }

  close(): void {
    this.sink.u8(0x0b);
    this.depth--;
  }

  /** `if` without result. `hint` says which way it usually goes (true: taken). */
  if(_condition: I32, then: () => void, otherwise?: () => void, hint?: boolean): void {
    if (hint !== undefined) this.hints.push([this.sink.length, hint]);
    this.sink.u8(0x04);
    this.sink.u8(0x40);
    this.depth++;
    then();
    if (otherwise !== undefined) {
      this.sink.u8(0x05);
      otherwise();
    }
    this.close();
  }

  /** `if` that leaves a value on the stack. */
  ifValue<T extends ValType>(type: T, _condition: I32, then: () => Val<T>, otherwise: () => Val<T>, hint?: boolean): Val<T> {
    if (hint !== undefined) this.hints.push([this.sink.length, hint]);
    this.sink.u8(0x04);
    this.sink.u8(VALTYPE_CODE[type]);
    this.depth++;
    then();
    this.sink.u8(0x05);
    otherwise();
    this.close();
    return this.pushed(type);
  }

  br(label: Label): void {
    this.sink.u8(0x0c);
    this.sink.u32(this.depth - label.depth);
  }

  brIf(label: Label, _condition: I32, hint?: boolean): void {
    if (hint !== undefined) this.hints.push([this.sink.length, hint]);
    this.sink.u8(0x0d);
    this.sink.u32(this.depth - label.depth);
  }

  brTable(labels: readonly Label[], otherwise: Label, _index: I32): void {
    this.sink.u8(0x0e);
    this.sink.u32(labels.length);
    for (const label of labels) this.sink.u32(this.depth - label.depth);
    this.sink.u32(this.depth - otherwise.depth);
  }

  /** Leaves the function; its results are already on the stack. */
  return(_value?: Val<ValType>): void {
    this.sink.u8(0x0f);
  }

  unreachable(): void {
    this.sink.u8(0x00);
  }

  /** `memory.copy` within memory 0. */
  memoryCopy(_to: I32, _from: I32, _bytes: I32): void {
    this.sink.append(Uint8Array.of(0xfc, 0x0a, 0, 0));
  }

  /** `memory.fill` of memory 0. */
  memoryFill(_to: I32, _value: I32, _bytes: I32): void {
    this.sink.append(Uint8Array.of(0xfc, 0x0b, 0));
  }

  /** Number of open blocks: what a `Label` of the innermost one has as its depth. */
  get nesting(): number {
    return this.depth;
  }

  private structured(opcode: number, body: (label: Label) => void): void {
    this.sink.u8(opcode);
    this.sink.u8(0x40);
    body({ depth: ++this.depth });
    this.close();
  }

  private pushed<T extends ValType>(type: T): Val<T> {
    return ON_STACK[type] as Val<T>;
  }

  private emit(opcode: number): void {
    if (opcode >= 0xfc00) {
      this.sink.u8(opcode >> 8);
      this.sink.u32(opcode & 0xff);
    } else this.sink.u8(opcode);
  }

  private simd(opcode: number): void {
    this.sink.u8(0xfd);
    this.sink.u32(opcode);
  }

  private intOps<T extends IntType>(type: T): IntOps<T> {
    const wide = type === 'i64';
    const ops: Record<string, unknown> = { type };
    for (const [name, code] of Object.entries(wide ? op.I64_BINARY : op.I32_BINARY)) ops[name] = (): Val<T> => (this.sink.u8(code), this.pushed(type));
    for (const [name, code] of Object.entries(wide ? op.I64_UNARY : op.I32_UNARY)) ops[name] = (): Val<T> => (this.sink.u8(code), this.pushed(type));
    for (const [name, code] of Object.entries(wide ? op.I64_COMPARE : op.I32_COMPARE)) ops[name] = (): I32 => (this.sink.u8(code), ON_STACK.i32);
    ops['eqz'] = (): I32 => (this.sink.u8(wide ? 0x50 : 0x45), ON_STACK.i32);
    ops['const'] = (value: number | bigint): Val<T> => {
      if (wide) {
        this.sink.u8(0x42);
        if (typeof value === 'number' && value === (value | 0)) this.sink.s32(value);
        else this.sink.s64(BigInt(value));
      } else {
        this.sink.u8(0x41);
        this.sink.s32(typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : value | 0);
      }
      return this.pushed(type);
    };
    return ops as IntOps<T>;
  }

  private floatOps<T extends 'f32' | 'f64'>(type: T): FloatOps<T> {
    const wide = type === 'f64';
    const ops: Record<string, unknown> = {};
    for (const [name, code] of Object.entries(wide ? op.F64_BINARY : op.F32_BINARY)) ops[name] = (): Val<T> => (this.sink.u8(code), this.pushed(type));
    for (const [name, code] of Object.entries(wide ? op.F64_UNARY : op.F32_UNARY)) ops[name] = (): Val<T> => (this.sink.u8(code), this.pushed(type));
    for (const [name, code] of Object.entries(wide ? op.F64_COMPARE : op.F32_COMPARE)) ops[name] = (): I32 => (this.sink.u8(code), ON_STACK.i32);
    ops['const'] = (value: number): Val<T> => {
      const raw = new DataView(new ArrayBuffer(8));
      if (wide) raw.setFloat64(0, value, true);
      else raw.setFloat32(0, value, true);
      this.sink.u8(wide ? 0x44 : 0x43);
      for (let i = 0; i < (wide ? 8 : 4); i++) this.sink.u8(raw.getUint8(i));
      return this.pushed(type);
    };
    return ops as FloatOps<T>;
  }

  private convertOps(): ConvertOps {
    const ops: Record<string, unknown> = {};
    for (const [name, [code, , result]] of Object.entries(op.CONVERT)) ops[name] = (): Val<ValType> => (this.emit(code), this.pushed(result));
    return ops as ConvertOps;
  }

  private loadOps(memory: 0 | 1): LoadOps {
    const ops: Record<string, unknown> = {};
    for (const [name, [code, result]] of Object.entries(op.LOAD)) {
      ops[name] = (_address: I32, offset = 0): Val<ValType> => (this.access(code, offset, memory), this.pushed(result));
    }
    return ops as LoadOps;
  }

  private storeOps(memory: 0 | 1): StoreOps {
    const ops: Record<string, unknown> = {};
    for (const [name, [code]] of Object.entries(op.STORE)) ops[name] = (_address: I32, _value: Val<ValType>, offset = 0): void => this.access(code, offset, memory);
    return ops as StoreOps;
  }

  // Alignment is a promise, not a requirement: 0 (byte) is always true and costs nothing on x86 and arm64 hosts.
  private access(code: number, offset: number, memory: 0 | 1): void {
    if (code >= 0xfd00) this.simd(code & 0xff);
    else this.sink.u8(code);
    if (memory === 0) this.sink.u32(0);
    else {
      this.sink.u32(MEMORY_FOLLOWS);
      this.sink.u32(memory);
    }
    this.sink.u32(offset);
  }

  private vectorOps(): VectorOps {
    const ops: Record<string, unknown> = {};
    const vector = (code: number) => (): V128 => (this.simd(code), ON_STACK.v128);
    for (const [name, code] of Object.entries(op.V128_BINARY)) ops[name] = vector(code);
    for (const [name, code] of Object.entries(op.V128_UNARY)) ops[name] = vector(code);
    for (const [name, code] of Object.entries(op.V128_SHIFT)) ops[name] = vector(code);
    for (const [name, code] of Object.entries(op.V128_TEST)) ops[name] = (): I32 => (this.simd(code), ON_STACK.i32);
    for (const [name, [code]] of Object.entries(op.V128_SPLAT)) ops[name] = vector(code);
    for (const [name, [code, type]] of Object.entries(op.V128_EXTRACT)) {
      ops[name] = (_a: V128, lane: number): Val<ValType> => (this.simd(code), this.sink.u8(lane), this.pushed(type));
    }
    for (const [name, [code]] of Object.entries(op.V128_REPLACE)) {
      ops[name] = (_a: V128, _value: Val<ValType>, lane: number): V128 => (this.simd(code), this.sink.u8(lane), ON_STACK.v128);
    }
    ops['shuffle'] = (_a: V128, _b: V128, lanes: readonly number[]): V128 => {
      this.simd(13);
      for (const lane of lanes) this.sink.u8(lane);
      return ON_STACK.v128;
    };
    ops['const'] = (low: bigint, high: bigint): V128 => {
      this.simd(12);
      const raw = new DataView(new ArrayBuffer(16));
      raw.setBigUint64(0, BigInt.asUintN(64, low), true);
      raw.setBigUint64(8, BigInt.asUintN(64, high), true);
      for (let i = 0; i < 16; i++) this.sink.u8(raw.getUint8(i));
      return ON_STACK.v128;
    };
    ops['bitselect'] = vector(82);
    return ops as VectorOps;
  }
}
