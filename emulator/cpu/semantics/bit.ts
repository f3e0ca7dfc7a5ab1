/**
 * BT BTS BTR BTC BSF BSR POPCNT (SDM vol. 2). TZCNT and LZCNT are not offered: F3 before BSF and BSR is ignored, as on
 * CPUs without BMI1.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Flag } from '../flags.ts';
import type { I32, I64, Local, Word } from '../wasm/function-builder.ts';
import type { Emitter, WordLocal } from './emitter.ts';
import { bitsOf, signExtend, toI32, toI64, toWord, updateKeeping } from './integer-bits.ts';

type BitChange = 'keep' | 'set' | 'clear' | 'flip';

/** The changed value: `old` with the bits of `mask` set, cleared or flipped. */
function change(e: Emitter, size: number, how: BitChange, old: WordLocal, mask: Word): Word {
  const { f } = e;
  const w = f.word(size);
  if (how === 'clear') return w.and(w.xor(mask, w.const(-1)), f.get(old));
  return how === 'set' ? w.or(mask, f.get(old)) : w.xor(mask, f.get(old));
}

/** CF := the bit; ZF stays, the other flags are undefined and stay too. */
function setCarryOnly(e: Emitter, carry: Local<'i32'>): void {
  const { f } = e;
  const rest = f.i32.and(e.arithmeticFlags(), f.i32.const(Flag.af | Flag.of));
  e.setCarryBits(f.i32.or(rest, f.get(carry)));
}

const bitTest = (how: BitChange): Semantic => (e) => {
  const { f } = e;
  if (e.kind(0) === 'mem' && e.kind(1) === 'reg') {
    bitStringTest(e, how);
    return;
  }
  const size = e.sizeOf(0);
  const w = f.word(size);
  const position = e.keep(w.and(toWord(f, size, e.read(1)), w.const(bitsOf(size) - 1)));
  const carry = e.temp('i32');
  if (how === 'keep') {
    f.set(carry, f.i32.and(toI32(f, w.shrU(e.read(0), f.get(position))), f.i32.const(1)));
  } else {
    const { old } = updateKeeping(e, 0, (before) => change(e, size, how, before, w.shl(w.const(1), f.get(position))));
    f.set(carry, f.i32.and(toI32(f, w.shrU(f.get(old), f.get(position))), f.i32.const(1)));
  }
  setCarryOnly(e, carry);
};

// A register offset reaches bits before and after the addressed word: the access is to the word that holds the bit.
function bitStringTest(e: Emitter, how: BitChange): void {
  const { f } = e;
  const size = e.sizeOf(0);
  const bits = bitsOf(size);
  const offset = e.temp('i64');
  const signed = signExtend(f, size, e.read(1));
  f.set(offset, size === 8 ? toI64(f, signed) : f.convert.i64ExtendI32S(toI32(f, signed)));
  const distance = e.keep(f.i64.mul(f.i64.shrS(f.get(offset), f.i64.const(Math.log2(bits))), f.i64.const(size)));
  const address = e.linearAddress(0, size, (operand) => f.i64.add(operand, f.get(distance)));
  if (how !== 'keep') e.probeWrite(address, size);
  const old = e.keep(size === 8 ? e.loadAt('i64Load', address) : f.convert.i64ExtendI32U(e.loadAt(size === 4 ? 'i32Load' : 'i32Load16U', address)));
  const position = (): I64 => f.i64.and(f.get(offset), f.i64.const(bits - 1));
  if (how !== 'keep') {
    const value = e.keep(change(e, 8, how, old, f.i64.shl(f.i64.const(1), position())) as I64);
    e.storeAt(size === 8 ? 'i64Store' : size === 4 ? 'i64Store32' : 'i64Store16', address, f.get(value));
  }
  const carry = e.keep(f.i32.and(f.convert.i32WrapI64(f.i64.shrU(f.get(old), position())), f.i32.const(1)));
  setCarryOnly(e, carry);
}

/** BSF and BSR: a source of 0 sets ZF and leaves the destination alone, all 64 bits of it. The other flags are undefined and stay. */
const bitScan = (forward: boolean): Semantic => (e) => {
  const { f } = e;
  const size = e.sizeOf(0);
  const w = f.word(size);
  const source = e.keep(e.read(1));
  const zero = e.keep(w.eqz(f.get(source)));
  const flags = e.keep(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(~Flag.zf)), f.i32.mul(f.get(zero), f.i32.const(Flag.zf))));
  e.when(f.i32.eqz(f.get(zero)), () => {
    const top = size === 8 ? 63 : 31;
    e.write(0, forward ? w.ctz(f.get(source)) : w.sub(w.const(top), w.clz(f.get(source))));
  });
  e.setAllFlags(f.get(flags));
};

const populationCount: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const source = e.keep(e.read(1));
  e.write(0, w.popcnt(f.get(source)));
  e.setAllFlags(zeroFlag(e, w.eqz(f.get(source))));
};

const zeroFlag = (e: Emitter, zero: I32): I32 => e.f.i32.mul(zero, e.f.i32.const(Flag.zf));

export const bitRows: readonly FormRow[] = [
  ['BT', '0F A3 /r', 'Ev Gv', bitTest('keep')],
  ['BT', '0F BA /4 ib', 'Ev Ib', bitTest('keep')],
  ['BTS', '0F AB /r', 'Ev Gv', bitTest('set'), 'lock'],
  ['BTS', '0F BA /5 ib', 'Ev Ib', bitTest('set'), 'lock'],
  ['BTR', '0F B3 /r', 'Ev Gv', bitTest('clear'), 'lock'],
  ['BTR', '0F BA /6 ib', 'Ev Ib', bitTest('clear'), 'lock'],
  ['BTC', '0F BB /r', 'Ev Gv', bitTest('flip'), 'lock'],
  ['BTC', '0F BA /7 ib', 'Ev Ib', bitTest('flip'), 'lock'],
  ['BSF', '0F BC /r', 'Gv Ev', bitScan(true)],
  ['BSR', '0F BD /r', 'Gv Ev', bitScan(false)],
  ['POPCNT', 'F3 0F B8 /r', 'Gv Ev', populationCount],
];
