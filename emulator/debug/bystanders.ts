/**
 * Processes beside the debuggee that are debugged with it (the tracees of a UML kernel): who listens decides about their threads. Called at
 * exact instruction boundaries; `Debugger.stopForBystander` holds the machine at the next one.
 */
import type { PageAccess } from '../memory/page-access.ts';
import type { Thread } from '../host/process/thread.ts';

export interface Bystanders {
  /** Whether breakpoints at this address count in this address space. */
  counts(address: number, space: PageAccess): boolean;
  /** A thread is about to run user code: false keeps it from doing so. */
  mayRun(thread: Thread): boolean;
  /** A thread is at a breakpoint that counts: false takes it over it. */
  atBreakpoint(thread: Thread): boolean;
  /** The instruction before rip touched a range with this id. */
  atWatchpoint(thread: Thread, id: number): void;
  /** Before each slice: true if it let a thread make a step itself. */
  advance(): boolean;
}
