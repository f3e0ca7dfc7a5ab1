/**
 * The console: the terminal skas itself runs on, which guests see as a terminal of their own. The host's terminal is in raw mode, so
 * all editing, echo and signals are done by our line discipline.
 */
import type { Kernel } from '../kernel.ts';
import { Terminal } from './terminal.ts';
import { Poll } from './open-file.ts';

export class ConsoleTty extends Terminal {
  private readonly output: (bytes: Uint8Array) => void;
  private held: Uint8Array[] = [];

  /** @param output takes what the guest writes, at once */
  constructor(kernel: Kernel, deviceNumber: number, output: (bytes: Uint8Array) => void) {
    super(kernel, deviceNumber);
    this.output = output;
  }

  /** Bytes typed by the user; call it between slices only. */
  input(bytes: Uint8Array): void {
    this.deliver(bytes);
  }

  override transmit(bytes: Uint8Array): void {
    if (this.line.stopped) {
      this.held.push(bytes);
      return;
    }
    for (const old of this.held) this.output(old);
    this.held = [];
    if (bytes.length > 0) this.output(bytes);
    else this.readiness.notify(Poll.out | Poll.wrnorm);
  }

  override get transmitRoom(): number {
    return this.line.stopped ? 0 : 65536;
  }
}
