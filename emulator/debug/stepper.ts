/**
 * Single steps of one thread, as far as the user thinks of them: asynchronous signals wait until the thread continues, the handler
 * of a fault runs to its end first, a system call that sleeps is one step, and a range is many.
 */
import { Reg } from '../cpu/state.ts';
import type { Kernel } from '../host/kernel.ts';
import type { Thread } from '../host/process/thread.ts';
import { inSyscall } from '../host/signals/restart.ts';
import type { SignalFate } from '../host/signals/signal-hooks.ts';
import type { SignalInfo } from '../host/signals/signal-info.ts';
import { SYNCHRONOUS_SIGNALS } from '../host/signals/signal-numbers.ts';
import type { Orders, StepContext } from './stops.ts';

/** Steps in a row after which other threads get a turn: the stepped one may be waiting for them. */
const TURN = 512;
/** The code a handler returns to is two instructions: load the number of rt_sigreturn, `syscall`. */
const RESTORER_BYTES = 16;
const RESTORER_STEPS = 4;

/** A handler that is to finish before the step goes on. */
interface RunningHandler {
  /** Where it returns to. */
  readonly restorer: number;
  /** rsp there. */
  readonly rsp: number;
  /** rip of the instruction it interrupted. */
  readonly interrupted: number;
}

export type StepProgress =
  /** The instruction, or the range, is done. */
  | 'done'
  /** Call `advance` again at once. */
  | 'more'
  /** The machine has to run until the thread is back: see `mayRun`, `atBreakpoint`. */
  | 'run'
  /** As `run`, but without this thread, for a moment. */
  | 'others';

export class Stepper {
  readonly thread: Thread;
  /** True while `kernel.step` runs. */
  active = false;
  private readonly kernel: Kernel;
  private readonly range: { readonly start: number; readonly end: number } | undefined;
  private handler: RunningHandler | undefined;
  private handlerDone = false;
  private entered = false;
  /** The thread is in the kernel; the step ends when it comes back. */
  private away: boolean;
  private count = 0;
  private readonly context: StepContext | undefined;
  /** The thread executes other contexts until it is here. */
  private absence: { readonly rip: number; readonly rsp: number } | 'for ever' | undefined;
  private backAgain = false;
  /** Something of the step has been done. */
  private begun = false;

  constructor(kernel: Kernel, thread: Thread, { range, context }: Pick<Orders, 'range' | 'context'>) {
    this.kernel = kernel;
    this.thread = thread;
    this.range = range;
    this.context = context;
    this.away = thread.phase !== 'user';
    if (context?.here() === false) {
      this.away = false;
      this.leave(context);
    }
  }

  /** Does the next part. */
  advance(): StepProgress {
    const { thread } = this;
    if (this.absence !== undefined) {
      if (!this.backAgain) return 'run';
      this.endAbsence();
      return this.begun ? this.finished() : 'more';
    }
    if (this.handler !== undefined) {
      if (!this.handlerDone) return 'run';
      return this.leaveHandler(this.handler);
    }
    if (thread.state.kind !== 'ready' || thread.phase !== 'user') return 'run';
    if (this.away) {
      this.away = false;
      return this.finished();
    }
    if (++this.count % TURN === 0) return 'others';
    return this.step();
  }

  /** Whether the thread may run user code in an ordinary slice. */
  get mayRun(): boolean {
    return (this.handler !== undefined && !this.handlerDone) || (this.absence !== undefined && !this.backAgain);
  }

  /** The thread is at a breakpoint: is it the one where the handler returns, or where the context comes back? */
  atBreakpoint(): boolean {
    const { absence, handler, thread } = this;
    if (absence !== undefined) {
      this.backAgain = absence !== 'for ever' && thread.context.rip === absence.rip && thread.context.gprNumber(Reg.rsp) === absence.rsp;
      return this.backAgain;
    }
    if (handler === undefined || thread.context.rip !== handler.restorer || thread.context.gprNumber(Reg.rsp) !== handler.rsp) return false;
    this.handlerDone = true;
    return true;
  }

  /** During a step: signals that did not come from the instruction itself are kept for later. */
  holds(info: SignalInfo, fate: SignalFate): boolean {
    return this.active && fate === 'handled' && !inSyscall(this.thread) && !(SYNCHRONOUS_SIGNALS.includes(info.signal) && info.code > 0);
  }

  /** A handler was entered. */
  handlerEntered(): void {
    if (this.active) this.entered = true;
  }

  /** Lets go of the breakpoints where a handler was to return, or the context to come back. */
  end(): void {
    this.endAbsence();
    if (this.handler !== undefined) this.kernel.cpu.removeBreakpoint(this.handler.restorer);
    this.handler = undefined;
  }

  /** Signals that were held back, in order; they are the caller's now. */
  readonly kept: SignalInfo[] = [];

  private step(): StepProgress {
    const { thread } = this;
    const { rip } = thread.context;
    this.begun = true;
    const back = this.single();
    if (this.entered) {
      this.entered = false;
      const rsp = thread.context.gprNumber(Reg.rsp);
      const restorer = thread.space.readU64(rsp);
      if (back && restorer !== undefined) {
        this.handler = { restorer, rsp: rsp + 8, interrupted: rip };
        this.handlerDone = false;
        this.kernel.cpu.addBreakpoint(restorer);
        return 'more';
      }
    }
    if (!back) {
      this.away = true;
      return 'run';
    }
    return this.finished();
  }

  private single(): boolean {
    const { thread } = this;
    this.active = true;
    const back = this.kernel.step(thread);
    this.active = false;
    if (thread.signals.held !== undefined && back) {
      this.kept.push(thread.signals.held);
      thread.signals.held = undefined;
    }
    return back;
  }

  /** The handler has returned to the code that calls rt_sigreturn. */
  private leaveHandler({ restorer, interrupted }: RunningHandler): StepProgress {
    const { thread } = this;
    this.end();
    for (let i = 0; i < RESTORER_STEPS; i++) {
      if (!this.single()) {
        this.away = true;
        return 'run';
      }
      const { rip } = thread.context;
      if (rip < restorer || rip >= restorer + RESTORER_BYTES) return rip === interrupted ? 'more' : this.finished();
    }
    return this.finished();
  }

  private leave(context: StepContext): void {
    const place = context.comesBack();
    this.absence = place ?? 'for ever';
    this.backAgain = false;
    if (place !== undefined) this.kernel.cpu.addBreakpoint(place.rip);
  }

  private endAbsence(): void {
    if (this.absence !== undefined && this.absence !== 'for ever') this.kernel.cpu.removeBreakpoint(this.absence.rip);
    this.absence = undefined;
  }

  private finished(): StepProgress {
    const { context, range } = this;
    if (context?.here() === false) {
      if (!context.waits) return 'done';
      this.leave(context);
      return 'more';
    }
    const { rip } = this.thread.context;
    return range !== undefined && rip >= range.start && rip < range.end ? 'more' : 'done';
  }
}
