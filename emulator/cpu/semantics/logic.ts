/** AND OR XOR TEST NOT (SDM vol. 2). AF is undefined after them; real CPUs clear it, and so does this one. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { FlagKind } from '../flags.ts';
import { groupOneRows } from './arithmetic.ts';
import { updateKeeping } from './integer-bits.ts';

const logic = (operation: 'and' | 'or' | 'xor'): Semantic => (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const b = e.keep(e.read(1));
  const { result } = updateKeeping(e, 0, (a) => w[operation](f.get(a), f.get(b)));
  e.setFlags(FlagKind.logic, e.sizeOf(0), result);
};

const exclusiveOr: Semantic = (e) => {
  if (!e.sameRegister(0, 1)) {
    logic('xor')(e);
    return;
  }
  // The idiom for zero: does not depend on the register's value.
  const zero = e.keep(e.f.word(e.sizeOf(0)).const(0));
  e.write(0, e.f.get(zero));
  e.setFlags(FlagKind.logic, e.sizeOf(0), zero);
};

const test: Semantic = (e) => {
  const { f } = e;
  const a = e.keep(e.read(0));
  const result = e.keep(f.word(e.sizeOf(0)).and(f.get(a), e.read(1)));
  e.setFlags(FlagKind.logic, e.sizeOf(0), result);
};

const not: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  updateKeeping(e, 0, (a) => w.xor(f.get(a), w.const(-1)));
};

export const logicRows: readonly FormRow[] = [
  ...groupOneRows('OR', 0x08, 1, logic('or'), 'lock'),
  ...groupOneRows('AND', 0x20, 4, logic('and'), 'lock'),
  ...groupOneRows('XOR', 0x30, 6, exclusiveOr, 'lock'),
  ['TEST', '84 /r', 'Eb Gb', test],
  ['TEST', '85 /r', 'Ev Gv', test],
  ['TEST', 'A8 ib', 'AL Ib', test],
  ['TEST', 'A9 iz', 'rAX Iz', test],
  ['TEST', 'F6 /0 ib', 'Eb Ib', test],
  ['TEST', 'F6 /1 ib', 'Eb Ib', test],
  ['TEST', 'F7 /0 iz', 'Ev Iz', test],
  ['TEST', 'F7 /1 iz', 'Ev Iz', test],
  ['NOT', 'F6 /2', 'Eb', not, 'lock'],
  ['NOT', 'F7 /2', 'Ev', not, 'lock'],
];
