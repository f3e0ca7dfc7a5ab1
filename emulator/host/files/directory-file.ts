/**
 * Open directories. Reading from the start takes a snapshot of the entries; the position is an index into it (0 and 1 are
 * `.` and `..`), so that removing files while reading skips none.
 */
import { Errno } from '../errno.ts';
import type { Thread } from '../process/thread.ts';
import type { Dentry } from './dentry.ts';
import { FileType } from './file-mode.ts';
import type { DirectoryEntry, DirectoryInode } from './inode.ts';
import { OpenFile } from './open-file.ts';

export class DirectoryFile extends OpenFile {
  readonly inode: DirectoryInode;
  private readonly at: Dentry;
  private snapshot: readonly DirectoryEntry[] | undefined;

  constructor(inode: DirectoryInode, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.inode = inode;
    this.at = dentry;
    inode.hold();
  }

  protected override closed(): void {
    this.inode.locks?.releaseFlock(this);
    this.inode.letGo();
  }

  override read(): number {
    return -Errno.EISDIR;
  }

  override get seekable(): boolean {
    return true;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    if (target < 0) return -Errno.EINVAL;
    this.position = target;
    if (target === 0) this.snapshot = undefined;
    return target;
  }

  /** The entry at `position`, undefined at the end. */
  entry(position: number, thread: Thread): DirectoryEntry | undefined {
    if (position === 0) return { name: '.', inode: this.inode.number, type: FileType.directory };
    if (position === 1) return { name: '..', inode: this.at.up(thread.fs.root).inode.number, type: FileType.directory };
    if (this.snapshot === undefined) {
      this.snapshot = this.at.deleted ? [] : this.inode.entries(thread);
    }
    return this.snapshot[position - 2];
  }

  override ioctl(): number {
    return -Errno.ENOTTY;
  }
}
