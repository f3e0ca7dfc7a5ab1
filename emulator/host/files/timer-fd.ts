/** timerfd: a timer that is read. Periods that passed unread are counted when somebody looks, not by firing again and again. */
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import type { TimerHandle } from '../time/timer-queue.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import { Readiness } from './readiness.ts';

export class TimerFd extends OpenFile {
  /** Clock id as timerfd_create took it. */
  readonly clock: number;
  private readonly kernel: Kernel;
  private readonly events = new Readiness();
  private handle: TimerHandle | undefined;
  /** CLOCK_MONOTONIC nanoseconds of the expiry to come, or, while it waits to be read, of the one that was. */
  private deadline = 0;
  /** Nanoseconds, 0 for a single shot. */
  private interval = 0;
  private expired = 0;

  constructor(kernel: Kernel, clock: number, flags: number) {
    super(OpenFlag.readWrite | flags);
    this.kernel = kernel;
    this.clock = clock;
  }

  override get description(): string {
    return 'anon_inode:[timerfd]';
  }

  override get extraInfo(): string {
    const { remaining, interval } = this.remaining();
    const pair = (value: number): string => `(${Math.floor(value / 1e9)}, ${value % 1e9})`;
    return `clockid: ${this.clock}\nticks: ${this.expired}\nsettime flags: 00\nit_value: ${pair(remaining)}\nit_interval: ${pair(interval)}\n`;
  }

  protected override closed(): void {
    this.disarm();
  }

  /** @param deadline CLOCK_MONOTONIC nanoseconds; undefined: off */
  set(deadline: number | undefined, interval: number): void {
    this.disarm();
    this.expired = 0;
    this.interval = interval;
    if (deadline === undefined) return;
    this.deadline = deadline;
    this.arm();
  }

  /** Nanoseconds until the next expiry (0: off) and the period. */
  remaining(): { readonly remaining: number; readonly interval: number } {
    const now = this.kernel.clock.monotonic;
    if (this.handle?.armed) return { remaining: Math.max(1, this.deadline - now), interval: this.interval };
    if (this.expired > 0 && this.interval > 0) {
      const passed = Math.floor((now - this.deadline) / this.interval) + 1;
      return { remaining: this.deadline + passed * this.interval - now, interval: this.interval };
    }
    return { remaining: 0, interval: this.interval };
  }

  override read(_call: SyscallCall, into: Uint8Array): SyscallResult {
    if (into.length < 8) return -Errno.EINVAL;
    if (this.expired === 0) return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([this.events]);
    if (this.interval > 0) {
      const passed = Math.floor((this.kernel.clock.monotonic - this.deadline) / this.interval);
      this.expired += passed;
      this.deadline += (passed + 1) * this.interval;
      this.arm();
    }
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, BigInt(this.expired), true);
    this.expired = 0;
    return 8;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    return this.expired > 0 ? Poll.in : 0;
  }

  override get readiness(): Readiness {
    return this.events;
  }

  private arm(): void {
    this.handle = this.kernel.timers.add(this.deadline, () => {
      this.expired = 1;
      this.events.notify(Poll.in);
    });
  }

  private disarm(): void {
    if (this.handle !== undefined) this.kernel.timers.cancel(this.handle);
    this.handle = undefined;
  }
}
