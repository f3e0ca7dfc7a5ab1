import { describe, expect, it } from 'vitest';
import { groupAccesses, SymbolicRegisters, type BlockAccess } from './access-groups.ts';

const access = (value: number, offset: number, bytes = 8, write = false): BlockAccess => ({ at: { value, offset }, bytes, write });

describe('groups of accesses', () => {
  it('join what is close to each other, and know their stretch', () => {
    const groups = groupAccesses([access(1, 0), access(2, 0), access(1, -16, 8, true), access(1, 8, 4)], []);
    expect(groups[0]).toEqual({ start: -16, end: 12, write: true, first: 0, last: 3 });
    expect(groups[2]).toBe(groups[0]);
    expect(groups[3]).toBe(groups[0]);
    expect(groups[1]).toBeUndefined();
  });

  it('do not reach far, nor over a helper call', () => {
    expect(groupAccesses([access(1, 0), access(1, 1000)], [])).toEqual([undefined, undefined]);
    expect(groupAccesses([access(1, 0), access(1, 8)], [1])).toEqual([undefined, undefined]);
    const groups = groupAccesses([access(1, 0), access(1, 8), access(1, 1000), access(1, 1008)], []);
    expect(groups[0]).toMatchObject({ first: 0, last: 1 });
    expect(groups[2]).toMatchObject({ first: 2, last: 3 });
  });

  it('leave out what nothing is known of', () => {
    expect(groupAccesses([{ at: undefined, bytes: 8, write: false }, { at: undefined, bytes: 8, write: false }], [])).toEqual([undefined, undefined]);
  });

  it('follow a register through additions', () => {
    const registers = new SymbolicRegisters();
    registers.reset();
    const before = registers.get(4, 0);
    registers.set(4, registers.get(4, -8));
    expect(registers.get(4, 0)).toEqual({ value: before.value, offset: -8 });
    registers.forget(4);
    expect(registers.get(4, 0).value).not.toBe(before.value);
  });
});
