/** Where a process is in the tree: getcwd, chdir, chroot, umask; statfs; mounting (refused). */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallRow } from '../syscall.ts';
import { fileArgument } from './arguments.ts';
import type { Dentry } from './dentry.ts';
import { FileSystemMagic } from './file-system.ts';
import { PATH_MAX } from './path-walk.ts';
import { mayAccess, Permission } from './permissions.ts';
import { dentryOf } from './stat-calls.ts';
import { PAGE_SIZE } from '../../cpu/state.ts';

const STATFS_BYTES = 120;
const ST_VALID = 0x20;
const ST_RDONLY = 1;
const ST_RELATIME = 0x1000;
/** What disk-like file systems say of themselves: 4 GiB, half of it free, whatever the real disk has. */
const DISK_BLOCKS = 1048576;
const DISK_INODES = 1048576;

function getcwd(call: SyscallCall): number {
  const { fs, space } = call.thread;
  const { cwd } = fs;
  if (cwd.deleted) return -Errno.ENOENT;
  const path = cwd.pathFrom(fs.root) ?? `(unreachable)${cwd.path}`;
  const bytes = Buffer.from(`${path}\0`, 'latin1');
  if (bytes.length > PATH_MAX) return -Errno.ENAMETOOLONG;
  if (bytes.length > call.args[1]) return -Errno.ERANGE;
  return space.write(call.args[0], bytes) ? bytes.length : -Errno.EFAULT;
}

function enter(call: SyscallCall, dentry: Dentry | number | undefined): Dentry | number {
  if (dentry === undefined) return -Errno.ENOTDIR;
  if (typeof dentry === 'number') return dentry;
  if (!dentry.inode.isDirectory) return -Errno.ENOTDIR;
  return mayAccess(call.thread, dentry.inode, Permission.execute) ? dentry : -Errno.EACCES;
}

function chdir(call: SyscallCall, to: Dentry | number | undefined): number {
  const directory = enter(call, to);
  if (typeof directory === 'number') return directory;
  call.thread.fs.cwd = directory;
  return 0;
}

function fchdir(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  return file === undefined ? -Errno.EBADF : chdir(call, file.dentry);
}

function chroot(call: SyscallCall): number {
  const directory = enter(call, dentryOf(call, 0, true));
  if (typeof directory === 'number') return directory;
  if (call.thread.process.credentials.euid !== 0) return -Errno.EPERM;
  call.thread.fs.root = directory;
  return 0;
}

function umask(call: SyscallCall): number {
  const { fs } = call.thread;
  const before = fs.umask;
  fs.umask = call.uint(0) & 0o777;
  return before;
}

function statfs(call: SyscallCall, dentry: Dentry | number | undefined): number {
  if (typeof dentry === 'number') return dentry;
  const { fileSystem } = dentry?.inode ?? call.thread.kernel.vfs.anonymousInode;
  const { frames } = call.thread.kernel.vfs;
  const bytes = new Uint8Array(STATFS_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (index: number, value: number): void => view.setBigUint64(index * 8, BigInt(value), true);
  put(0, fileSystem.magic);
  put(1, PAGE_SIZE);
  if (fileSystem.magic === FileSystemMagic.tmpfs) {
    const free = frames.total - frames.inUse;
    put(2, frames.total);
    put(3, free);
    put(4, free);
    put(5, fileSystem.inodeQuota.limit);
    put(6, fileSystem.inodeQuota.left);
  } else if (fileSystem.magic === FileSystemMagic.ext) {
    put(2, DISK_BLOCKS);
    put(3, DISK_BLOCKS / 2);
    put(4, DISK_BLOCKS / 2);
    put(5, DISK_INODES);
    put(6, DISK_INODES / 2);
  }
  view.setInt32(56, fileSystem.device, true);
  put(8, 255);
  put(9, PAGE_SIZE);
  put(10, ST_VALID | ST_RELATIME | (fileSystem.readOnly ? ST_RDONLY : 0));
  return call.thread.space.write(call.args[1], bytes) ? 0 : -Errno.EFAULT;
}

function fstatfs(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  return file === undefined ? -Errno.EBADF : statfs(call, file.dentry);
}

const refused = (): number => -Errno.EPERM;

export const placeSyscalls: readonly SyscallRow[] = [
  { name: 'getcwd', args: ['ptr', 'size'], handler: getcwd },
  { name: 'chdir', args: ['path'], handler: (call) => chdir(call, dentryOf(call, 0, true)) },
  { name: 'fchdir', args: ['fd'], handler: fchdir },
  { name: 'chroot', args: ['path'], handler: chroot },
  { name: 'umask', args: ['mode'], handler: umask },
  { name: 'statfs', args: ['path', 'ptr'], handler: (call) => statfs(call, dentryOf(call, 0, true)) },
  { name: 'fstatfs', args: ['fd', 'ptr'], handler: fstatfs },
  { name: 'mount', args: ['path', 'path', 'str', 'flags', 'ptr'], handler: refused },
  { name: 'umount2', args: ['path', 'flags'], handler: refused },
  { name: 'pivot_root', args: ['path', 'path'], handler: refused },
  { name: 'swapon', args: ['path', 'flags'], handler: refused },
  { name: 'swapoff', args: ['path'], handler: refused },
];
