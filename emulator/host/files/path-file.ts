/** What open(O_PATH) gives: a place in the tree and nothing else. */
import { Errno } from '../errno.ts';
import type { Dentry } from './dentry.ts';
import { OpenFile } from './open-file.ts';

export class PathFile extends OpenFile {
  private readonly place: Dentry;

  constructor(dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.place = dentry;
    dentry.inode.hold();
  }

  protected override closed(): void {
    this.place.inode.letGo();
  }

  override read(): number {
    return -Errno.EBADF;
  }

  override write(): number {
    return -Errno.EBADF;
  }

  override seek(): number {
    return -Errno.EBADF;
  }

  override ioctl(): number {
    return -Errno.EBADF;
  }

  override truncate(): number {
    return -Errno.EBADF;
  }

  override mapSource(): number {
    return -Errno.EBADF;
  }
}
