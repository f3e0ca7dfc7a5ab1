/**
 * The terminal skas itself runs on: raw mode, window size, the escape key, and standard input and output as the guest's. The
 * terminal's mode is put back however the process ends.
 */
import { fstatSync, readFileSync } from 'node:fs';
import type { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { PipedInput } from './piped-input.ts';

/** Ctrl-]. */
const ESCAPE = 0x1d;
const END = 'x'.charCodeAt(0);
const EPIPE = 'EPIPE';
/** Files up to this size are read whole before the machine starts, so that their bytes come at the same virtual time in every run. */
const READ_AT_ONCE = 64 * 2 ** 20;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

export interface HostTerminalEvents {
  /** Bytes were given to the guest. */
  readonly onInput: () => void;
  /** The user pressed the escape key, or whoever reads standard output is gone. */
  readonly onEnd: (status: number) => void;
}

export class HostTerminal {
  readonly terminal: readonly [boolean, boolean, boolean] = [process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY];
  private typing = true;
  private piped: PipedInput | undefined;
  private escaped = false;
  private raw = false;

  /** True when a person types into the machine. */
  get interactive(): boolean {
    return this.terminal[0];
  }

  /** Standard input may still bring something. */
  get inputOpen(): boolean {
    return this.piped?.open ?? this.typing;
  }

  /** All threads sleep, and no timer will wake them if `quiet`: gives piped input, if there is any. */
  async feed(quiet: boolean): Promise<boolean> {
    return (await this.piped?.feed(quiet)) === true;
  }

  /** Guest output to where it belongs. */
  write(fd: 1 | 2, bytes: Uint8Array): void {
    // The engine's memory goes on changing, and Node writes later.
    const copy = Uint8Array.from(bytes);
    if (fd === 2) process.stderr.write(copy);
    else process.stdout.write(copy);
  }

  /** Waits while standard output does not keep up. */
  ready(): Promise<void> | undefined {
    if (!process.stdout.writableNeedDrain) return undefined;
    return new Promise((resolve) => process.stdout.once('drain', resolve));
  }

  /** Starts passing input to the guest; piped input a line at a time if `byLine`. */
  start(io: StandardIo, byLine: boolean, events: HostTerminalEvents): void {
    const { stdin, stdout } = process;
    if (stdin.isTTY) {
      this.raw = true;
      stdin.setRawMode(true);
      process.on('exit', () => this.restore());
    }
    for (const [name, number] of Object.entries(SIGNALS)) process.on(name, () => events.onEnd(128 + number));
    if (io.console !== undefined) {
      const size = (): void => io.console?.resize(stdout.rows ?? 24, stdout.columns ?? 80);
      size();
      stdout.on('resize', () => {
        size();
        events.onInput();
      });
    }
    const piped = stdin.isTTY ? undefined : new PipedInput(io, byLine);
    this.piped = piped;
    stdout.on('error', (error) => {
      if ('code' in error && error.code === EPIPE) events.onEnd(128 + 13);
    });
    const end = (): void => {
      if (!this.typing) return;
      this.typing = false;
      if (piped !== undefined) piped.end();
      else io.end();
      events.onInput();
    };
    if (piped !== undefined && this.readWhole(piped)) return end();
    stdin.on('data', (chunk: Buffer) => {
      if (piped !== undefined) piped.push(chunk);
      else {
        const bytes = this.withoutEscapes(chunk, events);
        if (bytes.length > 0) io.input(bytes);
      }
      events.onInput();
    });
    stdin.on('end', end);
    stdin.on('error', end);
    stdin.resume();
  }

  /** Puts the terminal's mode back. */
  restore(): void {
    if (!this.raw) return;
    this.raw = false;
    process.stdin.setRawMode(false);
  }

  /** Stops listening, so that the process can end. */
  stop(): void {
    this.restore();
    process.stdin.pause();
    process.stdin.unref?.();
  }

  /** Gives the guest all of standard input if that is a file. */
  private readWhole(piped: PipedInput): boolean {
    try {
      const stat = fstatSync(0);
      if (!stat.isFile() || stat.size > READ_AT_ONCE) return false;
      piped.push(readFileSync(0));
      return true;
    } catch {
      // Closed: the guest sees its end.
      return true;
    }
  }

  /** Ctrl-] x ends the machine, Ctrl-] Ctrl-] is one Ctrl-], and Ctrl-] with anything else stays as it is. */
  private withoutEscapes(chunk: Buffer, events: HostTerminalEvents): Buffer {
    const out: number[] = [];
    for (const byte of chunk) {
      if (this.escaped) {
        this.escaped = false;
        if (byte === END) {
          events.onEnd(0);
          return Buffer.from(out);
        }
        out.push(ESCAPE);
        if (byte !== ESCAPE) out.push(byte);
      } else if (byte === ESCAPE) this.escaped = true;
      else out.push(byte);
    }
    return Buffer.from(out);
  }
}
