/**
 * A kernel with its first program, run from Node's event loop: slices of guest time with the outside world between them. Idle time is
 * skipped or slept through, and while the debugger holds the machine nothing runs at all.
 */
import type { Kernel, SliceResult } from '../host/kernel.ts';
import type { Process } from '../host/process/process.ts';

/** Real time of one slice; what comes from outside waits at most that long. */
const SLICE_MS = 4;
const NS_PER_MS = 1e6;

export interface MachineOptions {
  /** True when idle time is to pass as on a clock, asked whenever all threads sleep. */
  readonly paced?: () => boolean;
  /** True when something from outside could still wake a sleeping thread. */
  readonly expecting?: () => boolean;
  /** All threads sleep, and no timer will wake them if `quiet`: gives them input that has been waiting for that. False if there is none now. */
  readonly feed?: (quiet: boolean) => Promise<boolean>;
  /** Asked before each slice; a promise holds the machine back (an output that does not keep up). */
  readonly ready?: () => Promise<void> | undefined;
}

/** How a machine ended: wait4's status of its first process, or all its threads sleep and nothing can ever wake them. */
export type Ending = { readonly kind: 'ended'; readonly status: number } | { readonly kind: 'stuck' } | { readonly kind: 'quit' };

export class Machine {
  readonly kernel: Kernel;
  /** The program the machine was started for: the debuggee. Its end is the machine's. */
  readonly process: Process;
  /** Runs a slice; the debugger puts itself in between. */
  runSlice: (milliseconds: number) => SliceResult;
  /** Nothing runs while true. */
  paused = false;
  /** Whether the machine goes on although its first process has ended. */
  lingers: () => boolean = () => false;
  /** A thread is on an excursion: what it executes will be undone, and is nothing the machine has done. */
  excursion = false;
  private readonly options: MachineOptions;
  private quitting = false;
  private kicked = false;
  private awaken: (() => void) | undefined;

  /** `kernel` runs idle time as the machine says: make it with `realtime: true`. */
  constructor(kernel: Kernel, process: Process, options: MachineOptions = {}) {
    this.kernel = kernel;
    this.process = process;
    this.options = options;
    this.runSlice = (milliseconds) => kernel.runSlice(milliseconds);
  }

  /** Something came from outside: an idle or paused machine looks again. */
  kick(): void {
    this.kicked = true;
    this.awaken?.();
  }

  /** Ends `run` at the next slice boundary. */
  quit(): void {
    this.quitting = true;
    this.kick();
  }

  /** Runs until the first process has ended. */
  async run(): Promise<Ending> {
    let yielded = performance.now();
    for (;;) {
      if (this.quitting) return { kind: 'quit' };
      const { exitStatus } = this.process;
      if (exitStatus !== undefined && !this.lingers()) return { kind: 'ended', status: exitStatus };
      if (this.paused) {
        await this.outside(undefined);
        continue;
      }
      const held = this.options.ready?.();
      if (held !== undefined) await held;
      this.kicked = false;
      const result = this.runSlice(SLICE_MS);
      // The first process's end is the machine's, even if others sleep for ever.
      const ended = this.process.exitStatus !== undefined && !this.lingers();
      if (result === 'idle' && !ended && !this.paused && !(await this.idle())) return { kind: 'stuck' };
      // Also a guest that mostly sleeps, in time that is skipped, must leave Node time for its sockets.
      if (performance.now() - yielded >= SLICE_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        yielded = performance.now();
      }
    }
  }

  /** All threads sleep. False if that can never end. */
  private async idle(): Promise<boolean> {
    const { kernel } = this;
    const deadline = kernel.nextDeadline;
    if ((await this.options.feed?.(deadline === undefined)) === true || this.paused) return true;
    const wait = deadline === undefined ? undefined : deadline - kernel.clock.monotonic;
    if (wait !== undefined && this.options.paced?.() !== true) {
      kernel.passIdleTime(wait);
      return true;
    }
    if (wait === undefined && this.options.expecting?.() !== true) return false;
    const start = performance.now();
    await this.outside(wait === undefined ? undefined : Math.ceil(wait / NS_PER_MS));
    if (!this.paused) kernel.passIdleTime((performance.now() - start) * NS_PER_MS);
    return true;
  }

  /** Waits until `kick`, or for so many milliseconds. */
  private async outside(milliseconds: number | undefined): Promise<void> {
    if (!this.kicked) {
      await new Promise<void>((resolve) => {
        // Without any other source of events Node would end the process: the long timer keeps it.
        const timer = setTimeout(resolve, Math.min(milliseconds ?? 0x7fffffff, 0x7fffffff));
        this.awaken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.awaken = undefined;
    }
    this.kicked = false;
  }
}
