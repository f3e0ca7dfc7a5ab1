import { describe, expect, it } from 'vitest';
import { FutexTable, FutexWaiter } from './futex-table.ts';

const key = (word: number, space = 1): { space: number; word: number } => ({ space, word });

function waiters(table: FutexTable, word: number, count: number, bitset = -1): FutexWaiter[] {
  return Array.from({ length: count }, () => {
    const waiter = new FutexWaiter(key(word), bitset);
    table.add(waiter);
    return waiter;
  });
}

describe('FutexTable', () => {
  it('wakes in order of arrival, as many as asked', () => {
    const table = new FutexTable();
    const [a, b, c] = waiters(table, 64, 3);
    expect(table.wake(key(64), 2)).toBe(2);
    expect([a, b, c].map(({ woken }) => woken)).toEqual([true, true, false]);
    expect(table.wake(key(64), 10)).toBe(1);
    expect(table.wake(key(64), 10)).toBe(0);
  });

  it('tells address spaces and words apart', () => {
    const table = new FutexTable();
    const [a] = waiters(table, 64, 1);
    expect(table.wake(key(64, 2), 1)).toBe(0);
    expect(table.wake(key(68), 1)).toBe(0);
    expect(a.woken).toBe(false);
    expect(table.wake(key(64), 1)).toBe(1);
  });

  it('passes over waiters with other bits', () => {
    const table = new FutexTable();
    const [a] = waiters(table, 64, 1, 1);
    const [b] = waiters(table, 64, 1, 2);
    expect(table.wake(key(64), 5, 2)).toBe(1);
    expect([a.woken, b.woken]).toEqual([false, true]);
  });

  it('moves waiters to another word, where they are woken', () => {
    const table = new FutexTable();
    const [a, b, c] = waiters(table, 64, 3);
    expect(table.wake(key(64), 1)).toBe(1);
    expect(table.requeue(key(64), key(128), 1)).toBe(1);
    expect(table.wake(key(128), 9)).toBe(1);
    expect([a, b, c].map(({ woken }) => woken)).toEqual([true, true, false]);
    table.remove(c);
    expect(table.wake(key(64), 9)).toBe(0);
  });
});
