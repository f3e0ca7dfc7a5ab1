/** eventfd(2): a 64-bit counter. */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import { Readiness } from './readiness.ts';

const MAXIMUM = 0xfffffffffffffffen;

export class EventFd extends OpenFile {
  private count: bigint;
  private readonly semaphore: boolean;
  private readonly events = new Readiness();

  constructor(initial: number, semaphore: boolean, flags: number) {
    super(OpenFlag.readWrite | flags);
    this.count = BigInt(initial);
    this.semaphore = semaphore;
  }

  override get description(): string {
    return 'anon_inode:[eventfd]';
  }

  override get extraInfo(): string {
    return `eventfd-count: ${this.count.toString(16).padStart(16)}\n`;
  }

  override read(_call: SyscallCall, into: Uint8Array): SyscallResult {
    if (into.length < 8) return -Errno.EINVAL;
    if (this.count === 0n) return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([this.events]);
    const value = this.semaphore ? 1n : this.count;
    this.count -= value;
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, value, true);
    this.events.notify(Poll.out);
    return 8;
  }

  override write(_call: SyscallCall, from: Uint8Array): SyscallResult {
    if (from.length < 8) return -Errno.EINVAL;
    const value = new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    if (value > MAXIMUM) return -Errno.EINVAL;
    if (this.count + value > MAXIMUM) return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([this.events]);
    this.count += value;
    this.events.notify(Poll.in);
    return 8;
  }

  override poll(): number {
    return (this.count > 0n ? Poll.in : 0) | (this.count < MAXIMUM ? Poll.out : 0);
  }

  override get readiness(): Readiness {
    return this.events;
  }
}
