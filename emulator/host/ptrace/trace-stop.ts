/** A ptrace stop of a thread, from the moment it stops until it has acted on what the tracer said. */
import type { SignalInfo } from '../signals/signal-info.ts';

export type TraceStopKind =
  /** A signal is about to be delivered; the tracer may change or drop it. */
  | 'signal'
  | 'syscall-entry' | 'syscall-exit'
  /** PTRACE_EVENT_* within a system call. */
  | 'event'
  /** Job control, PTRACE_INTERRUPT. */
  | 'group'
  /** SIGTRAP that is only told to the tracer: a step into a handler. */
  | 'notify';

export class TraceStop {
  readonly kind: TraceStopKind;
  /** What wait4 shows in bits 8 and up: signal, | 0x80 for system calls, | event << 8. */
  readonly code: number;
  /** The signal of a 'signal' stop; of others only when PTRACE_SETSIGINFO put one here. */
  info: SignalInfo | undefined;
  /** PTRACE_SYSEMU: the call is not made. */
  readonly skip: boolean;
  /** A signal stop: the signal was taken from the process's queue, not the thread's. */
  readonly shared: boolean;
  /** The tracer has seen it in wait4. */
  reported = false;
  /** The tracer let the thread go on; `injected` is the signal it gave. */
  resumed = false;
  injected = 0;
  /** PTRACE_LISTEN: counts as stopped, but not as the tracer's. */
  listening = false;

  constructor(kind: TraceStopKind, code: number, info: SignalInfo | undefined, options: { skip?: boolean; shared?: boolean } = {}) {
    this.kind = kind;
    this.code = code;
    this.info = info;
    this.skip = options.skip ?? false;
    this.shared = options.shared ?? false;
  }
}
