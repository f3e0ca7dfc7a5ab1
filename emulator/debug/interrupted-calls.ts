/**
 * Registers of threads that sleep in a system call. As under Linux's ptrace they look interrupted: rip behind the `syscall`, orig_rax its
 * number, rax -ERESTARTSYS. Only when the debugger writes a register is the call really given up; going on then starts it
 * again, or gives the result it had, unless orig_rax was set to -1 (as gdb does to call functions).
 */
import { Reg } from '../cpu/state.ts';
import { Errno } from '../host/errno.ts';
import type { Thread } from '../host/process/thread.ts';
import { inSyscall, restartWithoutHandler } from '../host/signals/restart.ts';

/** What rax shows of a call that is not finished. */
export const UNFINISHED = BigInt.asUintN(64, -BigInt(Errno.ERESTARTSYS));

/** Has rax what {@link UNFINISHED} says? gdb, which writes registers back, knows only half of i386's. */
function isUnfinished({ context, callWordSize }: Thread): boolean {
  return callWordSize === 8 ? context.gpr(Reg.rax) === UNFINISHED : context.gprLow(Reg.rax) === -Errno.ERESTARTSYS;
}

export class InterruptedCalls {
  /** Results calls had when they were given up, other than "start again". */
  private readonly results = new Map<Thread, number>();

  /** A thread that was taken out of what it does: its registers are its own, whatever call it is in. */
  elsewhere: Thread | undefined;

  /** Threads which stand behind a call with its result, untouched. */
  private readonly behind = new Set<Thread>();

  /** What comes behind a call (a signal's handler, starting again) is left to the way back to user mode, unless a register is written. */
  leaveAlone(thread: Thread): void {
    this.behind.add(thread);
  }

  /** rax as the debugger sees it. */
  rax(thread: Thread): bigint {
    return this.isInCall(thread) ? UNFINISHED : thread.context.gpr(Reg.rax);
  }

  /** Before a register is written. False if the thread is in a call that cannot be given up (vfork's wait for the child). */
  giveUp(thread: Thread): boolean {
    this.behind.delete(thread);
    if (!this.isInCall(thread)) return true;
    const { kernel, state } = thread;
    if (state.kind === 'sleeping') {
      if (state.wait.interruption === 'uninterruptible') return false;
      const result = state.wait.interrupted?.();
      if (result !== undefined) this.results.set(thread, result);
      else if (state.wait.interruption === 'eintr') this.results.set(thread, -Errno.EINTR);
    }
    kernel.scheduler.withdraw(thread);
    thread.call = undefined;
    thread.phase = 'return';
    thread.context.setGpr(Reg.rax, UNFINISHED);
    kernel.scheduler.enqueue(thread);
    return true;
  }

  /** Before the thread goes on: what the way back to user mode would have done about the call. */
  settle(thread: Thread): void {
    if (this.behind.delete(thread)) return;
    const result = this.results.get(thread);
    this.results.delete(thread);
    if (thread.phase !== 'return' && thread.phase !== 'user') return;
    if (result !== undefined && inSyscall(thread) && isUnfinished(thread)) thread.context.setGprNumber(Reg.rax, result);
    restartWithoutHandler(thread);
    thread.origRax = -1;
  }

  private isInCall(thread: Thread): boolean {
    return thread !== this.elsewhere && (thread.phase === 'call' || (thread.phase === 'entry' && thread.state.kind !== 'ready'));
  }
}
