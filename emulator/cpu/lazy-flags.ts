/** rflags of a thread at rest: materialises the lazy flags of a context slot (flags.ts), and the way back. */
import { ARITHMETIC_FLAGS, Flag, FlagKind } from './flags.ts';
import { FLAG_A, FLAG_B, FLAG_KIND, FLAG_RESULT, FLAGS_OTHER } from './state.ts';
import type { ThreadContext } from '../host/process/thread-context.ts';

/** The six arithmetic flags from lazy operands as signed 64-bit integers. */
export function materialise(kind: number, result: bigint, a: bigint, b: bigint): number {
  if (kind === FlagKind.full) return Number(a & BigInt(ARITHMETIC_FLAGS));
  let flags = result === 0n ? Flag.zf : 0;
  if (result < 0n) flags |= Flag.sf;
  let ones = 0;
  for (let bits = Number(result & 0xffn); bits !== 0; bits &= bits - 1) ones++;
  if ((ones & 1) === 0) flags |= Flag.pf;
  if (kind === FlagKind.bits) return flags | Number(a & BigInt(Flag.cf | Flag.af | Flag.of));
  if (kind === FlagKind.logic) return flags;
  if (((result ^ a ^ b) & 0x10n) !== 0n) flags |= Flag.af;
  const adding = kind === FlagKind.add || kind === FlagKind.adc;
  if ((adding ? (result ^ a) & (result ^ b) : (a ^ b) & (a ^ result)) < 0n) flags |= Flag.of;
  return carry(kind, result, a, b) ? flags | Flag.cf : flags;
}

function carry(kind: number, result: bigint, a: bigint, b: bigint): boolean {
  switch (kind) {
    case FlagKind.add:
      return BigInt.asUintN(64, result) < BigInt.asUintN(64, a);
    case FlagKind.sub:
      return BigInt.asUintN(64, a) < BigInt.asUintN(64, b);
    case FlagKind.adc:
      return ((a & b) | ((a | b) & ~result)) < 0n;
    case FlagKind.sbb:
      return ((~a & b) | ((~a | b) & result)) < 0n;
    default:
      throw new Error(`flag kind ${kind}`);
  }
}

/** rflags of a context as PUSHF would store it. */
export function readRflags(view: DataView, context: ThreadContext): number {
  const operand = (field: number): bigint => view.getBigInt64(context.at(field), true);
  const arithmetic = materialise(view.getInt32(context.at(FLAG_KIND), true), operand(FLAG_RESULT), operand(FLAG_A), operand(FLAG_B));
  return arithmetic | view.getInt32(context.at(FLAGS_OTHER), true) | 2;
}

export function writeRflags(view: DataView, context: ThreadContext, value: number): void {
  view.setBigInt64(context.at(FLAG_A), BigInt(value & ARITHMETIC_FLAGS), true);
  view.setInt32(context.at(FLAG_KIND), FlagKind.full, true);
  view.setInt32(context.at(FLAGS_OTHER), value & ~ARITHMETIC_FLAGS & ~2, true);
}
