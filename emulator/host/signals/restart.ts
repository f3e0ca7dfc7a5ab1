/**
 * What becomes of a system call that a signal interrupted: its result is one of the kernel-internal codes -ERESTART…, and on the way back
 * to user mode it either turns into EINTR or rip goes back two bytes, onto the `syscall` (or `int 0x80`) instruction.
 */
import { GPR, ORIG_RAX, Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { Thread } from '../process/thread.ts';
import type { SignalAction } from './process-signals.ts';
import { SaFlag } from './signal-numbers.ts';

const SYSCALL_BYTES = 2;
const RAX = GPR + Reg.rax * 8;
/** Number of restart_syscall, x86-64 and i386. */
const RESTART_SYSCALL = { 8: 219, 4: 0 } as const;

/** True if the thread came by a system call (and nobody has set orig_rax to -1 since). */
export function inSyscall(thread: Thread): boolean {
  return thread.kernel.linear.i32[(thread.context.at(ORIG_RAX) >>> 2) + 1] >= 0;
}

/** True if a system call's result is one of the internal codes, which the guest must never see. */
export function wasInterrupted(thread: Thread): boolean {
  return interruptedResult(thread) !== 0 && inSyscall(thread);
}

/** A handler is about to run. */
export function restartBeforeHandler(thread: Thread, action: SignalAction): void {
  if (!inSyscall(thread)) return;
  switch (interruptedResult(thread)) {
    case Errno.ERESTART_RESTARTBLOCK:
    case Errno.ERESTARTNOHAND:
      thread.context.setGprNumber(Reg.rax, -Errno.EINTR);
      break;
    case Errno.ERESTARTSYS:
      if ((action.flags & SaFlag.RESTART) !== 0) repeat(thread);
      else thread.context.setGprNumber(Reg.rax, -Errno.EINTR);
      break;
    case Errno.ERESTARTNOINTR:
      repeat(thread);
      break;
  }
}

/** No handler runs. */
export function restartWithoutHandler(thread: Thread): void {
  if (!inSyscall(thread)) return;
  switch (interruptedResult(thread)) {
    case Errno.ERESTARTNOHAND:
    case Errno.ERESTARTSYS:
    case Errno.ERESTARTNOINTR:
      repeat(thread);
      break;
    case Errno.ERESTART_RESTARTBLOCK:
      thread.context.setGprNumber(Reg.rax, RESTART_SYSCALL[thread.callWordSize]);
      rewind(thread);
      break;
  }
}

/** The positive code when rax holds -ERESTART…, else 0. */
function interruptedResult(thread: Thread): number {
  const { i32 } = thread.kernel.linear;
  const at = thread.context.at(RAX) >>> 2;
  const low = i32[at];
  // A tracer that wrote back i386's eax has cleared what is above it
  const negative = i32[at + 1] === -1 || thread.callWordSize === 4;
  return negative && low <= -Errno.ERESTARTSYS && low >= -Errno.ERESTART_RESTARTBLOCK ? -low : 0;
}

function repeat(thread: Thread): void {
  const { linear } = thread.kernel;
  const number = thread.context.at(ORIG_RAX);
  linear.u8.copyWithin(thread.context.at(RAX), number, number + 8);
  rewind(thread);
}

/** Back onto the instruction that made the call. */
function rewind(thread: Thread): void {
  const { context, sysenter } = thread;
  if (sysenter === undefined) {
    context.rip -= SYSCALL_BYTES;
    return;
  }
  context.rip = sysenter.rip - SYSCALL_BYTES;
  context.setGprNumber(Reg.rsp, sysenter.stack);
  context.setGprNumber(Reg.rbp, sysenter.stack);
}
