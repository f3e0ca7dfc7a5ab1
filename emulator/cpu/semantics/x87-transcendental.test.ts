import { expect, test } from 'vitest';
import { interestingFloat, type NativeCase, Random, runNative } from '../soft-float/native-oracle.ts';
import * as transcendental from '../soft-float/transcendental.ts';
import { X87Operations } from './x87-operations.ts';
import { combine, replaceAndPush, replaceBySine } from './x87-transcendental.ts';
import { Status } from './x87-unit.ts';

/** Instruction, what it is here, and the binary exponents between which half of the arguments lie. */
const TESTED: readonly { asm: string; run: (x: X87Operations) => void; from: number; to: number }[] = [
  { asm: 'f2xm1', run: (x) => x.replace((value, unit) => transcendental.powerOfTwoMinusOne(value, unit.rounding())), from: -40, to: 0 },
  { asm: 'fyl2x', run: (x) => combine(x, transcendental.logarithm), from: -20, to: 20 },
  { asm: 'fyl2xp1', run: (x) => combine(x, transcendental.logarithmOfOnePlus), from: -40, to: -2 },
  { asm: 'fpatan', run: (x) => combine(x, transcendental.arcTangent), from: -20, to: 20 },
  { asm: 'fptan', run: (x) => replaceAndPush(x, true), from: -20, to: 20 },
  { asm: 'fsincos', run: (x) => replaceAndPush(x, false), from: -20, to: 20 },
  { asm: 'fsin', run: (x) => replaceBySine(x, false), from: -20, to: 40 },
  { asm: 'fcos', run: (x) => replaceBySine(x, true), from: -20, to: 40 },
];

function edge(random: Random): bigint {
  const bits = interestingFloat(random, 15, 63);
  const head = bits >> 63n;
  return (head << 64n) | ((head & 0x7fffn) !== 0n ? 1n << 63n : 0n) | (bits & ((1n << 63n) - 1n));
}

const ordinary = (random: Random, from: number, to: number): bigint =>
  (BigInt(random.below(2)) << 79n) | (BigInt(0x3fff + from + random.below(to - from)) << 64n) | (1n << 63n) | random.bits(63);

/** 80-bit patterns on a line, so that neighbours differ by one: the integer bit says nothing that the exponent does not. */
const position = (bits: bigint): bigint => ((bits >> 64n) << 63n) | (bits & ((1n << 63n) - 1n));

// Processors are within one unit in the last place of the true value, not always on the nearest; C1 follows their internal result.
test('transcendental instructions: flags and stack as the processor leaves them, values within one unit in the last place', () => {
  const random = new Random(5);
  const cases: NativeCase[] = [];
  TESTED.forEach(({ from, to }, operation) => {
    for (let i = 0; i < 400; i++) {
      const a = random.below(2) === 0 ? edge(random) : ordinary(random, from, to);
      const b = random.below(2) === 0 ? edge(random) : ordinary(random, -20, 20);
      const masks = random.below(4) === 0 ? random.below(64) : 0x3f;
      cases.push({ operation, control: masks | 0x340 | (random.below(3) === 0 ? random.below(4) << 10 : 0), a, b, memory: 0n });
    }
  });
  const native = runNative(TESTED.map(({ asm }) => ({ unit: 'x87', asm })), cases);
  const memory = new ArrayBuffer(0x2000);
  const x87 = new X87Operations({ view: new DataView(memory), i32: new Int32Array(memory) });
  const { unit } = x87;
  const wrong: string[] = [];
  let exact = 0;
  cases.forEach((c, i) => {
    const { asm, run } = TESTED[c.operation];
    unit.initialise();
    for (const bits of [c.b, c.a]) unit.push({ significand: BigInt.asUintN(64, bits), signExponent: Number(bits >> 64n) });
    unit.control = c.control;
    run(x87);
    const expected = native[i];
    const top = (expected.status >> 11) & 7;
    const full = [0, 1, 2].map((n) => ((expected.tags >> (((top + n) & 7) * 2)) & 3) !== 3);
    const ours = [0, 1, 2].map((n) => {
      const value = unit.read(n);
      return value.significand | (BigInt(value.signExponent) << 64n);
    });
    const distances = full.map((there, n) => (there ? position(ours[n]) - position(expected.stack[n]) : 0n));
    const agree = (expected.status & ~Status.c1) === (unit.statusWord & ~Status.c1) && full.every((there, n) => there !== unit.isEmpty(n));
    if (!agree || distances.some((d) => d > 1n || d < -1n)) {
      wrong.push(`${asm} ${c.a.toString(16)} ${c.b.toString(16)} cw=${c.control.toString(16)}: ${unit.statusWord.toString(16)} ${ours.map((v) => v.toString(16)).join(' ')}, processor ${expected.status.toString(16)} ${expected.stack.map((v) => v.toString(16)).join(' ')}`);
    } else if (distances.every((d) => d === 0n)) exact++;
  });
  expect(wrong.slice(0, 10)).toEqual([]);
  expect(exact / cases.length).toBeGreaterThan(0.9);
});
