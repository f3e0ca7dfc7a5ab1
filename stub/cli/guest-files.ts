/** Guest files for gdb, whole, through the debuggee's own eyes: shares, files in memory, texts of /proc. */
import type { Dentry } from '../../emulator/host/files/dentry.ts';
import { FileInode } from '../../emulator/host/files/file-inode.ts';
import { ProcFile } from '../../emulator/host/files/proc/proc-file-system.ts';
import type { Machine } from '../../emulator/debug/machine.ts';

/** Larger files are not handed out: gdb would want all of it. */
const LARGEST = 1 << 30;

/** Paths are byte strings to the guest. */
const guestPath = (path: string): string => Buffer.from(path, 'utf8').toString('latin1');

function find(machine: Machine, path: string, follow: boolean): Dentry | undefined {
  const { kernel, process } = machine;
  const { leader } = process;
  if (!path.startsWith('/') || process.exitStatus !== undefined) return undefined;
  const dentry = kernel.vfs.resolve(leader, guestPath(path), { follow }, leader.fs.root);
  return typeof dentry === 'number' ? undefined : dentry;
}

/** Contents of a guest file; undefined: there is none, or it is no regular file. */
export function readGuestFile(machine: Machine, path: string): Uint8Array | undefined {
  const inode = find(machine, path, true)?.inode;
  if (inode instanceof ProcFile) return inode.contents();
  if (!(inode instanceof FileInode)) return undefined;
  inode.refresh();
  if (inode.size > LARGEST) return undefined;
  const bytes = new Uint8Array(inode.size);
  inode.opened(0);
  const read = inode.pages.readBytes(0, bytes);
  inode.closed();
  return read < 0 ? undefined : bytes.subarray(0, read);
}

/** Where a symbolic link leads; undefined: there is none. */
export function readGuestLink(machine: Machine, path: string): string | undefined {
  const inode = find(machine, path, false)?.inode;
  const target = inode?.isSymlink === true ? inode.readLink(machine.process.leader) : -1;
  return typeof target === 'string' ? Buffer.from(target, 'latin1').toString('utf8') : undefined;
}
