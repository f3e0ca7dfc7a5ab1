/** Why the debugger holds the machine, and what it can be told to do next. */
import type { Process } from '../host/process/process.ts';
import type { Thread } from '../host/process/thread.ts';
import type { SignalInfo } from '../host/signals/signal-info.ts';

export type Stop =
  /** `entry`: not started yet. `step`: the step is done. `interrupt`: somebody asked. */
  | { readonly kind: 'entry' | 'step' | 'interrupt'; readonly thread: Thread }
  /** rip is at a breakpoint. */
  | { readonly kind: 'breakpoint'; readonly thread: Thread; readonly address: number }
  /** The instruction before rip touched a watched range. */
  | { readonly kind: 'watchpoint'; readonly thread: Thread; readonly id: number }
  /** The debuggee runs another program now, of which nothing has run yet. */
  | { readonly kind: 'exec'; readonly thread: Thread }
  /** A system call is about to be executed, or has just been. */
  | { readonly kind: 'syscall'; readonly thread: Thread; readonly when: 'entry' | 'return'; readonly number: number }
  /** The debuggee has made this thread, which has not run yet. */
  | { readonly kind: 'thread-created'; readonly thread: Thread }
  /** The debuggee has made a process, which is one now, too; `child` has not run yet. */
  | { readonly kind: 'fork' | 'vfork'; readonly thread: Thread; readonly child: Thread }
  /** The child of a vfork has let go of the thread's memory. */
  | { readonly kind: 'vfork-done'; readonly thread: Thread }
  /** Another of its threads, `tid`, is gone; `status` is its exit status. */
  | { readonly kind: 'thread-exited'; readonly thread: Thread; readonly tid: number; readonly status: number }
  /** About to end the process; nothing has happened yet. */
  | { readonly kind: 'signal'; readonly thread: Thread; readonly info: SignalInfo }
  /** Bystanders asked for it (they know why); `thread` may be the debuggee's or another. */
  | { readonly kind: 'bystander'; readonly thread: Thread }
  /** On an excursion: it cannot go on, for this reason. */
  | { readonly kind: 'halted'; readonly thread: Thread; readonly message: string }
  /** A debuggee is gone; `status` is wait4's. */
  | { readonly kind: 'ended'; readonly process: Process; readonly status: number };

/**
 * One of several contexts between which a program switches a thread itself, by changing stacks (a task of a UML kernel). A step in one is
 * not over because the thread executes another.
 */
export interface StepContext {
  /** Whether what the thread executes now is this context's. */
  here(): boolean;
  /** Where the thread will be when it comes back, asked when it is not here; undefined: it never will. */
  comesBack(): { readonly rip: number; readonly rsp: number } | undefined;
  /** False: a step that leaves the context ends there, instead of running until it is back. */
  readonly waits: boolean;
}

/** What one thread is to do. Threads without an orders stay where they are. */
export interface Orders {
  readonly kind: 'continue' | 'step';
  /** Signal to deliver first; 0: none, and one that is held back is forgotten. */
  readonly signal: number;
  /** Keep stepping while rip is in [start, end). */
  readonly range?: { readonly start: number; readonly end: number };
  /** What is stepped is only this of the thread's contexts. */
  readonly context?: StepContext;
}

export interface ResumePlan {
  /** Undefined: it stays. */
  readonly threads: ReadonlyMap<Thread, Orders | undefined>;
  /** For all other threads of a process. */
  readonly processes?: ReadonlyMap<Process, Orders>;
  /** For all other threads; undefined: they stay. */
  readonly others: Orders | undefined;
}
