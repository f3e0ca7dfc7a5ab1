/** The inode all descriptors without a name share (Linux's anon_inodefs). */
import { Errno } from '../errno.ts';
import type { FileSystem } from './file-system.ts';
import { Inode } from './inode.ts';

export class AnonymousInode extends Inode {
  constructor(fileSystem: FileSystem) {
    super(fileSystem, 0o600);
  }

  open(): number {
    return -Errno.ENXIO;
  }
}
