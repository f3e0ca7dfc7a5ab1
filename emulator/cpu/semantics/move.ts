/** Data movement between general registers, memory and immediates (SDM vol. 2): MOV and its extending and conditional forms, XCHG, BSWAP, LEA, XLAT. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { CONDITION } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I32, I64 } from '../wasm/function-builder.ts';
import { signExtend, toI32, toI64, toWord, updateKeeping } from './integer-bits.ts';

const mov: Semantic = (e) => e.write(0, e.read(1));

const movZeroExtended: Semantic = (e) => e.write(0, toWord(e.f, e.sizeOf(0), e.read(1)));

const movSignExtended: Semantic = (e) => {
  const value = e.readSigned(1);
  const widen = e.sizeOf(0) === 8 && value.type === 'i32';
  e.write(0, widen ? e.f.convert.i64ExtendI32S(value as I32) : toWord(e.f, e.sizeOf(0), value));
};

const xchg: Semantic = (e) => {
  const { f } = e;
  const b = e.keep(e.read(1));
  const { old } = updateKeeping(e, 0, () => f.get(b));
  e.write(1, f.get(old));
};

// The destination is written whatever the condition says: its upper half is cleared by 32-bit forms even then.
const cmov = (code: number): Semantic => (e) => {
  const { f } = e;
  const source = e.keep(e.read(1));
  const destination = e.keep(e.read(0));
  e.write(0, f.select(f.get(source), f.get(destination), e.condition(code)));
};

const setcc = (code: number): Semantic => (e) => e.write(0, e.condition(code));

/** 16-bit BSWAP is undefined; CPUs give 0. */
const bswap: Semantic = (e) => {
  const { f } = e;
  const value = e.keep(e.read(0));
  if (e.sizeOf(0) === 2) {
    e.write(0, f.i32.const(0));
    return;
  }
  if (e.sizeOf(0) === 4) {
    const x = (): I32 => f.get(value) as I32;
    e.write(0, f.i32.or(f.i32.and(f.i32.rotl(x(), f.i32.const(8)), f.i32.const(0x00ff00ff)), f.i32.and(f.i32.rotr(x(), f.i32.const(8)), f.i32.const(0xff00ff00))));
    return;
  }
  const half = e.temp('i64');
  const swap = (x: () => I64, shift: number, mask: bigint): I64 =>
    f.i64.or(f.i64.shl(f.i64.and(x(), f.i64.const(mask)), f.i64.const(shift)), f.i64.and(f.i64.shrU(x(), f.i64.const(shift)), f.i64.const(mask)));
  f.set(half, swap(() => f.get(value) as I64, 8, 0x00ff00ff00ff00ffn));
  f.set(half, swap(() => f.get(half), 16, 0x0000ffff0000ffffn));
  e.write(0, f.i64.rotl(f.get(half), f.i64.const(32)));
};

const lea: Semantic = (e) => e.write(0, toWord(e.f, e.sizeOf(0), e.effectiveAddress(1)));

/** CBW, CWDE, CDQE. */
const extendAccumulator: Semantic = (e) => {
  const { f } = e;
  if (e.operandSize === 8) e.setGpr(Reg.rax, 8, f.convert.i64ExtendI32S(e.gpr(Reg.rax, 4) as I32));
  else e.setGpr(Reg.rax, e.operandSize, signExtend(f, e.operandSize / 2, e.gpr(Reg.rax, e.operandSize)));
};

/** CWD, CDQ, CQO. */
const signIntoData: Semantic = (e) => {
  const { f } = e;
  const size = e.operandSize;
  if (size === 8) e.setGpr(Reg.rdx, 8, f.i64.shrS(e.gpr(Reg.rax, 8) as I64, f.i64.const(63)));
  else e.setGpr(Reg.rdx, size, f.i32.shrS(signExtend(f, size, e.gpr(Reg.rax, size)) as I32, f.i32.const(31)));
};

const xlat: Semantic = (e) => {
  const { f } = e;
  const address = e.linearAddress(0, 1, (offset) => f.i64.add(offset, toI64(f, e.gpr(Reg.rax, 1))));
  e.setGpr(Reg.rax, 1, toI32(f, e.loadAt('i32Load8U', address)));
};

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

export const moveRows: readonly FormRow[] = [
  ['MOV', '88 /r', 'Eb Gb', mov],
  ['MOV', '89 /r', 'Ev Gv', mov],
  ['MOV', '8A /r', 'Gb Eb', mov],
  ['MOV', '8B /r', 'Gv Ev', mov],
  ['MOV', 'A0 moffs', 'AL Ob', mov],
  ['MOV', 'A1 moffs', 'rAX Ov', mov],
  ['MOV', 'A2 moffs', 'Ob AL', mov],
  ['MOV', 'A3 moffs', 'Ov rAX', mov],
  ['MOV', 'B0+r ib', 'Zb Ib', mov],
  ['MOV', 'B8+r iv', 'Zv Iv', mov],
  ['MOV', 'C6 /0 ib', 'Eb Ib', mov],
  ['MOV', 'C7 /0 iz', 'Ev Iz', mov],
  ['MOVZX', '0F B6 /r', 'Gv Eb', movZeroExtended],
  ['MOVZX', '0F B7 /r', 'Gv Ew', movZeroExtended],
  ['MOVSX', '0F BE /r', 'Gv Eb', movSignExtended],
  ['MOVSX', '0F BF /r', 'Gv Ew', movSignExtended],
  ['MOVSXD', '63 /r', 'Gv Ez', movSignExtended, 'o64'],
  ['XCHG', '86 /r', 'Eb Gb', xchg, 'lock'],
  ['XCHG', '87 /r', 'Ev Gv', xchg, 'lock'],
  ['XCHG', '90+r', 'Zv rAX', xchg],
  ['BSWAP', '0F C8+r', 'Zv', bswap],
  ['LEA', '8D /r', 'Gv M', lea],
  ['CBW', '98', '', extendAccumulator],
  ['CWD', '99', '', signIntoData],
  ['XLAT', 'D7', 'BBb', xlat],
  ...CONDITION.map((name, code): FormRow => [`CMOV${name.toUpperCase()}`, `0F ${hex(0x40 + code)} /r`, 'Gv Ev', cmov(code)]),
  ...CONDITION.map((name, code): FormRow => [`SET${name.toUpperCase()}`, `0F ${hex(0x90 + code)} /r`, 'Eb', setcc(code)]),
];
