/** An open end of a pipe or fifo (or both, for a fifo opened O_RDWR). */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { Ioctl } from './ioctl-numbers.ts';
import { OpenFile, Poll } from './open-file.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { PIPE_BUF, type PipeBuffer } from './pipe-buffer.ts';
import type { Readiness } from './readiness.ts';

/** Progress of a write that sleeps. */
class PartialWrite {
  done = 0;
}

export class PipeEnd extends OpenFile {
  readonly pipe: PipeBuffer;
  private readonly reading: boolean;
  private readonly writing: boolean;

  constructor(pipe: PipeBuffer, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.pipe = pipe;
    this.reading = isReadable(flags);
    this.writing = isWritable(flags);
    pipe.open(this.reading, this.writing);
    dentry.inode.hold();
  }

  protected override closed(): void {
    this.pipe.close(this.reading, this.writing);
    this.dentry?.inode.letGo();
  }

  override read(_call: SyscallCall, into: Uint8Array): SyscallResult {
    const { pipe } = this;
    if (into.length === 0) return 0;
    if (pipe.bytes.length > 0) return pipe.shift(into);
    if (pipe.writers === 0) return 0;
    return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([pipe.readable]);
  }

  override write(call: SyscallCall, from: Uint8Array): SyscallResult {
    const { pipe } = this;
    const progress = call.state instanceof PartialWrite ? call.state : new PartialWrite();
    if (pipe.readers === 0) return progress.done > 0 ? progress.done : -Errno.EPIPE;
    if (from.length === 0) return 0;
    const left = from.length - progress.done;
    const room = from.length <= PIPE_BUF && pipe.room < left ? 0 : Math.min(left, pipe.room);
    if (room > 0) {
      pipe.push(from.subarray(progress.done, progress.done + room));
      progress.done += room;
    }
    if (progress.done === from.length) return from.length;
    if ((this.flags & OpenFlag.nonBlock) !== 0) return progress.done > 0 ? progress.done : -Errno.EAGAIN;
    call.state = progress;
    return new Wait([pipe.writable], 'restart', undefined, () => (progress.done > 0 ? progress.done : undefined));
  }

  override ioctl(call: SyscallCall, request: number, argument: number): SyscallResult {
    if (request !== Ioctl.FIONREAD) return -Errno.ENOTTY;
    return call.thread.space.writeU32(argument, this.pipe.bytes.length) ? 0 : -Errno.EFAULT;
  }

  override poll(): number {
    const { pipe } = this;
    let events = 0;
    if (this.reading) {
      if (pipe.bytes.length > 0) events |= Poll.in | Poll.rdnorm;
      if (pipe.writers === 0 && pipe.writerOpenings > 0) events |= Poll.hup;
    }
    if (this.writing) {
      if (pipe.room >= PIPE_BUF) events |= Poll.out | Poll.wrnorm;
      if (pipe.readers === 0) events |= Poll.err;
    }
    return events;
  }

  override get readiness(): Readiness {
    return this.reading ? this.pipe.readable : this.pipe.writable;
  }
}
