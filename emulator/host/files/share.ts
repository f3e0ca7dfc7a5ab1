/**
 * Files of the real machine that were given to the guest. Confinement is by construction: a host path is only ever a share's real
 * directory plus names that were looked at (lstat) one by one; symbolic links are never followed here but handed to the guest's
 * own path walk, so they end inside the guest's tree. Opening checks the real path once more.
 */
import * as fs from 'node:fs';
import type { Frames } from '../../memory/frames.ts';
import { FileType } from './file-mode.ts';
import { FileSystem, FileSystemMagic } from './file-system.ts';
import type { Inode } from './inode.ts';
import type { Quota } from './machine-limits.ts';
import { ShareDirectory } from './share-directory.ts';
import { hostErrno } from './share-errors.ts';
import { ShareFile } from './share-file.ts';
import { ShareNode, ShareSymlink } from './share-node.ts';
import type { Timestamp } from './timestamp.ts';

/** A directory or a single file given to the guest. */
export interface ShareOptions {
  readonly hostPath: string;
  /** Absolute path in the guest. */
  readonly guestPath: string;
  readonly writable?: boolean;
}

export class Share extends FileSystem {
  readonly memory: Frames;
  /** Real path of what was given. */
  readonly hostRoot: string;
  readonly writable: boolean;
  private readonly inodes = new Map<string, Inode>();

  /** @throws the node:fs error if the host path does not exist */
  constructor(options: ShareOptions, minor: number, memory: Frames, now: () => Timestamp, inodeQuota: Quota) {
    super({
      type: 'ext4', magic: FileSystemMagic.ext, minor, now, inodeQuota, readOnly: options.writable !== true, source: '/dev/root',
    });
    this.memory = memory;
    this.hostRoot = fs.realpathSync.native(options.hostPath);
    this.writable = options.writable === true;
  }

  /** Gives up at most `count` cached pages, oldest files first; returns how many. */
  shed(count: number): number {
    let given = 0;
    for (const inode of this.inodes.values()) {
      if (given >= count) break;
      if (inode instanceof ShareFile) given += inode.pages.shed(count - given);
    }
    return given;
  }

  /** The inode at the top: a directory, or the file itself. */
  root(): Inode {
    const inode = this.inodeAt(this.hostRoot);
    if (typeof inode === 'number') throw new Error(`${this.hostRoot}: cannot be shared`);
    return inode;
  }

  /** The inode for a host path (which must be the real one, last component not followed), or -errno. */
  inodeAt(hostPath: string): Inode | number {
    let stat: fs.BigIntStats;
    try {
      stat = fs.lstatSync(hostPath, { bigint: true });
    } catch (error) {
      return hostErrno(error);
    }
    const key = `${stat.dev}:${stat.ino}`;
    const known = this.inodes.get(key);
    if (known !== undefined && known.type === (Number(stat.mode) & FileType.mask)) {
      if (known instanceof ShareFile || known instanceof ShareDirectory) known.seen(hostPath, stat);
      return known;
    }
    const made = this.build(hostPath, stat);
    this.inodes.set(key, made);
    return made;
  }

  /** True if no component of the path is a symbolic link (any more). */
  isReal(hostPath: string): boolean {
    try {
      return fs.realpathSync.native(hostPath) === hostPath;
    } catch {
      return false;
    }
  }

  private build(hostPath: string, stat: fs.BigIntStats): Inode {
    switch (Number(stat.mode) & FileType.mask) {
      case FileType.directory:
        return new ShareDirectory(this, hostPath, stat);
      case FileType.regular:
        return new ShareFile(this, hostPath, stat);
      case FileType.symlink:
        return new ShareSymlink(this, hostPath, stat);
      default:
        return new ShareNode(this, stat);
    }
  }
}
