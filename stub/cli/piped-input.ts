/**
 * Standard input that is not a terminal. It enters only while the guest is idle, so that a script gives the same run each time and
 * nothing is lost to a guest which has not opened its console yet: `boot` gets a line at a time, as if somebody typed, and Ctrl-D at the end
 * (a console that hangs up kills the shell before it has read what was typed); `run` gets up to 64 KiB, then end of file.
 */
import type { StandardIo } from '../../emulator/host/files/standard-io.ts';

const BLOCK = 65536;
/** How long a silent pipe may keep an idle guest waiting for input that is on its way; once, until it speaks again. */
const SETTLE_MS = 20;
const NEWLINE = 10;
/** What a terminal's line discipline takes for the end of input (Ctrl-D). */
const END_OF_TRANSMISSION = Buffer.of(4);

export class PipedInput {
  private readonly io: StandardIo;
  private readonly byLine: boolean;
  private pending = Buffer.alloc(0);
  private ended = false;
  private endTyped = false;
  private endGiven = false;
  private silent = false;
  private arrived: (() => void) | undefined;

  constructor(io: StandardIo, byLine: boolean) {
    this.io = io;
    this.byLine = byLine;
  }

  push(bytes: Uint8Array): void {
    this.pending = Buffer.concat([this.pending, bytes]);
    this.silent = false;
    this.arrived?.();
  }

  end(): void {
    this.ended = true;
    this.arrived?.();
  }

  /** Something may still come. */
  get open(): boolean {
    return !this.endGiven && !this.endTyped;
  }

  /**
   * Gives the idle guest what is next. False if there is nothing now.
   * @param quiet no timer will wake the guest either
   */
  async feed(quiet: boolean): Promise<boolean> {
    if (this.endGiven) return false;
    if (!this.hasUnit && !this.silent) await this.settle();
    const length = this.unitLength();
    if (length > 0) {
      this.io.input(this.pending.subarray(0, length));
      this.pending = this.pending.subarray(length);
      return true;
    }
    if (!this.ended) return false;
    if (this.byLine && !this.endTyped) {
      this.endTyped = true;
      this.io.input(END_OF_TRANSMISSION);
      return true;
    }
    if (this.byLine && !quiet) return false;
    this.endGiven = true;
    this.io.end();
    return true;
  }

  /** A whole line or block, or the last piece. */
  private get hasUnit(): boolean {
    return this.ended || (this.byLine ? this.pending.includes(NEWLINE) : this.pending.length >= BLOCK);
  }

  private unitLength(): number {
    if (!this.byLine) return Math.min(this.pending.length, BLOCK);
    const newline = this.pending.indexOf(NEWLINE);
    return newline < 0 ? this.pending.length : newline + 1;
  }

  private async settle(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    while (!this.hasUnit && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, end - performance.now()));
        this.arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.arrived = undefined;
    }
    if (!this.hasUnit) this.silent = true;
  }
}
