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

/** How a structure of statfs lies: where each of type, block size, blocks, free, available, files, free files, id, name length, fragment, flags is, and how wide. */
interface StatfsLayout {
  readonly bytes: number;
  readonly at: readonly number[];
  /** Bytes of the five counts, and of everything else but the id. */
  readonly count: 4 | 8;
  readonly word: 4 | 8;
}
const STATFS: StatfsLayout = { bytes: 120, at: [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80], count: 8, word: 8 };
const STATFS_32: StatfsLayout = { bytes: 64, at: [0, 4, 8, 12, 16, 20, 24, 28, 36, 40, 44], count: 4, word: 4 };
const STATFS64_32: StatfsLayout = { bytes: 84, at: [0, 4, 8, 16, 24, 32, 40, 48, 56, 60, 64], count: 8, word: 4 };
const ID_FIELD = 7;
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

function statfs(call: SyscallCall, dentry: Dentry | number | undefined, layout: StatfsLayout, address: number): number {
  if (typeof dentry === 'number') return dentry;
  const { fileSystem } = dentry?.inode ?? call.thread.kernel.vfs.anonymousInode;
  const { frames } = call.thread.kernel.vfs;
  let counts = [0, 0, 0, 0, 0];
  if (fileSystem.magic === FileSystemMagic.tmpfs) {
    const free = frames.total - frames.inUse;
    counts = [frames.total, free, free, fileSystem.inodeQuota.limit, fileSystem.inodeQuota.left];
  } else if (fileSystem.magic === FileSystemMagic.ext) {
    counts = [DISK_BLOCKS, DISK_BLOCKS / 2, DISK_BLOCKS / 2, DISK_INODES, DISK_INODES / 2];
  }
  const flags = ST_VALID | ST_RELATIME | (fileSystem.readOnly ? ST_RDONLY : 0);
  const values = [fileSystem.magic, PAGE_SIZE, ...counts, fileSystem.device, 255, PAGE_SIZE, flags];
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    const wide = (i >= 2 && i < ID_FIELD ? layout.count : layout.word) === 8 && i !== ID_FIELD;
    if (wide) view.setBigUint64(layout.at[i], BigInt(value), true);
    else view.setUint32(layout.at[i], value, true);
  });
  return call.thread.space.write(address, bytes) ? 0 : -Errno.EFAULT;
}

function statfsOf(call: SyscallCall): number {
  return statfs(call, dentryOf(call, 0, true), call.wordSize === 8 ? STATFS : STATFS_32, call.args[1]);
}

function fstatfs(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  return file === undefined ? -Errno.EBADF : statfs(call, file.dentry, call.wordSize === 8 ? STATFS : STATFS_32, call.args[1]);
}

/** statfs64 and fstatfs64 also say how large they think the structure is. */
function statfs64(find: (call: SyscallCall) => Dentry | number | undefined): (call: SyscallCall) => number {
  return (call) => (call.args[1] === STATFS64_32.bytes ? statfs(call, find(call), STATFS64_32, call.args[2]) : -Errno.EINVAL);
}

const refused = (): number => -Errno.EPERM;

/** i386 only. */
export const placeSyscalls32: readonly SyscallRow[] = [
  { name: 'statfs64', args: ['path', 'size', 'ptr'], handler: statfs64((call) => dentryOf(call, 0, true)) },
  {
    name: 'fstatfs64', args: ['fd', 'size', 'ptr'],
    handler: statfs64((call) => {
      const file = fileArgument(call, 0);
      return file === undefined ? -Errno.EBADF : file.dentry;
    }),
  },
  { name: 'umount', args: ['path'], handler: refused },
];

export const placeSyscalls: readonly SyscallRow[] = [
  { name: 'getcwd', args: ['ptr', 'size'], handler: getcwd },
  { name: 'chdir', args: ['path'], handler: (call) => chdir(call, dentryOf(call, 0, true)) },
  { name: 'fchdir', args: ['fd'], handler: fchdir },
  { name: 'chroot', args: ['path'], handler: chroot },
  { name: 'umask', args: ['mode'], handler: umask },
  { name: 'statfs', args: ['path', 'ptr'], handler: statfsOf },
  { name: 'fstatfs', args: ['fd', 'ptr'], handler: fstatfs },
  { name: 'mount', args: ['path', 'path', 'str', 'flags', 'ptr'], handler: refused },
  { name: 'umount2', args: ['path', 'flags'], handler: refused },
  { name: 'pivot_root', args: ['path', 'path'], handler: refused },
  { name: 'swapon', args: ['path', 'flags'], handler: refused },
  { name: 'swapoff', args: ['path'], handler: refused },
];
