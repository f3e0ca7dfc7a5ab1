import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frames } from '../../memory/frames.ts';
import { LinearMemory } from '../../memory/linear-memory.ts';
import { FilePages } from './file-pages.ts';

/** One allocator for all runs: it takes fresh memory to be zero. */
const memory = (): LinearMemory => new LinearMemory(1024 * 1024);

class Pages extends FilePages {
  readonly mapName = 'test';
  readonly device = 1;
  readonly inode = 1;
  protected override fill(): boolean {
    return true;
  }
  protected override written(): boolean {
    return true;
  }
  protected override readable(index: number): number {
    return this.frames.get(index) ?? 0;
  }
}

const SPAN = 40_000;
const place = fc.nat(SPAN);

describe('file pages', () => {
  it('behave as an array of bytes through writes, truncation and holes, mapped or not', () => {
    const action = fc.oneof(
      fc.record({ write: fc.uint8Array({ maxLength: 9000 }), at: place }),
      fc.record({ resize: place }),
      fc.record({ punch: place, length: fc.integer({ min: 1, max: SPAN }) }),
    );
    const frames = new Frames(memory(), 100 * 4096);
    fc.assert(fc.property(fc.boolean(), fc.array(action, { maxLength: 25 }), (mapped, actions) => {
      const pages = new Pages(frames);
      if (mapped) pages.mapped();
      let model = Buffer.alloc(0);
      const grow = (size: number): void => {
        if (size > model.length) model = Buffer.concat([model, Buffer.alloc(size - model.length)]);
      };
      for (const step of actions) {
        if ('write' in step) {
          expect(pages.writeBytes(step.at, step.write)).toBe(step.write.length);
          if (step.write.length > 0) grow(step.at + step.write.length);
          model.set(step.write, step.write.length > 0 ? step.at : 0);
        } else if ('resize' in step) {
          pages.resize(step.resize);
          grow(step.resize);
          model = model.subarray(0, step.resize);
        } else {
          pages.punchHole(step.punch, step.punch + step.length);
          model.fill(0, Math.min(step.punch, model.length), Math.min(step.punch + step.length, model.length));
        }
        const read = Buffer.alloc(SPAN * 2);
        const count = pages.readBytes(0, read);
        expect(count).toBe(model.length);
        expect(read.subarray(0, count).equals(model)).toBe(true);
      }
      if (mapped) pages.unmapped();
      pages.free();
      expect(frames.inUse).toBe(0);
    }), { numRuns: 60 });
  });

  it('write what fits when frames run out', () => {
    const pages = new Pages(new Frames(memory(), 3 * 4096));
    expect(pages.writeBytes(100, new Uint8Array(50_000))).toBe(3 * 4096 - 100);
    expect(pages.size).toBe(3 * 4096);
    expect(pages.writeBytes(3 * 4096, new Uint8Array(1))).toBe(0);
    pages.free();
  });
});
