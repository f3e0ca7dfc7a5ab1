/**
 * The common case of x87 arithmetic, loads and stores as wasm: all exceptions masked, 64-bit precision, to nearest, normal numbers in and
 * out. Whatever else comes up goes to the exact operations in JavaScript, before anything has been changed.
 *
 * Significands are i64 with the integer bit on top; what is cut off below them is `rest`, a fraction of one unit whose
 * lowest bit may be sticky.
 */
import { FPU_CONTROL, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP, SCRATCH } from '../state.ts';
import { FunctionBuilder, type I32, type I64, type Label, type Local, type ValType } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import type { Helper, HelperEnvironment } from './emitter.ts';
import { Arithmetic, MemoryKind } from './x87-operations.ts';
import { Status } from './x87-unit.ts';

/** Control bits that matter and their usual values: masks set, precision 11, rounding 00. */
const CONTROL_BITS = 0xf3f;
const USUAL_CONTROL = 0x33f;
/** The same for stores, which the precision control does not touch. */
const STORE_CONTROL_BITS = 0xc3f;
const USUAL_STORE_CONTROL = 0x03f;
const INTEGER_BIT = 1n << 63n;
const EXPONENT = 0x7fff;
const BIAS = 16383;
const PRECISION_FLAG = 0x20;

/** Emits the fast part of a function: it falls through when it has done everything, and branches to `slow` before it changes anything. */
export type FastBody = (f: FunctionBuilder, parameters: readonly Local<'i32'>[], slow: Label) => void;

interface Operand {
  readonly significand: Local<'i64'>;
  /** Sign (bit 15) and biased exponent. */
  readonly head: Local<'i32'>;
}

const zero = (f: FunctionBuilder): I32 => f.i32.const(0);
const low32 = (f: FunctionBuilder, value: I64): I64 => f.i64.and(value, f.i64.const(0xffffffffn));

/** A helper made of a function emitted once per process and instantiated per machine. One with a result returns 1 when the fast part did it all. */
export function fastHelper<R extends 'i32' | undefined>(name: string, body: FastBody, slow: Helper<R>): Helper<R> {
  const { params, result } = slow;
  let module: WebAssembly.Module | undefined;
  return {
    name,
    params,
    result,
    make: (env: HelperEnvironment) => {
      module ??= new WebAssembly.Module(emit(params, result, body));
      const instance = new WebAssembly.Instance(module, { x87: { memory: env.memory, slow: slow.make(env) } });
      const { run } = instance.exports;
      if (typeof run !== 'function') throw new Error(`${name}: module without a function`);
      return run as (...args: number[]) => number;
    },
  };
}

function emit(params: readonly ValType[], result: 'i32' | undefined, body: FastBody): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.importMemory('x87', 'memory', 1);
  const results: readonly ValType[] = result === undefined ? [] : [result];
  const slow = builder.importFunction('x87', 'slow', params, results);
  const f = new FunctionBuilder();
  f.begin(params, results);
  const locals = params.map((_, i) => f.param(i, 'i32'));
  f.block((label) => {
    body(f, locals, label);
    if (result === undefined) f.return();
    else f.return(f.i32.const(1));
  });
  f.call(slow, locals.map((local) => f.get(local)));
  builder.add(f.end(), 'run');
  return builder.finish();
}

// ── state ─────────────────────────────────────────────────────────────────────────────────────────

function requireUsualControl(f: FunctionBuilder, slow: Label): void {
  f.brIf(slow, f.i32.ne(f.i32.and(f.load.i32Load(zero(f), FPU_CONTROL), f.i32.const(CONTROL_BITS)), f.i32.const(USUAL_CONTROL)));
}

/** Number of the physical register ST(i). */
const physical = (f: FunctionBuilder, top: Local<'i32'>, i: I32): I32 => f.i32.and(f.i32.add(i, f.get(top)), f.i32.const(7));

/** 1 when physical register `n` is in use. */
const inUse = (f: FunctionBuilder, n: Local<'i32'>): I32 => f.i32.and(f.i32.shrU(f.load.i32Load(zero(f), FPU_TAGS), f.get(n)), f.i32.const(1));

function readRegister(f: FunctionBuilder, n: Local<'i32'>): Operand {
  const at = (): I32 => f.i32.shl(f.get(n), f.i32.const(4));
  return { significand: f.keep(f.load.i64Load(at(), FPU_REGS)), head: f.keep(f.load.i32Load16U(at(), FPU_REGS + 8)) };
}

/** Normal numbers only. */
function requireNormal(f: FunctionBuilder, { significand, head }: Operand, slow: Label): void {
  f.brIf(slow, f.i64.geS(f.get(significand), f.i64.const(0)));
  f.brIf(slow, f.i32.geU(f.i32.sub(f.i32.and(f.get(head), f.i32.const(EXPONENT)), f.i32.const(1)), f.i32.const(EXPONENT - 1)));
}

function writeRegister(f: FunctionBuilder, n: Local<'i32'>, significand: I64, head: I32): void {
  const bits = f.keep(head);
  const value = f.keep(significand);
  f.store.i64Store(f.i32.shl(f.get(n), f.i32.const(4)), f.get(value), FPU_REGS);
  f.store.i32Store16(f.i32.shl(f.get(n), f.i32.const(4)), f.get(bits), FPU_REGS + 8);
  f.release(bits);
  f.release(value);
}

function setStatus(f: FunctionBuilder, inexact: I32, up: I32): void {
  const roundedUp = f.keep(up);
  const lost = f.keep(inexact);
  const flags = (): I32 => f.i32.or(f.i32.shl(f.get(roundedUp), f.i32.const(9)), f.select(f.i32.const(PRECISION_FLAG), zero(f), f.get(lost)));
  f.store.i32Store(zero(f), f.i32.or(f.i32.and(f.load.i32Load(zero(f), FPU_STATUS), f.i32.const(~Status.c1)), flags()), FPU_STATUS);
}

function pop(f: FunctionBuilder, top: Local<'i32'>): void {
  f.store.i32Store(zero(f), f.i32.and(f.load.i32Load(zero(f), FPU_TAGS), f.i32.rotl(f.i32.const(-2), f.get(top))), FPU_TAGS);
  f.store.i32Store(zero(f), f.i32.and(f.i32.add(f.get(top), f.i32.const(1)), f.i32.const(7)), FPU_TOP);
}

// ── arithmetic ────────────────────────────────────────────────────────────────────────────────────

/** A result before rounding, in locals that the operations set. */
interface Result {
  readonly significand: Local<'i64'>;
  readonly rest: Local<'i64'>;
  readonly exponent: Local<'i32'>;
  readonly sign: Local<'i32'>;
}

const exponentOf = (f: FunctionBuilder, operand: Operand): I32 => f.i32.and(f.get(operand.head), f.i32.const(EXPONENT));

function signOfProduct(f: FunctionBuilder, a: Operand, b: Operand, result: Result): void {
  f.set(result.sign, f.i32.and(f.i32.xor(f.get(a.head), f.get(b.head)), f.i32.const(0x8000)));
}

function multiply(f: FunctionBuilder, a: Operand, b: Operand, result: Result): void {
  const half = (x: Operand, high: boolean): I64 => (high ? f.i64.shrU(f.get(x.significand), f.i64.const(32)) : low32(f, f.get(x.significand)));
  const ll = f.keep(f.i64.mul(half(a, false), half(b, false)));
  const lh = f.keep(f.i64.mul(half(a, false), half(b, true)));
  const hl = f.keep(f.i64.mul(half(a, true), half(b, false)));
  const upper = (x: Local<'i64'>): I64 => f.i64.shrU(f.get(x), f.i64.const(32));
  const middle = f.keep(f.i64.add(f.i64.add(upper(ll), low32(f, f.get(lh))), low32(f, f.get(hl))));
  f.set(result.rest, f.i64.or(f.i64.shl(f.get(middle), f.i64.const(32)), low32(f, f.get(ll))));
  f.set(result.significand, f.i64.add(f.i64.add(f.i64.mul(half(a, true), half(b, true)), upper(lh)), f.i64.add(upper(hl), upper(middle))));
  f.set(result.exponent, f.i32.sub(f.i32.add(exponentOf(f, a), exponentOf(f, b)), f.i32.const(BIAS - 1)));
  f.if(f.i64.geS(f.get(result.significand), f.i64.const(0)), () => shiftLeft(f, result, f.i64.const(1), f.i32.const(1)));
  signOfProduct(f, a, b, result);
}

/** (significand, rest) << count for 1 ≤ count ≤ 63, with the exponent to match. */
function shiftLeft(f: FunctionBuilder, result: Result, count: I64, less: I32): void {
  const by = f.keep(less);
  const wide = f.keep(count);
  f.set(result.significand, f.i64.or(f.i64.shl(f.get(result.significand), f.get(wide)), f.i64.shrU(f.get(result.rest), f.i64.sub(f.i64.const(64), f.get(wide)))));
  f.set(result.rest, f.i64.shl(f.get(result.rest), f.get(wide)));
  f.set(result.exponent, f.i32.sub(f.get(result.exponent), f.get(by)));
}

/** One 32-bit digit of a quotient (Knuth, algorithm D): `high` × 2^32 + `next` divided by the divisor; leaves the remainder in `high`. */
function quotientDigit(f: FunctionBuilder, divisor: Local<'i64'>, high: Local<'i64'>, next: Local<'i64'>): Local<'i64'> {
  const top = (): I64 => f.i64.shrU(f.get(divisor), f.i64.const(32));
  const digit = f.keep(f.i64.divU(f.get(high), top()));
  const remainder = f.keep(f.i64.sub(f.get(high), f.i64.mul(f.get(digit), top())));
  f.block((exact) => {
    f.loop((again) => {
      const large = f.i32.or(
        f.i64.geU(f.get(digit), f.i64.const(1n << 32n)),
        f.i64.gtU(f.i64.mul(f.get(digit), low32(f, f.get(divisor))), f.i64.or(f.i64.shl(f.get(remainder), f.i64.const(32)), f.get(next))),
      );
      f.brIf(exact, f.i32.eqz(large));
      f.set(digit, f.i64.sub(f.get(digit), f.i64.const(1)));
      f.set(remainder, f.i64.add(f.get(remainder), top()));
      f.brIf(again, f.i64.ltU(f.get(remainder), f.i64.const(1n << 32n)));
    });
  });
  f.set(high, f.i64.sub(f.i64.or(f.i64.shl(f.get(high), f.i64.const(32)), f.get(next)), f.i64.mul(f.get(digit), f.get(divisor))));
  return digit;
}

function divide(f: FunctionBuilder, a: Operand, b: Operand, result: Result): void {
  const smaller = f.keep(f.i64.ltU(f.get(a.significand), f.get(b.significand)));
  // The dividend is a × 2^64, or a × 2^63 where that would give 65 bits.
  const high = f.keep(f.select(f.get(a.significand), f.i64.shrU(f.get(a.significand), f.i64.const(1)), f.get(smaller)));
  const next = f.keep(f.select(f.i64.const(0), f.i64.shl(f.i64.and(f.get(a.significand), f.i64.const(1)), f.i64.const(31)), f.get(smaller)));
  const first = quotientDigit(f, b.significand, high, next);
  f.set(next, f.i64.const(0));
  const second = quotientDigit(f, b.significand, high, next);
  f.set(result.significand, f.i64.or(f.i64.shl(f.get(first), f.i64.const(32)), f.get(second)));
  // Remainder against half the divisor: below, at or above half a unit.
  const complement = f.keep(f.i64.sub(f.get(b.significand), f.get(high)));
  const sticky = (): I64 => f.convert.i64ExtendI32U(f.i64.ne(f.get(high), f.get(complement)));
  f.set(
    result.rest,
    f.select(
      f.i64.const(0),
      f.i64.or(f.select(f.i64.const(INTEGER_BIT), f.i64.const(0), f.i64.geU(f.get(high), f.get(complement))), sticky()),
      f.i64.eqz(f.get(high)),
    ),
  );
  f.set(result.exponent, f.i32.sub(f.i32.add(f.i32.sub(exponentOf(f, a), exponentOf(f, b)), f.i32.const(BIAS)), f.get(smaller)));
  signOfProduct(f, a, b, result);
}

/** a + b, where b's sign may have been turned. */
function add(f: FunctionBuilder, a: Operand, b: Operand, result: Result, slow: Label): void {
  // The larger magnitude first.
  const large: Operand = { significand: f.local('i64'), head: f.local('i32') };
  const small: Operand = { significand: f.local('i64'), head: f.local('i32') };
  const assign = (to: Operand, from: Operand): void => {
    f.set(to.significand, f.get(from.significand));
    f.set(to.head, f.get(from.head));
  };
  const inOrder = f.i32.or(
    f.i32.gtU(exponentOf(f, a), exponentOf(f, b)),
    f.i32.and(f.i32.eq(exponentOf(f, a), exponentOf(f, b)), f.i64.geU(f.get(a.significand), f.get(b.significand))),
  );
  f.if(
    inOrder,
    () => {
      assign(large, a);
      assign(small, b);
    },
    () => {
      assign(large, b);
      assign(small, a);
    },
  );
  const distance = f.keep(f.convert.i64ExtendI32U(f.i32.sub(exponentOf(f, large), exponentOf(f, small))));
  f.set(result.exponent, exponentOf(f, large));
  f.set(result.sign, f.i32.and(f.get(large.head), f.i32.const(0x8000)));
  const shifted = f.keep(f.get(small.significand));
  f.set(result.rest, f.i64.const(0));
  f.if(f.i64.geU(f.get(distance), f.i64.const(64)), () => {
    // Nothing is left in the significand. Beyond 127 the lowest bit of the rest is all that counts.
    f.set(distance, f.select(f.i64.sub(f.get(distance), f.i64.const(64)), f.i64.const(63), f.i64.ltU(f.get(distance), f.i64.const(128))));
    f.set(result.rest, f.i64.shrU(f.get(shifted), f.get(distance)));
    const lost = f.i64.ne(f.i64.shl(f.get(result.rest), f.get(distance)), f.get(shifted));
    f.set(result.rest, f.i64.or(f.convert.i64ExtendI32U(lost), f.get(result.rest)));
    f.set(shifted, f.i64.const(0));
  }, () => {
    f.if(f.i32.eqz(f.i64.eqz(f.get(distance))), () => {
      f.set(result.rest, f.i64.shl(f.get(shifted), f.i64.sub(f.i64.const(64), f.get(distance))));
      f.set(shifted, f.i64.shrU(f.get(shifted), f.get(distance)));
    });
  });
  f.if(
    f.i32.and(f.i32.xor(f.get(large.head), f.get(small.head)), f.i32.const(0x8000)),
    () => {
      f.set(result.significand, f.i64.sub(f.i64.sub(f.get(large.significand), f.get(shifted)), f.convert.i64ExtendI32U(f.i64.ne(f.get(result.rest), f.i64.const(0)))));
      f.set(result.rest, f.i64.sub(f.i64.const(0), f.get(result.rest)));
      f.brIf(slow, f.i64.eqz(f.get(result.significand)));
      f.if(f.i64.geS(f.get(result.significand), f.i64.const(0)), () => {
        const zeros = f.keep(f.i64.clz(f.get(result.significand)));
        shiftLeft(f, result, f.get(zeros), f.convert.i32WrapI64(f.get(zeros)));
      });
    },
    () => {
      f.set(result.significand, f.i64.add(f.get(large.significand), f.get(shifted)));
      f.if(f.i64.ltU(f.get(result.significand), f.get(shifted)), () => {
        const sticky = f.i64.and(f.get(result.rest), f.i64.const(1));
        f.set(result.rest, f.i64.or(f.i64.or(sticky, f.i64.shrU(f.get(result.rest), f.i64.const(1))), f.i64.shl(f.get(result.significand), f.i64.const(63))));
        f.set(result.significand, f.i64.or(f.i64.shrU(f.get(result.significand), f.i64.const(1)), f.i64.const(INTEGER_BIT)));
        f.set(result.exponent, f.i32.add(f.get(result.exponent), f.i32.const(1)));
      });
    },
  );
}

/** Rounds to nearest even, checks the exponent, and writes register, status and pop. */
function finish(f: FunctionBuilder, result: Result, destination: Local<'i32'>, slow: Label): void {
  const { significand, rest, exponent, sign } = result;
  const up = f.keep(
    f.i32.or(
      f.i64.gtU(f.get(rest), f.i64.const(INTEGER_BIT)),
      f.i32.and(f.i64.eq(f.get(rest), f.i64.const(INTEGER_BIT)), f.convert.i32WrapI64(f.i64.and(f.get(significand), f.i64.const(1)))),
    ),
  );
  f.set(significand, f.i64.add(f.get(significand), f.convert.i64ExtendI32U(f.get(up))));
  f.if(f.i64.eqz(f.get(significand)), () => {
    f.set(significand, f.i64.const(INTEGER_BIT));
    f.set(exponent, f.i32.add(f.get(exponent), f.i32.const(1)));
  });
  f.brIf(slow, f.i32.geU(f.i32.sub(f.get(exponent), f.i32.const(1)), f.i32.const(EXPONENT - 1)));
  setStatus(f, f.i64.ne(f.get(rest), f.i64.const(0)), f.get(up));
  writeRegister(f, destination, f.get(significand), f.i32.or(f.get(sign), f.get(exponent)));
}

/** ST(destination) := destination op source for the operation in a local (x87-operations.ts, Arithmetic). */
function operate(f: FunctionBuilder, operation: Local<'i32'>, target: Operand, source: Operand, destination: Local<'i32'>, slow: Label): void {
  const result: Result = { significand: f.local('i64'), rest: f.local('i64'), exponent: f.local('i32'), sign: f.local('i32') };
  const is = (...values: number[]): I32 => {
    let any: I32 = f.i32.eq(f.get(operation), f.i32.const(values[0]));
    for (const value of values.slice(1)) any = f.i32.or(any, f.i32.eq(f.get(operation), f.i32.const(value)));
    return any;
  };
  // The reversed forms exchange their operands.
  f.if(is(Arithmetic.subReversed, Arithmetic.divReversed), () => {
    const significand = f.keep(f.get(target.significand));
    const head = f.keep(f.get(target.head));
    f.set(target.significand, f.get(source.significand));
    f.set(target.head, f.get(source.head));
    f.set(source.significand, f.get(significand));
    f.set(source.head, f.get(head));
  });
  f.if(is(Arithmetic.sub, Arithmetic.subReversed), () => f.set(source.head, f.i32.xor(f.get(source.head), f.i32.const(0x8000))));
  f.if(is(Arithmetic.mul), () => multiply(f, target, source, result), () => {
    f.if(is(Arithmetic.div, Arithmetic.divReversed), () => divide(f, target, source, result), () => add(f, target, source, result, slow));
  });
  finish(f, result, destination, slow);
}

/** `(operation, destination, source, pop)`, as X87Operations.arithmetic. */
export const registerArithmetic: FastBody = (f, [operation, destination, source, popping], slow) => {
  requireUsualControl(f, slow);
  const top = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  const to = f.keep(physical(f, top, f.get(destination)));
  const from = f.keep(physical(f, top, f.get(source)));
  f.brIf(slow, f.i32.eqz(f.i32.and(inUse(f, to), inUse(f, from))));
  const target = readRegister(f, to);
  const other = readRegister(f, from);
  requireNormal(f, target, slow);
  requireNormal(f, other, slow);
  operate(f, operation, target, other, to, slow);
  f.if(f.get(popping), () => pop(f, top));
};

/** A normal number or non-zero integer at SCRATCH as a register value; `kind` is one of MemoryKind. */
function readMemory(f: FunctionBuilder, kind: Local<'i32'>, slow: Label): Operand {
  const operand: Operand = { significand: f.local('i64'), head: f.local('i32') };
  const bits = f.local('i64');
  const is = (value: number): I32 => f.i32.eq(f.get(kind), f.i32.const(value));
  const float = (fractionBits: number, exponentMask: number, bias: number): void => {
    const exponent = f.keep(f.i32.and(f.convert.i32WrapI64(f.i64.shrU(f.get(bits), f.i64.const(fractionBits))), f.i32.const(exponentMask)));
    f.brIf(slow, f.i32.geU(f.i32.sub(f.get(exponent), f.i32.const(1)), f.i32.const(exponentMask - 1)));
    f.set(operand.significand, f.i64.or(f.i64.shl(f.get(bits), f.i64.const(63 - fractionBits)), f.i64.const(INTEGER_BIT)));
    const sign = f.i32.and(f.convert.i32WrapI64(f.i64.shrU(f.get(bits), f.i64.const(fractionBits + (exponentMask === 0xff ? 8 : 11) - 15))), f.i32.const(0x8000));
    f.set(operand.head, f.i32.or(sign, f.i32.add(f.get(exponent), f.i32.const(BIAS - bias))));
  };
  f.if(is(MemoryKind.float64), () => {
    f.set(bits, f.load.i64Load(zero(f), SCRATCH));
    float(52, 0x7ff, 1023);
  }, () => f.if(is(MemoryKind.float80), () => {
    // Loaded as it is, whatever it is.
    f.set(operand.significand, f.load.i64Load(zero(f), SCRATCH));
    f.set(operand.head, f.load.i32Load16U(zero(f), SCRATCH + 8));
  }, () => {
    f.if(is(MemoryKind.float32), () => {
      f.set(bits, f.load.i64Load32U(zero(f), SCRATCH));
      float(23, 0xff, 127);
    }, () => {
      f.if(is(MemoryKind.int32), () => f.set(bits, f.load.i64Load32S(zero(f), SCRATCH)), () => {
        f.if(is(MemoryKind.int16), () => f.set(bits, f.load.i64Load16S(zero(f), SCRATCH)), () => {
          f.brIf(slow, f.i32.ne(f.get(kind), f.i32.const(MemoryKind.int64)));
          f.set(bits, f.load.i64Load(zero(f), SCRATCH));
        });
      });
      f.brIf(slow, f.i64.eqz(f.get(bits)));
      f.set(operand.head, f.select(f.i32.const(0x8000), zero(f), f.i64.ltS(f.get(bits), f.i64.const(0))));
      f.set(bits, f.select(f.i64.sub(f.i64.const(0), f.get(bits)), f.get(bits), f.i64.ltS(f.get(bits), f.i64.const(0))));
      const zeros = f.keep(f.i64.clz(f.get(bits)));
      f.set(operand.significand, f.i64.shl(f.get(bits), f.get(zeros)));
      f.set(operand.head, f.i32.or(f.get(operand.head), f.i32.sub(f.i32.const(BIAS + 63), f.convert.i32WrapI64(f.get(zeros)))));
    });
  }));
  return operand;
}

/** `(operation, kind)`, as X87Operations.arithmeticMemory. */
export const memoryArithmetic: FastBody = (f, [operation, kind], slow) => {
  requireUsualControl(f, slow);
  const top = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  f.brIf(slow, f.i32.eqz(inUse(f, top)));
  const target = readRegister(f, top);
  requireNormal(f, target, slow);
  const source = readMemory(f, kind, slow);
  operate(f, operation, target, source, top, slow);
};

/** `(kind)`, as X87Operations.load. */
export const load: FastBody = (f, [kind], slow) => {
  const top = f.keep(f.i32.and(f.i32.sub(f.load.i32Load(zero(f), FPU_TOP), f.i32.const(1)), f.i32.const(7)));
  f.brIf(slow, inUse(f, top));
  const value = readMemory(f, kind, slow);
  setStatus(f, zero(f), zero(f));
  pushed(f, top);
  writeRegister(f, top, f.get(value.significand), f.get(value.head));
};

/** `(kind, pop, truncate)`, as X87Operations.store, for floats and doubles: rounds a normal number to a normal number in SCRATCH. */
export const store: FastBody = (f, [kind, popping], slow) => {
  f.brIf(slow, f.i32.ne(f.i32.and(f.load.i32Load(zero(f), FPU_CONTROL), f.i32.const(STORE_CONTROL_BITS)), f.i32.const(USUAL_STORE_CONTROL)));
  const top = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  f.brIf(slow, f.i32.eqz(inUse(f, top)));
  const value = readRegister(f, top);
  requireNormal(f, value, slow);
  const bits = f.local('i64');
  const up = f.local('i32');
  const rest = f.local('i64');
  const exponent = f.local('i32');
  const round = (fractionBits: number, maxExponent: number, bias: number): void => {
    f.set(exponent, f.i32.sub(exponentOf(f, value), f.i32.const(BIAS - bias)));
    // One less than the largest: rounding up must not overflow.
    f.brIf(slow, f.i32.geU(f.i32.sub(f.get(exponent), f.i32.const(1)), f.i32.const(maxExponent - 2)));
    f.set(bits, f.i64.shrU(f.get(value.significand), f.i64.const(63 - fractionBits)));
    f.set(rest, f.i64.shl(f.get(value.significand), f.i64.const(fractionBits + 1)));
    f.set(
      up,
      f.i32.or(
        f.i64.gtU(f.get(rest), f.i64.const(INTEGER_BIT)),
        f.i32.and(f.i64.eq(f.get(rest), f.i64.const(INTEGER_BIT)), f.convert.i32WrapI64(f.i64.and(f.get(bits), f.i64.const(1)))),
      ),
    );
    // The leading bit of the significand adds the missing one to the exponent, a carry out of it another.
    const scaled = f.i64.shl(f.convert.i64ExtendI32U(f.i32.sub(f.get(exponent), f.i32.const(1))), f.i64.const(fractionBits));
    f.set(bits, f.i64.add(f.i64.add(scaled, f.get(bits)), f.convert.i64ExtendI32U(f.get(up))));
  };
  const sign = (place: number): I64 => f.i64.shl(f.i64.shrU(f.convert.i64ExtendI32U(f.get(value.head)), f.i64.const(15)), f.i64.const(place));
  f.if(
    f.i32.eq(f.get(kind), f.i32.const(MemoryKind.float64)),
    () => {
      round(52, 0x7fe, 1023);
      f.store.i64Store(zero(f), f.i64.or(sign(63), f.get(bits)), SCRATCH);
    },
    () => {
      f.brIf(slow, f.i32.ne(f.get(kind), f.i32.const(MemoryKind.float32)));
      round(23, 0xfe, 127);
      f.store.i64Store(zero(f), f.i64.or(sign(31), f.get(bits)), SCRATCH);
    },
  );
  setStatus(f, f.i64.ne(f.get(rest), f.i64.const(0)), f.get(up));
  f.if(f.get(popping), () => pop(f, top));
};

function pushed(f: FunctionBuilder, top: Local<'i32'>): void {
  f.store.i32Store(zero(f), f.get(top), FPU_TOP);
  f.store.i32Store(zero(f), f.i32.or(f.load.i32Load(zero(f), FPU_TAGS), f.i32.shl(f.i32.const(1), f.get(top))), FPU_TAGS);
}

/** `(i)`, as X87Operations.loadRegister. */
export const loadRegister: FastBody = (f, [i], slow) => {
  const old = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  const from = f.keep(physical(f, old, f.get(i)));
  const top = f.keep(f.i32.and(f.i32.sub(f.get(old), f.i32.const(1)), f.i32.const(7)));
  f.brIf(slow, f.i32.or(f.i32.eqz(inUse(f, from)), inUse(f, top)));
  const value = readRegister(f, from);
  setStatus(f, zero(f), zero(f));
  pushed(f, top);
  writeRegister(f, top, f.get(value.significand), f.get(value.head));
};

/** `(i, pop)`, as X87Operations.storeRegister. */
export const storeRegister: FastBody = (f, [i, popping], slow) => {
  const top = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  const to = f.keep(physical(f, top, f.get(i)));
  f.brIf(slow, f.i32.eqz(inUse(f, top)));
  const value = readRegister(f, top);
  setStatus(f, zero(f), zero(f));
  f.store.i32Store(zero(f), f.i32.or(f.load.i32Load(zero(f), FPU_TAGS), f.i32.shl(f.i32.const(1), f.get(to))), FPU_TAGS);
  writeRegister(f, to, f.get(value.significand), f.get(value.head));
  f.if(f.get(popping), () => pop(f, top));
};

/** `(i)`, as X87Operations.exchange. */
export const exchange: FastBody = (f, [i], slow) => {
  const top = f.keep(f.load.i32Load(zero(f), FPU_TOP));
  const other = f.keep(physical(f, top, f.get(i)));
  f.brIf(slow, f.i32.eqz(f.i32.and(inUse(f, top), inUse(f, other))));
  const first = readRegister(f, top);
  const second = readRegister(f, other);
  setStatus(f, zero(f), zero(f));
  writeRegister(f, top, f.get(second.significand), f.get(second.head));
  writeRegister(f, other, f.get(first.significand), f.get(first.head));
};
