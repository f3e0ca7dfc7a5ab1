/** Attributes of shared host files: read from and written to the host. */
import * as fs from 'node:fs';
import type { AttributeChange, Inode } from './inode.ts';
import { attempt } from './share-errors.ts';
import { EPOCH, timestampFromNanoseconds, type Timestamp } from './timestamp.ts';

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

/**
 * Changes made by the guest itself: on the host they bear the wall clock's time, which must not show; the guest sees the machine's
 * time instead, as long as nobody else has changed the file since.
 */
export class OwnChanges {
  private hostChanged = -1n;
  private hostModified = -1n;
  private changed: Timestamp = EPOCH;
  private modified: Timestamp = EPOCH;

  /** @param stat as the host has it after the change; @param contents the contents changed, not only attributes */
  note(stat: fs.BigIntStats, now: Timestamp, contents: boolean): void {
    this.hostChanged = stat.ctimeNs;
    this.changed = now;
    if (!contents) return;
    this.hostModified = stat.mtimeNs;
    this.modified = now;
  }

  apply(inode: Inode, stat: fs.BigIntStats): void {
    if (stat.ctimeNs === this.hostChanged) inode.changed = this.changed;
    if (stat.mtimeNs === this.hostModified) inode.accessed = inode.modified = this.modified;
  }
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
