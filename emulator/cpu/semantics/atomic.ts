/**
 * XADD CMPXCHG CMPXCHG8B CMPXCHG16B (SDM vol. 2). There is one CPU and threads change between instructions, so LOCK adds nothing:
 * the locked forms of other families are the same forms.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import { Flag, FlagKind } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I64 } from '../wasm/function-builder.ts';
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

/** CMPXCHG8B (EDX:EAX, ECX:EBX) and, with REX.W, CMPXCHG16B on aligned 16 bytes. Only ZF changes. */
const compareExchangePair: Semantic = (e) => {
  const { f } = e;
  const size = e.sizeOf(0) / 2;
  const w = f.word(size);
  const address = e.linearAddress(0);
  if (size === 8) e.raiseIf(f.i32.and(f.convert.i32WrapI64(f.get(address)), f.i32.const(15)), Vector.generalProtection, 0);
  e.probeWrite(address, e.sizeOf(0));
  const second = e.keep(f.i64.add(f.get(address), f.i64.const(size)));
  const low = e.keep(size === 8 ? e.loadAt('i64Load', address) : e.loadAt('i64Load32U', address));
  const high = e.keep(size === 8 ? e.loadAt('i64Load', second) : e.loadAt('i64Load32U', second));
  const equal = e.keep(f.i32.and(f.i64.eq(f.get(low), toI64(f, e.gpr(Reg.rax, size))), f.i64.eq(f.get(high), toI64(f, e.gpr(Reg.rdx, size)))));
  const chosen = (register: number, old: typeof low): I64 => f.select(toI64(f, e.gpr(register, size)), f.get(old), f.get(equal));
  const newLow = e.keep(chosen(Reg.rbx, low));
  const newHigh = e.keep(chosen(Reg.rcx, high));
  const flags = e.keep(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(~Flag.zf)), f.i32.mul(f.get(equal), f.i32.const(Flag.zf))));
  e.storeAt(size === 8 ? 'i64Store' : 'i64Store32', address, f.get(newLow));
  e.storeAt(size === 8 ? 'i64Store' : 'i64Store32', second, f.get(newHigh));
  e.when(f.i32.eqz(f.get(equal)), () => {
    e.setGpr(Reg.rax, size, w === f.i64 ? f.get(low) : f.convert.i32WrapI64(f.get(low)));
    e.setGpr(Reg.rdx, size, w === f.i64 ? f.get(high) : f.convert.i32WrapI64(f.get(high)));
  });
  e.setAllFlags(f.get(flags));
};

export const atomicRows: readonly FormRow[] = [
  ['XADD', '0F C0 /r', 'Eb Gb', exchangeAdd, 'lock'],
  ['XADD', '0F C1 /r', 'Ev Gv', exchangeAdd, 'lock'],
  ['CMPXCHG', '0F B0 /r', 'Eb Gb', compareExchange, 'lock'],
  ['CMPXCHG', '0F B1 /r', 'Ev Gv', compareExchange, 'lock'],
  ['CMPXCHG8B', '0F C7 /1', 'Mq', compareExchangePair, 'lock'],
  ['CMPXCHG16B', 'REX.W 0F C7 /1', 'Mdq', compareExchangePair, 'lock'],
];
