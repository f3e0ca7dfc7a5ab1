import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileLocks, LockType } from './file-locks.ts';

const SIZE = 24;
const owners = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

describe('FileLocks', () => {
  it('agrees with a table of every byte', () => {
    const request = fc.record({ owner: fc.nat(2), type: fc.nat(2), from: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: SIZE }) });
    fc.assert(fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
      const locks = new FileLocks();
      const held = owners.map(() => new Array<number>(SIZE).fill(LockType.unlock));
      for (const { owner, type, from, length } of requests) {
        const end = Math.min(SIZE, from + length) - 1;
        const lock = { owner: owners[owner], type, start: from, end, pid: owner };
        const blocked = type !== LockType.unlock && held.some((bytes, other) => other !== owner
          && bytes.slice(from, end + 1).some((byte) => byte !== LockType.unlock && (byte === LockType.write || type === LockType.write)));
        expect(locks.conflict(lock) !== undefined && type !== LockType.unlock).toBe(blocked);
        if (blocked) continue;
        locks.set(lock);
        held[owner].fill(type, from, end + 1);
      }
    }));
  });

  it('shares flocks among readers and gives them up one by one', () => {
    const locks = new FileLocks();
    expect(locks.flock(owners[0], LockType.read)).toBe(true);
    expect(locks.flock(owners[1], LockType.read)).toBe(true);
    expect(locks.flock(owners[1], LockType.write)).toBe(false);
    locks.unlockFlock(owners[0]);
    expect(locks.flock(owners[1], LockType.write)).toBe(true);
    expect(locks.flock(owners[0], LockType.read)).toBe(false);
  });
});
