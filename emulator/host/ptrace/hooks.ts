/**
 * What the scheduler and the process code call for traced threads, and where seccomp filters act. A hook that answers 'stopped' is called
 * again from the same place when the thread goes on.
 */
import { ORIG_RAX } from '../../cpu/state.ts';
import { runSeccomp } from '../misc/seccomp.ts';
import type { Thread } from '../process/thread.ts';
import { raiseStep } from '../signals/exceptions.ts';
import { fatalPending, forceSignal, sendSignal } from '../signals/send.ts';
import { faultInfo, kernelInfo, userInfo } from '../signals/signal-info.ts';
import { Signal, SiCode, TrapCode } from '../signals/signal-numbers.ts';
import { SyscallMessage, TraceEvent, TraceOption } from './requests.ts';
import { attach, detach } from './attach.ts';
import { stopTraced, takeFinishedStop } from './stop.ts';
import { TraceStop } from './trace-stop.ts';

/** Is the thread to be run one instruction at a time? */
export function wantsStep(thread: Thread): boolean {
  return thread.ptrace !== undefined && thread.ptrace.steps;
}

/** A step has retired. */
export function afterStep(thread: Thread): void {
  raiseStep(thread);
}

/**
 * Before a system call: 'skip' leaves rax as it is (PTRACE_SYSEMU, a seccomp filter, a tracer that set orig_rax to -1), 'run' means that number and
 * arguments are to be read from the registers now.
 */
export function syscallEntry(thread: Thread): 'run' | 'skip' | 'stopped' {
  const { ptrace, signals, kernel } = thread;
  if (ptrace === undefined && signals.traceStop === undefined && signals.seccomp === undefined) return 'run';
  const stop = takeFinishedStop(thread);
  if (stop === undefined) {
    if (ptrace !== undefined && (ptrace.mode === 'syscall' || ptrace.emulates)) {
      ptrace.eventMessage = SyscallMessage.ENTRY;
      if (stopTraced(thread, new TraceStop('syscall-entry', syscallCode(ptrace.options), undefined, { skip: ptrace.emulates }))) return 'stopped';
    }
  } else if (stop.skip) {
    return 'skip';
  }
  if (fatalPending(thread)) return 'skip';
  const number = kernel.linear.i32[thread.context.at(ORIG_RAX) >>> 2];
  if (number === -1) return 'skip';
  if (signals.seccomp === undefined || stop?.kind === 'event') return 'run';
  const verdict = runSeccomp(thread, number);
  if (verdict.kind !== 'trace') return verdict.kind;
  if (ptrace === undefined || !ptrace.has(TraceOption.TRACESECCOMP)) {
    verdict.refuse();
    return 'skip';
  }
  ptrace.eventMessage = verdict.data;
  return stopTraced(thread, eventStop(TraceEvent.SECCOMP)) ? 'stopped' : 'skip';
}

/** After a system call, its result being in rax. First come the event stops the call itself asked for. */
export function syscallExit(thread: Thread): 'done' | 'stopped' {
  const { ptrace, signals } = thread;
  if (ptrace === undefined && signals.traceStop === undefined) return 'done';
  if (signals.traceStop?.kind === 'syscall-exit') {
    takeFinishedStop(thread);
    return 'done';
  }
  if (stopForEvent(thread)) return 'stopped';
  if (ptrace === undefined) return 'done';
  if (ptrace.mode === 'singlestep') {
    forceSignal(thread, faultInfo(Signal.TRAP, TrapCode.BRKPT, BigInt(thread.context.rip)));
  } else if (ptrace.mode === 'syscall') {
    ptrace.eventMessage = SyscallMessage.EXIT;
    if (stopTraced(thread, new TraceStop('syscall-exit', syscallCode(ptrace.options), undefined))) return 'stopped';
  }
  return 'done';
}

/**
 * Makes the event stop the running call has asked for; also for calls that wait after it (vfork): on true the handler returns, and runs
 * again when the thread goes on.
 */
export function stopForEvent(thread: Thread): boolean {
  const { ptrace, signals } = thread;
  takeFinishedStop(thread);
  if (ptrace === undefined || signals.traceEvent === undefined) return false;
  const { event, message } = signals.traceEvent;
  signals.traceEvent = undefined;
  ptrace.eventMessage = message;
  return stopTraced(thread, eventStop(event));
}

/** The thread has made a child by clone, fork or vfork; before the child first runs. `flags` are clone's, with the exit signal in the low byte. */
export function onClone(parent: Thread, child: Thread, flags: number): void {
  const { ptrace } = parent;
  if (ptrace === undefined) return;
  const event = (flags & CloneFlag.VFORK) !== 0 ? TraceEvent.VFORK : (flags & 0xff) === Signal.CHLD ? TraceEvent.FORK : TraceEvent.CLONE;
  const wanted = (flags & CloneFlag.UNTRACED) === 0 && ptrace.has(1 << event);
  if (!wanted && (flags & CloneFlag.PTRACE) === 0) return;
  attach(child, ptrace.tracer, ptrace.seized, ptrace.options);
  if (ptrace.seized) child.signals.trapPending = true;
  else child.signals.pending.add(userInfo(Signal.STOP, SiCode.USER, 0, 0));
  if (wanted) parent.signals.traceEvent = { event, message: child.tid };
}

/** A vfork child has let go of its parent's memory. */
export function onVforkDone(parent: Thread, child: number): void {
  if (parent.ptrace?.has(TraceOption.TRACEVFORKDONE) === true) parent.signals.traceEvent = { event: TraceEvent.VFORK_DONE, message: child };
}

/** execve has replaced the program. `formerTid` is the thread id before it became the leader. */
export function onExec(thread: Thread, formerTid: number): void {
  const { ptrace } = thread;
  if (ptrace === undefined) return;
  if (ptrace.has(TraceOption.TRACEEXEC)) thread.signals.traceEvent = { event: TraceEvent.EXEC, message: formerTid };
  else if (!ptrace.seized) sendSignal(thread.kernel, thread, userInfo(Signal.TRAP, SiCode.USER, thread.process.pid, thread.process.credentials.uid));
}

/** The current thread is about to exit with the wait status. 'stopped': it stops first; call again when it goes on. */
export function onExit(thread: Thread, status: number): 'done' | 'stopped' {
  const { ptrace, signals } = thread;
  if (signals.traceStop !== undefined) {
    takeFinishedStop(thread);
    return 'done';
  }
  if (ptrace === undefined || !ptrace.has(TraceOption.TRACEEXIT)) return 'done';
  ptrace.eventMessage = status;
  return stopTraced(thread, eventStop(TraceEvent.EXIT)) ? 'stopped' : 'done';
}

/** The thread is gone: its tracees are let go, or killed where PTRACE_O_EXITKILL says so. */
export function releaseTracees(tracer: Thread): void {
  for (const tracee of [...tracer.signals.tracees]) {
    const kill = tracee.ptrace?.has(TraceOption.EXITKILL) === true;
    detach(tracee, 0);
    if (kill) sendSignal(tracee.kernel, tracee.process, kernelInfo(Signal.KILL));
  }
}

/** The thread has been reaped or was replaced: it is nobody's tracee. */
export function forgetTracee(thread: Thread): void {
  thread.ptrace?.tracer.signals.tracees.delete(thread);
  thread.ptrace = undefined;
}

const CloneFlag = { PTRACE: 0x2000, VFORK: 0x4000, UNTRACED: 0x800000 } as const;

function syscallCode(options: number): number {
  return (options & TraceOption.TRACESYSGOOD) !== 0 ? Signal.TRAP | 0x80 : Signal.TRAP;
}

function eventStop(event: number): TraceStop {
  return new TraceStop('event', Signal.TRAP | (event << 8), undefined);
}
