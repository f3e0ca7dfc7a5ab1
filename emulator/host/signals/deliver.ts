/**
 * Delivering signals: what every thread does before it goes back to user mode. Takes its signals one after another and lets each have its
 * effect: nothing, a handler's frame, a stop, the end of the process. See README.md for how stops interrupt and resume this.
 */
import { ORIG_RAX } from '../../cpu/state.ts';
import { Resource } from '../misc/limits.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { injectedInfo, stopTraced, takeFinishedStop } from '../ptrace/stop.ts';
import { TraceEvent } from '../ptrace/requests.ts';
import { TraceStop } from '../ptrace/trace-stop.ts';
import { beginStop, isOrphanedGroup, joinStop } from './job-control.ts';
import type { SignalAction } from './process-signals.ts';
import { restartBeforeHandler, restartWithoutHandler, wasInterrupted } from './restart.ts';
import { fatalPending, forceSignal, sendSignal, signalPending } from './send.ts';
import { enterHandler } from './signal-frame.ts';
import type { SignalFate } from './signal-hooks.ts';
import { kernelInfo, SignalInfo } from './signal-info.ts';
import { defaultAction, SaFlag, SIG_DFL, SIG_IGN, Signal, signalName } from './signal-numbers.ts';

/** Is there anything for {@link deliverSignals} to do? Cheap; asked before every return to user mode. */
export function returnWork(thread: Thread): boolean {
  const { signals } = thread;
  return signalPending(thread) || signals.traceStop !== undefined || signals.savedMask !== undefined || wasInterrupted(thread);
}

/**
 * Delivers what is pending. Afterwards the thread is ready to run user code, or its state says why not: stopped, traced, dead; or the
 * debugger holds a signal back (`signals.held`) and this is to be called again before the thread runs.
 * Call it also after an interrupted system call: restarting is done here.
 */
export function deliverSignals(thread: Thread): void {
  const { signals, process, kernel } = thread;
  let next = finishStop(thread);
  for (;;) {
    if (fatalPending(thread)) {
      endProcess(thread, kernelInfo(Signal.KILL));
      return;
    }
    let asked = false;
    if (next === undefined) {
      if (signals.stopPending !== 0 || signals.trapPending) {
        if (stopForGroup(thread)) return;
        continue;
      }
      if (signals.held !== undefined) {
        next = signals.held;
        signals.held = undefined;
        asked = true;
      } else {
        const taken = takeSignal(thread);
        if (taken === undefined) break;
        next = taken.info;
        if (thread.ptrace !== undefined && next.signal !== Signal.KILL) {
          if (stopTraced(thread, new TraceStop('signal', next.signal, next, { shared: taken.shared }))) return;
          continue;
        }
      }
    }
    const info = next;
    next = undefined;
    const fate = signalFate(process, info.signal);
    if (!asked && kernel.signalHooks.onSignal?.(thread, info, fate) === 'hold') {
      signals.held = info;
      return;
    }
    if (kernel.trace.on('signal')) kernel.trace.line('signal', `[${thread.tid}] --- ${signalName(info.signal)} code ${info.code}: ${fate}`);
    if (fate === 'fatal') {
      endProcess(thread, info);
      return;
    }
    if (fate === 'stop') {
      if (info.signal === Signal.STOP || !isOrphanedGroup(kernel, process.group, process.session)) beginStop(thread, info.signal);
    } else if (fate === 'handled') {
      if (!runHandler(thread, info)) continue;
      if (thread.ptrace?.steps === true && stopTraced(thread, new TraceStop('notify', Signal.TRAP, undefined))) return;
    }
  }
  restartWithoutHandler(thread);
  signals.restoreMask();
  kernel.linear.view.setBigInt64(thread.context.at(ORIG_RAX), -1n, true);
}

/** What would become of the signal if it were delivered now. */
export function signalFate(process: Process, signal: number): SignalFate {
  const { handler } = process.signals.actions[signal];
  if (handler === SIG_IGN && signal !== Signal.KILL && signal !== Signal.STOP) return 'ignored';
  if (handler !== SIG_DFL && handler !== SIG_IGN) return 'handled';
  switch (defaultAction(signal)) {
    case 'ignore':
    case 'continue':
      return 'ignored';
    case 'stop':
      return 'stop';
    default:
      return 'fatal';
  }
}

/** A stop the thread comes out of: the signal it is now to take, if any. */
function finishStop(thread: Thread): SignalInfo | undefined {
  const stop = takeFinishedStop(thread);
  if (stop?.kind !== 'signal' || stop.injected === 0) return undefined;
  const info = stop.info?.signal === stop.injected ? stop.info : injectedInfo(thread, stop.injected);
  if (!thread.signals.blocked.has(info.signal)) return info;
  sendSignal(thread.kernel, stop.shared ? thread.process : thread, info);
  return undefined;
}

/** Joins a stop of the process, or makes the stop a tracer asked for. False if the thread does not stop after all. */
function stopForGroup(thread: Thread): boolean {
  const { signals, process, ptrace } = thread;
  const signal = signals.stopPending;
  signals.trapPending = false;
  if (signal !== 0) joinStop(thread);
  if (ptrace === undefined) {
    if (signal === 0) return false;
    thread.kernel.pause(thread, 'stopped');
    return true;
  }
  if (!ptrace.seized) return signal !== 0 && stopTraced(thread, new TraceStop('group', signal, undefined));
  const shown = signal !== 0 || process.signals.stopped ? process.signals.stopSignal : Signal.TRAP;
  return stopTraced(thread, new TraceStop('group', shown | (TraceEvent.STOP << 8), undefined));
}

function takeSignal(thread: Thread): { readonly info: SignalInfo; readonly shared: boolean } | undefined {
  const { signals, process } = thread;
  const own = signals.pending.takeSynchronous(signals.blocked) ?? signals.pending.take(signals.blocked);
  if (own !== undefined) return { info: own, shared: false };
  const info = process.signals.pending.takeSynchronous(signals.blocked) ?? process.signals.pending.take(signals.blocked);
  return info === undefined ? undefined : { info, shared: true };
}

/** Enters the handler. False when its frame could not be built: SIGSEGV is pending instead. */
function runHandler(thread: Thread, info: SignalInfo): boolean {
  const { signals, process, kernel } = thread;
  const { signal } = info;
  const action = process.signals.actions[signal];
  if ((action.flags & SaFlag.RESETHAND) !== 0) process.signals.actions[signal] = { ...action, handler: SIG_DFL };
  restartBeforeHandler(thread, action);
  if (!enterHandler(thread, info, action, signals.savedMask ?? signals.blocked)) {
    forceSegv(thread, signal);
    return false;
  }
  blockForHandler(thread, signal, action);
  kernel.signalHooks.onSignalDelivered?.(thread, info);
  return true;
}

function blockForHandler(thread: Thread, signal: number, action: SignalAction): void {
  const { signals } = thread;
  signals.savedMask = undefined;
  signals.blocked.addAll(action.mask);
  if ((action.flags & SaFlag.NODEFER) === 0) signals.blocked.add(signal);
}

/** The frame of a handler for `signal` did not fit anywhere, or sigreturn found nonsense: SIGSEGV, which nothing can catch if it is that signal itself. */
export function forceSegv(thread: Thread, signal: number): void {
  const { actions } = thread.process.signals;
  if (signal === Signal.SEGV) actions[Signal.SEGV] = { ...actions[Signal.SEGV], handler: SIG_DFL };
  forceSignal(thread, kernelInfo(Signal.SEGV));
}

function endProcess(thread: Thread, fatal: SignalInfo): void {
  const { process, kernel } = thread;
  const core = defaultAction(fatal.signal) === 'core' && process.limits.soft(Resource.CORE) > 0;
  kernel.signalHooks.onFatalSignal?.(thread, fatal, core);
  kernel.exitGroup(process, fatal.signal | (core ? 0x80 : 0));
}
