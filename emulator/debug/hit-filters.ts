/** Conditions of breakpoints and watchpoints, decided in the machine: a hit that does not count costs no stop. */
import type { Thread } from '../host/process/thread.ts';

/** Asked while the thread's registers are those at the hit. */
export interface HitFilter {
  /** Whether the hit counts. */
  holds(thread: Thread): boolean;
  /** Asking has changed something of the filter's own, such as a number of hits: it must be asked once a hit. */
  readonly counts?: boolean;
  /** Why the last hit counted although the filter could not tell, once. */
  trouble?(): string | undefined;
  /** What is done when it counts, in place of holding the machine; undefined: that is held. */
  readonly act?: (thread: Thread) => void;
}

export class HitFilters {
  /** What filters that count said of their last hit. */
  private readonly counted = new WeakMap<HitFilter, { readonly thread: Thread; readonly retired: number; readonly holds: boolean }>();
  /** By thread: what it had retired when its last hit was acted on, so that each is once, however often it is looked at. */
  private readonly acted = new WeakMap<Thread, number>();

  /** Whether the thread goes on as if there were no breakpoint. `retired`: its instructions so far. */
  passes(filter: HitFilter | undefined, thread: Thread, retired: number): boolean {
    if (filter === undefined) return false;
    if (!this.holds(filter, thread, retired)) return true;
    if (filter.act === undefined) return false;
    if (this.acted.get(thread) === retired) return true;
    this.acted.set(thread, retired);
    filter.act(thread);
    return true;
  }

  private holds(filter: HitFilter, thread: Thread, retired: number): boolean {
    const last = filter.counts === true ? this.counted.get(filter) : undefined;
    if (last?.thread === thread && last.retired === retired) return last.holds;
    const holds = filter.holds(thread);
    if (filter.counts === true) this.counted.set(filter, { thread, retired, holds });
    return holds;
  }
}
