/** Conditions of breakpoints and watchpoints, decided in the machine: a hit that does not count costs no stop. */
import type { Thread } from '../host/process/thread.ts';

/** Asked while the thread's registers are those at the hit. */
export interface HitFilter {
  /** Whether the hit counts. Changes nothing. */
  holds(thread: Thread): boolean;
  /** What is done when it counts, in place of holding the machine; undefined: that is held. */
  readonly act?: (thread: Thread) => void;
}

export class HitFilters {
  /** By thread: what it had retired when its last hit was acted on, so that each is once, however often it is looked at. */
  private readonly acted = new WeakMap<Thread, number>();

  /** Whether the thread goes on as if there were no breakpoint. `retired`: its instructions so far. */
  passes(filter: HitFilter | undefined, thread: Thread, retired: number): boolean {
    if (filter === undefined) return false;
    if (!filter.holds(thread)) return true;
    if (filter.act === undefined) return false;
    if (this.acted.get(thread) === retired) return true;
    this.acted.set(thread, retired);
    filter.act(thread);
    return true;
  }
}
