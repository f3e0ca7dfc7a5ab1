/**
 * Who runs next. One queue, first in first out; a thread that sleeps leaves it and joins at its end when woken, so the order depends on
 * nothing but what the guests did.
 */
import type { Wait } from '../syscall.ts';
import type { TimerQueue } from '../time/timer-queue.ts';
import { READY, RUNNING, STOPPED, TRACED, type Thread } from './thread.ts';

/** Instructions a thread runs before it is another one's turn: about as many milliseconds as a person does not notice; the end of a turn costs two returns to JavaScript. */
export const QUANTUM = 1_000_000;

export class Scheduler {
  /** The thread that has the CPU. */
  current: Thread | undefined;
  private readonly timers: TimerQueue;
  private queue: Thread[] = [];
  private head = 0;
  private readonly parked = new Set<Thread>();

  constructor(timers: TimerQueue) {
    this.timers = timers;
  }

  get idle(): boolean {
    return this.head === this.queue.length;
  }

  /** Queues a thread at the end. */
  enqueue(thread: Thread): void {
    thread.state = READY;
    thread.quantum = QUANTUM;
    this.parked.delete(thread);
    this.queue.push(thread);
  }

  /** Queues a thread that was stopped in the middle of its turn: it goes on next, with what it has left. */
  enqueueFirst(thread: Thread): void {
    thread.state = READY;
    if (this.head > 0) this.queue[--this.head] = thread;
    else this.queue.unshift(thread);
  }

  /** Takes the next thread. */
  take(): Thread | undefined {
    if (this.head === this.queue.length) return undefined;
    const thread = this.queue[this.head++];
    if (this.head > 64 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return thread;
  }

  /** Takes a certain thread out of the queue. */
  remove(thread: Thread): void {
    const index = this.queue.indexOf(thread, this.head);
    if (index >= 0) this.queue.splice(index, 1);
    this.parked.delete(thread);
  }

  /** Puts a thread aside: it is ready, but does not count as one that could run. */
  park(thread: Thread): void {
    thread.state = READY;
    this.parked.add(thread);
  }

  /** Queues one that was put aside, or all. */
  unpark(only?: Thread): void {
    for (const thread of [...this.parked]) if (only === undefined || thread === only) this.enqueue(thread);
  }

  sleep(thread: Thread, wait: Wait): void {
    for (const queue of wait.queues) queue.add(thread);
    const timer = wait.deadline === undefined ? undefined : this.timers.add(wait.deadline, () => this.wake(thread));
    thread.state = { kind: 'sleeping', wait, timer };
  }

  /** Ends a sleep; does nothing to threads that do not sleep. */
  wake(thread: Thread): void {
    if (thread.state.kind !== 'sleeping') return;
    this.leaveSleep(thread);
    this.enqueue(thread);
  }

  /** Ends a job-control or ptrace stop. */
  resume(thread: Thread): void {
    const { kind } = thread.state;
    if (kind === 'stopped' || kind === 'traced') this.enqueue(thread);
  }

  pause(thread: Thread, kind: 'stopped' | 'traced'): void {
    this.withdraw(thread);
    thread.state = kind === 'stopped' ? STOPPED : TRACED;
  }

  /** Takes a thread off whatever it does: queue or sleep. Its state is the caller's to set. */
  withdraw(thread: Thread): void {
    const { kind } = thread.state;
    if (kind === 'ready') this.remove(thread);
    else if (kind === 'sleeping') this.leaveSleep(thread);
  }

  run(thread: Thread): void {
    thread.state = RUNNING;
    this.current = thread;
  }

  private leaveSleep(thread: Thread): void {
    if (thread.state.kind !== 'sleeping') return;
    const { wait, timer } = thread.state;
    for (const queue of wait.queues) queue.remove(thread);
    if (timer !== undefined) this.timers.cancel(timer);
  }
}
