import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

type Step = { readonly push: Uint8Array } | { readonly shift: number } | { readonly pop: true };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((push) => ({ push })),
  fc.nat(700).map((shift) => ({ shift })),
  fc.constant({ pop: true } as const),
);

describe('ByteQueue', () => {
  it('behaves as a plain array', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      const model: number[] = [];
      for (const action of steps) {
        if ('push' in action) {
          queue.push(action.push);
          model.push(...action.push);
        } else if ('shift' in action) {
          const into = new Uint8Array(action.shift);
          const count = queue.shift(into);
          expect([...into.subarray(0, count)]).toEqual(model.splice(0, action.shift));
        } else expect(queue.pop()).toBe(model.pop());
        expect(queue.length).toBe(model.length);
        expect(queue.last).toBe(model.at(-1));
      }
    }));
  });
});
