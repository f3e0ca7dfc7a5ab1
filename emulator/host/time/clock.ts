/**
 * The machine's clocks. Time is work done: one retired instruction is one nanosecond of CLOCK_MONOTONIC; time in which nothing could
 * run is skipped. The calendar starts at a fixed date, so that nothing depends on when the machine is run.
 */

/** Seconds since 1970 at which CLOCK_REALTIME starts unless an option says otherwise: 2026-01-01 00:00:00 UTC. */
export const DEFAULT_EPOCH = 1767225600;
export const NANOSECONDS = 1_000_000_000;

export interface ClockTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export class Clock {
  private now = 0;
  private skipped = 0;
  private epochSeconds: number;
  /** 0 … 999 999 999, added to the monotonic time before it is counted from `epochSeconds`. */
  private epochNanoseconds = 0;

  constructor(epochSeconds: number = DEFAULT_EPOCH) {
    this.epochSeconds = Math.floor(epochSeconds);
  }

  /** CLOCK_MONOTONIC, nanoseconds since the machine was started. */
  get monotonic(): number {
    return this.now;
  }

  /** Part of `monotonic` in which nothing ran. */
  get idle(): number {
    return this.skipped;
  }

  /** Counts instructions that have retired. */
  advance(retired: number): void {
    this.now += retired;
  }

  /** Jumps over idle time; never backwards. */
  skipTo(deadline: number): void {
    if (deadline <= this.now) return;
    this.skipped += deadline - this.now;
    this.now = deadline;
  }

  /** CLOCK_REALTIME. */
  realtime(): ClockTime {
    const sinceEpoch = this.now + this.epochNanoseconds;
    return { seconds: this.epochSeconds + Math.floor(sinceEpoch / NANOSECONDS), nanoseconds: sinceEpoch % NANOSECONDS };
  }

  /** clock_settime: the calendar jumps, CLOCK_MONOTONIC does not. */
  setRealtime(time: ClockTime): void {
    const start = time.nanoseconds - this.now;
    const borrow = Math.floor(start / NANOSECONDS);
    this.epochSeconds = time.seconds + borrow;
    this.epochNanoseconds = start - borrow * NANOSECONDS;
  }

  /** CLOCK_MONOTONIC at which CLOCK_REALTIME shows, or showed, the given time. */
  monotonicAt(time: ClockTime): number {
    return (time.seconds - this.epochSeconds) * NANOSECONDS + time.nanoseconds - this.epochNanoseconds;
  }
}
