/** x87 arithmetic, comparison and one-operand instructions (D8 … DF; SDM vol. 2, appendix A, tables ). */
import type { FormRow, Semantic } from '../decode/form.ts';
import type { Val } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { fastHelper, memoryArithmetic, registerArithmetic } from './x87-fast.ts';
import { checkPending, constants, stackIndex, x87Action, x87Query } from './x87-helpers.ts';
import { loadScratch } from './x87-memory.ts';
import { Arithmetic, MemoryKind } from './x87-operations.ts';

type Argument = Val<'i32'>;

const arithmeticHelper = fastHelper('x87Arithmetic', registerArithmetic, x87Action('x87ArithmeticExact', 4, (x, operation, destination, source, pop) => x.arithmetic(operation, destination, source, pop !== 0)));
const memoryHelper = fastHelper('x87ArithmeticMemory', memoryArithmetic, x87Action('x87ArithmeticMemoryExact', 2, (x, operation, kind) => x.arithmeticMemory(operation, memoryKind(kind))));
const compareHelper = x87Action('x87Compare', 3, (x, i, pops, quietIsInvalid) => x.compare(i, pops, quietIsInvalid !== 0));
const compareMemoryHelper = x87Action('x87CompareMemory', 2, (x, kind, pops) => x.compareMemory(memoryKind(kind), pops));
const compareToFlagsHelper = x87Query('x87CompareToFlags', 3, (x, i, pop, quietIsInvalid) => x.compareToFlags(i, pop !== 0, quietIsInvalid !== 0));

/** A kind that came as a plain number through wasm. */
export function memoryKind(value: number): MemoryKind {
  return value as MemoryKind;
}

/** ST(0) := ST(0) op ST(i). */
const toTop = (operation: number): Semantic => (e) => {
  checkPending(e);
  const { f } = e;
  e.callVoid(arithmeticHelper, [f.i32.const(operation), f.i32.const(0), stackIndex(e, 1), f.i32.const(0)]);
};
/** ST(i) := ST(i) op ST(0). */
const toRegister = (operation: number, pop: boolean): Semantic => (e) => {
  checkPending(e);
  const { f } = e;
  e.callVoid(arithmeticHelper, [f.i32.const(operation), stackIndex(e, 0), f.i32.const(0), f.i32.const(pop ? 1 : 0)]);
};
const fromMemory = (operation: number, kind: MemoryKind): Semantic => (e) => {
  checkPending(e);
  loadScratch(e, kind);
  e.callVoid(memoryHelper, constants(e, operation, kind));
};

const compare = (pops: number, quietIsInvalid: boolean, index?: number): Semantic => (e) => {
  checkPending(e);
  const { f } = e;
  const i: Argument = index === undefined ? stackIndex(e, 0) : f.i32.const(index);
  e.callVoid(compareHelper, [i, ...constants(e, pops, quietIsInvalid ? 1 : 0)]);
};
const compareMemory = (pops: number, kind: MemoryKind): Semantic => (e) => {
  checkPending(e);
  loadScratch(e, kind);
  e.callVoid(compareMemoryHelper, constants(e, kind, pops));
};
const compareToFlags = (pop: boolean, quietIsInvalid: boolean): Semantic => (e) => {
  checkPending(e);
  const bits = e.keep(e.callHelper(compareToFlagsHelper, [stackIndex(e, 1), ...constants(e, pop ? 1 : 0, quietIsInvalid ? 1 : 0)]));
  e.setAllFlags(e.f.get(bits));
};

/** An instruction without operands. */
const plain = (name: string, action: Parameters<typeof x87Action>[2]): Semantic => {
  const helper = x87Action(name, 0, action);
  return (e: Emitter) => {
    checkPending(e);
    e.callVoid(helper, []);
  };
};

const hex = (value: number): string => value.toString(16).toUpperCase();
/** The four memory forms and three register forms of one operation: `field` is ModRM.reg. */
const family = (name: string, field: number): FormRow[] => {
  const integer = name.replace('F', 'FI');
  // Subtraction and division swap with their reversed forms where the destination is ST(i).
  const swapped = field >= 4 ? field ^ 1 : field;
  const reversedName = field >= 4 ? (name.endsWith('R') ? name.slice(0, -1) : `${name}R`) : name;
  const register = hex(0xc0 + field * 8);
  return [
    [name, `D8 /${field}`, 'Md', fromMemory(field, MemoryKind.float32)], [name, `DC /${field}`, 'Mq', fromMemory(field, MemoryKind.float64)],
    [integer, `DA /${field}`, 'Md', fromMemory(field, MemoryKind.int32)], [integer, `DE /${field}`, 'Mw', fromMemory(field, MemoryKind.int16)],
    [name, `D8 ${register}+r`, 'ST0 STi', toTop(field)],
    [reversedName, `DC ${register}+r`, 'STi ST0', toRegister(swapped, false)], [`${reversedName}P`, `DE ${register}+r`, 'STi ST0', toRegister(swapped, true)],
  ];
};

export const x87ArithmeticForms: readonly FormRow[] = [
  ...family('FADD', Arithmetic.add), ...family('FMUL', Arithmetic.mul), ...family('FSUB', Arithmetic.sub), ...family('FSUBR', Arithmetic.subReversed),
  ...family('FDIV', Arithmetic.div), ...family('FDIVR', Arithmetic.divReversed),

  ['FCOM', 'D8 /2', 'Md', compareMemory(0, MemoryKind.float32)], ['FCOM', 'DC /2', 'Mq', compareMemory(0, MemoryKind.float64)],
  ['FCOMP', 'D8 /3', 'Md', compareMemory(1, MemoryKind.float32)], ['FCOMP', 'DC /3', 'Mq', compareMemory(1, MemoryKind.float64)],
  ['FICOM', 'DA /2', 'Md', compareMemory(0, MemoryKind.int32)], ['FICOM', 'DE /2', 'Mw', compareMemory(0, MemoryKind.int16)],
  ['FICOMP', 'DA /3', 'Md', compareMemory(1, MemoryKind.int32)], ['FICOMP', 'DE /3', 'Mw', compareMemory(1, MemoryKind.int16)],
  ['FCOM', 'D8 D0+r', 'STi', compare(0, true)], ['FCOM', 'DC D0+r', 'STi', compare(0, true)],
  ['FCOMP', 'D8 D8+r', 'STi', compare(1, true)], ['FCOMP', 'DC D8+r', 'STi', compare(1, true)], ['FCOMP', 'DE D0+r', 'STi', compare(1, true)],
  ['FCOMPP', 'DE D9', '', compare(2, true, 1)],
  ['FUCOM', 'DD E0+r', 'STi', compare(0, false)], ['FUCOMP', 'DD E8+r', 'STi', compare(1, false)], ['FUCOMPP', 'DA E9', '', compare(2, false, 1)],
  ['FCOMI', 'DB F0+r', 'ST0 STi', compareToFlags(false, true)], ['FCOMIP', 'DF F0+r', 'ST0 STi', compareToFlags(true, true)],
  ['FUCOMI', 'DB E8+r', 'ST0 STi', compareToFlags(false, false)], ['FUCOMIP', 'DF E8+r', 'ST0 STi', compareToFlags(true, false)],

  ['FCHS', 'D9 E0', '', plain('x87ChangeSign', (x) => x.changeSign(true))], ['FABS', 'D9 E1', '', plain('x87Absolute', (x) => x.changeSign(false))],
  ['FTST', 'D9 E4', '', plain('x87Test', (x) => x.compareZero())], ['FXAM', 'D9 E5', '', plain('x87Examine', (x) => x.examine())],
  ['FXTRACT', 'D9 F4', '', plain('x87Extract', (x) => x.extract())],
  ['FPREM1', 'D9 F5', '', plain('x87RemainderNearest', (x) => x.remainder(true))], ['FPREM', 'D9 F8', '', plain('x87Remainder', (x) => x.remainder(false))],
  ['FSQRT', 'D9 FA', '', plain('x87SquareRoot', (x) => x.squareRoot())], ['FRNDINT', 'D9 FC', '', plain('x87RoundToInteger', (x) => x.roundToInteger())],
  ['FSCALE', 'D9 FD', '', plain('x87Scale', (x) => x.scale())],
];
