/** The kinds of shared files without contents of their own: symbolic links; and devices, sockets and fifos, which cannot be opened. */
import * as fs from 'node:fs';
import { Errno } from '../errno.ts';
import { Inode } from './inode.ts';
import type { Share } from './share.ts';
import { takeStat } from './share-attributes.ts';
import { hostErrno } from './share-errors.ts';

export class ShareSymlink extends Inode {
  private readonly hostPath: string;

  constructor(share: Share, hostPath: string, stat: fs.BigIntStats) {
    super(share, Number(stat.mode));
    this.hostPath = hostPath;
    takeStat(this, stat);
  }

  override get size(): number {
    const text = this.readLink();
    return typeof text === 'number' ? 0 : text.length;
  }

  override get blocks(): number {
    return 0;
  }

  override readLink(): string | number {
    try {
      return fs.readlinkSync(this.hostPath, 'latin1');
    } catch (error) {
      return hostErrno(error);
    }
  }

  open(): number {
    return -Errno.ELOOP;
  }
}

export class ShareNode extends Inode {
  constructor(share: Share, stat: fs.BigIntStats) {
    super(share, Number(stat.mode));
    takeStat(this, stat);
  }

  open(): number {
    return -Errno.ENXIO;
  }
}
