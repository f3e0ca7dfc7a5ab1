/** Everything that is to happen at a time: a binary heap ordered by (deadline, order of insertion), so equal deadlines fire in a fixed order. */

/** What `add` gives, for `cancel`. */
export interface TimerHandle {
  /** CLOCK_MONOTONIC nanoseconds. */
  readonly deadline: number;
  /** False once it has fired or was cancelled. */
  readonly armed: boolean;
}

class Entry implements TimerHandle {
  readonly deadline: number;
  readonly sequence: number;
  readonly callback: () => void;
  /** Position in the heap, -1 when out of it. */
  index = -1;

  constructor(deadline: number, sequence: number, callback: () => void) {
    this.deadline = deadline;
    this.sequence = sequence;
    this.callback = callback;
  }

  get armed(): boolean {
    return this.index >= 0;
  }

  before(other: Entry): boolean {
    return this.deadline < other.deadline || (this.deadline === other.deadline && this.sequence < other.sequence);
  }
}

export class TimerQueue {
  private readonly heap: Entry[] = [];
  private sequence = 0;

  /** Earliest deadline. */
  get next(): number | undefined {
    return this.heap[0]?.deadline;
  }

  get size(): number {
    return this.heap.length;
  }

  /** @param deadline CLOCK_MONOTONIC nanoseconds; one that has passed fires at the next `run`. */
  add(deadline: number, callback: () => void): TimerHandle {
    const entry = new Entry(deadline, this.sequence++, callback);
    this.heap.push(entry);
    this.up(entry, this.heap.length - 1);
    return entry;
  }

  /** Harmless when it has fired already. */
  cancel(handle: TimerHandle): void {
    if (!(handle instanceof Entry) || handle.index < 0) return;
    this.removeAt(handle.index);
  }

  /** Fires all that are due at `now`, earliest first, also those which callbacks add; returns how many. */
  run(now: number): number {
    let fired = 0;
    for (let first = this.heap[0]; first !== undefined && first.deadline <= now; first = this.heap[0]) {
      this.removeAt(0);
      first.callback();
      fired++;
    }
    return fired;
  }

  private removeAt(index: number): void {
    const { heap } = this;
    const removed = heap[index];
    const last = heap.pop() ?? removed;
    removed.index = -1;
    if (last === removed) return;
    this.up(last, index);
    this.down(last, last.index);
  }

  private up(entry: Entry, from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.heap[parent];
      if (!entry.before(above)) break;
      this.place(above, index);
      index = parent;
    }
    this.place(entry, index);
  }

  private down(entry: Entry, from: number): void {
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && this.heap[child + 1].before(this.heap[child]!)) child++;
      const below = this.heap[child];
      if (!below.before(entry)) break;
      this.place(below, index);
      index = child;
    }
    this.place(entry, index);
  }

  private place(entry: Entry, index: number): void {
    this.heap[index] = entry;
    entry.index = index;
  }
}
