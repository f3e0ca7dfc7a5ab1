/**
 * An open file description (Linux's struct file): what descriptors point to and dup/fork share. Each kind of file (regular,
 * directory, pipe end, socket, tty, epoll, eventfd, timerfd, signalfd, /proc/mm handle …) is a subclass in a file of its own.
 */
import { Errno } from '../errno.ts';
import type { PageSource } from '../../memory/page-source.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import type { FileOwner } from './file-owner.ts';
import type { Quota } from './machine-limits.ts';
import type { Readiness } from './readiness.ts';

/** poll(2) event bits (include/uapi/asm-generic/poll.h). */
export const Poll = { in: 0x1, pri: 0x2, out: 0x4, err: 0x8, hup: 0x10, nval: 0x20, rdnorm: 0x40, rdband: 0x80, wrnorm: 0x100, wrband: 0x200, rdhup: 0x2000 } as const;

export abstract class OpenFile {
  /** Status flags: access mode and O_APPEND, O_NONBLOCK, O_ASYNC … (fcntl F_GETFL). */
  flags: number;
  /** Position in bytes, for seekable files. */
  position = 0;
  /** The name it was opened by; undefined for files which live in no file system (epoll, eventfd …). */
  dentry: Dentry | undefined;
  /** Whom SIGIO goes to (F_SETOWN, F_SETSIG), once asked for. */
  owner: FileOwner | undefined;
  /** What it is counted against while it is open. */
  countedBy: Quota | undefined;
  private references = 1;

  constructor(flags: number, dentry?: Dentry) {
    this.flags = flags;
    this.dentry = dentry;
  }

  retain(): this {
    this.references++;
    return this;
  }

  /** Drops a reference; the last one closes. */
  release(): void {
    if (--this.references > 0) return;
    this.countedBy?.give(1);
    this.owner?.stop(this);
    for (const listener of this.closeListeners ?? []) listener();
    this.closed();
  }

  /** How many descriptors, messages in flight and system calls hold it. */
  get referenceCount(): number {
    return this.references;
  }

  private closeListeners: Set<() => void> | undefined;

  /** Epoll sets forget a file when it closes. */
  onClose(listener: () => void): void {
    (this.closeListeners ??= new Set()).add(listener);
  }

  offClose(listener: () => void): void {
    this.closeListeners?.delete(listener);
  }

  /** The last reference is gone. */
  protected closed(): void {}

  /** A descriptor of `table` for this file was closed, whether or not others remain (POSIX locks go). */
  descriptorClosed(_table: DescriptorTable): void {}

  /** open(2) without O_NOCTTY gave it: a terminal may become the session's. */
  openedAsTerminal(_call: SyscallCall): void {}

  /** Reads up to `into.length` bytes at `offset` (undefined: the current position, which moves). May return a Wait. */
  read(_call: SyscallCall, _into: Uint8Array, _offset: number | undefined): SyscallResult {
    return -Errno.EINVAL;
  }

  write(_call: SyscallCall, _from: Uint8Array, _offset: number | undefined): SyscallResult {
    return -Errno.EINVAL;
  }

  /** Longer writes are EINVAL before anything of them is looked at. */
  writeLimit(_call: SyscallCall): number {
    return Infinity;
  }

  /** True if pread and pwrite work (regular files, block devices, most of /proc). */
  get seekable(): boolean {
    return false;
  }

  /** Most bytes one read can give: what to reserve for it. */
  get readLimit(): number {
    return 0x100000;
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

  /** Notified whenever `poll()` may have changed; undefined: always ready, and epoll answers EPERM. */
  get readiness(): Readiness | undefined {
    return undefined;
  }

  /** ftruncate. */
  truncate(_size: number): number {
    return -Errno.EINVAL;
  }

  /** For mmap: the page cache to map, or -errno. */
  mapSource(_shared: boolean, _writable: boolean): PageSource | number {
    return -Errno.ENODEV;
  }

  /** Kind-specific lines of /proc/<pid>/fdinfo/<n>. */
  get extraInfo(): string {
    return '';
  }

  /** What /proc/<pid>/fd/<n> links to. */
  get description(): string {
    return this.dentry?.path ?? 'anon_inode:[unknown]';
  }
}
