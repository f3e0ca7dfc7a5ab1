/** What a stop leaves open for a thread: the call it interrupted, the signal that is held, and signals held back while it was stepped. */
import type { Kernel } from '../host/kernel.ts';
import type { Thread } from '../host/process/thread.ts';
import { sendSignal } from '../host/signals/send.ts';
import { kernelInfo, type SignalInfo } from '../host/signals/signal-info.ts';
import type { InterruptedCalls } from './interrupted-calls.ts';
import type { Orders } from './stops.ts';

export class HeldSignals {
  private readonly kernel: Kernel;
  private readonly calls: InterruptedCalls;
  private readonly kept = new Map<Thread, SignalInfo[]>();
  /** Threads the debugger itself has sent a signal, and so does not stop for it. */
  private readonly own = new Set<Thread>();

  constructor(kernel: Kernel, calls: InterruptedCalls) {
    this.kernel = kernel;
    this.calls = calls;
  }

  /** Settles all of it as the thread's orders say, with the signal to deliver. */
  settle(thread: Thread, orders: Orders): void {
    const { signals } = thread;
    const { held } = signals;
    if (held !== undefined && orders.signal === held.signal) {
      thread.phase = 'return';
      return;
    }
    signals.held = undefined;
    this.calls.settle(thread);
    if (orders.signal !== 0) {
      if (thread.phase === 'user' || thread.phase === 'return') {
        signals.held = kernelInfo(orders.signal);
        thread.phase = 'return';
      } else {
        this.own.add(thread);
        sendSignal(this.kernel, thread, kernelInfo(orders.signal));
      }
    }
    if (orders.kind === 'continue') this.giveBack(thread);
  }

  /** Whether the signal that comes is the debugger's own, once. */
  takeOwn(thread: Thread): boolean {
    return this.own.delete(thread);
  }

  keep(thread: Thread, signals: readonly SignalInfo[]): void {
    if (signals.length > 0) this.kept.set(thread, [...(this.kept.get(thread) ?? []), ...signals]);
  }

  /** Signals held back by steps come now, in their order. */
  private giveBack(thread: Thread): void {
    const kept = this.kept.get(thread);
    if (kept === undefined) return;
    this.kept.delete(thread);
    for (const info of kept) thread.signals.pending.add(info);
    if (thread.phase === 'user') thread.phase = 'return';
  }
}
