import { expect, test } from 'vitest';
import { BINARY32, BINARY64, type BinaryFormat } from './binary-format.ts';
import { interestingFloat, type NativeCase, Random, runNative } from './native-oracle.ts';
import * as soft from './sse-arithmetic.ts';

interface Tested {
  readonly name: string;
  readonly from: BinaryFormat;
  readonly resultBits: number;
  /** Where the result is. */
  readonly where: 'xmm0' | 'rax' | 'eflags';
  readonly apply: (a: bigint, b: bigint, mxcsr: number) => soft.Outcome;
}

const both = (mnemonic: string, operation: soft.BinaryOperation): Tested[] => [
  { name: `${mnemonic}sd %xmm1, %xmm0`, from: BINARY64, resultBits: 64, where: 'xmm0', apply: (a, b, m) => operation(BINARY64, a, b, m) },
  { name: `${mnemonic}ss %xmm1, %xmm0`, from: BINARY32, resultBits: 32, where: 'xmm0', apply: (a, b, m) => operation(BINARY32, a, b, m) },
];
const toInteger = (mnemonic: string, from: BinaryFormat, width: 32 | 64, truncate: boolean): Tested => ({
  name: `${mnemonic} %xmm1, ${width === 64 ? '%rax' : '%eax'}`, from, resultBits: width, where: 'rax',
  apply: (_a, b, m) => soft.toInteger(from, b, width, truncate ? 3 : soft.roundingOf(m), m),
});
const flagCompare = (mnemonic: string, from: BinaryFormat, ordered: boolean): Tested => ({
  name: `${mnemonic} %xmm1, %xmm0`, from, resultBits: 7, where: 'eflags', apply: (a, b, m) => soft.compareToFlags(ordered)(from, a, b, m),
});

const OPERATIONS: readonly Tested[] = [
  ...both('add', soft.add), ...both('sub', soft.subtract), ...both('mul', soft.multiply), ...both('div', soft.divide), ...both('sqrt', soft.squareRoot),
  ...both('min', soft.minimum), ...both('max', soft.maximum),
  ...['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord'].flatMap((predicate, i) => both(`cmp${predicate}`, soft.compare(i))),
  flagCompare('comisd', BINARY64, true), flagCompare('ucomisd', BINARY64, false), flagCompare('comiss', BINARY32, true), flagCompare('ucomiss', BINARY32, false),
  toInteger('cvtsd2si', BINARY64, 32, false), toInteger('cvtsd2si', BINARY64, 64, false), toInteger('cvttsd2si', BINARY64, 32, true), toInteger('cvttsd2si', BINARY64, 64, true),
  toInteger('cvtss2si', BINARY32, 32, false), toInteger('cvtss2si', BINARY32, 64, false), toInteger('cvttss2si', BINARY32, 32, true), toInteger('cvttss2si', BINARY32, 64, true),
  { name: 'cvtsd2ss %xmm1, %xmm0', from: BINARY64, resultBits: 32, where: 'xmm0', apply: (_a, b, m) => soft.convertFormat(BINARY64, BINARY32, b, m) },
  { name: 'cvtss2sd %xmm1, %xmm0', from: BINARY32, resultBits: 64, where: 'xmm0', apply: (_a, b, m) => soft.convertFormat(BINARY32, BINARY64, b, m) },
  { name: 'cvtsi2sdq %[m], %xmm0', from: BINARY64, resultBits: 64, where: 'xmm0', apply: (_a, b, m) => soft.fromInteger(BINARY64, BigInt.asIntN(64, b), m) },
  { name: 'cvtsi2ssq %[m], %xmm0', from: BINARY64, resultBits: 32, where: 'xmm0', apply: (_a, b, m) => soft.fromInteger(BINARY32, BigInt.asIntN(64, b), m) },
  ...[0, 1, 2, 3, 4, 8, 12].flatMap((control) => both(`round_${control}_`, (format, _a, b, m) => soft.roundToIntegral(format, b, control, m))),
];
const TESTED = OPERATIONS.map((t) => ({ ...t, name: t.name.replace(/round_(\d+)_(s[sd])/, 'round$2 $$$1,').replace('%[m]', '(%[m])') }));

test('every SSE operation: value, flags and traps as the processor gives them', () => {
  const random = new Random(7);
  const cases: NativeCase[] = [];
  for (let operation = 0; operation < TESTED.length; operation++) {
    const { from } = TESTED[operation];
    const float = (): bigint => (from === BINARY64 ? interestingFloat(random, 11, 52) : interestingFloat(random, 8, 23));
    for (let i = 0; i < 600; i++) {
      const masks = random.below(3) === 0 ? random.below(64) : 0x3f;
      const extra = random.below(4) === 0 ? random.pick([0x40, 0x8000, 0x8040]) : 0;
      const control = (masks << 7) | (random.below(4) << 13) | extra | (random.below(4) === 0 ? 0x20 : 0);
      const a = float();
      const b = random.below(8) === 0 ? a : float();
      cases.push({ operation, control, a, b, memory: b });
    }
  }
  const native = runNative(TESTED.map((t) => ({ unit: 'sse', asm: t.name })), cases);
  const wrong: string[] = [];
  cases.forEach((c, i) => {
    const { name, apply, resultBits, where } = TESTED[c.operation];
    const outcome = apply(c.a, c.b, c.control);
    const expected = native[i];
    const unmasked = outcome.flags & ~(c.control >> 7) & 0x3f;
    const before = (unmasked & soft.PRE_COMPUTATION) !== 0;
    const mxcsr = c.control | (before ? outcome.flags & soft.PRE_COMPUTATION : outcome.flags);
    const value = where === 'eflags' ? BigInt(expected.eflags) & 0x45n : BigInt.asUintN(resultBits, expected[where]);
    if ((unmasked !== 0) !== expected.trapped || mxcsr !== expected.mxcsr || (!expected.trapped && value !== outcome.bits)) {
      wrong.push(`${name} a=${c.a.toString(16)} b=${c.b.toString(16)} mxcsr=${c.control.toString(16)}: ${outcome.bits.toString(16)} ${mxcsr.toString(16)}, processor ${value.toString(16)} ${expected.mxcsr.toString(16)} trapped ${expected.trapped}`);
    }
  });
  expect(wrong.slice(0, 20)).toEqual([]);
});
