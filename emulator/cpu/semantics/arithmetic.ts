/** ADD ADC SUB SBB CMP INC DEC NEG (SDM vol. 2). */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Flag, FlagKind } from '../flags.ts';
import type { I32 } from '../wasm/function-builder.ts';
import type { Emitter, WordLocal } from './emitter.ts';
import { signAsOverflow, toI32, updateKeeping } from './integer-bits.ts';

const add: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const b = e.keep(e.read(1));
  const { old, result } = updateKeeping(e, 0, (a) => w.add(f.get(a), f.get(b)));
  e.setFlags(FlagKind.add, e.sizeOf(0), result, old, b);
};

const sub: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const b = e.keep(e.read(1));
  const { old, result } = updateKeeping(e, 0, (a) => w.sub(f.get(a), f.get(b)));
  e.setFlags(FlagKind.sub, e.sizeOf(0), result, old, b);
};

const adc: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const b = e.keep(e.read(1));
  const carry = carryWord(e);
  const { old, result } = updateKeeping(e, 0, (a) => w.add(w.add(f.get(a), f.get(b)), f.get(carry)));
  e.setFlags(FlagKind.adc, e.sizeOf(0), result, old, b);
};

const sbb: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const b = e.keep(e.read(1));
  const carry = carryWord(e);
  const { old, result } = updateKeeping(e, 0, (a) => w.sub(w.sub(f.get(a), f.get(b)), f.get(carry)));
  e.setFlags(FlagKind.sbb, e.sizeOf(0), result, old, b);
};

function carryWord(e: Emitter): WordLocal {
  const carry = e.carry();
  return e.sizeOf(0) === 8 ? e.keep(e.f.convert.i64ExtendI32U(carry)) : e.keep(carry);
}

const cmp: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const a = e.keep(e.read(0));
  const b = e.keep(e.read(1));
  const result = e.keep(w.sub(f.get(a), f.get(b)));
  e.setFlags(FlagKind.sub, e.sizeOf(0), result, a, b);
};

const neg: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const zero = e.keep(w.const(0));
  const { old, result } = updateKeeping(e, 0, (a) => w.sub(f.get(zero), f.get(a)));
  e.setFlags(FlagKind.sub, e.sizeOf(0), result, zero, old);
};

const inc: Semantic = (e) => step(e, 1);
const dec: Semantic = (e) => step(e, -1);

// CF stays, so the lazy kinds do not fit: CF, AF and OF are computed here.
function step(e: Emitter, by: 1 | -1): void {
  const { f } = e;
  const size = e.sizeOf(0);
  const w = f.word(size);
  const carry = e.keep(e.carry());
  const { old, result } = updateKeeping(e, 0, (a) => w.add(f.get(a), w.const(by)));
  const low = (local: WordLocal): I32 => toI32(f, f.get(local));
  const minusOne = (): ReturnType<typeof w.const> => w.const(-1);
  const overflowed = by === 1
    ? (): I32 => signAsOverflow(f, size, w.and(w.xor(f.get(old), minusOne()), f.get(result)))
    : (): I32 => signAsOverflow(f, size, w.and(f.get(old), w.xor(f.get(result), minusOne())));
  e.setFlagBits(size, result, f.i32.or(f.i32.or(f.get(carry), overflowed()), f.i32.and(f.i32.xor(low(old), low(result)), f.i32.const(Flag.af))));
}

/** The eight encodings shared by ADD OR ADC SBB AND SUB XOR CMP: `base` is the opcode of `Eb Gb`, `digit` the group-1 number. */
export function groupOneRows(mnemonic: string, base: number, digit: number, semantic: Semantic, lock: string): FormRow[] {
  const hex = (offset: number): string => (base + offset).toString(16).padStart(2, '0').toUpperCase();
  return [
    [mnemonic, `${hex(0)} /r`, 'Eb Gb', semantic, lock],
    [mnemonic, `${hex(1)} /r`, 'Ev Gv', semantic, lock],
    [mnemonic, `${hex(2)} /r`, 'Gb Eb', semantic],
    [mnemonic, `${hex(3)} /r`, 'Gv Ev', semantic],
    [mnemonic, `${hex(4)} ib`, 'AL Ib', semantic],
    [mnemonic, `${hex(5)} iz`, 'rAX Iz', semantic],
    [mnemonic, `80 /${digit} ib`, 'Eb Ib', semantic, lock],
    [mnemonic, `81 /${digit} iz`, 'Ev Iz', semantic, lock],
    [mnemonic, `82 /${digit} ib`, 'Eb Ib', semantic, `i64 ${lock}`],
    [mnemonic, `83 /${digit} ib`, 'Ev sIb', semantic, lock],
  ];
}

export const arithmeticRows: readonly FormRow[] = [
  ...groupOneRows('ADD', 0x00, 0, add, 'lock'),
  ...groupOneRows('ADC', 0x10, 2, adc, 'lock'),
  ...groupOneRows('SBB', 0x18, 3, sbb, 'lock'),
  ...groupOneRows('SUB', 0x28, 5, sub, 'lock'),
  ...groupOneRows('CMP', 0x38, 7, cmp, ''),
  ['INC', 'FE /0', 'Eb', inc, 'lock'],
  ['INC', 'FF /0', 'Ev', inc, 'lock'],
  ['INC', '40+r', 'Zv', inc, 'i64'],
  ['DEC', 'FE /1', 'Eb', dec, 'lock'],
  ['DEC', 'FF /1', 'Ev', dec, 'lock'],
  ['DEC', '48+r', 'Zv', dec, 'i64'],
  ['NEG', 'F6 /3', 'Eb', neg, 'lock'],
  ['NEG', 'F7 /3', 'Ev', neg, 'lock'],
];
