/** Who traces whom: beginning, ending, and letting a stopped tracee go on. */
import type { Thread } from '../process/thread.ts';
import { sendSignal } from '../signals/send.ts';
import { injectedInfo } from './stop.ts';
import { type TraceMode, TraceState } from './trace-state.ts';

export function attach(tracee: Thread, tracer: Thread, seized: boolean, options: number): void {
  tracee.ptrace = new TraceState(tracer, seized, options);
  tracer.signals.tracees.add(tracee);
}

/** Ends tracing. A stopped tracee goes on with `signal`; one whose process is stopped by job control stays so. */
export function detach(tracee: Thread, signal: number): void {
  const { ptrace, signals, kernel } = tracee;
  if (ptrace === undefined) return;
  const info = signal === 0 ? undefined : injectedInfo(tracee, signal);
  ptrace.tracer.signals.tracees.delete(tracee);
  tracee.ptrace = undefined;
  signals.trapPending = false;
  signals.traceEvent = undefined;
  if (tracee.process.signals.stopped) signals.stopPending = tracee.process.signals.stopSignal;
  const stop = signals.traceStop;
  if (stop === undefined || tracee.state.kind !== 'traced') return;
  if (info !== undefined && stop.kind === 'signal') {
    stop.injected = signal;
    if (stop.info?.signal !== signal) stop.info = info;
  } else if (info !== undefined) {
    sendSignal(kernel, tracee, info);
  }
  stop.resumed = true;
  kernel.resume(tracee);
}

/** PTRACE_CONT and its kin. */
export function resumeTracee(tracee: Thread, mode: TraceMode, signal: number): void {
  const { ptrace, signals } = tracee;
  if (ptrace === undefined || signals.traceStop === undefined) return;
  // From the entry of a system call the tracer has already read, the way to its exit is not the tracee's own code.
  const own = mode !== 'cont' && !(mode === 'syscall' && signals.traceStop.kind === 'syscall-entry');
  ptrace.registers = own ? 'tracee' : 'tracer';
  ptrace.mode = mode;
  signals.traceStop.injected = signal;
  signals.traceStop.resumed = true;
  tracee.kernel.resume(tracee);
}
