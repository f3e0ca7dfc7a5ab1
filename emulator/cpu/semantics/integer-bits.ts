/** Pieces of flag and width arithmetic that the integer families share. */
import type { FunctionBuilder, I32, I64, IntType, Val, Word } from '../wasm/function-builder.ts';
import { Flag } from '../flags.ts';
import type { Emitter, WordLocal } from './emitter.ts';

/** Bits of an operand size. */
export const bitsOf = (size: number): number => size * 8;

/** The word type that values of `size` bytes travel in. */
export const wordType = (size: number): IntType => (size === 8 ? 'i64' : 'i32');

/** A word as i64, zero-extended. */
export function toI64(f: FunctionBuilder, value: Word): I64 {
  return isI64(value) ? value : f.convert.i64ExtendI32U(value as I32);
}

/** Low half of a word. */
export function toI32(f: FunctionBuilder, value: Word): I32 {
  return isI64(value) ? f.convert.i32WrapI64(value) : (value as I32);
}

/** A word as the word of another size: zero-extended or truncated. */
export function toWord(f: FunctionBuilder, size: number, value: Word): Word {
  return size === 8 ? toI64(f, value) : toI32(f, value);
}

function isI64(value: Val<IntType>): value is I64 {
  return value.type === 'i64';
}

/** Bit `size * 8 - 1` of a word, moved to OF's place, all other bits 0. */
export function signAsOverflow(f: FunctionBuilder, size: number, value: Word): I32 {
  if (size === 8) return f.i32.and(f.convert.i32WrapI64(f.i64.shrU(value as I64, f.i64.const(52))), f.i32.const(Flag.of));
  const word = value as I32;
  if (size === 4) return f.i32.and(f.i32.shrU(word, f.i32.const(20)), f.i32.const(Flag.of));
  if (size === 2) return f.i32.and(f.i32.shrU(word, f.i32.const(4)), f.i32.const(Flag.of));
  return f.i32.and(f.i32.shl(word, f.i32.const(4)), f.i32.const(Flag.of));
}

/** Bit `size * 8 - 1` of a word as 0 or 1. */
export function signBit(f: FunctionBuilder, size: number, value: Word): I32 {
  if (size === 8) return f.convert.i32WrapI64(f.i64.shrU(value as I64, f.i64.const(63)));
  return f.i32.and(f.i32.shrU(value as I32, f.i32.const(bitsOf(size) - 1)), f.i32.const(1));
}

/** A word sign-extended from `size` bytes within itself. */
export function signExtend(f: FunctionBuilder, size: number, value: Word): Word {
  if (size === 1) return f.i32.extend8S(value as I32);
  if (size === 2) return f.i32.extend16S(value as I32);
  return value;
}

/** `update` whose old value and result stay usable afterwards, in locals of their own. */
export function updateKeeping(e: Emitter, operand: number, compute: (old: WordLocal) => Word): { old: WordLocal; result: WordLocal } {
  const type = wordType(e.sizeOf(operand));
  const old: WordLocal = e.temp(type);
  const result: WordLocal = e.temp(type);
  e.update(operand, (before) => {
    e.f.set(old, e.f.get(before));
    e.f.set(result, compute(old));
    return result;
  });
  return { old, result };
}
