/** What debuggees do to themselves and each other: programs, processes and threads that come and go. Which of it stops the machine is the user's to say. */
import type { Kernel } from '../host/kernel.ts';
import type { Thread } from '../host/process/thread.ts';
import type { Debuggees } from './debuggees.ts';
import type { Stop } from './stops.ts';

/** Which children of debuggees become debuggees, with a stop. */
export interface ForkWishes {
  readonly forks: boolean;
  readonly vforks: boolean;
}

const NONE: ForkWishes = { forks: false, vforks: false };

export class ProcessEvents {
  /** Whether to stop when a debuggee has called exec. Breakpoints of the old program are gone then. */
  stopsForExec = false;
  /** Whether to stop when a thread of a debuggee is made or has ended. */
  stopsForThreads = false;
  followed = NONE;
  private readonly debuggees: Debuggees;
  private readonly stopFor: (stop: Stop) => void;

  constructor(kernel: Kernel, debuggees: Debuggees, stopFor: (stop: Stop) => void) {
    this.debuggees = debuggees;
    this.stopFor = stopFor;
    const { hooks } = kernel;
    hooks.onExec = (thread) => this.onExec(thread);
    hooks.onClone = (parent, child, vfork) => this.onClone(parent, child, vfork);
    hooks.onVforkDone = (thread) => {
      if (this.followed.vforks && debuggees.has(thread.process)) stopFor({ kind: 'vfork-done', thread });
    };
    hooks.onThreadExit = (thread) => this.onThreadExit(thread);
    hooks.onProcessExit = (process, status) => {
      if (!debuggees.has(process)) return;
      debuggees.delete(process);
      stopFor({ kind: 'ended', process, status });
    };
  }

  /** Nothing is wanted any more. */
  reset(): void {
    this.stopsForExec = false;
    this.stopsForThreads = false;
    this.followed = NONE;
  }

  private onExec(thread: Thread): void {
    if (!this.stopsForExec || !this.debuggees.has(thread.process)) return;
    // They were in the memory that is gone: whoever hears of the new program sets them anew.
    this.debuggees.clear(thread.process);
    this.stopFor({ kind: 'exec', thread });
  }

  private onClone(parent: Thread, child: Thread, vfork: boolean): void {
    if (!this.debuggees.has(parent.process)) return;
    if (child.process === parent.process) {
      if (this.stopsForThreads) this.stopFor({ kind: 'thread-created', thread: child });
    } else if (vfork ? this.followed.vforks : this.followed.forks) {
      this.debuggees.addChild(parent.process, child.process);
      this.stopFor({ kind: vfork ? 'vfork' : 'fork', thread: parent, child });
    }
  }

  private onThreadExit(thread: Thread): void {
    if (!this.stopsForThreads || thread.process.groupExit !== undefined || !this.debuggees.has(thread.process)) return;
    const other = this.debuggees.threads().find((each) => each.process === thread.process);
    if (other !== undefined) this.stopFor({ kind: 'thread-exited', thread: other, tid: thread.tid, status: thread.exitStatus >> 8 });
  }
}
