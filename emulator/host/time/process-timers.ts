/**
 * A process's interval and POSIX timers, and the processor time it has used. Timers on real time sit in the machine's timer queue; those
 * on processor time are counted here, in retired instructions.
 */
import type { SignalInfo } from '../signals/signal-info.ts';
import type { TimerHandle } from './timer-queue.ts';

/** setitimer's `which`. */
export const IntervalTimerKind = { real: 0, virtual: 1, prof: 2 } as const;

/** One of the three interval timers; times in ns, 0: off. */
export interface IntervalTimer {
  /** CLOCK_MONOTONIC (real) or processor time (virtual, prof) of the next expiry. */
  deadline: number;
  interval: number;
  handle: TimerHandle | undefined;
  processorTimer: ProcessorTimer | undefined;
}

/** A timer of timer_create. */
export interface PosixTimer {
  readonly id: number;
  readonly clock: number;
  readonly notify: number;
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD_ID: the thread to signal, otherwise 0. */
  readonly tid: number;
  /** Next expiry in ns of CLOCK_MONOTONIC, or of processor time; 0: disarmed. */
  deadline: number;
  interval: number;
  handle: TimerHandle | undefined;
  processorTimer: ProcessorTimer | undefined;
  /** The signal it sent last, as long as nobody has set the timer again. */
  queued: SignalInfo | undefined;
  /** Overrun of the signal before that one. */
  overrun: number;
}

/** A timer on processor time. */
export interface ProcessorTimer {
  /** Of the process's `used`. */
  readonly deadline: number;
  fire(): void;
}

function unset(): IntervalTimer {
  return { deadline: 0, interval: 0, handle: undefined, processorTimer: undefined };
}

export class ProcessTimers {
  /** Instructions which threads of the process have retired, gone ones included. */
  used = 0;
  /** The same of children that were waited for (times, RUSAGE_CHILDREN). */
  childrenUsed = 0;
  readonly intervals: readonly IntervalTimer[] = [unset(), unset(), unset()];
  readonly posix = new Map<number, PosixTimer>();
  private nextPosixId = 0;
  /** Timers on processor time which are armed. */
  private readonly processor = new Set<ProcessorTimer>();

  freshId(): number {
    return this.nextPosixId++;
  }

  /** Instructions the process may run until its next timer on processor time fires; Infinity if there is none. */
  get budget(): number {
    let least = Infinity;
    for (const timer of this.processor) least = Math.min(least, timer.deadline - this.used);
    return Math.max(least, 1);
  }

  armProcessorTimer(timer: ProcessorTimer): void {
    this.processor.add(timer);
  }

  disarmProcessorTimer(timer: ProcessorTimer): void {
    this.processor.delete(timer);
  }

  /** Counts instructions and fires what is due. */
  charge(retired: number): void {
    this.used += retired;
    if (this.processor.size === 0) return;
    for (const timer of [...this.processor]) {
      if (timer.deadline > this.used) continue;
      this.processor.delete(timer);
      timer.fire();
    }
  }
}
