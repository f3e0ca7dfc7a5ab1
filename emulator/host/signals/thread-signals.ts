/** The signal state of a thread. A thread that stops, in whatever way, does so on its own way through the kernel: see README.md here. */
import type { SeccompFilter } from '../misc/seccomp.ts';
import type { Thread } from '../process/thread.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import { PendingSignals } from './pending-signals.ts';
import type { SignalInfo } from './signal-info.ts';
import { SignalSet } from './signal-set.ts';
import type { TraceStop } from '../ptrace/trace-stop.ts';

/** sigaltstack(2). `size` 0: there is none. */
export interface AlternateStack {
  readonly base: number;
  readonly size: number;
  /** AltStackFlag bits as they were given. */
  readonly flags: number;
}
export const AltStackFlag = { ONSTACK: 1, DISABLE: 2, AUTODISARM: 0x80000000 } as const;
export const NO_STACK: AlternateStack = { base: 0, size: 0, flags: AltStackFlag.DISABLE };

export class ThreadSignals {
  readonly blocked = new SignalSet();
  readonly pending = new PendingSignals();
  altStack: AlternateStack = NO_STACK;
  /** Mask to go back to after a call that waited with another one (rt_sigsuspend, ppoll, pselect6, epoll_pwait). */
  savedMask: SignalSet | undefined;
  /** Signals sigtimedwait waits for: they may be given to this thread although it blocks them. */
  waitingFor: SignalSet | undefined;
  /** What restart_syscall continues; undefined: EINTR. */
  restartBlock: ((call: SyscallCall) => SyscallResult) | undefined;
  /** A job-control stop this thread has yet to join: its signal, 0 for none. */
  stopPending = 0;
  /** The ptrace stop this thread is in, or has left without having acted on it. */
  traceStop: TraceStop | undefined;
  /** Threads this one traces. */
  readonly tracees = new Set<Thread>();
  /** Event stop to make before the running system call returns: PTRACE_EVENT number and message. */
  traceEvent: { readonly event: number; readonly message: number } | undefined;
  /** A tracee that is to make a group or interrupt stop (PTRACE_INTERRUPT, PTRACE_SEIZE'd job control). */
  trapPending = false;
  /** A signal the debugger held back from delivery; see hooks.ts. */
  held: SignalInfo | undefined;
  /** System call filters, newest first; undefined: none (misc/seccomp.ts). */
  seccomp: SeccompFilter | undefined;
  /** prctl(PR_SET_NO_NEW_PRIVS); can only be set. */
  noNewPrivileges = false;
  /** The debug registers dr0–dr7 as ptrace wrote them. */
  readonly debugRegisters: bigint[] = [0n, 0n, 0n, 0n, 0n, 0n, 0xffff0ff0n, 0n];

  /** clone: the new thread's state. The alternate stack stays behind when the memory is shared without vfork. */
  cloneFrom(parent: ThreadSignals, sharesMemory: boolean, vfork: boolean): void {
    this.blocked.set(parent.blocked);
    this.seccomp = parent.seccomp;
    this.noNewPrivileges = parent.noNewPrivileges;
    if (!sharesMemory || vfork) this.altStack = parent.altStack;
  }

  exec(): void {
    this.altStack = NO_STACK;
    this.restartBlock = undefined;
  }

  /** Waits with another mask until the call has returned and its signal's handler, if any, has been entered. */
  useTemporaryMask(mask: SignalSet): void {
    this.savedMask ??= this.blocked.copy();
    this.blocked.set(mask);
  }

  /** Undoes {@link useTemporaryMask} when the call ended without a signal. */
  restoreMask(): void {
    if (this.savedMask === undefined) return;
    this.blocked.set(this.savedMask);
    this.savedMask = undefined;
  }
}
