/**
 * Meaning of the packed integer operations on v128 values, without any operand handling: SSE rows apply them to
 * xmm registers, MMX rows to the low half of a v128. An operation marked *lanewise* in mmx.ts treats the
 * 64-bit halves alike, so that it serves both.
 */
import type { FunctionBuilder, Local, V128 } from '../wasm/function-builder.ts';
import type { V128_BINARY } from '../wasm/opcodes.ts';

type F = FunctionBuilder;
type V = Local<'v128'>;
/** Emits `a op b` where `a` is the destination operand and `b` the source; may read each any number of times. */
export type VectorOp = (f: F, a: V, b: V) => V128;

/** Byte numbers of consecutive lanes: `lanes(2, [0, 4])` = bytes 0, 1, 8, 9. */
export function lanes(bytes: number, numbers: readonly number[]): number[] {
  return numbers.flatMap((n) => Array.from({ length: bytes }, (_, i) => n * bytes + i));
}

/** One wasm instruction that does exactly this. */
export const direct = (name: keyof typeof V128_BINARY): VectorOp => (f, a, b) => f.v[name](f.get(a), f.get(b));
/** The same with the operands in wasm's other order. */
const swapped = (name: keyof typeof V128_BINARY): VectorOp => (f, a, b) => f.v[name](f.get(b), f.get(a));

/** ~a & b. */
export const andNot = swapped('v128AndNot');

export const zero = (f: F): V128 => f.v.const(0n, 0n);
export const ones = (f: F): V128 => f.v.const(-1n, -1n);
/** A v128 of one repeated 64-bit pattern. */
const repeat = (f: F, pattern: bigint): V128 => f.v.const(pattern, pattern);

const shuffle = (numbers: readonly number[]): VectorOp => (f, a, b) => f.v.shuffle(f.get(a), f.get(b), numbers);

/** PUNPCKL…: lanes of `bytes` alternate from the low halves of a and b. */
export function interleave(bytes: number, first: number, count: number): VectorOp {
  const other = 16 / bytes;
  return shuffle(lanes(bytes, Array.from({ length: count * 2 }, (_, i) => first + (i >> 1) + (i & 1 ? other : 0))));
}

const EVEN_WORDS = lanes(2, [0, 2, 4, 6, 8, 10, 12, 14]);
const ODD_WORDS = lanes(2, [1, 3, 5, 7, 9, 11, 13, 15]);
const EVEN_DWORDS = lanes(4, [0, 2, 4, 6]);
const ODD_DWORDS = lanes(4, [1, 3, 5, 7]);

/** Horizontal operations: neighbours of a, then of b. */
const horizontal = (name: keyof typeof V128_BINARY, even: readonly number[], odd: readonly number[]): VectorOp => (f, a, b) =>
  f.v[name](f.v.shuffle(f.get(a), f.get(b), even), f.v.shuffle(f.get(a), f.get(b), odd));
export const horizontalAddWords = horizontal('i16x8Add', EVEN_WORDS, ODD_WORDS);
export const horizontalAddDwords = horizontal('i32x4Add', EVEN_DWORDS, ODD_DWORDS);
export const horizontalAddSaturated = horizontal('i16x8AddSatS', EVEN_WORDS, ODD_WORDS);
export const horizontalSubWords = horizontal('i16x8Sub', EVEN_WORDS, ODD_WORDS);
export const horizontalSubDwords = horizontal('i32x4Sub', EVEN_DWORDS, ODD_DWORDS);
export const horizontalSubSaturated = horizontal('i16x8SubSatS', EVEN_WORDS, ODD_WORDS);

export const multiplyHighSigned: VectorOp = (f, a, b) =>
  f.v.shuffle(f.v.i32x4ExtmulLowI16x8S(f.get(a), f.get(b)), f.v.i32x4ExtmulHighI16x8S(f.get(a), f.get(b)), ODD_WORDS);
export const multiplyHighUnsigned: VectorOp = (f, a, b) =>
  f.v.shuffle(f.v.i32x4ExtmulLowI16x8U(f.get(a), f.get(b)), f.v.i32x4ExtmulHighI16x8U(f.get(a), f.get(b)), ODD_WORDS);

/** PMULHRSW: wasm saturates the one product that x86 wraps, -32768 × -32768. */
export const multiplyHighRounded: VectorOp = (f, a, b) =>
  f.v.v128Xor(
    f.v.i16x8Q15MulrSatS(f.get(a), f.get(b)),
    f.v.v128And(f.v.i16x8Eq(f.get(a), repeat(f, 0x8000800080008000n)), f.v.i16x8Eq(f.get(b), repeat(f, 0x8000800080008000n))),
  );

/** PMADDUBSW: unsigned bytes of a times signed bytes of b, neighbours added with saturation. */
export const multiplyAddBytes: VectorOp = (f, a, b) =>
  f.v.i16x8AddSatS(
    f.v.i16x8Mul(
      f.v.v128And(f.get(a), repeat(f, 0x00ff00ff00ff00ffn)),
      f.v.i16x8ShrS(f.v.i16x8Shl(f.get(b), f.i32.const(8)), f.i32.const(8)),
    ),
    f.v.i16x8Mul(f.v.i16x8ShrU(f.get(a), f.i32.const(8)), f.v.i16x8ShrS(f.get(b), f.i32.const(8))),
  );

/** PSADBW: sum of absolute differences of the bytes of each half. */
export const sumOfDifferences: VectorOp = (f, a, b) => {
  const sums = f.keep(
    f.v.i32x4ExtaddPairwiseI16x8U(
      f.v.i16x8ExtaddPairwiseI8x16U(f.v.i8x16Sub(f.v.i8x16MaxU(f.get(a), f.get(b)), f.v.i8x16MinU(f.get(a), f.get(b)))),
    ),
  );
  const result = f.v.v128And(f.v.i32x4Add(f.get(sums), f.v.i64x2ShrU(f.get(sums), f.i32.const(32))), repeat(f, 0xffffffffn));
  f.release(sums);
  return result;
};

/** PMULUDQ, PMULDQ: products of the even dwords. */
export const multiplyEvenUnsigned: VectorOp = (f, a, b) =>
  f.v.i64x2ExtmulLowI32x4U(f.v.shuffle(f.get(a), f.get(a), EVEN_DWORDS), f.v.shuffle(f.get(b), f.get(b), EVEN_DWORDS));
export const multiplyEvenSigned: VectorOp = (f, a, b) =>
  f.v.i64x2ExtmulLowI32x4S(f.v.shuffle(f.get(a), f.get(a), EVEN_DWORDS), f.v.shuffle(f.get(b), f.get(b), EVEN_DWORDS));

/** PSHUFB: wasm's swizzle zeroes every selector above 15, x86 only looks at bit 7 and the low four (MMX: three) bits. */
export const shuffleBytes: VectorOp = (f, a, b) => f.v.i8x16Swizzle(f.get(a), f.v.v128And(f.get(b), repeat(f, 0x8f8f8f8f8f8f8f8fn)));
export const shuffleBytesMmx: VectorOp = (f, a, b) => f.v.i8x16Swizzle(f.get(a), f.v.v128And(f.get(b), repeat(f, 0x8787878787878787n)));

const sign = (prefix: 'i8x16' | 'i16x8' | 'i32x4'): VectorOp => (f, a, b) => {
  const bits = { i8x16: 7, i16x8: 15, i32x4: 31 }[prefix];
  const negative = f.keep(f.v[`${prefix}ShrS`](f.get(b), f.i32.const(bits)));
  const result = f.v.v128And(
    f.v[`${prefix}Sub`](f.v.v128Xor(f.get(a), f.get(negative)), f.get(negative)),
    f.v[`${prefix}Ne`](f.get(b), zero(f)),
  );
  f.release(negative);
  return result;
};
export const signBytes = sign('i8x16');
export const signWords = sign('i16x8');
export const signDwords = sign('i32x4');

export const absBytes: VectorOp = (f, _a, b) => f.v.i8x16Abs(f.get(b));
export const absWords: VectorOp = (f, _a, b) => f.v.i16x8Abs(f.get(b));
export const absDwords: VectorOp = (f, _a, b) => f.v.i32x4Abs(f.get(b));

/** PHMINPOSUW: the smallest word and, above it, its number. */
export const minimumPosition: VectorOp = (f, _a, b) => {
  // Value in the high, number in the low half of a dword: the unsigned minimum of those is the answer, rotated.
  const low = f.v.v128Or(f.v.i32x4Shl(f.v.i32x4ExtendLowI16x8U(f.get(b)), f.i32.const(16)), f.v.const(0x1_0000_0000n, 0x3_0000_0002n));
  const best = f.keep(
    f.v.i32x4MinU(low, f.v.v128Or(f.v.i32x4Shl(f.v.i32x4ExtendHighI16x8U(f.get(b)), f.i32.const(16)), f.v.const(0x5_0000_0004n, 0x7_0000_0006n))),
  );
  f.set(best, f.v.i32x4MinU(f.get(best), f.v.shuffle(f.get(best), f.get(best), lanes(4, [2, 3, 0, 1]))));
  f.set(best, f.v.i32x4MinU(f.get(best), f.v.shuffle(f.get(best), f.get(best), lanes(4, [1, 0, 3, 2]))));
  const result = f.v.i32x4ReplaceLane(zero(f), f.i32.rotl(f.v.i32x4ExtractLane(f.get(best), 0), f.i32.const(16)), 0);
  f.release(best);
  return result;
};
