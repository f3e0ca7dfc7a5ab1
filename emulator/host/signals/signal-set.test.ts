import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SignalSet } from './signal-set.ts';

const signals = fc.uniqueArray(fc.integer({ min: 1, max: 64 }));

describe('SignalSet', () => {
  it('behaves as a set of the numbers 1 to 64', () => {
    fc.assert(fc.property(signals, signals, (members, masked) => {
      const set = SignalSet.of(...members);
      const mask = SignalSet.of(...masked);
      for (let signal = 1; signal <= 64; signal++) expect(set.has(signal)).toBe(members.includes(signal));
      const outside = members.filter((signal) => !masked.includes(signal));
      expect(set.lowestOutside(mask)).toBe(outside.length === 0 ? 0 : Math.min(...outside));
      expect(set.exceeds(mask)).toBe(outside.length > 0);
      expect(SignalSet.fromBig(set.toBig()).toBig()).toBe(members.reduce((sum, signal) => sum | (1n << BigInt(signal - 1)), 0n));
      set.deleteAll(mask);
      expect(set.toBig()).toBe(SignalSet.of(...outside).toBig());
      set.addAll(mask);
      for (const signal of masked) expect(set.has(signal)).toBe(true);
    }));
  });
});
