/**
 * Stopping and continuing whole processes, and telling the parent. A stop is asked of all threads and made by each when it comes by;
 * the last one to join makes the process stopped.
 */
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process/process.ts';
import type { Session } from '../process/session.ts';
import type { Thread } from '../process/thread.ts';
import { notice, sendSignal } from './send.ts';
import { childInfo, kernelInfo } from './signal-info.ts';
import { ChildCode, SaFlag, SIG_IGN, Signal } from './signal-numbers.ts';

/** Begins a stop of the thread's process by a stop signal that it has just taken. */
export function beginStop(thread: Thread, signal: number): void {
  const { process, kernel } = thread;
  const { signals } = process;
  if (!signals.stopped) signals.stopSignal = signal;
  signals.stopRemaining = 0;
  for (const other of process.threads) {
    if (other.state.kind === 'dead' || other.state.kind === 'stopped') continue;
    other.signals.stopPending = signal;
    signals.stopRemaining++;
    if (other !== thread) notice(kernel, other, false);
  }
}

/** The thread joins the stop it was asked to make. If it is the last, the process is stopped and the parent hears of it. */
export function joinStop(thread: Thread): void {
  const { process } = thread;
  const { signals } = process;
  thread.signals.stopPending = 0;
  if (signals.stopRemaining > 0) signals.stopRemaining--;
  if (signals.stopRemaining > 0 || signals.stopped) return;
  signals.stopped = true;
  signals.unreported = 'stopped';
  tellParent(process, ChildCode.STOPPED, signals.stopSignal);
}

/** SIGCONT was sent: whatever is stopped goes on, whether or not the signal itself is blocked or ignored. */
export function continueProcess(kernel: Kernel, process: Process): void {
  const { signals } = process;
  const wasStopping = signals.stopRemaining > 0;
  signals.stopRemaining = 0;
  for (const thread of process.threads) {
    thread.signals.stopPending = 0;
    if (thread.state.kind === 'stopped') kernel.resume(thread);
    else if (thread.ptrace?.seized === true && thread.signals.traceStop?.listening === true) {
      thread.signals.trapPending = true;
      kernel.resume(thread);
    }
  }
  if (!signals.stopped && !wasStopping) return;
  const wasStopped = signals.stopped;
  signals.stopped = false;
  if (!wasStopped) return;
  signals.unreported = 'continued';
  tellParent(process, ChildCode.CONTINUED, Signal.CONT);
}

/** SIGCHLD for a stop or continue, unless the parent does not want those; wait4 is woken in any case. */
export function tellParent(process: Process, code: number, status: number): void {
  const { parent } = process;
  if (parent === undefined) return;
  const action = parent.signals.actions[Signal.CHLD];
  if (action.handler !== SIG_IGN && (action.flags & SaFlag.NOCLDSTOP) === 0) {
    sendSignal(process.kernel, parent, childInfo(Signal.CHLD, code, process.pid, process.credentials.uid, status));
  }
  parent.childEvents.wake();
}

/** No member of the process group, the one that is just going aside, has a parent that could continue it: terminal stop signals do not stop it. */
export function isOrphanedGroup(kernel: Kernel, group: number, session: Session, going?: Process): boolean {
  for (const { group: own, isZombie, parent, session: ownSession } of kernel.processes.values()) {
    if (own !== group || isZombie || parent === undefined || parent === going) continue;
    if (ownSession === session && parent.group !== group && parent.session === session) return false;
  }
  return true;
}

/** A process has just ended, and its children have not moved yet: groups which thereby lose whoever could continue them get SIGHUP and SIGCONT, if they have stopped members. */
export function releaseOrphanedGroups(process: Process): void {
  const { kernel, session } = process;
  const groups = new Set<number>();
  if (process.parent !== undefined && process.parent.group !== process.group && process.parent.session === session) groups.add(process.group);
  for (const child of process.children) if (child.group !== process.group && child.session === session) groups.add(child.group);
  for (const group of groups) {
    const members = [...kernel.processes.values()].filter((member) => member.group === group && !member.isZombie);
    if (!members.some((member) => member.signals.stopped) || !isOrphanedGroup(kernel, group, session, process)) continue;
    for (const member of members) {
      sendSignal(kernel, member, kernelInfo(Signal.HUP));
      sendSignal(kernel, member, kernelInfo(Signal.CONT));
    }
  }
}
