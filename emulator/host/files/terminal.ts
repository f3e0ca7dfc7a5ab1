/**
 * A terminal as processes see it: the line discipline plus job control (controlling terminal, foreground group) and window size.
 * The console and the slave side of ptys derive from it.
 */
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process/process.ts';
import type { ControllingTerminal, Session } from '../process/session.ts';
import { sendSignal } from '../signals/send.ts';
import { kernelInfo } from '../signals/signal-info.ts';
import { SIG_IGN, Signal } from '../signals/signal-numbers.ts';
import type { SyscallCall } from '../syscall.ts';
import { ByteQueue } from './byte-queue.ts';
import { LineDiscipline, type LineHost } from './line-discipline.ts';
import { Poll } from './open-file.ts';
import { Readiness } from './readiness.ts';

export interface WindowSize {
  rows: number;
  columns: number;
  xPixels: number;
  yPixels: number;
}

export abstract class Terminal implements LineHost, ControllingTerminal {
  readonly kernel: Kernel;
  readonly deviceNumber: number;
  readonly line: LineDiscipline;
  readonly window: WindowSize = { rows: 0, columns: 0, xPixels: 0, yPixels: 0 };
  /** Tells those who have this side open. */
  readonly readiness = new Readiness();
  /** The session it controls. */
  session: Session | undefined;
  /** Foreground process group. */
  foreground = 0;
  /** The other side is gone: reads end, writes fail. */
  hungUp = false;
  /** Open descriptions. */
  openCount = 0;

  constructor(kernel: Kernel, deviceNumber: number) {
    this.kernel = kernel;
    this.deviceNumber = deviceNumber;
    this.line = new LineDiscipline(this);
  }

  /** The other side of a pty is closed (for the moment): reads and writes fail. */
  get otherClosed(): boolean {
    return false;
  }

  /** TCSETS: whoever polls may find something else readable now. */
  settingsChanged(): void {
    this.readiness.notify(0);
  }

  /** One more, or one less, open description. */
  opened(): void {}
  closed(): void {}

  private readonly wire = new ByteQueue();

  /** Bytes that came over the wire and wait until the line discipline has room for them. */
  get waiting(): number {
    return this.wire.length;
  }

  /** Bytes from the wire (typed, or written by a pty's master). */
  deliver(bytes: Uint8Array): void {
    this.wire.push(bytes);
    this.pump();
  }

  /** A process read from the line discipline. */
  taken(): void {
    if (this.wire.length > 0) this.pump();
    this.inputTaken();
  }

  /** For ptys: there is room again. */
  inputTaken(): void {}

  private pump(): void {
    while (this.wire.length > 0) {
      const room = this.line.inputRoom;
      if (room <= 0) return;
      const bytes = new Uint8Array(Math.min(room, this.wire.length));
      this.wire.shift(bytes);
      this.line.receive(bytes);
    }
  }

  abstract transmit(bytes: Uint8Array): void;
  abstract get transmitRoom(): number;

  signalForeground(signal: number): void {
    if (this.foreground !== 0) this.signalGroup(this.foreground, signal);
  }

  inputReady(): void {
    this.readiness.notify(Poll.in | Poll.rdnorm);
  }

  resize(rows: number, columns: number, xPixels = 0, yPixels = 0): void {
    const { window } = this;
    if (window.rows === rows && window.columns === columns && window.xPixels === xPixels && window.yPixels === yPixels) return;
    window.rows = rows;
    window.columns = columns;
    window.xPixels = xPixels;
    window.yPixels = yPixels;
    this.signalForeground(Signal.WINCH);
  }

  /** The line went away: SIGHUP to the session's leader and the foreground group. */
  hangUp(): void {
    if (this.hungUp) return;
    this.hungUp = true;
    const { session } = this;
    if (session !== undefined) {
      const leader = this.kernel.processes.get(session.id);
      for (const process of this.groupMembers(this.foreground)) if (process !== leader) this.signal(process, Signal.HUP, Signal.CONT);
      if (leader !== undefined) this.signal(leader, Signal.HUP, Signal.CONT);
      this.releaseSession();
    }
    this.readiness.notify(Poll.in | Poll.out | Poll.hup);
  }

  leaderExited(session: Session): void {
    if (this.session !== session) return;
    for (const process of this.groupMembers(this.foreground)) this.signal(process, Signal.HUP, Signal.CONT);
    this.releaseSession();
  }

  /** Makes it the controlling terminal of the caller's session. */
  control(process: Process): void {
    this.session = process.session;
    process.session.terminal = this;
    this.foreground = process.group;
  }

  /** TIOCNOTTY by a session leader, or the leader's end. */
  releaseSession(): void {
    if (this.session !== undefined && this.session.terminal === this) this.session.terminal = undefined;
    this.session = undefined;
    this.foreground = 0;
  }

  /**
   * May the caller, if it is in the background, read (SIGTTIN) or change settings (SIGTTOU)? 0: go on; else what the call returns:
   * the signal has been sent to its group and stops it, or -EIO where stopping makes no sense.
   */
  checkForeground(call: SyscallCall, signal: number): number {
    const { process, signals } = call.thread;
    if (process.session.terminal !== this || process.group === this.foreground || this.foreground === 0) return 0;
    const ignored = signals.blocked.has(signal) || process.signals.actions[signal].handler === SIG_IGN;
    if (ignored) return signal === Signal.TTIN ? -Errno.EIO : 0;
    if (this.isOrphaned(process.group)) return -Errno.EIO;
    this.signalGroup(process.group, signal);
    return -Errno.ERESTARTSYS;
  }

  /** No member of the group has a parent in another group of the same session, which could continue it. */
  private isOrphaned(group: number): boolean {
    return !this.groupMembers(group).some((process) => process.parent !== undefined && process.parent.group !== group && process.parent.session === process.session);
  }

  private groupMembers(group: number): Process[] {
    if (group === 0) return [];
    return [...this.kernel.processes.values()].filter((process) => process.group === group && !process.isZombie);
  }

  private signalGroup(group: number, signal: number): void {
    for (const process of this.groupMembers(group)) this.signal(process, signal);
  }

  private signal(process: Process, ...signals: readonly number[]): void {
    for (const signal of signals) sendSignal(this.kernel, process, kernelInfo(signal));
  }
}
