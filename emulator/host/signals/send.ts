/**
 * Sending signals: queueing, ignoring, choosing the thread, waking it. Nothing is delivered here: the receiver does that on its way back
 * to user mode (deliver.ts).
 */
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { Resource } from '../misc/limits.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { continueProcess } from './job-control.ts';
import type { SignalInfo } from './signal-info.ts';
import { defaultAction, SIG_DFL, SIG_IGN, Signal, SIGRTMIN, SiCode, STOP_SIGNALS } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';

const STOPS = SignalSet.of(...STOP_SIGNALS);
const CONTINUE = SignalSet.of(Signal.CONT);

/**
 * Sends a signal to a process (any of its threads takes it) or to one thread.
 * @returns 0, or -EAGAIN when a queued signal finds the queue full (RLIMIT_SIGPENDING).
 */
export function sendSignal(kernel: Kernel, target: Thread | Process, info: SignalInfo): number {
  const process = isThread(target) ? target.process : target;
  const { signal } = info;
  const representative = isThread(target) ? target : process.leader;
  if (signal === Signal.CONT) {
    discardEverywhere(process, STOPS);
    continueProcess(kernel, process);
  } else if (STOPS.has(signal)) {
    discardEverywhere(process, CONTINUE);
  }
  if (isIgnored(representative, signal)) return 0;
  const pending = isThread(target) ? target.signals.pending : process.signals.pending;
  if (signal >= SIGRTMIN && info.code !== SiCode.USER && info.code !== SiCode.KERNEL && queued(process) >= process.limits.soft(Resource.SIGPENDING)) return -Errno.EAGAIN;
  if (!pending.add(info)) return 0;
  process.signals.arrived.wake();
  const receiver = isThread(target) ? (wants(target, signal) ? target : undefined) : chooseReceiver(process, signal);
  if (receiver !== undefined) notice(kernel, receiver, signal === Signal.KILL);
  return 0;
}

/** Sends the signal of a POSIX timer, which is queued even when the same signal waits already. */
export function sendTimerSignal(kernel: Kernel, target: Thread | Process, info: SignalInfo): void {
  const { signal } = info;
  const thread = isThread(target);
  if (isIgnored(thread ? target : target.leader, signal)) return;
  target.signals.pending.addSeparately(info);
  (thread ? target.process : target).signals.arrived.wake();
  const receiver = thread ? (wants(target, signal) ? target : undefined) : chooseReceiver(target, signal);
  if (receiver !== undefined) notice(kernel, receiver, signal === Signal.KILL);
}

/**
 * Sends a signal that cannot be refused, as the host does for faults: if the thread blocks or ignores it, it meets the default action.
 */
export function forceSignal(thread: Thread, info: SignalInfo): void {
  const { signals, process } = thread;
  const { signal } = info;
  if (signals.blocked.has(signal) || process.signals.actions[signal].handler === SIG_IGN) {
    process.signals.actions[signal] = { ...process.signals.actions[signal], handler: SIG_DFL };
    signals.blocked.delete(signal);
  }
  signals.pending.add(info);
}

/** True when a signal, a stop or the debugger's held one waits for the thread to look. */
export function signalPending(thread: Thread): boolean {
  const { signals } = thread;
  return signals.stopPending !== 0 || signals.trapPending || signals.held !== undefined
    || signals.pending.set.exceeds(signals.blocked) || thread.process.signals.pending.set.exceeds(signals.blocked);
}

/** True when SIGKILL waits for the thread: even uninterruptible sleeps end. */
export function fatalPending(thread: Thread): boolean {
  return thread.signals.pending.set.has(Signal.KILL) || thread.process.signals.pending.set.has(Signal.KILL);
}

/** Would the signal be thrown away on arrival? Tracees get to see everything, blocked signals wait. */
export function isIgnored(thread: Thread, signal: number): boolean {
  if (thread.signals.blocked.has(signal)) return false;
  if (thread.ptrace !== undefined && signal !== Signal.KILL) return false;
  return meansNothing(thread.process, signal);
}

/** Makes the thread look at its signals soon: ends its sleep; for SIGKILL also a stop, the debugger's included. */
export function notice(kernel: Kernel, thread: Thread, fatal: boolean): void {
  const { kind } = thread.state;
  if (kind === 'stopped' || kind === 'traced') {
    if (fatal) kernel.resume(thread);
  } else if (kind !== 'dead') {
    kernel.wake(thread);
    if (fatal) kernel.scheduler.unpark(thread);
  }
}

/** The thread blocks signals, or goes: those which wait for the process and which it might have taken are offered to the other threads. */
export function offerShared(thread: Thread): void {
  const { process, kernel } = thread;
  const { set } = process.signals.pending;
  if (set.empty || process.threads.size === 1) return;
  for (const other of process.threads) {
    if (other !== thread && other.state.kind === 'sleeping' && set.exceeds(other.signals.blocked)) notice(kernel, other, false);
  }
}

/** Throws away what became meaningless when an action was set to ignore. */
export function discardIgnored(process: Process, signal: number): void {
  if (meansNothing(process, signal)) discardEverywhere(process, SignalSet.of(signal));
}

function meansNothing(process: Process, signal: number): boolean {
  const { handler } = process.signals.actions[signal];
  if (handler === SIG_IGN) return true;
  if (handler !== SIG_DFL) return false;
  const action = defaultAction(signal);
  return action === 'ignore' || action === 'continue';
}

function chooseReceiver(process: Process, signal: number): Thread | undefined {
  if (wants(process.leader, signal)) return process.leader;
  for (const thread of process.threads) if (wants(thread, signal)) return thread;
  return undefined;
}

function wants(thread: Thread, signal: number): boolean {
  const { kind } = thread.state;
  if (kind === 'dead') return false;
  if (signal === Signal.KILL) return true;
  if (kind === 'stopped' || kind === 'traced') return false;
  return !thread.signals.blocked.has(signal) || thread.signals.waitingFor?.has(signal) === true;
}

function discardEverywhere(process: Process, signals: SignalSet): void {
  process.signals.pending.discard(signals);
  for (const thread of process.threads) thread.signals.pending.discard(signals);
}

function queued(process: Process): number {
  let count = process.signals.pending.length;
  for (const thread of process.threads) count += thread.signals.pending.length;
  return count;
}

function isThread(target: Thread | Process): target is Thread {
  return 'tid' in target;
}
