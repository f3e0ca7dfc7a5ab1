/**
 * Signals that have come and are not yet taken: a thread has one queue of its own, its process has another. Real-time signals are all
 * kept, in order; of the others the first one stands for all until it is taken.
 */
import { SignalInfo } from './signal-info.ts';
import { SIGRTMIN, SiCode, SYNCHRONOUS_SIGNALS } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';

const SYNCHRONOUS = SignalSet.of(...SYNCHRONOUS_SIGNALS);

export class PendingSignals {
  readonly set = new SignalSet();
  private readonly queue: SignalInfo[] = [];

  /** How many are queued (for RLIMIT_SIGPENDING). */
  get length(): number {
    return this.queue.length;
  }

  /** False when it merges with one that is waiting already. */
  add(info: SignalInfo): boolean {
    const { signal } = info;
    if (signal < SIGRTMIN && this.set.has(signal)) return false;
    this.set.add(signal);
    this.queue.push(info);
    return true;
  }

  /** Queues without merging (POSIX timers, each of which has its own place in the queue). */
  addSeparately(info: SignalInfo): void {
    this.set.add(info.signal);
    this.queue.push(info);
  }

  holds(info: SignalInfo): boolean {
    return this.queue.includes(info);
  }

  /** Takes the lowest signal outside `blocked`, its oldest occurrence; undefined if there is none. */
  take(blocked: SignalSet): SignalInfo | undefined {
    const signal = this.set.lowestOutside(blocked);
    return signal === 0 ? undefined : this.takeSignal(signal);
  }

  /** Takes the first instruction-caused signal outside `blocked`. */
  takeSynchronous(blocked: SignalSet): SignalInfo | undefined {
    if ((this.set.lo & SYNCHRONOUS.lo & ~blocked.lo) === 0) return undefined;
    const found = this.queue.find((info) => info.code > SiCode.USER && SYNCHRONOUS.has(info.signal) && !blocked.has(info.signal));
    return found === undefined ? undefined : this.takeSignal(found.signal);
  }

  /** Forgets all occurrences of the signals. */
  discard(signals: SignalSet): void {
    if (((this.set.lo & signals.lo) | (this.set.hi & signals.hi)) === 0) return;
    this.set.deleteAll(signals);
    for (let i = this.queue.length - 1; i >= 0; i--) if (signals.has(this.queue[i].signal)) this.queue.splice(i, 1);
  }

  clear(): void {
    this.set.lo = 0;
    this.set.hi = 0;
    this.queue.length = 0;
  }

  /** The queue in order of arrival (PTRACE_PEEKSIGINFO). */
  entries(): readonly SignalInfo[] {
    return this.queue;
  }

  private takeSignal(signal: number): SignalInfo {
    const first = this.queue.findIndex((info) => info.signal === signal);
    if (first < 0) throw new Error(`signal ${signal} is pending but not queued`);
    const [info] = this.queue.splice(first, 1);
    if (!this.queue.some((other) => other.signal === signal)) this.set.delete(signal);
    return info;
  }
}
