/** What both ends of a pipe share. */
import { Errno } from '../errno.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Quota } from './machine-limits.ts';
import { Poll } from './open-file.ts';
import { Readiness } from './readiness.ts';

/** Writes up to this size are not interleaved with others'. */
export const PIPE_BUF = 4096;
const DEFAULT_CAPACITY = 65536;
/** What new pipes get when there are very many. */
const SMALL_CAPACITY = 8192;
/** /proc/sys/fs/pipe-max-size. */
export const PIPE_MAX_SIZE = 1048576;

export class PipeBuffer {
  readonly bytes = new ByteQueue();
  capacity: number;
  abandoned = false;
  readers = 0;
  writers = 0;
  /** How often an end was opened, ever: what a waiting open(2) of a fifo looks at. */
  readerOpenings = 0;
  writerOpenings = 0;
  /** Tells readers. */
  readonly readable = new Readiness();
  /** Tells writers. */
  readonly writable = new Readiness();
  /** Wakes opens of the other end. */
  readonly opened = new Readiness();

  private readonly quota: Quota;

  /** @param quota of the capacity of all pipes */
  constructor(quota: Quota) {
    this.quota = quota;
    this.capacity = quota.left >= DEFAULT_CAPACITY ? DEFAULT_CAPACITY : SMALL_CAPACITY;
    quota.force(this.capacity);
  }

  get room(): number {
    return this.capacity - this.bytes.length;
  }

  open(reading: boolean, writing: boolean): void {
    if (reading) {
      this.readers++;
      this.readerOpenings++;
    }
    if (writing) {
      this.writers++;
      this.writerOpenings++;
    }
    this.opened.wake();
  }

  close(reading: boolean, writing: boolean): void {
    if (reading) this.readers--;
    if (writing) this.writers--;
    if (this.readers === 0 && this.writers === 0) this.unused();
    if (reading && this.readers === 0) this.writable.notify(Poll.err | Poll.out);
    if (writing && this.writers === 0) this.readable.notify(Poll.hup | Poll.in);
  }

  /** Nobody has it open any more. A fifo may be opened again: it gets a buffer of its own then. */
  private unused(): void {
    this.bytes.clear();
    this.quota.give(this.capacity);
    this.abandoned = true;
  }

  /** Adds bytes and tells readers. */
  push(bytes: Uint8Array): void {
    this.bytes.push(bytes);
    this.readable.notify(Poll.in | Poll.rdnorm);
  }

  /** Takes bytes and tells writers. */
  shift(into: Uint8Array): number {
    const count = this.bytes.shift(into);
    this.writable.notify(Poll.out | Poll.wrnorm);
    return count;
  }

  /** F_SETPIPE_SZ; the new capacity or -errno. */
  resize(wanted: number, privileged: boolean): number {
    let size = PIPE_BUF;
    while (size < wanted) size *= 2;
    if (wanted > 0x80000000 || wanted === 0) return -Errno.EINVAL;
    if (size > PIPE_MAX_SIZE && !privileged) return -Errno.EPERM;
    if (size < this.bytes.length) return -Errno.EBUSY;
    if (size > this.capacity && size - this.capacity > this.quota.left) return -Errno.EPERM;
    this.quota.force(size - this.capacity);
    this.capacity = size;
    this.writable.notify(Poll.out | Poll.wrnorm);
    return size;
  }
}
