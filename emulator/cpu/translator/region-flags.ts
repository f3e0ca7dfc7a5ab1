/**
 * Lazy flags of a region, held in wasm locals. While the last flag setter is known (its *shape*), conditions are emitted for
 * exactly that setter, on the operands as they are: with 32-bit compares for 32-bit operands.
 *
 * What exits need is kept apart from what conditions use, and is nearly free: two of the three of result = a ± b, without the
 * sign extension that memory wants. The kind local says how to get the canonical form (flags.ts) back: FlagKind | packing << 3 |
 * (64 - operand bits) << 8. A kind as it is in memory is valid there as it is.
 */
import { FlagKind } from '../flags.ts';
import type { DynamicFlags, FlagSetter } from '../semantics/emitter-base.ts';
import type { WordLocal } from '../semantics/emitter.ts';
import type { FlagSource } from '../semantics/flag-formulas.ts';
import { FLAG_A, FLAG_B, FLAG_KIND, FLAG_RESULT } from '../state.ts';
import type { FunctionBuilder, I32, I64, Local, Word } from '../wasm/function-builder.ts';

/** What the two or three locals for exits hold. */
const Packing = {
  /** p = result, q = b, w = a. */
  all: 0,
  /** p = a, q = b. */
  operands: 1,
  /** p = result, q = b. */
  result: 2,
  /** p = result, q = a, taken as it is; b = 0. */
  bits: 3,
} as const;
type Packing = (typeof Packing)[keyof typeof Packing];

interface Setter {
  readonly kind: FlagKind;
  readonly size: number;
  readonly packing: Packing;
}
/**
 * What is known about the flags at a point of the region. `memory`: as in memory, unchanged since the region was entered or came back
 * from a call; `mixed`: only the kind local knows; else the last setter.
 */
export type FlagShape = 'memory' | 'mixed' | Setter;

/** What holds where two paths with these shapes meet. */
export function meetShapes(x: FlagShape, y: FlagShape): FlagShape {
  if (x === y) return x;
  if (typeof x === 'string' || typeof y === 'string') return 'mixed';
  return x.kind === y.kind && x.size === y.size && x.packing === y.packing ? x : 'mixed';
}

/** Exits have no kind `logic`: result - 0 sets the same flags, and the interpreter is fastest at comparisons. */
function storedKind(kind: FlagKind): FlagKind {
  return kind === FlagKind.logic ? FlagKind.sub : kind;
}

export class RegionFlags {
  shape: FlagShape = 'memory';
  private readonly f: FunctionBuilder;
  /** Operands of the last setter, valid while it is known; bits above its size are unspecified. */
  private readonly result: Local<'i64'>;
  private readonly a: Local<'i64'>;
  private readonly b: Local<'i64'>;
  /** For exits. */
  private readonly p: Local<'i64'>;
  private readonly q: Local<'i64'>;
  private readonly w: Local<'i64'>;
  private readonly kind: Local<'i32'>;

  constructor(f: FunctionBuilder) {
    this.f = f;
    this.result = f.local('i64');
    this.a = f.local('i64');
    this.b = f.local('i64');
    this.p = f.local('i64');
    this.q = f.local('i64');
    this.w = f.local('i64');
    this.kind = f.local('i32');
  }

  /** Takes the flags from memory. */
  load(): void {
    const { f } = this;
    f.set(this.p, f.load.i64Load(f.i32.const(0), FLAG_RESULT));
    f.set(this.q, f.load.i64Load(f.i32.const(0), FLAG_B));
    f.set(this.w, f.load.i64Load(f.i32.const(0), FLAG_A));
    f.set(this.kind, f.load.i32Load(f.i32.const(0), FLAG_KIND));
    this.shape = 'memory';
  }

  /** Writes the flags to memory, unless they are there. */
  store(): void {
    if (this.shape === 'memory') return;
    const { f, shape } = this;
    if (shape === 'mixed') {
      this.storeMixed();
      return;
    }
    const raw = shape.packing === Packing.bits;
    const extended = (from: Local<'i64'>): I64 => (raw ? f.get(from) : this.extended(from, shape.size));
    const logic = shape.kind === FlagKind.logic;
    f.store.i64Store(f.i32.const(0), this.extended(this.result, shape.size), FLAG_RESULT);
    f.store.i64Store(f.i32.const(0), extended(logic ? this.result : this.a), FLAG_A);
    if (!raw) f.store.i64Store(f.i32.const(0), logic ? f.i64.const(0) : extended(this.b), FLAG_B);
    f.store.i32Store(f.i32.const(0), f.i32.const(storedKind(shape.kind)), FLAG_KIND);
  }

  /** As `store`, whatever the kind local says: for exits shared by places with different shapes. */
  storeMixed(): void {
    const { f } = this;
    this.unpack();
    f.store.i64Store(f.i32.const(0), f.get(this.result), FLAG_RESULT);
    f.store.i64Store(f.i32.const(0), f.get(this.a), FLAG_A);
    f.store.i64Store(f.i32.const(0), f.get(this.b), FLAG_B);
    f.store.i32Store(f.i32.const(0), f.i32.and(f.get(this.kind), f.i32.const(7)), FLAG_KIND);
  }

  /** Takes over a setter. `compare`: the instruction keeps its operands, not the result. */
  set({ kind, size, result, a, b }: FlagSetter, compare: boolean): void {
    const { f } = this;
    f.set(this.result, this.widened(result));
    if (a === undefined || b === undefined) {
      f.set(this.p, f.get(this.result));
      f.set(this.q, f.i64.const(0));
      this.become({ kind, size, packing: Packing.result });
      return;
    }
    f.set(this.a, this.widened(a));
    f.set(this.b, this.widened(b));
    f.set(this.q, f.get(this.b));
    if (kind === FlagKind.add || kind === FlagKind.sub) {
      f.set(this.p, f.get(compare ? this.a : this.result));
      this.become({ kind, size, packing: compare ? Packing.operands : Packing.result });
    } else {
      f.set(this.p, f.get(this.result));
      f.set(this.w, f.get(this.a));
      this.become({ kind, size, packing: Packing.all });
    }
  }

  /** Kind `bits`: CF, AF, OF from `bits`, the others from `result`. */
  setBits(size: number, result: WordLocal, bits: Local<'i32'>): void {
    const { f } = this;
    f.set(this.a, f.convert.i64ExtendI32U(f.get(bits)));
    f.set(this.result, this.widened(result));
    this.becomeBits(FlagKind.bits, size);
  }

  /** Kind `full`: all six from `bits`. */
  setAll(bits: Local<'i32'>): void {
    const { f } = this;
    f.set(this.a, f.convert.i64ExtendI32U(f.get(bits)));
    f.set(this.result, f.i64.const(0));
    this.becomeBits(FlagKind.full, 8);
  }

  /** The last setter, if it is known. */
  known(): FlagSource | undefined {
    const { f, shape } = this;
    if (typeof shape === 'string') return undefined;
    const bits = shape.kind === FlagKind.bits || shape.kind === FlagKind.full;
    const operand = (from: Local<'i64'>): Word => this.narrowed(from, shape.size);
    return {
      kind: shape.kind,
      ops: f.word(shape.size),
      result: () => operand(this.result),
      a: () => (!bits ? operand(this.a) : shape.size === 8 ? f.get(this.a) : f.convert.i32WrapI64(f.get(this.a))),
      b: () => operand(this.b),
    };
  }

  /** The operands when only the kind local knows how to read them: emits their unpacking first. */
  dynamic(): DynamicFlags {
    const { f } = this;
    this.unpack();
    return {
      kind: () => f.i32.and(f.get(this.kind), f.i32.const(7)),
      result: () => f.get(this.result),
      a: () => f.get(this.a),
      b: () => f.get(this.b),
    };
  }

  private becomeBits(kind: FlagKind, size: number): void {
    const { f } = this;
    f.set(this.p, f.get(this.result));
    f.set(this.q, f.get(this.a));
    this.become({ kind, size, packing: Packing.bits });
  }

  private become(setter: Setter): void {
    this.shape = setter;
    this.f.set(this.kind, this.f.i32.const(storedKind(setter.kind) | (setter.packing << 3) | ((64 - 8 * setter.size) << 8)));
  }

  /** Sets result, a and b to their canonical form, from the exit locals. */
  private unpack(): void {
    const { f } = this;
    const shift = f.keep(f.convert.i64ExtendI32U(f.i32.shrU(f.get(this.kind), f.i32.const(8))));
    const packing = f.keep(f.i32.and(f.i32.shrU(f.get(this.kind), f.i32.const(3)), f.i32.const(7)));
    const extend = (value: I64): I64 => f.i64.shrS(f.i64.shl(value, f.get(shift)), f.get(shift));
    const is = (wanted: Packing): I32 => f.i32.eq(f.get(packing), f.i32.const(wanted));
    const sum = (x: Local<'i64'>, y: Local<'i64'>): I64 => f.i64.add(f.get(x), f.get(y));
    const difference = (x: Local<'i64'>, y: Local<'i64'>): I64 => f.i64.sub(f.get(x), f.get(y));
    const isAdd = (): I32 => f.i32.eq(f.i32.and(f.get(this.kind), f.i32.const(7)), f.i32.const(FlagKind.add));
    f.set(this.result, extend(f.get(this.p)));
    f.if(is(Packing.bits), () => {
      f.set(this.a, f.get(this.q));
      f.set(this.b, f.i64.const(0));
    }, () => {
      f.set(this.b, extend(f.get(this.q)));
      f.if(is(Packing.all), () => f.set(this.a, extend(f.get(this.w))), () => {
        f.if(is(Packing.operands), () => {
          f.set(this.a, f.get(this.result));
          f.set(this.result, extend(f.select(sum(this.a, this.b), difference(this.a, this.b), isAdd())));
        }, () => f.set(this.a, extend(f.select(difference(this.result, this.b), sum(this.result, this.b), isAdd()))));
      });
    });
    f.release(shift);
    f.release(packing);
  }

  private widened(value: WordLocal): I64 {
    const { f } = this;
    return value.type === 'i64' ? f.get(value as Local<'i64'>) : f.convert.i64ExtendI32U(f.get(value as Local<'i32'>));
  }

  private narrowed(from: Local<'i64'>, size: number): Word {
    const { f } = this;
    if (size === 8) return f.get(from);
    const word = f.convert.i32WrapI64(f.get(from));
    return size === 4 ? word : size === 2 ? f.i32.extend16S(word) : f.i32.extend8S(word);
  }

  private extended(from: Local<'i64'>, size: number): I64 {
    const { f } = this;
    const value = f.get(from);
    return size === 8 ? value : size === 4 ? f.convert.i64ExtendI32S(f.convert.i32WrapI64(value)) : size === 2 ? f.i64.extend16S(value) : f.i64.extend8S(value);
  }
}
