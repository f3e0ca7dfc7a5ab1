/** What the debugger hears of signals. The kernel holds one of these; functions are undefined while nobody listens. */
import type { Thread } from '../process/thread.ts';
import type { SignalInfo } from './signal-info.ts';

/** What is about to become of a signal: a handler runs, the process stops, it ends (nobody handles it), or nothing happens. */
export type SignalFate = 'handled' | 'stop' | 'fatal' | 'ignored';

export class SignalHooks {
  /**
   * A signal is about to be delivered; the thread's registers are still those of the interrupted code. 'hold' keeps it: delivery is tried
   * again, without asking, when the thread next runs; until then `thread.signals.held` may be replaced or cleared.
   */
  onSignal: ((thread: Thread, info: SignalInfo, fate: SignalFate) => 'deliver' | 'hold') | undefined;
  /** A handler has been entered: the signal frame is built, rip is the handler's. */
  onSignalDelivered: ((thread: Thread, info: SignalInfo) => void) | undefined;
  /** The process is about to end by this signal; its threads and memory are still there. */
  onFatalSignal: ((thread: Thread, info: SignalInfo, coreDumped: boolean) => void) | undefined;
}
