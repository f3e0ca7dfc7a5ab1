/**
 * An open file description (Linux's struct file): what descriptors point to and dup/fork share. Each kind of file (regular,
 * directory, pipe end, socket, tty, epoll, eventfd, timerfd, signalfd, /proc/mm handle …) is a subclass in a file of its own.
 */
import { Errno } from '../errno.ts';
import type { PageSource } from '../../memory/page-source.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import type { WaitQueue } from '../wait-queue.ts';

/** poll(2) event bits (include/uapi/asm-generic/poll.h). */
export const Poll = { in: 0x1, pri: 0x2, out: 0x4, err: 0x8, hup: 0x10, nval: 0x20, rdnorm: 0x40, rdband: 0x80, wrnorm: 0x100, wrband: 0x200, rdhup: 0x2000 } as const;

export abstract class OpenFile {
  /** Status flags: access mode and O_APPEND, O_NONBLOCK, O_ASYNC … (fcntl F_GETFL). */
  flags: number;
  /** Position in bytes, for seekable files. */
  position = 0;
  private references = 1;

  constructor(flags: number) {
    this.flags = flags;
  }

  retain(): this {
    this.references++;
    return this;
  }

  /** Drops a reference; the last one closes. */
  release(): void {
    if (--this.references === 0) this.closed();
  }

  /** The last reference is gone. */
  protected closed(): void {}

  /** Reads up to `into.length` bytes at `offset` (undefined: the current position, which moves). May return a Wait. */
  read(_call: SyscallCall, _into: Uint8Array, _offset: number | undefined): SyscallResult {
    return -Errno.EINVAL;
  }

  write(_call: SyscallCall, _from: Uint8Array, _offset: number | undefined): SyscallResult {
    return -Errno.EINVAL;
  }

  seek(_offset: number, _whence: number): number {
    return -Errno.ESPIPE;
  }

  ioctl(_call: SyscallCall, _request: number, _argument: number): SyscallResult {
    return -Errno.ENOTTY;
  }

  /** Current readiness in `Poll` bits. */
  poll(): number {
    return Poll.in | Poll.out | Poll.rdnorm | Poll.wrnorm;
  }

  /** Woken whenever `poll()` may have changed; undefined: always ready, and epoll answers EPERM. */
  get readiness(): WaitQueue | undefined {
    return undefined;
  }

  /** For mmap: the page cache to map, or -errno. */
  mapSource(_shared: boolean, _writable: boolean): PageSource | number {
    return -Errno.ENODEV;
  }

  /** What /proc/<pid>/fd/<n> links to. */
  abstract get description(): string;
}
