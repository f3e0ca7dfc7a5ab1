/** signalfd: signals are read instead of delivered. As on Linux, readers get their own thread's and process's signals. */
import { Errno } from '../errno.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import { InfoOffset, type SignalInfo } from '../signals/signal-info.ts';
import { ChildCode, PollCode, Signal, SiCode } from '../signals/signal-numbers.ts';
import { SignalSet } from '../signals/signal-set.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import type { Sleeper } from '../wait-queue.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import { Readiness } from './readiness.ts';

const RECORD_BYTES = 128;
/** Offsets of struct signalfd_siginfo (include/uapi/linux/signalfd.h). */
const Field = {
  signo: 0, errno: 4, code: 8, pid: 12, uid: 16, fd: 20, timerId: 24, band: 28, overrun: 32, trap: 36, status: 40, int: 44, pointer: 48, utime: 56, stime: 64, address: 72,
} as const;

export class SignalFd extends OpenFile implements Sleeper {
  private readonly process: Process;
  private readonly thread: Thread;
  private readonly events = new Readiness();
  /** Signals that are not read: the complement of the mask. */
  private others = new SignalSet();

  constructor(thread: Thread, mask: SignalSet, flags: number) {
    super(OpenFlag.readWrite | flags);
    this.thread = thread;
    this.process = thread.process;
    this.setMask(mask);
    this.process.signals.arrived.add(this);
  }

  override get description(): string {
    return 'anon_inode:[signalfd]';
  }

  override get extraInfo(): string {
    const mask = ~this.others.toBig() & 0xffffffffffffffffn;
    return `sigmask:\t${mask.toString(16).padStart(16, '0')}\n`;
  }

  setMask(mask: SignalSet): void {
    this.others = new SignalSet(~mask.lo, ~mask.hi);
    this.others.add(Signal.KILL);
    this.others.add(Signal.STOP);
    this.events.notify(Poll.in);
  }

  /** A signal was queued for the process. */
  wake(): void {
    this.process.signals.arrived.add(this);
    this.events.notify(Poll.in);
  }

  protected override closed(): void {
    this.process.signals.arrived.remove(this);
  }

  override read(call: SyscallCall, into: Uint8Array): SyscallResult {
    if (into.length < RECORD_BYTES) return -Errno.EINVAL;
    const { signals, process } = call.thread;
    let count = 0;
    while (into.length - count >= RECORD_BYTES) {
      const info = signals.pending.take(this.others) ?? process.signals.pending.take(this.others);
      if (info === undefined) break;
      writeRecord(info, into.subarray(count, count + RECORD_BYTES));
      count += RECORD_BYTES;
    }
    if (count > 0) return count;
    return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([process.signals.arrived, this.events]);
  }

  override poll(): number {
    const { pending } = this.thread.signals;
    return pending.set.exceeds(this.others) || this.process.signals.pending.set.exceeds(this.others) ? Poll.in : 0;
  }

  override get readiness(): Readiness {
    return this.events;
  }
}

function writeRecord(info: SignalInfo, into: Uint8Array): void {
  into.fill(0);
  const out = new DataView(into.buffer, into.byteOffset, RECORD_BYTES);
  const { signal, code } = info;
  out.setUint32(Field.signo, signal, true);
  out.setInt32(Field.errno, info.int(InfoOffset.errno), true);
  out.setInt32(Field.code, code, true);
  const copy = (field: number, offset: number): void => out.setInt32(field, info.int(offset), true);
  const copyLong = (field: number, offset: number): void => into.set(info.bytes.subarray(offset, offset + 8), field);
  if (code === SiCode.TIMER) {
    copy(Field.timerId, InfoOffset.timerId);
    copy(Field.overrun, InfoOffset.overrun);
    copy(Field.int, InfoOffset.value);
    copyLong(Field.pointer, InfoOffset.value);
  } else if (signal === Signal.CHLD && code >= ChildCode.EXITED && code <= ChildCode.CONTINUED) {
    copy(Field.pid, InfoOffset.pid);
    copy(Field.uid, InfoOffset.uid);
    copy(Field.status, InfoOffset.status);
    copyLong(Field.utime, InfoOffset.utime);
    copyLong(Field.stime, InfoOffset.stime);
  } else if (signal !== Signal.SEGV && signal !== Signal.BUS && signal !== Signal.ILL && signal !== Signal.FPE && signal !== Signal.TRAP && code >= PollCode.IN && code <= PollCode.HUP) {
    copy(Field.band, InfoOffset.band);
    copy(Field.fd, InfoOffset.fd);
  } else if (code > SiCode.USER && code !== SiCode.KERNEL) {
    copyLong(Field.address, InfoOffset.address);
  } else {
    copy(Field.pid, InfoOffset.pid);
    copy(Field.uid, InfoOffset.uid);
    if (code !== SiCode.USER && code !== SiCode.TKILL) {
      copy(Field.int, InfoOffset.value);
      copyLong(Field.pointer, InfoOffset.value);
    }
  }
}
