/**
 * SHL SHR SAR ROL ROR RCL RCR SHLD SHRD (SDM vol. 2). A count which is 0 after masking leaves all flags alone.
 * OF is defined for counts of 1 only; here, as on real CPUs, the same formula serves all counts. AF is undefined and cleared.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Flag } from '../flags.ts';
import type { I32, I64, IntOps, IntType, Local, Word } from '../wasm/function-builder.ts';
import type { Emitter, WordLocal } from './emitter.ts';
import { bitsOf, signAsOverflow, signBit, signExtend, toI32, toI64, toWord, updateKeeping } from './integer-bits.ts';

/** A count: known while emitting, or masked and in a local. */
type Count = number | Local<'i32'>;

/** What differs between the operations. `old` is zero-extended from the operand size; count is at least 1 in `carry` and `overflow`. */
interface Operation {
  /** The result; bits above the operand size are ignored. Harmless for a count of 0, where it must return `old`. */
  readonly result: (x: Shift, old: WordLocal) => Word;
  /** 0 or 1. */
  readonly carry: (x: Shift, old: WordLocal, result: WordLocal) => I32;
  /** 0 or Flag.of. */
  readonly overflow: (x: Shift, old: WordLocal, result: WordLocal) => I32;
}

/** Operand width, count and shorthand for one instruction. */
class Shift {
  readonly e: Emitter;
  readonly size: number;
  readonly bits: number;
  readonly w: IntOps<IntType>;
  private readonly amount: Count;

  constructor(e: Emitter, amount: Count) {
    this.e = e;
    this.size = e.sizeOf(0);
    this.bits = bitsOf(this.size);
    this.w = e.f.word(this.size);
    this.amount = amount;
  }

  /** The count as i32. */
  count(): I32 {
    return typeof this.amount === 'number' ? this.e.f.i32.const(this.amount) : this.e.f.get(this.amount);
  }

  /** The count as the operand's word. */
  wordCount(): Word {
    return toWord(this.e.f, this.size, this.count());
  }

  /** `value - count` as the operand's word. */
  from(value: number): Word {
    return this.w.sub(this.w.const(value), this.wordCount());
  }

  /** Bit 0 of a word, as i32. */
  lowBit(value: Word): I32 {
    return this.e.f.i32.and(toI32(this.e.f, value), this.e.f.i32.const(1));
  }

  /** Top bit of the result ^ carry, in OF's place: what left shifts and rotates leave. */
  topXorCarry(result: WordLocal, carry: I32): I32 {
    const { f } = this.e;
    return f.i32.xor(f.i32.shl(carry, f.i32.const(11)), signAsOverflow(f, this.size, f.get(result)));
  }

  /** The two top bits of the result differ: right rotates. */
  topTwoDiffer(result: WordLocal): I32 {
    const { f, w } = { f: this.e.f, w: this.w };
    return signAsOverflow(f, this.size, w.xor(f.get(result), w.shl(f.get(result), w.const(1))));
  }
}

const shiftLeft: Operation = {
  result: (x, old) => x.w.shl(x.e.f.get(old), x.wordCount()),
  // Bytes and words: the bit shifted out stands above the operand. Larger ones: it was at `bits - count`.
  carry: (x, old, result) => x.lowBit(x.size < 4 ? x.w.shrU(x.e.f.get(result), x.w.const(x.bits)) : x.w.shrU(x.e.f.get(old), x.from(x.bits))),
  overflow: (x, old, result) => x.topXorCarry(result, shiftLeft.carry(x, old, result)),
};

const shiftRight: Operation = {
  result: (x, old) => x.w.shrU(x.e.f.get(old), x.wordCount()),
  carry: (x, old) => x.lowBit(x.w.shrU(x.e.f.get(old), x.w.sub(x.wordCount(), x.w.const(1)))),
  overflow: (x, _old, result) => x.topTwoDiffer(result),
};

const shiftArithmetic: Operation = {
  result: (x, old) => x.w.shrS(signExtend(x.e.f, x.size, x.e.f.get(old)), x.wordCount()),
  carry: (x, old) => x.lowBit(x.w.shrS(signExtend(x.e.f, x.size, x.e.f.get(old)), x.w.sub(x.wordCount(), x.w.const(1)))),
  overflow: (x) => x.e.f.i32.const(0),
};

const rotateLeft: Operation = {
  result: (x, old) => {
    const { e: { f }, w } = x;
    if (x.size >= 4) return w.rotl(f.get(old), x.wordCount());
    const count = (): I32 => f.i32.and(x.count(), f.i32.const(x.bits - 1));
    return w.or(w.shl(f.get(old), count()), w.shrU(f.get(old), f.i32.sub(f.i32.const(x.bits), count())));
  },
  carry: (x, _old, result) => x.lowBit(x.e.f.get(result)),
  overflow: (x, old, result) => x.topXorCarry(result, rotateLeft.carry(x, old, result)),
};

const rotateRight: Operation = {
  result: (x, old) => {
    const { e: { f }, w } = x;
    if (x.size >= 4) return w.rotr(f.get(old), x.wordCount());
    const count = (): I32 => f.i32.and(x.count(), f.i32.const(x.bits - 1));
    return w.or(w.shrU(f.get(old), count()), w.shl(f.get(old), f.i32.sub(f.i32.const(x.bits), count())));
  },
  carry: (x, _old, result) => signBit(x.e.f, x.size, x.e.f.get(result)),
  overflow: (x, _old, result) => x.topTwoDiffer(result),
};

/** The masked count in operand 1: an immediate, CL, or the implicit 1. */
function readCount(e: Emitter, operand: number): Count {
  const { f } = e;
  const mask = e.sizeOf(0) === 8 ? 63 : 31;
  const known = e.kind(operand) === 'imm' ? e.staticImmediate(operand) : undefined;
  return known !== undefined ? known & mask : e.keep(f.i32.and(toI32(f, e.read(operand)), f.i32.const(mask)));
}

/** Runs `body` unless the count is 0. */
function unlessZero(e: Emitter, count: Count, body: () => void): void {
  if (typeof count === 'number') {
    if (count !== 0) body();
  } else e.when(e.f.get(count), body);
}

function shiftBy(e: Emitter, operation: Operation, count: Count): void {
  const { f } = e;
  const x = new Shift(e, count);
  const { old, result } = updateKeeping(e, 0, (a) => operation.result(x, a));
  unlessZero(e, count, () => e.setFlagBits(x.size, result, f.i32.or(operation.carry(x, old, result), operation.overflow(x, old, result))));
}

function rotateBy(e: Emitter, operation: Operation, count: Count): void {
  const { f } = e;
  const x = new Shift(e, count);
  const { old, result } = updateKeeping(e, 0, (a) => operation.result(x, a));
  unlessZero(e, count, () => {
    const auxiliary = e.keep(f.i32.and(e.arithmeticFlags(), f.i32.const(Flag.af)));
    e.setCarryBits(f.i32.or(f.i32.or(operation.carry(x, old, result), operation.overflow(x, old, result)), f.get(auxiliary)));
  });
}

/** RCL and RCR: a rotate of operand and carry together, one bit more than the operand has. */
function rotateThroughCarry(e: Emitter, left: boolean, masked: Count): void {
  const { f } = e;
  const size = e.sizeOf(0);
  const bits = bitsOf(size);
  const count = rotateCount(e, bits, masked);
  const carryIn = e.keep(f.convert.i64ExtendI32U(e.carry()));
  const carryOut = e.temp('i64');
  const by = (): I64 => (typeof count === 'number' ? f.i64.const(count) : f.convert.i64ExtendI32U(f.get(count)));
  const rest = (): I64 => f.i64.sub(f.i64.const(bits), by());
  const { result } = updateKeeping(e, 0, (old) => {
    const value = e.keep(toI64(f, f.get(old)));
    const rotated = e.temp('i64');
    if (size < 8) {
      // All of it fits 64 bits: the carry stands above the operand.
      f.set(value, f.i64.or(f.get(value), f.i64.shl(f.get(carryIn), f.i64.const(bits))));
      const other = (): I64 => f.i64.add(rest(), f.i64.const(1));
      if (left) f.set(rotated, f.i64.or(f.i64.shl(f.get(value), by()), f.i64.shrU(f.get(value), other())));
      else f.set(rotated, f.i64.or(f.i64.shrU(f.get(value), by()), f.i64.shl(f.get(value), other())));
      f.set(carryOut, f.i64.and(f.i64.shrU(f.get(rotated), f.i64.const(bits)), f.i64.const(1)));
      return toWord(f, size, f.get(rotated));
    }
    if (left) {
      f.set(rotated, f.i64.or(f.i64.shl(f.get(value), by()), f.i64.shl(f.get(carryIn), f.i64.sub(by(), f.i64.const(1)))));
      f.set(rotated, f.i64.or(f.get(rotated), f.i64.shrU(f.i64.shrU(f.get(value), f.i64.const(1)), rest())));
      f.set(carryOut, f.i64.and(f.i64.shrU(f.get(value), rest()), f.i64.const(1)));
    } else {
      f.set(rotated, f.i64.or(f.i64.shrU(f.get(value), by()), f.i64.shl(f.get(carryIn), rest())));
      f.set(rotated, f.i64.or(f.get(rotated), f.i64.shl(f.i64.shl(f.get(value), f.i64.const(1)), rest())));
      f.set(carryOut, f.i64.and(f.i64.shrU(f.get(value), f.i64.sub(by(), f.i64.const(1))), f.i64.const(1)));
    }
    return f.select(f.get(value), f.get(rotated), f.i64.eqz(by()));
  });
  unlessZero(e, count, () => {
    const x = new Shift(e, count);
    const auxiliary = e.keep(f.i32.and(e.arithmeticFlags(), f.i32.const(Flag.af)));
    const overflow = left ? x.topXorCarry(result, f.convert.i32WrapI64(f.get(carryOut))) : x.topTwoDiffer(result);
    e.setCarryBits(f.i32.or(f.i32.or(f.convert.i32WrapI64(f.get(carryOut)), overflow), f.get(auxiliary)));
  });
}

// Bytes and words rotate through 9 and 17 bits, with the masked count modulo that.
function rotateCount(e: Emitter, bits: number, masked: Count): Count {
  if (bits >= 32) return masked;
  if (typeof masked === 'number') return masked % (bits + 1);
  return e.keep(e.f.i32.remU(e.f.get(masked), e.f.i32.const(bits + 1)));
}

/** SHLD, SHRD: `Ev Gv count`. Counts above 16 are undefined for words: the destination then comes once more behind the source. */
const doubleShift = (left: boolean): Semantic => (e) => {
  const { f } = e;
  const size = e.sizeOf(0);
  const bits = bitsOf(size);
  const w = f.word(size);
  const source = e.keep(e.read(1));
  const count = readCount(e, 2);
  const x = new Shift(e, count);
  const carry = e.temp('i32');
  const { old, result } = updateKeeping(e, 0, (a) => {
    if (size === 2) return wordDoubleShift(x, left, a, source, carry);
    f.set(carry, x.lowBit(left ? w.shrU(f.get(a), x.from(bits)) : w.shrU(f.get(a), w.sub(x.wordCount(), w.const(1)))));
    const shifted = left
      ? w.or(w.shl(f.get(a), x.wordCount()), w.shrU(f.get(source), x.from(bits)))
      : w.or(w.shrU(f.get(a), x.wordCount()), w.shl(f.get(source), x.from(bits)));
    return f.select(shifted, f.get(a), x.count());
  });
  unlessZero(e, count, () => {
    const overflow = signAsOverflow(f, size, w.xor(f.get(old), f.get(result)));
    e.setFlagBits(size, result, f.i32.or(f.get(carry), overflow));
  });
};

// In 48 bits: destination, source, destination again.
function wordDoubleShift(x: Shift, left: boolean, a: WordLocal, source: WordLocal, carry: Local<'i32'>): Word {
  const { f } = x.e;
  const by = (): I64 => f.convert.i64ExtendI32U(x.count());
  const part = (local: WordLocal, shift: number): I64 => f.i64.shl(toI64(f, f.get(local)), f.i64.const(shift));
  const wide = x.e.keep(f.i64.or(f.i64.or(part(a, 32), part(source, 16)), part(a, 0)));
  if (left) {
    f.set(wide, f.i64.shl(f.get(wide), by()));
    f.set(carry, x.lowBit(f.i64.shrU(f.get(wide), f.i64.const(48))));
    return f.convert.i32WrapI64(f.i64.shrU(f.get(wide), f.i64.const(32)));
  }
  f.set(carry, x.lowBit(f.i64.shrU(f.get(wide), f.i64.sub(by(), f.i64.const(1)))));
  return f.convert.i32WrapI64(f.i64.shrU(f.get(wide), by()));
}

const shift = (operation: Operation): Semantic => (e) => shiftBy(e, operation, readCount(e, 1));
const shiftOnce = (operation: Operation): Semantic => (e) => shiftBy(e, operation, 1);
const rotate = (operation: Operation): Semantic => (e) => rotateBy(e, operation, readCount(e, 1));
const rotateOnce = (operation: Operation): Semantic => (e) => rotateBy(e, operation, 1);
const carryRotate = (left: boolean): Semantic => (e) => rotateThroughCarry(e, left, readCount(e, 1));
const carryRotateOnce = (left: boolean): Semantic => (e) => rotateThroughCarry(e, left, 1);

function groupTwoRows(mnemonic: string, digit: number, semantic: Semantic, once: Semantic): FormRow[] {
  return [
    [mnemonic, `C0 /${digit} ib`, 'Eb Ib', semantic],
    [mnemonic, `C1 /${digit} ib`, 'Ev Ib', semantic],
    [mnemonic, `D0 /${digit}`, 'Eb 1', once],
    [mnemonic, `D1 /${digit}`, 'Ev 1', once],
    [mnemonic, `D2 /${digit}`, 'Eb CL', semantic],
    [mnemonic, `D3 /${digit}`, 'Ev CL', semantic],
  ];
}

export const shiftRows: readonly FormRow[] = [
  ...groupTwoRows('ROL', 0, rotate(rotateLeft), rotateOnce(rotateLeft)),
  ...groupTwoRows('ROR', 1, rotate(rotateRight), rotateOnce(rotateRight)),
  ...groupTwoRows('RCL', 2, carryRotate(true), carryRotateOnce(true)),
  ...groupTwoRows('RCR', 3, carryRotate(false), carryRotateOnce(false)),
  ...groupTwoRows('SHL', 4, shift(shiftLeft), shiftOnce(shiftLeft)),
  ...groupTwoRows('SHR', 5, shift(shiftRight), shiftOnce(shiftRight)),
  ...groupTwoRows('SAL', 6, shift(shiftLeft), shiftOnce(shiftLeft)),
  ...groupTwoRows('SAR', 7, shift(shiftArithmetic), shiftOnce(shiftArithmetic)),
  ['SHLD', '0F A4 /r ib', 'Ev Gv Ib', doubleShift(true)],
  ['SHLD', '0F A5 /r', 'Ev Gv CL', doubleShift(true)],
  ['SHRD', '0F AC /r ib', 'Ev Gv Ib', doubleShift(false)],
  ['SHRD', '0F AD /r', 'Ev Gv CL', doubleShift(false)],
];
