/** Opening fifos: each side waits for the other. */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { PipeBuffer } from './pipe-buffer.ts';
import { PipeEnd } from './pipe.ts';
import type { FifoInode } from './special-inode.ts';

/** An open that waits: its end counts already, so that the other side finds it. */
class PendingOpen {
  readonly file: PipeEnd;
  /** The other side's openings when this one came. */
  readonly seen: number;

  constructor(file: PipeEnd, seen: number) {
    this.file = file;
    this.seen = seen;
  }
}

export function openFifo(call: SyscallCall, inode: FifoInode, dentry: Dentry, flags: number): PipeEnd | number | Wait {
  const pipe = inode.pipe === undefined || inode.pipe.abandoned ? (inode.pipe = new PipeBuffer(call.thread.kernel.vfs.pipeCapacity)) : inode.pipe;
  const reading = isReadable(flags);
  const writing = isWritable(flags);
  let pending = call.state instanceof PendingOpen ? call.state : undefined;
  if (pending === undefined) {
    const nonBlock = (flags & OpenFlag.nonBlock) !== 0;
    if (writing && !reading && nonBlock && pipe.readers === 0) return -Errno.ENXIO;
    const seen = reading ? pipe.writerOpenings : pipe.readerOpenings;
    const file = new PipeEnd(pipe, dentry, flags);
    // A pipe opened again through /proc/<pid>/fd waits for nobody
    const isPipe = inode.fileSystem === call.thread.kernel.vfs.pipes;
    if (nonBlock || isPipe || (reading ? pipe.writers : pipe.readers) > 0) return file;
    pending = new PendingOpen(file, seen);
    call.state = pending;
  }
  const { file, seen } = pending;
  const openings = reading ? pipe.writerOpenings : pipe.readerOpenings;
  if (openings !== seen) {
    call.state = undefined;
    return file;
  }
  return new Wait([pipe.opened], 'restart', undefined, () => {
    call.state = undefined;
    file.release();
    return undefined;
  });
}
