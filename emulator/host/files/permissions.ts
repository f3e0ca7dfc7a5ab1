/** Who may do what with an inode. Root may do anything, except execute what nobody may. */
import type { Thread } from '../process/thread.ts';
import type { Inode } from './inode.ts';

/** Also access(2)'s mode bits. */
export const Permission = { execute: 1, write: 2, read: 4 } as const;

/** @param real check for the real instead of the effective user (access(2)) */
export function mayAccess(thread: Thread, inode: Inode, wanted: number, real = false): boolean {
  const credentials = thread.process.credentials;
  const uid = real ? credentials.uid : credentials.fsuid;
  const gid = real ? credentials.gid : credentials.fsgid;
  if (uid === 0) return (wanted & Permission.execute) === 0 || inode.isDirectory || (inode.mode & 0o111) !== 0;
  const shift = inode.uid === uid ? 6 : inode.gid === gid || credentials.groups.includes(inode.gid) ? 3 : 0;
  return ((inode.mode >>> shift) & wanted) === wanted;
}

/** May change mode, owner or times. */
export function ownsInode(thread: Thread, inode: Inode): boolean {
  const uid = thread.process.credentials.fsuid;
  return uid === 0 || uid === inode.uid;
}
