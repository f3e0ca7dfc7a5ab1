/** The signal state threads of a process share: actions, process-wide pending signals, job control. */
import { WaitQueue } from '../wait-queue.ts';
import { PendingSignals } from './pending-signals.ts';
import { SIG_DFL, SIG_IGN, SIGRTMAX } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';

export interface SignalAction {
  /** Address, SIG_DFL or SIG_IGN. */
  readonly handler: number;
  /** SaFlag bits, unsigned. */
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
  /** Of the program that set it: which frame a handler gets. */
  readonly wordSize: 4 | 8;
}
export const DEFAULT_ACTION: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: new SignalSet(), wordSize: 8 };

export class ProcessSignals {
  /** Indexed by signal number; [0] is not used. */
  readonly actions: SignalAction[] = new Array<SignalAction>(SIGRTMAX + 1).fill(DEFAULT_ACTION);
  readonly pending = new PendingSignals();
  /** Woken whenever a signal is queued for the process or one of its threads (signalfd). */
  readonly arrived = new WaitQueue();
  /** All threads are stopped by job control. */
  stopped = false;
  /** Signal of that stop, or of the one being made. */
  stopSignal = 0;
  /** Threads which have yet to join a stop being made. */
  stopRemaining = 0;
  /** What wait4 has not yet been told: the process stopped, or went on. */
  unreported: 'stopped' | 'continued' | undefined;

  forkFrom(parent: ProcessSignals): void {
    for (let signal = 1; signal <= SIGRTMAX; signal++) this.actions[signal] = parent.actions[signal];
  }

  /** exec: handlers go back to the default, ignored signals stay ignored. */
  exec(): void {
    for (let signal = 1; signal <= SIGRTMAX; signal++) {
      const { handler } = this.actions[signal];
      this.actions[signal] = handler === SIG_IGN ? { ...DEFAULT_ACTION, handler: SIG_IGN } : DEFAULT_ACTION;
    }
  }
}
