import { describe, expect, it } from 'vitest';
import { RandomSource } from './random.ts';

describe('RandomSource', () => {
  it('is xoshiro256** seeded by splitmix64', () => {
    const source = new RandomSource(0n);
    expect([source.next64(), source.next64(), source.next64(), source.next64()]).toEqual([
      11091344671253066420n, 13793997310169335082n, 1900383378846508768n, 7684712102626143532n,
    ]);
  });

  it('gives the same bytes for the same seed, other ones for another, and goes on from a saved state', () => {
    const bytes = (source: RandomSource): string => {
      const out = new Uint8Array(37);
      source.fill(out);
      return Buffer.from(out).toString('hex');
    };
    const source = new RandomSource(7n);
    const first = bytes(source);
    expect(bytes(new RandomSource(7n))).toBe(first);
    expect(bytes(new RandomSource(8n))).not.toBe(first);
    const state = source.save();
    const second = bytes(source);
    expect(second).not.toBe(first);
    source.restore(state);
    expect(bytes(source)).toBe(second);
  });
});
