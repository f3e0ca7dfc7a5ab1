/** Operand access with the wasm type the form guarantees: integer operands are typed i32 or i64 by their size at run time only. */
import { MXCSR } from '../state.ts';
import type { I32, I64, V128 } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';

/** An integer operand of 1, 2 or 4 bytes. */
export function readI32(e: Emitter, operand: number): I32 {
  const value = e.read(operand);
  if (value.type !== 'i32') throw new Error(`${e.mnemonic}: operand ${operand} is wider than 32 bits`);
  return { type: 'i32' };
}

/** An integer operand of 8 bytes. */
export function readI64(e: Emitter, operand: number): I64 {
  const value = e.read(operand);
  if (value.type !== 'i64') throw new Error(`${e.mnemonic}: operand ${operand} is not 64 bits wide`);
  return { type: 'i64' };
}

/** The immediate of an `imm8-static` form. */
export function staticByte(e: Emitter, operand: number): number {
  const value = e.staticImmediate(operand);
  if (value === undefined) throw new Error(`${e.mnemonic}: immediate is not known while emitting`);
  return value & 0xff;
}

/** A 64-bit value in the low half, zero above. */
export function fromLow64(e: Emitter, value: I64): V128 {
  const { f } = e;
  const low = e.keep(value);
  return f.v.i64x2ReplaceLane(f.v.const(0n, 0n), f.get(low), 0);
}

/** A 32-bit value in the lowest lane, zero above. */
export function fromLow32(e: Emitter, value: I32): V128 {
  const { f } = e;
  const low = e.keep(value);
  return f.v.i32x4ReplaceLane(f.v.const(0n, 0n), f.get(low), 0);
}

/** The low half of a 16-byte xmm operand. */
export function lowHalf(e: Emitter, operand: number): I64 {
  return e.f.v.i64x2ExtractLane(e.readV128(operand), 0);
}

/** MXCSR is always in memory, in both tiers. */
export function mxcsr(e: Emitter): I32 {
  return e.f.load.i32Load(e.f.i32.const(0), MXCSR);
}
