/** That a thread is traced: by whom and how. Held by the tracee as `thread.ptrace`; the tracer's side is the set in tracees.ts. */
import type { Thread } from '../process/thread.ts';

/** How the tracee was last told to go on. */
export type TraceMode = 'cont' | 'syscall' | 'sysemu' | 'singlestep' | 'sysemu-singlestep';

export class TraceState {
  readonly tracer: Thread;
  /** PTRACE_SEIZE rather than ATTACH or TRACEME. */
  readonly seized: boolean;
  mode: TraceMode = 'cont';
  /** PTRACE_O_* bits. */
  options: number;
  /**
   * Where the registers of the tracee's own code are. `tracee`: in the tracee, which runs it or has stopped and was not asked yet. `tracer`: the
   * tracer has read them (or nothing has run yet), and what the tracee runs meanwhile (UML's stub) is not its own code. `given`: the tracer has written them, or the stub's.
   */
  registers: 'tracee' | 'tracer' | 'given' = 'tracer';
  /** For PTRACE_GETEVENTMSG. */
  eventMessage = 0;

  constructor(tracer: Thread, seized: boolean, options: number) {
    this.tracer = tracer;
    this.seized = seized;
    this.options = options;
  }

  get steps(): boolean {
    return this.mode === 'singlestep' || this.mode === 'sysemu-singlestep';
  }

  get emulates(): boolean {
    return this.mode === 'sysemu' || this.mode === 'sysemu-singlestep';
  }

  has(option: number): boolean {
    return (this.options & option) !== 0;
  }
}
