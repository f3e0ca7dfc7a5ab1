/** Inodes with a page cache: regular files of tmpfs and of shares. */
import type { Dentry } from './dentry.ts';
import type { FilePages } from './file-pages.ts';
import { Inode } from './inode.ts';

export abstract class FileInode extends Inode {
  abstract readonly pages: FilePages;
  /** memfd seals (F_SEAL_*); undefined: the file takes none. */
  seals: number | undefined;
  /** Host handles are closed etc. when the last open file goes. */
  opened(_flags: number): number {
    this.hold();
    return 0;
  }

  closed(): void {
    this.letGo();
  }

  /** From now on /proc/<pid>/maps calls it this. */
  abstract setMapName(name: Dentry): void;

  /** A shared mapping through which the guest may store is being made. */
  mappedForStores(): void {}

  /** It was read: access times move as with the mount option relatime. */
  touchAccessed(): void {}

  /** fsync: contents reach what is behind the cache. */
  synchronise(): number {
    return 0;
  }

  override get size(): number {
    return this.pages.size;
  }
}

/** memfd seals (include/uapi/linux/fcntl.h). */
export const Seal = { seal: 1, shrink: 2, grow: 4, write: 8, futureWrite: 0x10, exec: 0x20 } as const;
