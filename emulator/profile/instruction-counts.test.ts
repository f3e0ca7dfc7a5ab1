import { describe, expect, it } from 'vitest';
import { instructionCounts, type Stretch } from './instruction-counts.ts';

/** Lengths by address. */
const code = (lengths: Readonly<Record<number, number>>) => (address: number) => lengths[address];
const counts = (stretches: readonly Stretch[], lengths: Readonly<Record<number, number>>): number[][] =>
  [...instructionCounts(stretches, code(lengths))].map(({ address, length, count }) => [address, length, count]);

describe('counts of instructions', () => {
  it('are those of their stretch', () => {
    expect(counts([{ low: 0, high: 5, count: 7 }, { low: 5, high: 6, count: 2 }], { 0: 2, 2: 3, 5: 1 })).toEqual([[0, 2, 7], [2, 3, 7], [5, 1, 2]]);
  });

  it('are exact where code jumps over a prefix: 8 come by it, 20 skip it', () => {
    expect(counts([{ low: 10, high: 11, count: 8 }, { low: 11, high: 16, count: 28 }], { 10: 4, 11: 3, 14: 2 })).toEqual([[10, 4, 8], [11, 3, 20], [14, 2, 28]]);
  });

  it('are exact where nobody skips the prefix any more', () => {
    expect(counts([{ low: 10, high: 11, count: 8 }, { low: 11, high: 16, count: 8 }], { 10: 4, 11: 3, 14: 2 })).toEqual([[10, 4, 8], [14, 2, 8]]);
  });

  it('are one for what cannot be decoded', () => {
    expect(counts([{ low: 0, high: 4, count: 3 }], { 0: 1 })).toEqual([[0, 1, 3], [1, 3, 3]]);
  });
});
