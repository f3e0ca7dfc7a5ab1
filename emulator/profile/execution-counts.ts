/**
 * How often each instruction was executed, from the transfers that were taken. Execution is straight between transfers: it enters a
 * stretch of addresses at a transfer's target (or where a run began) and leaves it behind a transfer's instruction (or where a
 * run ended). So the number of executions of an instruction is the number of entries at or below its address minus the number of
 * departures at or below it: exact, and without knowing where instructions begin.
 */
import type { TransferTotals } from '../cpu/counting/transfer-totals.ts';

/** Calls `change` with every entry (+) and departure (-), by address. */
export function eachChange(totals: TransferTotals, change: (address: number, by: number) => void): void {
  for (const [address, by] of totals.boundaries()) change(address, by);
  for (const { next, target, count } of totals.transfers()) {
    change(target, count);
    change(next, -count);
  }
}

export class ExecutionCounts {
  /** Ascending addresses at which the count changes, and the count from there on. */
  private readonly addresses: Float64Array;
  private readonly counts: Float64Array;

  /** @param changes by how much the number of executions differs from that at the address before, by address */
  constructor(changes: ReadonlyMap<number, number>) {
    const sorted = [...changes].filter(([, by]) => by !== 0).sort(([a], [b]) => a - b);
    this.addresses = Float64Array.from(sorted, ([address]) => address);
    this.counts = new Float64Array(sorted.length);
    let count = 0;
    sorted.forEach(([address, by], i) => {
      count += by;
      if (count < 0) throw new Error(`more departures than entries at 0x${address.toString(16)}`);
      this.counts[i] = count;
    });
    if (count !== 0) throw new Error(`${count} entries without a departure`);
  }

  static of(totals: TransferTotals): ExecutionCounts {
    const changes = new Map<number, number>();
    eachChange(totals, (address, by) => changes.set(address, (changes.get(address) ?? 0) + by));
    return new ExecutionCounts(changes);
  }

  /** Executions of the instruction at an address. */
  at(address: number): number {
    const i = this.indexOf(address);
    return i < 0 ? 0 : this.counts[i];
  }

  /** Stretches of addresses executed equally often, at least once, in ascending order. */
  *stretches(): Generator<{ readonly low: number; readonly high: number; readonly count: number }> {
    for (let i = 0; i + 1 < this.addresses.length; i++) {
      if (this.counts[i] > 0) yield { low: this.addresses[i], high: this.addresses[i + 1], count: this.counts[i] };
    }
  }

  /** Index of the last change at or below an address, -1 for none. */
  private indexOf(address: number): number {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addresses[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
