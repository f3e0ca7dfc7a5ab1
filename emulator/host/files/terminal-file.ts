/** Open terminals: the console and the slave side of ptys. */
import { Errno } from '../errno.ts';
import { Signal } from '../signals/signal-numbers.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import type { Readiness } from './readiness.ts';
import type { Terminal } from './terminal.ts';
import { terminalIoctl } from './terminal-ioctl.ts';
import { Control, LocalFlag } from './termios.ts';

const DECISECOND = 100_000_000;

/** Progress of a read or write that sleeps. */
class Progress {
  done = 0;
  /** VTIME's deadline, and how much had been read when it was set. */
  deadline: number | undefined;
  seen = 0;
}

export class TerminalFile extends OpenFile {
  readonly terminal: Terminal;

  constructor(terminal: Terminal, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.terminal = terminal;
    terminal.openCount++;
    terminal.opened();
  }

  protected override closed(): void {
    this.terminal.openCount--;
    this.terminal.closed();
  }

  override openedAsTerminal(call: SyscallCall): void {
    const { process } = call.thread;
    if (process.session.id === process.pid && process.session.terminal === undefined && this.terminal.session === undefined && !this.terminal.hungUp) {
      this.terminal.control(process);
    }
  }

  override get readLimit(): number {
    return 65536;
  }

  override read(call: SyscallCall, into: Uint8Array): SyscallResult {
    const { terminal } = this;
    if (into.length === 0) return 0;
    const background = terminal.checkForeground(call, Signal.TTIN);
    if (background !== 0) return background;
    const { line } = terminal;
    const nonBlock = (this.flags & OpenFlag.nonBlock) !== 0;
    if (line.canonical) {
      if (line.readable) return this.take(into);
      if (terminal.hungUp || terminal.otherClosed) return terminal.hungUp ? 0 : -Errno.EIO;
      return nonBlock ? -Errno.EAGAIN : new Wait([terminal.readiness]);
    }
    return this.readRaw(call, into, nonBlock);
  }

  override write(call: SyscallCall, from: Uint8Array): SyscallResult {
    const { terminal } = this;
    if (terminal.hungUp || terminal.otherClosed) return -Errno.EIO;
    if ((terminal.line.termios.local & LocalFlag.stopOutput) !== 0) {
      const background = terminal.checkForeground(call, Signal.TTOU);
      if (background !== 0) return background;
    }
    const progress = call.state instanceof Progress ? call.state : new Progress();
    while (progress.done < from.length) {
      const count = terminal.line.write(from.subarray(progress.done));
      if (count === 0) break;
      progress.done += count;
    }
    if (progress.done === from.length) return from.length;
    if ((this.flags & OpenFlag.nonBlock) !== 0) return progress.done > 0 ? progress.done : -Errno.EAGAIN;
    call.state = progress;
    return new Wait([terminal.readiness], 'restart', undefined, () => (progress.done > 0 ? progress.done : undefined));
  }

  override ioctl(call: SyscallCall, request: number, argument: number): SyscallResult {
    return terminalIoctl(call, this.terminal, request, argument);
  }

  override poll(): number {
    const { terminal } = this;
    let events = 0;
    if (terminal.line.readable) events |= Poll.in | Poll.rdnorm;
    if (terminal.hungUp || terminal.otherClosed) events |= Poll.in | Poll.rdnorm | Poll.hup | (terminal.hungUp ? Poll.err : 0);
    if (!terminal.line.stopped && terminal.transmitRoom >= 256) events |= Poll.out | Poll.wrnorm;
    return events;
  }

  override get readiness(): Readiness {
    return this.terminal.readiness;
  }

  private take(into: Uint8Array): number {
    const count = this.terminal.line.read(into);
    this.terminal.taken();
    return count;
  }

  /** VMIN and VTIME (termios(3), "noncanonical mode"). */
  private readRaw(call: SyscallCall, into: Uint8Array, nonBlock: boolean): SyscallResult {
    const { terminal } = this;
    const { line } = terminal;
    const minimum = Math.min(line.termios.characters[Control.minimum], into.length);
    const time = line.termios.characters[Control.time] * DECISECOND;
    if (line.queued >= Math.max(1, minimum)) return this.take(into);
    if (terminal.hungUp) return 0;
    if (terminal.otherClosed) return line.queued > 0 ? this.take(into) : -Errno.EIO;
    if (nonBlock) return line.queued > 0 ? this.take(into) : -Errno.EAGAIN;
    if (minimum === 0 && time === 0) return this.take(into);
    const progress = call.state instanceof Progress ? call.state : new Progress();
    call.state = progress;
    const now = terminal.kernel.clock.monotonic;
    const between = minimum > 0;
    if (time > 0 && (!between || line.queued > 0)) {
      // With VMIN the timer runs between bytes, from the first one on; without, from the start of the read.
      if (progress.deadline === undefined || (between && line.queued > progress.seen)) progress.deadline = now + time;
      progress.seen = line.queued;
      if (now >= progress.deadline) return this.take(into);
    }
    return new Wait([terminal.readiness], 'restart', progress.deadline);
  }
}
