/** Near branches, calls, returns, loops; software interrupts and system calls (SDM vol. 2). Far transfers are not offered. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit, SYSENTER_VECTOR, Vector } from '../exits.ts';
import { CONDITION } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I32, I64 } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { toI64, toWord } from './integer-bits.ts';

const jump: Semantic = (e) => e.jump();

const jumpIf = (code: number): Semantic => (e) => e.branch(e.condition(code));

const call: Semantic = (e) => e.call();

const jumpTo: Semantic = (e) => e.jumpIndirect('jmp', e.keep(toI64(e.f, e.read(0))));

const callTo: Semantic = (e) => {
  const target = e.keep(toI64(e.f, e.read(0)));
  e.push(e.operandSize, toWord(e.f, e.operandSize, e.nextAddress()));
  e.jumpIndirect('call', target);
};

const ret: Semantic = (e) => {
  const target = e.keep(toI64(e.f, e.pop(e.operandSize)));
  e.adjustStack(e.operandSize);
  e.jumpIndirect('ret', target);
};

/** RET imm16 also drops that many bytes of arguments. */
const retAndDrop: Semantic = (e) => {
  const { f } = e;
  const target = e.keep(toI64(f, e.pop(e.operandSize)));
  const size = e.mode === 64 ? 8 : 4;
  const w = f.word(size);
  const bytes = w.add(toWord(f, size, e.read(0)), w.const(e.operandSize));
  e.setGpr(Reg.rsp, size, w.add(bytes, e.gpr(Reg.rsp, size)));
  e.jumpIndirect('ret', target);
};

/** LOOP, LOOPE, LOOPNE: decrement rCX (of the address size), branch unless it is 0 and, for the latter two, while ZF is 1 or 0. */
const loop = (condition: number | undefined): Semantic => (e) => {
  const { f } = e;
  const w = f.word(e.addressSize);
  const count = e.keep(w.sub(e.gpr(Reg.rcx, e.addressSize), w.const(1)));
  e.setGpr(Reg.rcx, e.addressSize, f.get(count));
  const more = countNotZero(e, f.get(count));
  e.branch(condition === undefined ? more : f.i32.and(more, e.condition(condition)));
};

const jumpIfCountZero: Semantic = (e) => e.branch(e.f.i32.eqz(countNotZero(e, e.gpr(Reg.rcx, e.addressSize))));

// 0 or 1; 16-bit counts have unspecified bits above.
function countNotZero(e: Emitter, count: I32 | I64): I32 {
  const { f } = e;
  if (e.addressSize === 8) return f.i64.ne(count as I64, f.i64.const(0));
  if (e.addressSize === 4) return f.i32.ne(count as I32, f.i32.const(0));
  return f.i32.ne(f.i32.and(count as I32, f.i32.const(0xffff)), f.i32.const(0));
}

const breakpoint: Semantic = (e) => e.raise(Vector.breakpoint, 0);

const interrupt: Semantic = (e) => e.exit(Exit.interrupt, toI64(e.f, e.read(0)));

/** INT1 is a trap to #DB. */
const debugTrap: Semantic = (e) => e.exit(Exit.interrupt, e.f.i64.const(Vector.debug));

const interruptOnOverflow: Semantic = (e) => {
  e.raiseIf(e.condition(0), Vector.overflow, 0);
};

const syscall: Semantic = (e) => e.exit(Exit.syscall);

const sysenter: Semantic = (e) => e.exit(Exit.interrupt, e.f.i64.const(SYSENTER_VECTOR));

const invalidOpcode: Semantic = (e) => e.raise(Vector.invalidOpcode, 0);

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

export const controlFlowRows: readonly FormRow[] = [
  ...CONDITION.map((name, code): FormRow => [`J${name.toUpperCase()}`, `${hex(0x70 + code)} cb`, 'Jb', jumpIf(code), 'f64 end']),
  ...CONDITION.map((name, code): FormRow => [`J${name.toUpperCase()}`, `0F ${hex(0x80 + code)} cz`, 'Jz', jumpIf(code), 'f64 end']),
  ['JMP', 'EB cb', 'Jb', jump, 'f64 end'],
  ['JMP', 'E9 cz', 'Jz', jump, 'f64 end'],
  ['JMP', 'FF /4', 'Ev', jumpTo, 'f64 end'],
  ['CALL', 'E8 cz', 'Jz', call, 'f64 end'],
  ['CALL', 'FF /2', 'Ev', callTo, 'f64 end'],
  ['RET', 'C3', '', ret, 'f64 end'],
  ['RET', 'C2 iw', 'Iw', retAndDrop, 'f64 end'],
  ['LOOPNE', 'E0 cb', 'Jb', loop(5), 'f64 end'],
  ['LOOPE', 'E1 cb', 'Jb', loop(4), 'f64 end'],
  ['LOOP', 'E2 cb', 'Jb', loop(undefined), 'f64 end'],
  ['JRCXZ', 'E3 cb', 'Jb', jumpIfCountZero, 'f64 end'],
  ['INT3', 'CC', '', breakpoint, 'end alone'],
  ['INT', 'CD ib', 'Ib', interrupt, 'end alone'],
  ['INT1', 'F1', '', debugTrap, 'end alone'],
  ['INTO', 'CE', '', interruptOnOverflow, 'i64'],
  ['SYSCALL', '0F 05', '', syscall, 'o64 end alone'],
  ['SYSENTER', '0F 34', '', sysenter, 'end alone'],
  ['UD2', '0F 0B', '', invalidOpcode, 'end alone'],
  ['UD1', '0F B9 /r', 'Gv Ev', invalidOpcode, 'end alone'],
  ['UD0', '0F FF /r', 'Gv Ev', invalidOpcode, 'end alone'],
];
