/**
 * XADD CMPXCHG CMPXCHG8B CMPXCHG16B (SDM vol. 2). There is one CPU and threads change between instructions, so LOCK adds nothing:
 * the locked forms of other families are the same forms.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import { Flag, FlagKind } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I64, Local } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { toI64, updateKeeping } from './integer-bits.ts';

const exchangeAdd: Semantic = (e) => {
  const { f } = e;
  const w = f.word(e.sizeOf(0));
  const addend = e.keep(e.read(1));
  const { old, result } = updateKeeping(e, 0, (a) => w.add(f.get(a), f.get(addend)));
  if (e.kind(0) === 'reg') {
    // With one register for both, the sum is what stays.
    e.write(1, f.get(old));
    e.write(0, f.get(result));
  } else e.write(1, f.get(old));
  e.setFlags(FlagKind.add, e.sizeOf(0), result, old, addend);
};

const compareExchange: Semantic = (e) => {
  const { f } = e;
  const size = e.sizeOf(0);
  const w = f.word(size);
  const source = e.keep(e.read(1));
  const accumulator = e.keep(e.gpr(Reg.rax, size));
  // Only one of accumulator and destination is written, and a 32-bit write clears the upper half: memory does not care, registers do.
  const inRegister = e.kind(0) === 'reg';
  const old = inRegister
    ? e.keep(e.read(0))
    : updateKeeping(e, 0, (a) => f.select(f.get(source), f.get(a), w.eq(f.get(a), f.get(accumulator)))).old;
  const difference = e.keep(w.sub(f.get(accumulator), f.get(old)));
  e.when(w.ne(f.get(accumulator), f.get(old)), () => e.setGpr(Reg.rax, size, f.get(old)));
  if (inRegister) e.when(w.eq(f.get(accumulator), f.get(old)), () => e.write(0, f.get(source)));
  e.setFlags(FlagKind.sub, size, difference, accumulator, old);
};

/** ZF := equal; the other flags stay. */
function setZeroOnly(e: Emitter, equal: Local<'i32'>): void {
  const { f } = e;
  e.setAllFlags(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(~Flag.zf)), f.i32.mul(f.get(equal), f.i32.const(Flag.zf))));
}

/** CMPXCHG8B: EDX:EAX against memory, ECX:EBX into it. One access, as it may cross a page. */
const compareExchange8: Semantic = (e) => {
  const { f } = e;
  const pair = (high: number, low: number): I64 => f.i64.or(f.i64.shl(toI64(f, e.gpr(high, 4)), f.i64.const(32)), toI64(f, e.gpr(low, 4)));
  const expected = e.keep(pair(Reg.rdx, Reg.rax));
  const replacement = e.keep(pair(Reg.rcx, Reg.rbx));
  const { old } = updateKeeping(e, 0, (memory) => f.select(f.get(replacement), f.get(memory) as I64, f.i64.eq(f.get(memory) as I64, f.get(expected))));
  const found = (): I64 => f.get(old) as I64;
  const equal = e.keep(f.i64.eq(found(), f.get(expected)));
  e.when(f.i32.eqz(f.get(equal)), () => {
    e.setGpr(Reg.rax, 4, f.convert.i32WrapI64(found()));
    e.setGpr(Reg.rdx, 4, f.convert.i32WrapI64(f.i64.shrU(found(), f.i64.const(32))));
  });
  setZeroOnly(e, equal);
};

/** CMPXCHG16B: RDX:RAX against aligned memory, RCX:RBX into it. */
const compareExchange16: Semantic = (e) => {
  const { f } = e;
  const address = e.linearAddress(0);
  e.raiseIf(f.i32.and(f.convert.i32WrapI64(f.get(address)), f.i32.const(15)), Vector.generalProtection, 0);
  e.probeWrite(address, 16);
  const second = e.keep(f.i64.add(f.get(address), f.i64.const(8)));
  const low = e.keep(e.loadAt('i64Load', address));
  const high = e.keep(e.loadAt('i64Load', second));
  const register = (n: number): I64 => e.gpr(n, 8) as I64;
  const equal = e.keep(f.i32.and(f.i64.eq(f.get(low), register(Reg.rax)), f.i64.eq(f.get(high), register(Reg.rdx))));
  e.storeAt('i64Store', address, f.select(register(Reg.rbx), f.get(low), f.get(equal)));
  e.storeAt('i64Store', second, f.select(register(Reg.rcx), f.get(high), f.get(equal)));
  e.when(f.i32.eqz(f.get(equal)), () => {
    e.setGpr(Reg.rax, 8, f.get(low));
    e.setGpr(Reg.rdx, 8, f.get(high));
  });
  setZeroOnly(e, equal);
};

export const atomicRows: readonly FormRow[] = [
  ['XADD', '0F C0 /r', 'Eb Gb', exchangeAdd, 'lock'],
  ['XADD', '0F C1 /r', 'Ev Gv', exchangeAdd, 'lock'],
  ['CMPXCHG', '0F B0 /r', 'Eb Gb', compareExchange, 'lock'],
  ['CMPXCHG', '0F B1 /r', 'Ev Gv', compareExchange, 'lock'],
  ['CMPXCHG8B', '0F C7 /1', 'Mq', compareExchange8, 'lock'],
  ['CMPXCHG16B', 'REX.W 0F C7 /1', 'Mdq', compareExchange16, 'lock'],
];
