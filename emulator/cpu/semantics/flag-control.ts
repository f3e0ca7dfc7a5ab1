/** Instructions on the flags themselves (SDM vol. 2): CLC STC CMC CLD STD LAHF SAHF SALC, and the decimal adjustments of 32-bit mode. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Flag } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I32, Local } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { toI32 } from './integer-bits.ts';

/** CF := carry, computed from the old flags; the others stay. */
const changeCarry = (operation: 'clear' | 'set' | 'flip'): Semantic => (e) => {
  const { f } = e;
  const flags = e.arithmeticFlags();
  if (operation === 'clear') e.setAllFlags(f.i32.and(flags, f.i32.const(~Flag.cf)));
  else if (operation === 'set') e.setAllFlags(f.i32.or(flags, f.i32.const(Flag.cf)));
  else e.setAllFlags(f.i32.xor(flags, f.i32.const(Flag.cf)));
};

/** What LAHF and SAHF move: the low byte of rflags. */
const LOW_FLAGS = Flag.sf | Flag.zf | Flag.af | Flag.pf | Flag.cf;

const loadFlags: Semantic = (e) => {
  const { f } = e;
  const flags = e.keep(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(LOW_FLAGS)), f.i32.const(2)));
  e.setGpr(Reg.rax, 2, f.i32.or(toI32(f, e.gpr(Reg.rax, 1)), f.i32.shl(f.get(flags), f.i32.const(8))));
};

const storeFlags: Semantic = (e) => {
  const { f } = e;
  const overflow = f.i32.and(e.arithmeticFlags(), f.i32.const(Flag.of));
  e.setAllFlags(f.i32.or(overflow, f.i32.and(f.i32.shrU(toI32(f, e.gpr(Reg.rax, 2)), f.i32.const(8)), f.i32.const(LOW_FLAGS))));
};

const setAlFromCarry: Semantic = (e) => e.setGpr(Reg.rax, 1, e.f.i32.sub(e.f.i32.const(0), e.carry()));

/** DAA and DAS. OF is undefined and cleared. */
const decimalAdjust = (by: 1 | -1): Semantic => (e) => {
  const { f } = e;
  const flags = e.keep(e.arithmeticFlags());
  const old = e.keep(toI32(f, e.gpr(Reg.rax, 1)));
  const low = e.keep(lowDigitOff(e, flags, old));
  const high = e.keep(f.i32.or(f.i32.gtU(f.get(old), f.i32.const(0x99)), f.i32.and(f.get(flags), f.i32.const(Flag.cf))));
  const adjustment = f.i32.add(f.i32.mul(f.get(low), f.i32.const(6 * by)), f.i32.mul(f.get(high), f.i32.const(0x60 * by)));
  const sum = e.keep(f.i32.add(adjustment, f.get(old)));
  // DAS also borrows when the low digit's correction does.
  const carry = e.keep(by === 1 ? f.get(high) : f.i32.or(f.get(high), f.i32.and(f.get(low), f.i32.ltU(f.get(old), f.i32.const(6)))));
  e.setGpr(Reg.rax, 1, f.get(sum));
  e.setFlagBits(1, sum, f.i32.or(f.get(carry), f.i32.mul(f.get(low), f.i32.const(Flag.af))));
};

/** AAA and AAS. OF, SF, ZF, PF are undefined: OF is cleared, the others follow AL. */
const asciiAdjust = (by: 1 | -1): Semantic => (e) => {
  const { f } = e;
  const flags = e.keep(e.arithmeticFlags());
  const old = e.keep(toI32(f, e.gpr(Reg.rax, 2)));
  const low = e.keep(lowDigitOff(e, flags, old));
  const adjusted = f.i32.add(f.get(old), f.i32.mul(f.get(low), f.i32.const(0x106 * by)));
  const result = e.keep(f.i32.and(adjusted, f.i32.const(0xff0f)));
  e.setGpr(Reg.rax, 2, f.get(result));
  e.setFlagBits(1, result, f.i32.mul(f.get(low), f.i32.const(Flag.af | Flag.cf)));
};

// 1 when the low digit is above 9 or AF says that it overflowed.
function lowDigitOff(e: Emitter, flags: Local<'i32'>, value: Local<'i32'>): I32 {
  const { f } = e;
  const tooLarge = f.i32.gtU(f.i32.and(f.get(value), f.i32.const(15)), f.i32.const(9));
  return f.i32.or(tooLarge, f.i32.and(f.i32.shrU(f.get(flags), f.i32.const(4)), f.i32.const(1)));
}

export const flagControlRows: readonly FormRow[] = [
  ['CLC', 'F8', '', changeCarry('clear')],
  ['STC', 'F9', '', changeCarry('set')],
  ['CMC', 'F5', '', changeCarry('flip')],
  ['CLD', 'FC', '', (e) => e.setDirection(false)],
  ['STD', 'FD', '', (e) => e.setDirection(true)],
  ['LAHF', '9F', '', loadFlags],
  ['SAHF', '9E', '', storeFlags],
  ['SALC', 'D6', '', setAlFromCarry, 'i64'],
  ['DAA', '27', '', decimalAdjust(1), 'i64'],
  ['DAS', '2F', '', decimalAdjust(-1), 'i64'],
  ['AAA', '37', '', asciiAdjust(1), 'i64'],
  ['AAS', '3F', '', asciiAdjust(-1), 'i64'],
];
