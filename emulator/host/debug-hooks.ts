/**
 * What a debugger hears from the machine. All functions are undefined while nobody listens; they are called at exact
 * instruction boundaries, may call `kernel.requestStop()`, and must not run guest code themselves. Signals: signals/signal-hooks.ts.
 */
import type { Process } from './process/process.ts';
import type { Thread } from './process/thread.ts';

export class DebugHooks {
  /** A thread is about to do something, in the kernel or in user code. Answering true parks it (scheduler.ts). */
  holds: ((thread: Thread) => boolean) | undefined;
  /** A thread is about to get the CPU for user code. Answering false puts it back to the end of the queue. */
  mayRun: ((thread: Thread) => boolean) | undefined;
  /** rip is at a breakpoint which has not been executed. Whoever sets one must call `kernel.requestStop()` or `kernel.passBreakpoint(thread)`. */
  onBreakpoint: ((thread: Thread) => void) | undefined;
  /** A watched range was touched by the instruction before rip. */
  onWatchpoint: ((thread: Thread, id: number) => void) | undefined;
  /** A system call is about to be executed (its number is in orig_rax), or has been (its result is in rax). */
  onSyscall: ((thread: Thread, when: 'entry' | 'return') => void) | undefined;
  /** A new program starts: registers and memory are its first ones. */
  onExec: ((thread: Thread) => void) | undefined;
  /** A thread or process was made; it has not run yet. `vfork`: its parent waits until it has let go of the memory. */
  onClone: ((parent: Thread, child: Thread, vfork: boolean) => void) | undefined;
  /** The child of a vfork has let go of its parent's memory: the parent goes on. */
  onVforkDone: ((parent: Thread) => void) | undefined;
  /** A process ends by exit_group or a signal: its threads and memory are still there. */
  onProcessEnding: ((process: Process) => void) | undefined;
  /** A thread is gone; its memory may be, too. */
  onThreadExit: ((thread: Thread) => void) | undefined;
  /** The last thread of a process is gone. `status` is wait4's. */
  onProcessExit: ((process: Process, status: number) => void) | undefined;
}
