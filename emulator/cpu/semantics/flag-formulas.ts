/**
 * The formulas of flags.ts as emitted code, for a kind of flag setter which is known while emitting. They work in the word the
 * operands are held in: sign extension keeps every one of them true in 32 bits as well as in 64.
 */
import { Flag, FlagKind } from '../flags.ts';
import type { FunctionBuilder, I32, IntOps, IntType, Word } from '../wasm/function-builder.ts';

/** The last flag setter, where it is known. Each function pushes a value sign-extended from the operand size to `ops`' width. */
export interface FlagSource {
  readonly kind: FlagKind;
  readonly ops: IntOps<IntType>;
  result(): Word;
  a(): Word;
  b(): Word;
}

/** 1 when the condition code (0–15) holds, else 0. */
export function flagCondition(f: FunctionBuilder, source: FlagSource, code: number): I32 {
  const negate = (code & 1) === 1;
  const { kind, ops } = source;
  const zero = (): Word => ops.const(0);
  if (kind === FlagKind.full) return fromBits(f, source, code);
  switch (code & ~1) {
    case 4:
      return negate ? ops.ne(source.result(), zero()) : ops.eqz(source.result());
    case 8:
      return negate ? ops.geS(source.result(), zero()) : ops.ltS(source.result(), zero());
    case 10:
      return parity(f, source, negate);
    case 2:
      return not(f, flagCarry(f, source), negate);
    case 0:
      return not(f, overflow(f, source), negate);
    case 6:
      if (kind === FlagKind.sub) return negate ? ops.gtU(source.a(), source.b()) : ops.leU(source.a(), source.b());
      if (kind === FlagKind.logic) return negate ? ops.ne(source.result(), zero()) : ops.eqz(source.result());
      return not(f, f.i32.or(flagCarry(f, source), ops.eqz(source.result())), negate);
    case 12:
      if (kind === FlagKind.sub) return negate ? ops.geS(source.a(), source.b()) : ops.ltS(source.a(), source.b());
      if (kind === FlagKind.logic) return negate ? ops.geS(source.result(), zero()) : ops.ltS(source.result(), zero());
      return not(f, less(f, source), negate);
    case 14:
      if (kind === FlagKind.sub) return negate ? ops.gtS(source.a(), source.b()) : ops.leS(source.a(), source.b());
      if (kind === FlagKind.logic) return negate ? ops.gtS(source.result(), zero()) : ops.leS(source.result(), zero());
      return not(f, f.i32.or(less(f, source), ops.eqz(source.result())), negate);
    default:
      throw new Error(`condition code ${code}`);
  }
}

/** CF as 0 or 1. */
export function flagCarry(f: FunctionBuilder, source: FlagSource): I32 {
  const { kind, ops } = source;
  switch (kind) {
    case FlagKind.logic:
      return f.i32.const(0);
    case FlagKind.add:
      return ops.ltU(source.result(), source.a());
    case FlagKind.sub:
      return ops.ltU(source.a(), source.b());
    case FlagKind.adc:
      return ops.ltS(ops.or(ops.and(source.a(), source.b()), ops.and(ops.or(source.a(), source.b()), invert(source, source.result()))), ops.const(0));
    case FlagKind.sbb:
      return ops.ltS(
        ops.or(ops.and(invert(source, source.a()), source.b()), ops.and(ops.or(invert(source, source.a()), source.b()), source.result())),
        ops.const(0),
      );
    default:
      return f.i32.and(narrow(f, source.a()), f.i32.const(Flag.cf));
  }
}

/** All six in their rflags places. */
export function flagBits(f: FunctionBuilder, source: FlagSource): I32 {
  const { kind, ops } = source;
  if (kind === FlagKind.full) return f.i32.and(narrow(f, source.a()), f.i32.const(0x8d5));
  let bits: I32;
  if (kind === FlagKind.bits) bits = f.i32.and(narrow(f, source.a()), f.i32.const(Flag.cf | Flag.af | Flag.of));
  else if (kind === FlagKind.logic) bits = f.i32.const(0);
  else {
    bits = flagCarry(f, source);
    bits = f.i32.or(bits, f.i32.and(narrow(f, ops.xor(ops.xor(source.result(), source.a()), source.b())), f.i32.const(Flag.af)));
    bits = f.i32.or(bits, f.i32.shl(overflow(f, source), f.i32.const(11)));
  }
  bits = f.i32.or(bits, f.i32.shl(parity(f, source, false), f.i32.const(2)));
  bits = f.i32.or(bits, f.i32.shl(ops.eqz(source.result()), f.i32.const(6)));
  return f.i32.or(bits, f.i32.shl(ops.ltS(source.result(), ops.const(0)), f.i32.const(7)));
}

function overflow(f: FunctionBuilder, source: FlagSource): I32 {
  const { kind, ops } = source;
  switch (kind) {
    case FlagKind.logic:
      return f.i32.const(0);
    case FlagKind.bits:
    case FlagKind.full:
      return f.i32.and(f.i32.shrU(narrow(f, source.a()), f.i32.const(11)), f.i32.const(1));
    case FlagKind.add:
    case FlagKind.adc:
      return ops.ltS(ops.and(ops.xor(source.result(), source.a()), ops.xor(source.result(), source.b())), ops.const(0));
    default:
      return ops.ltS(ops.and(ops.xor(source.a(), source.b()), ops.xor(source.a(), source.result())), ops.const(0));
  }
}

function less(f: FunctionBuilder, source: FlagSource): I32 {
  return f.i32.xor(source.ops.ltS(source.result(), source.ops.const(0)), overflow(f, source));
}

function parity(f: FunctionBuilder, source: FlagSource, negate: boolean): I32 {
  const odd = f.i32.and(f.i32.popcnt(f.i32.and(narrow(f, source.result()), f.i32.const(0xff))), f.i32.const(1));
  return negate ? odd : f.i32.eqz(odd);
}

function fromBits(f: FunctionBuilder, source: FlagSource, code: number): I32 {
  return conditionOfBits(f, code, () => narrow(f, source.a()));
}

/** A condition from flags in their rflags places, which `bits` pushes (once or several times). */
export function conditionOfBits(f: FunctionBuilder, code: number, bits: () => I32): I32 {
  const any = (mask: number): I32 => f.i32.and(bits(), f.i32.const(mask));
  const test = (mask: number): I32 => f.i32.ne(any(mask), f.i32.const(0));
  const less = (): I32 => f.i32.xor(test(Flag.sf), test(Flag.of));
  const negate = (code & 1) === 1;
  switch (code & ~1) {
    case 0:
      return not(f, test(Flag.of), negate);
    case 2:
      return not(f, test(Flag.cf), negate);
    case 4:
      return not(f, test(Flag.zf), negate);
    case 6:
      return not(f, test(Flag.cf | Flag.zf), negate);
    case 8:
      return not(f, test(Flag.sf), negate);
    case 10:
      return not(f, test(Flag.pf), negate);
    case 12:
      return not(f, less(), negate);
    case 14:
      return not(f, f.i32.or(less(), test(Flag.zf)), negate);
    default:
      throw new Error(`condition code ${code}`);
  }
}

function not(f: FunctionBuilder, value: I32, negate: boolean): I32 {
  return negate ? f.i32.eqz(value) : value;
}

function invert(source: FlagSource, value: Word): Word {
  return source.ops.xor(value, source.ops.const(-1));
}

function narrow(f: FunctionBuilder, value: Word): I32 {
  return value.type === 'i64' ? f.convert.i32WrapI64(value as { readonly type: 'i64' }) : (value as I32);
}
