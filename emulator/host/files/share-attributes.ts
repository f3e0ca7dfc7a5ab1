/** Attributes of shared host files: read from and written to the host. */
import * as fs from 'node:fs';
import type { AttributeChange, Inode } from './inode.ts';
import { attempt } from './share-errors.ts';
import { timestampFromNanoseconds, type Timestamp } from './timestamp.ts';

/** Copies what the host says into an inode. */
export function takeStat(inode: Inode, stat: fs.BigIntStats): void {
  inode.mode = Number(stat.mode);
  inode.links = Number(stat.nlink);
  inode.uid = Number(stat.uid);
  inode.gid = Number(stat.gid);
  inode.device = Number(stat.rdev);
  // Access times change behind our back with every run: the guest sees the modification time instead.
  inode.accessed = timestampFromNanoseconds(stat.mtimeNs);
  inode.modified = inode.accessed;
  inode.changed = timestampFromNanoseconds(stat.ctimeNs);
}

function seconds(time: Timestamp): number {
  return time.seconds + time.nanoseconds / 1e9;
}

/** chmod, chown and utimes on a writable share's file; 0 or -errno. */
export function giveAttributes(hostPath: string, inode: Inode, change: AttributeChange): number {
  return attempt(() => {
    if (change.mode !== undefined) fs.chmodSync(hostPath, change.mode & 0o7777);
    if (change.uid !== undefined || change.gid !== undefined) fs.lchownSync(hostPath, change.uid ?? inode.uid, change.gid ?? inode.gid);
    if (change.accessed !== undefined || change.modified !== undefined) {
      fs.lutimesSync(hostPath, seconds(change.accessed ?? inode.accessed), seconds(change.modified ?? inode.modified));
    }
  });
}
