/**
 * A wait queue that also tells those who watch for good: epoll items (which must see each event, not only the first)
 * and O_ASYNC descriptors (SIGIO).
 */
import { WaitQueue } from '../wait-queue.ts';

export interface ReadinessWatcher {
  /** Something may have changed; `events` are the Poll bits that caused it, 0 when unknown. */
  ready(events: number): void;
}

export class Readiness extends WaitQueue {
  private readonly watchers = new Set<ReadinessWatcher>();

  watch(watcher: ReadinessWatcher): void {
    this.watchers.add(watcher);
  }

  unwatch(watcher: ReadinessWatcher): void {
    this.watchers.delete(watcher);
  }

  /** Wakes the sleepers and tells the watchers, in the order they came. */
  notify(events: number): void {
    this.wake();
    if (this.watchers.size > 0) for (const watcher of [...this.watchers]) watcher.ready(events);
  }
}
