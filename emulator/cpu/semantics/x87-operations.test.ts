import { expect, test } from 'vitest';
import { HOST_IS_AMD, interestingFloat, type NativeCase, Random, runNative } from '../soft-float/native-oracle.ts';
import { Exception } from '../soft-float/rounding.ts';
import { SCRATCH } from '../state.ts';
import { Arithmetic, MEMORY_BYTES, MemoryKind, X87Operations } from './x87-operations.ts';

interface Tested {
  readonly asm: string;
  /** Kind of the memory operand, if there is one. */
  readonly memory?: MemoryKind;
  readonly run: (x87: X87Operations) => number | void;
}

const MEMORY_SUFFIX = { [MemoryKind.float32]: 's', [MemoryKind.float64]: 'l', [MemoryKind.int16]: 's', [MemoryKind.int32]: 'l' } as const;

const arithmetic: Tested[] = Object.entries({ fadd: Arithmetic.add, fmul: Arithmetic.mul, fsub: Arithmetic.sub, fsubr: Arithmetic.subReversed, fdiv: Arithmetic.div, fdivr: Arithmetic.divReversed })
  .flatMap(([name, operation]): Tested[] => [
    { asm: `${name} %st(1), %st`, run: (x) => x.arithmetic(operation, 0, 1, false) },
    { asm: `${name} %st(2), %st`, run: (x) => x.arithmetic(operation, 0, 2, false) },
    // AT&T syntax swaps the reversed and the plain subtraction and division when st(i) is the destination.
    ...(operation < 4 ? [{ asm: `${name}p %st, %st(1)`, run: (x: X87Operations): void => x.arithmetic(operation, 1, 0, true) }] : [{ asm: `${name}p %st, %st(1)`, run: (x: X87Operations): void => x.arithmetic(operation ^ 1, 1, 0, true) }]),
    ...([MemoryKind.float32, MemoryKind.float64] as const).map((memory): Tested => ({ asm: `${name}${MEMORY_SUFFIX[memory]} (%[m])`, memory, run: (x) => x.arithmeticMemory(operation, memory) })),
    ...([MemoryKind.int16, MemoryKind.int32] as const).map((memory): Tested => ({ asm: `${name.replace('f', 'fi')}${MEMORY_SUFFIX[memory]} (%[m])`, memory, run: (x) => x.arithmeticMemory(operation, memory) })),
  ]);

const stores: Tested[] = [
  ['fsts', MemoryKind.float32], ['fstps', MemoryKind.float32], ['fstl', MemoryKind.float64], ['fstpl', MemoryKind.float64], ['fstpt', MemoryKind.float80],
  ['fists', MemoryKind.int16], ['fistps', MemoryKind.int16], ['fistl', MemoryKind.int32], ['fistpl', MemoryKind.int32], ['fistpll', MemoryKind.int64],
  ['fisttps', MemoryKind.int16], ['fisttpl', MemoryKind.int32], ['fisttpll', MemoryKind.int64], ['fbstp', MemoryKind.decimal],
].map(([name, kind]): Tested => {
  const memory = kind as MemoryKind;
  const mnemonic = name as string;
  return { asm: `${mnemonic} (%[m])`, memory, run: (x) => x.store(memory, mnemonic.includes('p'), mnemonic.startsWith('fistt')) };
});

const loads: Tested[] = [
  ['flds', MemoryKind.float32], ['fldl', MemoryKind.float64], ['fldt', MemoryKind.float80], ['filds', MemoryKind.int16], ['fildl', MemoryKind.int32], ['fildll', MemoryKind.int64],
].map(([name, kind]): Tested => ({ asm: `${name} (%[m])`, memory: kind as MemoryKind, run: (x) => x.load(kind as MemoryKind) }));

const TESTED: readonly Tested[] = [
  ...arithmetic, ...stores, ...loads,
  { asm: 'fld %st(1)', run: (x) => x.loadRegister(1) }, { asm: 'fld %st(3)', run: (x) => x.loadRegister(3) },
  { asm: 'fst %st(3)', run: (x) => x.storeRegister(3, false) }, { asm: 'fstp %st(1)', run: (x) => x.storeRegister(1, true) },
  { asm: 'fxch %st(1)', run: (x) => x.exchange(1) }, { asm: 'fxch %st(2)', run: (x) => x.exchange(2) },
  { asm: 'fcom %st(1)', run: (x) => x.compare(1, 0, true) }, { asm: 'fcomp %st(1)', run: (x) => x.compare(1, 1, true) }, { asm: 'fcompp', run: (x) => x.compare(1, 2, true) },
  { asm: 'fcom %st(2)', run: (x) => x.compare(2, 0, true) },
  { asm: 'fucom %st(1)', run: (x) => x.compare(1, 0, false) }, { asm: 'fucompp', run: (x) => x.compare(1, 2, false) },
  { asm: 'fcoms (%[m])', memory: MemoryKind.float32, run: (x) => x.compareMemory(MemoryKind.float32, 0) },
  { asm: 'fcompl (%[m])', memory: MemoryKind.float64, run: (x) => x.compareMemory(MemoryKind.float64, 1) },
  { asm: 'ficoms (%[m])', memory: MemoryKind.int16, run: (x) => x.compareMemory(MemoryKind.int16, 0) },
  { asm: 'ficoml (%[m])', memory: MemoryKind.int32, run: (x) => x.compareMemory(MemoryKind.int32, 0) },
  { asm: 'ftst', run: (x) => x.compareZero() }, { asm: 'fxam', run: (x) => x.examine() },
  { asm: 'fchs', run: (x) => x.changeSign(true) }, { asm: 'fabs', run: (x) => x.changeSign(false) },
  { asm: 'fsqrt', run: (x) => x.squareRoot() }, { asm: 'frndint', run: (x) => x.roundToInteger() }, { asm: 'fscale', run: (x) => x.scale() },
  { asm: 'fxtract', run: (x) => x.extract() }, { asm: 'fprem', run: (x) => x.remainder(false) }, { asm: 'fprem1', run: (x) => x.remainder(true) },
  { asm: 'fcomi %st(1), %st', run: (x) => x.compareToFlags(1, false, true) }, { asm: 'fucomip %st(1), %st', run: (x) => x.compareToFlags(1, true, false) },
];

const EXTENDED = (random: Random): bigint => {
  const bits = interestingFloat(random, 15, 63);
  const fraction = bits & ((1n << 63n) - 1n);
  const head = bits >> 63n;
  // The integer bit follows the exponent, except in a few meaningless encodings.
  const normal = (head & 0x7fffn) !== 0n;
  const integer = random.below(20) === 0 ? !normal : normal;
  return (head << 64n) | (integer ? 1n << 63n : 0n) | fraction;
};

function memoryOperand(random: Random, kind: MemoryKind | undefined): bigint {
  if (kind === undefined) return 0n;
  if (kind === MemoryKind.float32) return interestingFloat(random, 8, 23);
  if (kind === MemoryKind.float64) return interestingFloat(random, 11, 52);
  if (kind === MemoryKind.float80) return EXTENDED(random);
  return random.pick([0n, 1n, random.bits(64), random.bits(64) & 0xffn, 0x8000800080008000n]);
}

const control = (random: Random): number =>
  (random.below(3) === 0 ? random.below(64) : 0x3f) | 0x40 | (random.pick([0, 2, 3, 3]) << 8) | (random.below(4) << 10);

test('x87 instructions: registers, tags, status and memory as the processor leaves them', () => {
  const random = new Random(11);
  const cases: NativeCase[] = [];
  TESTED.forEach((tested, operation) => {
    for (let i = 0; i < 400; i++) {
      const a = EXTENDED(random);
      const b = random.below(8) === 0 ? a : random.below(6) === 0 ? ((a & ~(0x7fffn << 64n)) | ((((a >> 64n) + BigInt(random.below(80))) & 0x7fffn) << 64n)) : EXTENDED(random);
      cases.push({ operation, control: control(random), a, b, memory: memoryOperand(random, tested.memory) });
    }
  });
  const native = runNative(TESTED.map((t) => ({ unit: 'x87', asm: t.asm })), cases);
  const memory = new ArrayBuffer(0x2000);
  const view = new DataView(memory);
  const x87 = new X87Operations({ view, i32: new Int32Array(memory) });
  const { unit } = x87;
  const wrong: string[] = [];
  const perOperation = new Map<string, number>();
  cases.forEach((c, i) => {
    const { asm, run, memory: kind } = TESTED[c.operation];
    unit.initialise();
    for (const bits of [c.b, c.a]) unit.push({ significand: BigInt.asUintN(64, bits), signExponent: Number(bits >> 64n) });
    unit.control = c.control;
    view.setBigUint64(SCRATCH, BigInt.asUintN(64, c.memory), true);
    view.setUint16(SCRATCH + 8, Number((c.memory >> 64n) & 0xffffn), true);
    const status = run(x87);
    const register = (n: number): bigint => {
      const value = unit.read(n);
      return value.significand | (BigInt(value.signExponent) << 64n);
    };
    const expected = native[i];
    const stored = kind !== undefined && status === 1 ? BigInt.asUintN(MEMORY_BYTES[kind] * 8, view.getBigUint64(SCRATCH, true) | (BigInt(view.getUint16(SCRATCH + 8, true)) << 64n)) : undefined;
    const expectedMemory = kind === undefined ? 0n : BigInt.asUintN(MEMORY_BYTES[kind] * 8, expected.memory);
    const ours = [unit.statusWord, unit.tagWord, ...[0, 1, 2].map((n) => (unit.isEmpty(n) ? 'empty' : register(n).toString(16))), (stored ?? BigInt.asUintN(kind === undefined ? 0 : MEMORY_BYTES[kind] * 8, c.memory)).toString(16)];
    const top = (expected.status >> 11) & 7;
    const theirs = [expected.status, expected.tags, ...expected.stack.map((bits, n) => (((expected.tags >> (((top + n) & 7) * 2)) & 3) === 3 ? 'empty' : bits.toString(16))), expectedMemory.toString(16)];
    const flagsWrong = typeof status === 'number' && asm.includes('comi') && (expected.eflags & 0x8d5) !== status;
    // AMD's signal an underflow when a denormal number is scaled by nothing.
    if (HOST_IS_AMD && asm === 'fscale' && (expected.status & ~unit.statusWord & Exception.underflow) !== 0) return;
    if (ours.join() !== theirs.join() || flagsWrong) {
      const count = perOperation.get(asm) ?? 0;
      perOperation.set(asm, count + 1);
      const hex = (list: (string | number)[]): string => list.map((v) => (typeof v === 'number' ? v.toString(16) : v)).join(' ');
      if (count < 2) wrong.push(`${asm}: a=${c.a.toString(16)} b=${c.b.toString(16)} m=${c.memory.toString(16)} cw=${c.control.toString(16)}: ${hex(ours)}, processor ${hex(theirs)}`);
    }
  });
  expect([...perOperation].map(([asm, count]) => `${asm}: ${count}`).concat(wrong)).toEqual([]);
});
