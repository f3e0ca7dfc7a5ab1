/**
 * A host thread: registers, the address space it runs in, files, signal and ptrace state. `space` is a plain field which
 * PTRACE_SWITCH_MM may change at any stop; nothing else remembers which address space a thread uses.
 */
import { ORIG_RAX, SELECTOR, Segment, USER_CS_32 } from '../../cpu/state.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import type { DescriptorTable } from '../files/descriptor-table.ts';
import type { FsState } from '../files/fs-state.ts';
import type { Kernel } from '../kernel.ts';
import type { TraceState } from '../ptrace/trace-state.ts';
import { ThreadSignals } from '../signals/thread-signals.ts';
import type { SyscallCall, Wait } from '../syscall.ts';
import type { TimerHandle } from '../time/timer-queue.ts';
import type { Sleeper, WaitQueue } from '../wait-queue.ts';
import type { SysenterPlace } from './i386-entry.ts';
import type { Process } from './process.ts';
import type { ThreadContext } from './thread-context.ts';

/** Where a thread is on its way through the kernel (see signals/README.md). */
export type ThreadPhase = 'user' | 'entry' | 'call' | 'exit' | 'return';

export type ThreadState =
  /** In the run queue. */
  | { readonly kind: 'ready' }
  /** The one that has the CPU, in user mode or in the kernel. */
  | { readonly kind: 'running' }
  | { readonly kind: 'sleeping'; readonly wait: Wait; readonly timer: TimerHandle | undefined }
  /** Job control. */
  | { readonly kind: 'stopped' }
  /** A ptrace stop. */
  | { readonly kind: 'traced' }
  /** It has exited; as long as it is in `kernel.threads` somebody may wait for it. */
  | { readonly kind: 'dead' };

export const READY: ThreadState = { kind: 'ready' };
export const RUNNING: ThreadState = { kind: 'running' };
export const STOPPED: ThreadState = { kind: 'stopped' };
export const TRACED: ThreadState = { kind: 'traced' };
export const DEAD: ThreadState = { kind: 'dead' };

export interface ThreadParts {
  readonly tid: number;
  readonly process: Process;
  readonly context: ThreadContext;
  readonly space: AddressSpace;
  readonly descriptors: DescriptorTable;
  readonly fs: FsState;
}

export class Thread implements Sleeper {
  /** Changes only when exec makes another thread the leader. */
  tid: number;
  readonly process: Process;
  readonly kernel: Kernel;
  readonly context: ThreadContext;
  space: AddressSpace;
  /** Command name, at most 15 bytes (comm). */
  name = '';
  descriptors: DescriptorTable;
  fs: FsState;
  readonly signals = new ThreadSignals();
  ptrace: TraceState | undefined;
  state: ThreadState = READY;
  phase: ThreadPhase = 'user';
  /** The system call in progress, from its first try until it has a result. */
  call: SyscallCall | undefined;
  /** ABI of the system call it last entered: `int 0x80` is i386's in 64-bit code, too. */
  callWordSize: 4 | 8 = 8;
  /** Of a call made by `sysenter`. */
  sysenter: SysenterPlace | undefined;
  /** Instructions it may still run before the next thread's turn. */
  quantum = 0;
  /** Instructions it has retired in user mode. */
  retired = 0;
  /** Address to clear and wake at exit (set_tid_address, CLONE_CHILD_CLEARTID); 0: none. */
  clearChildTid = 0;
  /** Head of the robust futex list; 0: none. */
  robustList = 0;
  robustListLength = 0;
  /** personality(2) bits. */
  personality = 0;
  /** Woken when this thread, made with CLONE_VFORK, has left its parent's memory; the parent sleeps on it. */
  vforkDone: WaitQueue | undefined;
  /** Wait status (wait4's) it ended with. */
  exitStatus = 0;

  constructor(kernel: Kernel, parts: ThreadParts) {
    this.kernel = kernel;
    this.tid = parts.tid;
    this.process = parts.process;
    this.context = parts.context;
    this.space = parts.space;
    this.descriptors = parts.descriptors;
    this.fs = parts.fs;
  }

  wake(): void {
    this.kernel.wake(this);
  }

  /** Number of the system call the thread entered with, -1 for an exception. A tracer may change it. */
  get origRax(): number {
    const { i32 } = this.kernel.linear;
    const at = this.context.at(ORIG_RAX) >>> 2;
    return i32[at + 1] * 0x100000000 + (i32[at] >>> 0);
  }

  set origRax(value: number) {
    const { i32 } = this.kernel.linear;
    const at = this.context.at(ORIG_RAX) >>> 2;
    i32[at] = value | 0;
    i32[at + 1] = Math.floor(value / 0x100000000) | 0;
  }

  /** 4 while in 32-bit code. */
  get wordSize(): 4 | 8 {
    return (this.kernel.linear.i32[(this.context.at(SELECTOR) >>> 2) + Segment.cs] & 0xffff) === USER_CS_32 ? 4 : 8;
  }

  get isLeader(): boolean {
    return this.process.leader === this;
  }
}
