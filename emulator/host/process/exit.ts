/** How threads and processes end: what they hold is let go, children find a new parent, the parent hears of it, zombies are reaped. */
import { forgetTracee, onExit, releaseTracees } from '../ptrace/hooks.ts';
import { joinStop, releaseOrphanedGroups } from '../signals/job-control.ts';
import { offerShared, sendSignal } from '../signals/send.ts';
import { exitInfo } from '../signals/signal-info.ts';
import { SaFlag, SIG_IGN, Signal, SIGRTMAX } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { stopIntervalTimers } from '../time/interval-timers.ts';
import { deletePosixTimers } from '../time/posix-timers.ts';
import { leaveFutexes } from './futex.ts';
import type { Process } from './process.ts';
import { DEAD, type Thread } from './thread.ts';

/** Ends one thread; with the last one the process ends. `status` is in wait4's form. */
export function exitThread(thread: Thread, status: number): void {
  if (thread.state.kind === 'dead') return;
  const { kernel, process } = thread;
  kernel.scheduler.withdraw(thread);
  thread.state = DEAD;
  thread.exitStatus = status;
  thread.call = undefined;
  leaveMemory(thread);
  thread.descriptors.release();
  kernel.hooks.onThreadExit?.(thread);
  releaseTracees(thread);
  // What it was to do for its process, others do
  if (process.groupExit === undefined) {
    if (thread.signals.stopPending !== 0) joinStop(thread);
    offerShared(thread);
  }
  if (!thread.isLeader) {
    process.threads.delete(thread);
    if (thread.ptrace === undefined) forgetThread(thread);
  }
  if ([...process.threads].every((other) => other.state.kind === 'dead')) processEnds(process);
}

/** Ends all threads of a process: exit_group, a fatal signal. */
export function endProcess(process: Process, status: number): void {
  if (process.isZombie) return;
  process.groupExit = status;
  process.kernel.hooks.onProcessEnding?.(process);
  for (const thread of [...process.threads]) exitThread(thread, status);
}

/** Lets go of the thread's address space, at exit or exec; a parent that waits in vfork goes on. */
export function leaveMemory(thread: Thread): void {
  leaveFutexes(thread);
  thread.space.release();
  const { vforkDone } = thread;
  thread.vforkDone = undefined;
  vforkDone?.wake();
}

/** The thread's id is free again. */
export function forgetThread(thread: Thread): void {
  forgetTracee(thread);
  thread.kernel.threads.delete(thread.tid);
  thread.kernel.contexts.give(thread.context.slot);
}

/** Removes a zombie, whose status has been taken. */
export function reap(process: Process): void {
  const { kernel, parent } = process;
  if (parent !== undefined) {
    parent.children.delete(process);
    parent.timers.childrenUsed += process.timers.used + process.timers.childrenUsed;
  }
  kernel.processes.delete(process.pid);
  forgetThread(process.leader);
}

/** Tells the parent that a process is a zombie, or reaps it if nobody wants to know. Its tracer, if that is another, comes first. */
export function announceExit(process: Process): void {
  const { kernel, parent, leader } = process;
  const status = process.exitStatus ?? 0;
  const tracer = leader.ptrace?.tracer.process;
  if (tracer !== undefined && tracer !== parent) {
    sendSignal(kernel, tracer, exitInfo(Signal.CHLD, process.pid, process.credentials.uid, status));
    tracer.childEvents.wake();
    return;
  }
  if (parent === undefined) {
    reap(process);
    return;
  }
  const action = parent.signals.actions[Signal.CHLD];
  const isChildSignal = process.exitSignal === Signal.CHLD;
  const unwanted = isChildSignal && leader.ptrace === undefined && (action.handler === SIG_IGN || (action.flags & SaFlag.NOCLDWAIT) !== 0);
  // clone takes any byte for it
  const isSignal = process.exitSignal > 0 && process.exitSignal <= SIGRTMAX;
  if (isSignal && !(isChildSignal && action.handler === SIG_IGN)) {
    sendSignal(kernel, parent, exitInfo(process.exitSignal, process.pid, process.credentials.uid, status));
  }
  if (unwanted) reap(process);
  parent.childEvents.wake();
}

function processEnds(process: Process): void {
  const { kernel } = process;
  process.exitStatus = process.groupExit ?? process.leader.exitStatus;
  stopIntervalTimers(process);
  deletePosixTimers(process);
  process.executableFile?.release();
  process.executableFile = undefined;
  if (process.session.id === process.pid) process.session.terminal?.leaderExited(process.session);
  kernel.countLive(-1);
  kernel.hooks.onProcessExit?.(process, process.exitStatus);
  releaseOrphanedGroups(process);
  for (const child of [...process.children]) adopt(child, process);
  announceExit(process);
}

/** Gives an orphan to the nearest ancestor that wants such (PR_SET_CHILD_SUBREAPER), or to the machine. */
function adopt(child: Process, dead: Process): void {
  let reaper = dead.parent;
  while (reaper !== undefined && (!reaper.subreaper || reaper.isZombie)) reaper = reaper.parent;
  dead.children.delete(child);
  child.parent = reaper;
  reaper?.children.add(child);
  child.exitSignal = Signal.CHLD;
  if (child.isZombie) announceExit(child);
  else if (child.parentDeathSignal !== 0) child.kernel.raiseSignal(child, child.parentDeathSignal);
}

function exit(call: SyscallCall): SyscallResult {
  const status = (call.int(0) & 0xff) << 8;
  if (onExit(call.thread, status) === 'done') exitThread(call.thread, status);
  return 0;
}

function exitGroup(call: SyscallCall): SyscallResult {
  const status = (call.int(0) & 0xff) << 8;
  if (onExit(call.thread, status) === 'done') endProcess(call.thread.process, status);
  return 0;
}

export const exitSyscalls: readonly SyscallRow[] = [
  { name: 'exit', args: ['int'], handler: exit },
  { name: 'exit_group', args: ['int'], handler: exitGroup },
];
