/** Sees to it that a thread which stops again and again does not keep the others from running: it would stop thousands of times within its quantum. */
import type { Thread } from '../host/process/thread.ts';

/** Stops of one thread in a row after which the others get their turn. */
const LONGEST = 16;

export class Streak {
  private length = 0;
  private thread: Thread | undefined;

  /** The thread has stopped at a breakpoint or watchpoint. */
  count(thread: Thread): void {
    this.length = thread === this.thread ? this.length + 1 : 0;
    this.thread = thread;
    if (this.length < LONGEST) return;
    this.length = 0;
    thread.quantum = 0;
  }
}
