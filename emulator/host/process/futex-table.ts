/**
 * Who waits at which futex. Private futexes are known by address space and address, shared ones by the place in linear memory that
 * all mappings of the word lead to.
 */
import { PAGE_SIZE } from '../../cpu/state.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { Access } from '../../memory/page-access.ts';
import { WaitQueue } from '../wait-queue.ts';

/** Which futex: `space` 0 means shared, and `word` its linear address. */
export interface FutexKey {
  readonly space: number;
  readonly word: number;
}

export class FutexWaiter {
  key: FutexKey;
  readonly bitset: number;
  readonly queue = new WaitQueue();
  woken = false;

  constructor(key: FutexKey, bitset: number) {
    this.key = key;
    this.bitset = bitset;
  }
}

/** The key of the futex at an address; undefined: EFAULT. */
export function futexKey(space: AddressSpace, address: number, isPrivate: boolean): FutexKey | undefined {
  if (isPrivate || !space.isSharedPage(address)) return { space: space.id, word: address };
  const frame = space.touch(Math.floor(address / PAGE_SIZE), Access.read);
  return frame < 0 ? undefined : { space: 0, word: frame + (address % PAGE_SIZE) };
}

export class FutexTable {
  private readonly spaces = new Map<number, Map<number, FutexWaiter[]>>();

  add(waiter: FutexWaiter): void {
    const { space, word } = waiter.key;
    let words = this.spaces.get(space);
    if (words === undefined) {
      words = new Map();
      this.spaces.set(space, words);
    }
    const waiters = words.get(word);
    if (waiters === undefined) words.set(word, [waiter]);
    else waiters.push(waiter);
  }

  remove(waiter: FutexWaiter): void {
    const { space, word } = waiter.key;
    const words = this.spaces.get(space);
    const waiters = words?.get(word);
    if (words === undefined || waiters === undefined) return;
    const index = waiters.indexOf(waiter);
    if (index >= 0) waiters.splice(index, 1);
    if (waiters.length === 0) words.delete(word);
    if (words.size === 0) this.spaces.delete(space);
  }

  /** Wakes up to `count` waiters whose bit sets meet `bitset`, first come first; returns how many. */
  wake(key: FutexKey, count: number, bitset = -1): number {
    let woken = 0;
    for (const waiter of this.waiters(key)) {
      if (woken >= count) break;
      if ((waiter.bitset & bitset) === 0) continue;
      this.remove(waiter);
      waiter.woken = true;
      waiter.queue.wake();
      woken++;
    }
    return woken;
  }

  /** Lets up to `count` waiters wait at another futex instead; returns how many. */
  requeue(from: FutexKey, to: FutexKey, count: number): number {
    const moved = this.waiters(from).slice(0, Math.min(count, Number.MAX_SAFE_INTEGER));
    for (const waiter of moved) {
      this.remove(waiter);
      waiter.key = to;
      this.add(waiter);
    }
    return moved.length;
  }

  private waiters(key: FutexKey): FutexWaiter[] {
    return [...(this.spaces.get(key.space)?.get(key.word) ?? [])];
  }
}
