/**
 * Pseudo-terminals: the slave is a terminal whose wire ends at the master's descriptor. What the slave writes is what the master
 * reads; what the master writes is what was typed.
 */
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Dentry } from './dentry.ts';
import { Ioctl } from './ioctl-numbers.ts';
import { installFile } from './open-calls.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import type { PseudoTerminals } from './pseudo-terminal-table.ts';
import { Readiness } from './readiness.ts';
import { Terminal } from './terminal.ts';
import { TerminalFile } from './terminal-file.ts';
import { terminalIoctl } from './terminal-ioctl.ts';

/** Bytes under way in each direction, beyond what the line discipline holds. */
const WIRE_SIZE = 65536;

export class PseudoTerminal extends Terminal {
  /** Number under /dev/pts. */
  readonly index: number;
  /** Bytes for the master to read. */
  readonly toMaster = new ByteQueue();
  /** Tells the master. */
  readonly masterReadiness = new Readiness();
  /** TIOCSPTLCK: the slave cannot be opened. */
  locked = true;
  masterClosed = false;
  private slaveClosed = false;

  constructor(kernel: Kernel, deviceNumber: number, index: number) {
    super(kernel, deviceNumber);
    this.index = index;
  }

  override get otherClosed(): boolean {
    return this.masterClosed;
  }

  /** The last slave description was closed, and none opened since. */
  get isSlaveClosed(): boolean {
    return this.slaveClosed;
  }

  override transmit(bytes: Uint8Array): void {
    if (bytes.length === 0) {
      this.readiness.notify(Poll.out | Poll.wrnorm);
      return;
    }
    this.toMaster.push(bytes);
    this.masterReadiness.notify(Poll.in | Poll.rdnorm);
  }

  override get transmitRoom(): number {
    return Math.max(0, WIRE_SIZE - this.toMaster.length);
  }

  override opened(): void {
    this.slaveClosed = false;
  }

  override closed(): void {
    if (this.openCount > 0) return;
    this.slaveClosed = true;
    this.masterReadiness.notify(0);
  }

  override inputTaken(): void {
    this.masterReadiness.notify(Poll.out | Poll.wrnorm);
  }

  /** Bytes the master can write now. */
  get typingRoom(): number {
    return Math.max(0, WIRE_SIZE - this.waiting);
  }
}

export class PseudoTerminalMaster extends OpenFile {
  readonly slave: PseudoTerminal;
  private readonly table: PseudoTerminals;
  private packet = false;

  constructor(table: PseudoTerminals, slave: PseudoTerminal, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.table = table;
    this.slave = slave;
  }

  protected override closed(): void {
    this.slave.masterClosed = true;
    this.table.remove(this.slave);
    this.slave.hangUp();
  }

  override get readLimit(): number {
    return WIRE_SIZE;
  }

  override read(_call: SyscallCall, into: Uint8Array): SyscallResult {
    const { slave } = this;
    if (into.length === 0) return 0;
    if (slave.toMaster.length > 0) {
      let count: number;
      if (this.packet) {
        into[0] = 0;
        count = 1 + slave.toMaster.shift(into.subarray(1));
      } else count = slave.toMaster.shift(into);
      slave.readiness.notify(Poll.out | Poll.wrnorm);
      return count;
    }
    if (slave.isSlaveClosed) return -Errno.EIO;
    return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([slave.masterReadiness]);
  }

  override write(call: SyscallCall, from: Uint8Array): SyscallResult {
    const { slave } = this;
    let done = typeof call.state === 'number' ? call.state : 0;
    const piece = Math.min(from.length - done, slave.typingRoom);
    if (piece > 0) {
      slave.deliver(from.subarray(done, done + piece));
      done += piece;
    }
    if (done === from.length) return done;
    if ((this.flags & OpenFlag.nonBlock) !== 0) return done > 0 ? done : -Errno.EAGAIN;
    call.state = done;
    return new Wait([slave.masterReadiness], 'restart', undefined, () => (done > 0 ? done : undefined));
  }

  override ioctl(call: SyscallCall, request: number, argument: number): SyscallResult {
    const { slave } = this;
    const { space } = call.thread;
    switch (request) {
      case Ioctl.TIOCGPTN:
        return space.writeU32(argument, slave.index) ? 0 : -Errno.EFAULT;
      case Ioctl.TIOCSPTLCK: {
        const locked = space.readU32(argument);
        if (locked === undefined) return -Errno.EFAULT;
        slave.locked = locked !== 0;
        return 0;
      }
      case Ioctl.TIOCGPTLCK:
        return space.writeU32(argument, slave.locked ? 1 : 0) ? 0 : -Errno.EFAULT;
      case Ioctl.TIOCGPTPEER:
        return this.openPeer(call);
      case Ioctl.TIOCPKT: {
        const on = space.readU32(argument);
        if (on === undefined) return -Errno.EFAULT;
        this.packet = on !== 0;
        return 0;
      }
      case Ioctl.FIONREAD:
        return space.writeU32(argument, slave.toMaster.length) ? 0 : -Errno.EFAULT;
      case Ioctl.TIOCGPGRP:
        return space.writeU32(argument, slave.foreground) ? 0 : -Errno.EFAULT;
      case Ioctl.TIOCGSID:
        if (slave.session === undefined) return -Errno.ENOTTY;
        return space.writeU32(argument, slave.session.id) ? 0 : -Errno.EFAULT;
      case Ioctl.TIOCSCTTY:
      case Ioctl.TIOCNOTTY:
        return -Errno.ENOTTY;
      default:
        return terminalIoctl(call, slave, request, argument);
    }
  }

  override poll(): number {
    const { slave } = this;
    let events = 0;
    if (slave.toMaster.length > 0) events |= Poll.in | Poll.rdnorm;
    if (slave.isSlaveClosed) events |= Poll.hup;
    if (slave.typingRoom >= 256) events |= Poll.out | Poll.wrnorm;
    return events;
  }

  override get readiness(): Readiness {
    return this.slave.masterReadiness;
  }

  override get extraInfo(): string {
    return `tty-index:\t${this.slave.index}\n`;
  }

  private openPeer(call: SyscallCall): number {
    const { slave } = this;
    const dentry = this.table.dentryOf(slave);
    if (dentry === undefined) return -Errno.EIO;
    const flags = call.int(2);
    const file = new TerminalFile(slave, dentry, flags & ~(OpenFlag.noCtty | OpenFlag.closeOnExec));
    if ((flags & OpenFlag.noCtty) === 0) file.openedAsTerminal(call);
    return installFile(call, file, (flags & OpenFlag.closeOnExec) !== 0);
  }
}
