/** Sleeping and waking. Threads sleep on queues in arrival order; waking is deterministic because the order is. */

export interface Sleeper {
  /** Called once when something it waits for may have happened. */
  wake(): void;
}

export class WaitQueue {
  private readonly sleepers = new Set<Sleeper>();

  add(sleeper: Sleeper): void {
    this.sleepers.add(sleeper);
  }

  remove(sleeper: Sleeper): void {
    this.sleepers.delete(sleeper);
  }

  get empty(): boolean {
    return this.sleepers.size === 0;
  }

  /** Wakes up to `count` sleepers, first come first; returns how many. Woken ones leave the queue themselves when they run. */
  wake(count = Infinity): number {
    let woken = 0;
    for (const sleeper of [...this.sleepers]) {
      if (woken >= count) break;
      this.sleepers.delete(sleeper);
      sleeper.wake();
      woken++;
    }
    return woken;
  }
}
