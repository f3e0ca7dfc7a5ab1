import { expect, it } from 'vitest';
import { cpuid } from './cpuid.ts';

const bit = (word: number, n: number): boolean => ((word >>> n) & 1) === 1;
const ascii = (words: readonly number[]): string => words.map((word) => String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24)).join('');

it('has all of x86-64-v2 and nothing of AVX (System V ABI, micro-architecture levels)', () => {
  const [, , ecx, edx] = cpuid(1, 0);
  for (const [name, n] of Object.entries({ sse3: 0, ssse3: 9, cx16: 13, sse41: 19, sse42: 20, popcnt: 23 })) expect(bit(ecx, n), name).toBe(true);
  for (const [name, n] of Object.entries({ fma: 12, xsave: 26, osxsave: 27, avx: 28, f16c: 29, rdrand: 30, monitor: 3 })) expect(bit(ecx, n), name).toBe(false);
  for (const [name, n] of Object.entries({ fpu: 0, tsc: 4, cx8: 8, cmov: 15, mmx: 23, fxsr: 24, sse: 25, sse2: 26 })) expect(bit(edx, n), name).toBe(true);
  expect(bit(cpuid(0x80000001, 0)[2], 0), 'lahf').toBe(true);
  expect(bit(cpuid(0x80000001, 0)[3], 29), 'long mode').toBe(true);
  expect(cpuid(7, 0)).toEqual([0, 0, 0, 0]);
  expect(cpuid(0xd, 0)).toEqual([0, 0, 0, 0]);
});

it('names itself', () => {
  const [highest, b, c, d] = cpuid(0, 0);
  expect(highest).toBe(0xd);
  expect(ascii([b, d, c])).toBe('GenuineIntel');
  const brand = ascii([0x80000002, 0x80000003, 0x80000004].flatMap((leaf) => [...cpuid(leaf, 0)]));
  expect(brand.replaceAll('\0', '')).toBe('skas virtual CPU');
});
