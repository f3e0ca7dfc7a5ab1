/** Making a thread stop for its tracer, and letting it go on. */
import type { Thread } from '../process/thread.ts';
import { fatalPending, isIgnored, sendSignal } from '../signals/send.ts';
import { childInfo, kernelInfo, SignalInfo, userInfo } from '../signals/signal-info.ts';
import { ChildCode, SaFlag, Signal, SiCode } from '../signals/signal-numbers.ts';
import { traceStop } from './ptrace-trace.ts';
import type { TraceStop } from './trace-stop.ts';

/**
 * Puts the current thread into the stop and tells the tracer. False, doing nothing, when it is being killed: such a thread stops no more.
 */
export function stopTraced(thread: Thread, stop: TraceStop): boolean {
  if (thread.ptrace === undefined || fatalPending(thread)) return false;
  thread.signals.traceStop = stop;
  thread.kernel.pause(thread, 'traced');
  traceStop(thread, stop);
  tellTracer(thread, stop);
  return true;
}

/** The stop's siginfo; undefined for group stops, which have none. */
export function stopInfo(thread: Thread, stop: TraceStop): SignalInfo | undefined {
  if (stop.info !== undefined) return stop.info;
  if (stop.kind === 'group' && thread.ptrace?.seized !== true) return undefined;
  return userInfo(stop.kind === 'group' ? stop.code & 0x7f : Signal.TRAP, stop.code, thread.tid, thread.process.credentials.uid);
}

/**
 * Takes a stop that is over: undefined when the thread is in none or still in it. A signal the tracer gave along (which only a stop before a
 * signal's delivery treats specially) is sent to the thread.
 */
export function takeFinishedStop(thread: Thread): TraceStop | undefined {
  const { signals } = thread;
  const stop = signals.traceStop;
  if (stop === undefined) return undefined;
  signals.traceStop = undefined;
  if (stop.kind !== 'signal' && stop.kind !== 'group' && stop.injected !== 0) sendSignal(thread.kernel, thread, injectedInfo(thread, stop.injected));
  return stop;
}

/** siginfo of a signal that comes from the tracer's request alone. */
export function injectedInfo(thread: Thread, signal: number): SignalInfo {
  const tracer = thread.ptrace?.tracer;
  return tracer === undefined ? kernelInfo(signal) : userInfo(signal, SiCode.USER, tracer.process.pid, tracer.process.credentials.uid);
}

function tellTracer(thread: Thread, stop: TraceStop): void {
  const tracer = thread.ptrace?.tracer.process;
  if (tracer === undefined) return;
  if ((tracer.signals.actions[Signal.CHLD].flags & SaFlag.NOCLDSTOP) === 0 && !isIgnored(tracer.leader, Signal.CHLD)) {
    const why = stop.kind === 'group' ? ChildCode.STOPPED : ChildCode.TRAPPED;
    sendSignal(thread.kernel, tracer, childInfo(Signal.CHLD, why, thread.tid, thread.process.credentials.uid, stop.code & 0x7f));
  }
  tracer.childEvents.wake();
}
