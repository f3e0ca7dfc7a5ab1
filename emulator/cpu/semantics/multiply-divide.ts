/**
 * MUL IMUL DIV IDIV (SDM vol. 2). wasm has no 64 × 64 → 128 multiply, so that is four 32-bit ones; 128 / 64 goes to a
 * helper unless the dividend fits 64 bits, as it nearly always does.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import { Flag } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I32, I64, Local } from '../wasm/function-builder.ts';
import type { Emitter, Helper, WordLocal } from './emitter.ts';
import { bitsOf, signExtend, toI32, toI64 } from './integer-bits.ts';

const CARRY_AND_OVERFLOW = Flag.cf | Flag.of;

/** High 64 bits of the unsigned product. */
function multiplyHigh(e: Emitter, a: Local<'i64'>, b: Local<'i64'>): I64 {
  const { f } = e;
  const low = (x: Local<'i64'>): I64 => f.i64.and(f.get(x), f.i64.const(0xffffffff));
  const high = (x: Local<'i64'>): I64 => f.i64.shrU(f.get(x), f.i64.const(32));
  const middle = e.keep(f.i64.add(f.i64.mul(high(a), low(b)), f.i64.shrU(f.i64.mul(low(a), low(b)), f.i64.const(32))));
  const other = e.keep(f.i64.add(f.i64.mul(low(a), high(b)), low(middle)));
  return f.i64.add(f.i64.add(f.i64.mul(high(a), high(b)), high(middle)), high(other));
}

/** High 64 bits of the signed product. */
function multiplyHighSigned(e: Emitter, a: Local<'i64'>, b: Local<'i64'>): I64 {
  const { f } = e;
  const masked = (x: Local<'i64'>, sign: Local<'i64'>): I64 => f.i64.and(f.get(x), f.i64.shrS(f.get(sign), f.i64.const(63)));
  return f.i64.sub(f.i64.sub(multiplyHigh(e, a, b), masked(b, a)), masked(a, b));
}

/** Flags after a multiplication: CF = OF = the upper half matters. The others are undefined. */
function multiplyFlags(e: Emitter, size: number, low: WordLocal, overflow: I32): void {
  const { f } = e;
  e.setFlagBits(size, low, f.i32.mul(overflow, f.i32.const(CARRY_AND_OVERFLOW)));
}

/** MUL and one-operand IMUL: accumulator × operand into the double accumulator. */
const multiplyAccumulator = (signed: boolean): Semantic => (e) => {
  const { f } = e;
  const size = e.sizeOf(0);
  if (size === 8) {
    const a = e.keep(e.gpr(Reg.rax, 8) as I64);
    const b = e.keep(e.read(0) as I64);
    const high = e.keep(signed ? multiplyHighSigned(e, a, b) : multiplyHigh(e, a, b));
    const low = e.keep(f.i64.mul(f.get(a), f.get(b)));
    e.setGpr(Reg.rax, 8, f.get(low));
    e.setGpr(Reg.rdx, 8, f.get(high));
    multiplyFlags(e, 8, low, signed ? f.i64.ne(f.get(high), f.i64.shrS(f.get(low), f.i64.const(63))) : f.i64.ne(f.get(high), f.i64.const(0)));
    return;
  }
  const wide = (value: () => I32): I64 => (signed ? f.convert.i64ExtendI32S(signExtend(f, size, value()) as I32) : f.convert.i64ExtendI32U(value()));
  const product = e.keep(f.i64.mul(wide(() => e.gpr(Reg.rax, size) as I32), wide(() => e.read(0) as I32)));
  const low = e.keep(f.convert.i32WrapI64(f.get(product)));
  if (size === 1) e.setGpr(Reg.rax, 2, f.get(low));
  else {
    e.setGpr(Reg.rax, size, f.get(low));
    e.setGpr(Reg.rdx, size, f.convert.i32WrapI64(f.i64.shrU(f.get(product), f.i64.const(bitsOf(size)))));
  }
  const truncated = signed
    ? f.convert.i64ExtendI32S(signExtend(f, size, f.get(low)) as I32)
    : f.i64.and(f.get(product), f.i64.const(2 ** bitsOf(size) - 1));
  multiplyFlags(e, size, low, f.i64.ne(truncated, f.get(product)));
};

/** IMUL with two or three operands: destination := operand `a` × operand `b`, truncated. */
const multiplySigned = (first: number, second: number): Semantic => (e) => {
  const { f } = e;
  const size = e.sizeOf(0);
  if (size === 8) {
    const a = e.keep(e.read(first) as I64);
    const b = e.keep(e.read(second) as I64);
    const low = e.keep(f.i64.mul(f.get(a), f.get(b)));
    const overflow = e.keep(f.i64.ne(multiplyHighSigned(e, a, b), f.i64.shrS(f.get(low), f.i64.const(63))));
    e.write(0, f.get(low));
    multiplyFlags(e, 8, low, f.get(overflow));
    return;
  }
  const a = e.keep(f.convert.i64ExtendI32S(signExtend(f, size, e.read(first)) as I32));
  const product = e.keep(f.i64.mul(f.get(a), f.convert.i64ExtendI32S(signExtend(f, size, e.read(second)) as I32)));
  const low = e.keep(f.convert.i32WrapI64(f.get(product)));
  e.write(0, f.get(low));
  multiplyFlags(e, size, low, f.i64.ne(f.convert.i64ExtendI32S(signExtend(f, size, f.get(low)) as I32), f.get(product)));
};

/** Quotient of an unsigned 128-bit dividend and a 64-bit divisor above its high half (so the quotient fits). */
const divideWide: Helper<'i64'> = {
  name: 'divideWide',
  params: ['i64', 'i64', 'i64'],
  result: 'i64',
  make: () => (high: bigint, low: bigint, divisor: bigint): bigint =>
    ((BigInt.asUintN(64, high) << 64n) | BigInt.asUintN(64, low)) / BigInt.asUintN(64, divisor),
};

/** DIV and IDIV of the double accumulator; #DE when the divisor is 0 or the quotient does not fit. */
const divide = (signed: boolean): Semantic => (e) => {
  if (e.sizeOf(0) === 8) (signed ? divideSigned64 : divideUnsigned64)(e);
  else divideSmall(e, signed);
};

// Dividends of up to 64 bits.
function divideSmall(e: Emitter, signed: boolean): void {
  const { f } = e;
  const size = e.sizeOf(0);
  const bits = bitsOf(size);
  const divisor = e.keep(signed ? f.convert.i64ExtendI32S(signExtend(f, size, e.read(0)) as I32) : f.convert.i64ExtendI32U(e.read(0) as I32));
  e.raiseIf(f.i64.eqz(f.get(divisor)), Vector.divide, 0);
  const dividend = e.temp('i64');
  if (size === 1) f.set(dividend, toI64(f, e.gpr(Reg.rax, 2)));
  else f.set(dividend, f.i64.or(toI64(f, e.gpr(Reg.rax, size)), f.i64.shl(toI64(f, e.gpr(Reg.rdx, size)), f.i64.const(bits))));
  const quotient = e.temp('i64');
  if (signed) {
    if (size < 4) f.set(dividend, f.i64.shrS(f.i64.shl(f.get(dividend), f.i64.const(64 - 2 * bits)), f.i64.const(64 - 2 * bits)));
    // The one quotient which wasm traps on does not fit either.
    else e.raiseIf(f.i32.and(f.i64.eq(f.get(dividend), f.i64.const(-(2n ** 63n))), f.i64.eq(f.get(divisor), f.i64.const(-1))), Vector.divide, 0);
    f.set(quotient, f.i64.divS(f.get(dividend), f.get(divisor)));
    e.raiseIf(f.i64.geU(f.i64.add(f.get(quotient), f.i64.const(2 ** (bits - 1))), f.i64.const(2 ** bits)), Vector.divide, 0);
  } else {
    f.set(quotient, f.i64.divU(f.get(dividend), f.get(divisor)));
    e.raiseIf(f.i64.geU(f.get(quotient), f.i64.const(2 ** bits)), Vector.divide, 0);
  }
  const remainder = e.keep(f.convert.i32WrapI64(f.i64.sub(f.get(dividend), f.i64.mul(f.get(quotient), f.get(divisor)))));
  const low = e.keep(f.convert.i32WrapI64(f.get(quotient)));
  if (size === 1) {
    e.setGpr(Reg.rax, 2, f.i32.or(f.i32.and(f.get(low), f.i32.const(0xff)), f.i32.shl(f.i32.and(f.get(remainder), f.i32.const(0xff)), f.i32.const(8))));
  } else {
    e.setGpr(Reg.rax, size, f.get(low));
    e.setGpr(Reg.rdx, size, f.get(remainder));
  }
}

/** Unsigned quotient of `high:low` by `divisor`, which must be above `high`. */
function wideQuotient(e: Emitter, high: Local<'i64'>, low: Local<'i64'>, divisor: Local<'i64'>): I64 {
  const { f } = e;
  return f.ifValue('i64', f.i64.eqz(f.get(high)),
    () => f.i64.divU(f.get(low), f.get(divisor)),
    () => e.callHelper(divideWide, [f.get(high), f.get(low), f.get(divisor)]), true);
}

function divideUnsigned64(e: Emitter): void {
  const { f } = e;
  const divisor = e.keep(e.read(0) as I64);
  const high = e.keep(e.gpr(Reg.rdx, 8) as I64);
  const low = e.keep(e.gpr(Reg.rax, 8) as I64);
  // Also true for a divisor of 0.
  e.raiseIf(f.i64.geU(f.get(high), f.get(divisor)), Vector.divide, 0);
  const quotient = e.keep(wideQuotient(e, high, low, divisor));
  e.setGpr(Reg.rdx, 8, f.i64.sub(f.get(low), f.i64.mul(f.get(quotient), f.get(divisor))));
  e.setGpr(Reg.rax, 8, f.get(quotient));
}

// Through absolute values: quotient negative when the signs differ, remainder with the dividend's sign.
function divideSigned64(e: Emitter): void {
  const { f } = e;
  const divisor = e.keep(e.read(0) as I64);
  const high = e.keep(e.gpr(Reg.rdx, 8) as I64);
  const low = e.keep(e.gpr(Reg.rax, 8) as I64);
  const dividendLow = e.keep(f.get(low));
  const dividendSign = e.keep(f.i64.shrS(f.get(high), f.i64.const(63)));
  const divisorSign = e.keep(f.i64.shrS(f.get(divisor), f.i64.const(63)));
  const magnitude = e.keep(f.i64.sub(f.i64.xor(f.get(divisor), f.get(divisorSign)), f.get(divisorSign)));
  f.set(low, f.i64.sub(f.i64.xor(f.get(low), f.get(dividendSign)), f.get(dividendSign)));
  // Negating 128 bits carries into the high half only when the low half is 0.
  const carries = e.keep(f.i64.and(f.i64.and(f.get(dividendSign), f.i64.const(1)), f.convert.i64ExtendI32U(f.i64.eqz(f.get(low)))));
  f.set(high, f.i64.add(f.i64.xor(f.get(high), f.get(dividendSign)), f.get(carries)));
  e.raiseIf(f.i64.geU(f.get(high), f.get(magnitude)), Vector.divide, 0);
  const quotient = e.keep(wideQuotient(e, high, low, magnitude));
  const sign = e.keep(f.i64.xor(f.get(dividendSign), f.get(divisorSign)));
  // Up to 2^63 when negative, below it otherwise.
  e.raiseIf(f.i64.gtU(f.get(quotient), f.i64.sub(f.i64.const(2n ** 63n - 1n), f.get(sign))), Vector.divide, 0);
  f.set(quotient, f.i64.sub(f.i64.xor(f.get(quotient), f.get(sign)), f.get(sign)));
  e.setGpr(Reg.rdx, 8, f.i64.sub(f.get(dividendLow), f.i64.mul(f.get(quotient), f.get(divisor))));
  e.setGpr(Reg.rax, 8, f.get(quotient));
}

/** AAM: AH, AL := AL / imm8, AL % imm8. */
const adjustAfterMultiply: Semantic = (e) => {
  const { f } = e;
  const divisor = e.keep(toI32(f, e.read(0)));
  e.raiseIf(f.i32.eqz(f.get(divisor)), Vector.divide, 0);
  const value = e.keep(toI32(f, e.gpr(Reg.rax, 1)));
  const low = e.keep(f.i32.remU(f.get(value), f.get(divisor)));
  e.setGpr(Reg.rax, 2, f.i32.or(f.get(low), f.i32.shl(f.i32.divU(f.get(value), f.get(divisor)), f.i32.const(8))));
  e.setFlagBits(1, low, f.i32.const(0));
};

/** AAD: AL := AL + AH * imm8, AH := 0. */
const adjustBeforeDivide: Semantic = (e) => {
  const { f } = e;
  const value = e.keep(toI32(f, e.gpr(Reg.rax, 2)));
  const sum = f.i32.add(f.get(value), f.i32.mul(f.i32.shrU(f.get(value), f.i32.const(8)), toI32(f, e.read(0))));
  const low = e.keep(f.i32.and(sum, f.i32.const(0xff)));
  e.setGpr(Reg.rax, 2, f.get(low));
  e.setFlagBits(1, low, f.i32.const(0));
};

export const multiplyDivideRows: readonly FormRow[] = [
  ['MUL', 'F6 /4', 'Eb', multiplyAccumulator(false)],
  ['MUL', 'F7 /4', 'Ev', multiplyAccumulator(false)],
  ['IMUL', 'F6 /5', 'Eb', multiplyAccumulator(true)],
  ['IMUL', 'F7 /5', 'Ev', multiplyAccumulator(true)],
  ['IMUL', '0F AF /r', 'Gv Ev', multiplySigned(0, 1)],
  ['IMUL', '69 /r iz', 'Gv Ev Iz', multiplySigned(1, 2)],
  ['IMUL', '6B /r ib', 'Gv Ev sIb', multiplySigned(1, 2)],
  ['DIV', 'F6 /6', 'Eb', divide(false)],
  ['DIV', 'F7 /6', 'Ev', divide(false)],
  ['IDIV', 'F6 /7', 'Eb', divide(true)],
  ['IDIV', 'F7 /7', 'Ev', divide(true)],
  ['AAM', 'D4 ib', 'Ib', adjustAfterMultiply, 'i64'],
  ['AAD', 'D5 ib', 'Ib', adjustBeforeDivide, 'i64'],
];
