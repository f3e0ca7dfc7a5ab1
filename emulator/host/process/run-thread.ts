/** A thread's turn: the loop between user mode and the phases of the kernel (signals/README.md has the table). */
import { Exit, SYSENTER_VECTOR } from '../../cpu/exits.ts';
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { afterStep, syscallEntry, syscallExit, wantsStep } from '../ptrace/hooks.ts';
import { deliverSignals, returnWork } from '../signals/deliver.ts';
import { raiseException, raiseInterrupt, raiseUndefined } from '../signals/exceptions.ts';
import { signalPending } from '../signals/send.ts';
import { enterByInterrupt, enterBySysenter } from './i386-entry.ts';
import { runSyscall } from './syscall-dispatch.ts';
import type { Thread } from './thread.ts';

const INT80 = 0x80;

/**
 * Runs a thread until it leaves the CPU, its quantum is used up or a stop is requested.
 * @param single end it after one instruction in user mode and what the kernel does about that
 */
export function runThread(kernel: Kernel, thread: Thread, single: boolean): void {
  const { scheduler } = kernel;
  scheduler.run(thread);
  let ran = false;
  while (thread.state.kind === 'running') {
    if (kernel.stopRequested || (single && ran && thread.phase === 'user')) {
      scheduler.enqueueFirst(thread);
      break;
    }
    if (kernel.hooks.holds?.(thread) === true) {
      scheduler.park(thread);
      break;
    }
    switch (thread.phase) {
      case 'user':
        if (thread.quantum <= 0 || kernel.hooks.mayRun?.(thread) === false) {
          thread.process.involuntarySwitches++;
          scheduler.enqueue(thread);
          break;
        }
        // Somebody may have sent it a signal while it was in the queue
        if (signalPending(thread)) {
          leaveUser(thread);
          break;
        }
        runUser(kernel, thread, single);
        ran = true;
        break;
      case 'entry':
        enterSyscall(thread);
        break;
      case 'call':
        if (runSyscall(thread)) thread.phase = 'exit';
        else thread.process.voluntarySwitches++;
        break;
      case 'exit':
        if (syscallExit(thread) !== 'done') break;
        thread.phase = 'return';
        kernel.hooks.onSyscall?.(thread, 'return');
        break;
      case 'return':
        if (returnWork(thread)) deliverSignals(thread);
        if (thread.state.kind === 'running') thread.phase = 'user';
        break;
    }
  }
  scheduler.current = undefined;
}

function enterSyscall(thread: Thread): void {
  switch (syscallEntry(thread)) {
    case 'run':
      thread.phase = 'call';
      break;
    case 'skip':
      thread.phase = 'exit';
      break;
    case 'stopped':
      break;
  }
}

function runUser(kernel: Kernel, thread: Thread, single: boolean): void {
  const { clock, cpu, timers } = kernel;
  const { process, context } = thread;
  const next = timers.next;
  let budget = Math.min(thread.quantum, process.timers.budget);
  if (next !== undefined) budget = Math.min(budget, Math.ceil(next - clock.monotonic));
  const stepping = wantsStep(thread);
  const exit = stepping || single ? cpu.step(context, thread.space) : cpu.run(context, thread.space, Math.max(budget, 1));
  const { retired } = cpu;
  clock.advance(retired);
  thread.retired += retired;
  thread.quantum -= retired;
  process.timers.charge(retired);
  switch (exit) {
    case Exit.budget:
      if (stepping) {
        afterStep(thread);
        leaveUser(thread);
      }
      break;
    case Exit.syscall:
      context.setGprNumber(Reg.rcx, context.rip);
      context.setGprNumber(Reg.r11, cpu.readRflags(context));
      context.keepSyscallNumber();
      context.setGprNumber(Reg.rax, -Errno.ENOSYS);
      thread.callWordSize = 8;
      thread.sysenter = undefined;
      thread.phase = 'entry';
      break;
    case Exit.interrupt:
      softwareInterrupt(thread, Number(cpu.exitArgument));
      break;
    case Exit.exception:
      leaveUser(thread);
      raiseException(thread);
      break;
    case Exit.breakpoint:
      if (kernel.hooks.onBreakpoint === undefined) throw new Error(`breakpoint at ${context.rip.toString(16)} without a debugger`);
      kernel.hooks.onBreakpoint(thread);
      break;
    case Exit.watchpoint:
      kernel.hooks.onWatchpoint?.(thread, Number(cpu.exitArgument));
      break;
    case Exit.undefined:
      kernel.trace.warn(`missing instruction in ${thread.name}, pid ${process.pid}: ${cpu.describe(thread.space, context.rip)}`);
      leaveUser(thread);
      raiseUndefined(thread);
      break;
    default:
      throw new Error(`the CPU came back with ${exit} in pid ${process.pid} at ${context.rip.toString(16)}`);
  }
  if (thread.phase === 'entry') kernel.hooks.onSyscall?.(thread, 'entry');
  kernel.runTimers();
  if (thread.phase === 'user' && signalPending(thread)) leaveUser(thread);
}

function leaveUser(thread: Thread): void {
  thread.origRax = -1;
  thread.phase = 'return';
}

/** `int n`: the i386 system call gate, the breakpoint and overflow gates; anything else is a general protection fault. */
function softwareInterrupt(thread: Thread, vector: number): void {
  if (vector === INT80) {
    enterByInterrupt(thread);
    return;
  }
  if (vector === SYSENTER_VECTOR && thread.wordSize === 4) {
    enterBySysenter(thread);
    return;
  }
  leaveUser(thread);
  raiseInterrupt(thread, vector);
}
