/** stat, lstat, fstat, newfstatat, statx, access, faccessat, readlink. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallRow } from '../syscall.ts';
import { directoryArgument, fileArgument, pathArgument } from './arguments.ts';
import type { Dentry } from './dentry.ts';
import { deviceMajor, deviceMinor } from './file-mode.ts';
import type { Inode } from './inode.ts';
import { At } from './open-flags.ts';
import { mayAccess, Permission } from './permissions.ts';
import { statBytes, statSize, type StatLayout } from './stat-layout.ts';
import { walkTo } from './path-walk.ts';

const STATX_BASIC = 0x7ff;
const STATX_BYTES = 256;
const STATX_MOUNT_ROOT = 0x2000;

/** Where a `(dirfd, path, flags)` triple leads, AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW honoured; an inode or -errno. */
export function inodeAt(call: SyscallCall, fdIndex: number, pathIndex: number, flags: number): Inode | number {
  if ((flags & At.emptyPath) !== 0 && call.args[pathIndex] === 0) return inodeOfDescriptor(call, call.int(fdIndex));
  const path = pathArgument(call, pathIndex, (flags & At.emptyPath) !== 0);
  if (typeof path === 'number') return path;
  if (path === '') return inodeOfDescriptor(call, call.int(fdIndex));
  const dentry = dentryAt(call, fdIndex, path, (flags & At.symlinkNoFollow) === 0);
  return typeof dentry === 'number' ? dentry : dentry.inode;
}

/** The dentry of a path argument relative to a directory descriptor. */
function dentryAt(call: SyscallCall, fdIndex: number, path: string, follow: boolean): Dentry | number {
  const base = directoryArgument(call, fdIndex, path);
  return typeof base === 'number' ? base : walkTo(call.thread, base, path, { follow });
}

/** The dentry of a plain path argument. */
export function dentryOf(call: SyscallCall, index: number, follow: boolean): Dentry | number {
  const path = pathArgument(call, index);
  return typeof path === 'number' ? path : walkTo(call.thread, call.thread.fs.cwd, path, { follow });
}

function inodeOfDescriptor(call: SyscallCall, fd: number): Inode | number {
  if (fd === At.fdcwd) return call.thread.fs.cwd.inode;
  const file = call.thread.descriptors.get(fd);
  if (file === undefined) return -Errno.EBADF;
  return file.dentry?.inode ?? call.thread.kernel.vfs.anonymousInode;
}

function giveStat(call: SyscallCall, inode: Inode | number, address: number, layout: StatLayout): number {
  if (typeof inode === 'number') return inode;
  inode.refresh();
  const bytes = statBytes(inode, layout, () => call.thread.space.read(address, statSize(layout)));
  if (typeof bytes === 'number') return bytes;
  return call.thread.space.write(address, bytes) ? 0 : -Errno.EFAULT;
}

function fstatat(call: SyscallCall, layout: StatLayout): number {
  const flags = call.int(3);
  if ((flags & ~(At.symlinkNoFollow | At.noAutomount | At.emptyPath)) !== 0) return -Errno.EINVAL;
  return giveStat(call, inodeAt(call, 0, 1, flags), call.args[2], layout);
}

function statx(call: SyscallCall): number {
  const flags = call.int(2);
  if ((flags & ~(At.symlinkNoFollow | At.noAutomount | At.emptyPath | At.statxSyncType)) !== 0) return -Errno.EINVAL;
  if ((flags & At.statxSyncType) === At.statxSyncType || (call.uint(3) & 0x80000000) !== 0) return -Errno.EINVAL;
  const inode = inodeAt(call, 0, 1, flags);
  if (typeof inode === 'number') return inode;
  inode.refresh();
  const bytes = new Uint8Array(STATX_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATX_BASIC, true);
  view.setUint32(4, 4096, true);
  view.setUint32(16, inode.links, true);
  view.setUint32(20, inode.uid, true);
  view.setUint32(24, inode.gid, true);
  view.setUint16(28, inode.mode, true);
  view.setBigUint64(32, BigInt(inode.number), true);
  view.setBigUint64(40, BigInt(inode.size), true);
  view.setBigUint64(48, BigInt(inode.blocks), true);
  view.setBigUint64(56, BigInt(STATX_MOUNT_ROOT), true);
  const times = [inode.accessed, undefined, inode.changed, inode.modified];
  times.forEach((time, i) => {
    if (time === undefined) return;
    view.setBigInt64(64 + i * 16, BigInt(time.seconds), true);
    view.setUint32(72 + i * 16, time.nanoseconds, true);
  });
  view.setUint32(128, deviceMajor(inode.device), true);
  view.setUint32(132, deviceMinor(inode.device), true);
  view.setUint32(136, deviceMajor(inode.fileSystem.device), true);
  view.setUint32(140, deviceMinor(inode.fileSystem.device), true);
  return call.thread.space.write(call.args[4], bytes) ? 0 : -Errno.EFAULT;
}

function access(call: SyscallCall, inode: Inode | number, mode: number, effective: boolean): number {
  if ((mode & ~7) !== 0) return -Errno.EINVAL;
  if (typeof inode === 'number') return inode;
  inode.refresh();
  if (!mayAccess(call.thread, inode, mode, !effective)) return -Errno.EACCES;
  if ((mode & Permission.write) !== 0 && inode.fileSystem.readOnly && (inode.isRegular || inode.isDirectory)) return -Errno.EROFS;
  return 0;
}

function plainAccess(call: SyscallCall): number {
  const dentry = dentryOf(call, 0, true);
  return access(call, typeof dentry === 'number' ? dentry : dentry.inode, call.int(1), false);
}

function faccessat2(call: SyscallCall): number {
  const flags = call.int(3);
  if ((flags & ~(At.eaccess | At.symlinkNoFollow | At.emptyPath)) !== 0) return -Errno.EINVAL;
  return access(call, inodeAt(call, 0, 1, flags), call.int(2), (flags & At.eaccess) !== 0);
}

function giveLink(call: SyscallCall, inode: Inode | number, address: number, size: number): number {
  if (size <= 0) return -Errno.EINVAL;
  if (typeof inode === 'number') return inode;
  if (!inode.isSymlink) return -Errno.EINVAL;
  const target = inode.readLink(call.thread);
  if (typeof target === 'number') return target;
  const bytes = Buffer.from(target, 'latin1').subarray(0, size);
  return call.thread.space.write(address, bytes) ? bytes.length : -Errno.EFAULT;
}

function readlink(call: SyscallCall): number {
  const dentry = dentryOf(call, 0, false);
  return giveLink(call, typeof dentry === 'number' ? dentry : dentry.inode, call.args[1], call.int(2));
}

function readlinkat(call: SyscallCall): number {
  const path = pathArgument(call, 1, true);
  if (typeof path === 'number') return path;
  if (path === '') {
    const place = fileArgument(call, 0)?.dentry?.inode;
    if (place === undefined) return -Errno.EBADF;
    return place.isSymlink ? giveLink(call, place, call.args[2], call.int(3)) : -Errno.ENOENT;
  }
  const dentry = dentryAt(call, 0, path, false);
  return giveLink(call, typeof dentry === 'number' ? dentry : dentry.inode, call.args[2], call.int(3));
}

/** stat, lstat and fstat of one structure. */
function statRows(names: readonly [string, string, string], layoutOf: (call: SyscallCall) => StatLayout): SyscallRow[] {
  const ofPath = (follow: boolean) => (call: SyscallCall): number => {
    const dentry = dentryOf(call, 0, follow);
    return giveStat(call, typeof dentry === 'number' ? dentry : dentry.inode, call.args[1], layoutOf(call));
  };
  const ofDescriptor = (call: SyscallCall): number => {
    const inode = call.int(0) === At.fdcwd ? -Errno.EBADF : inodeOfDescriptor(call, call.int(0));
    return giveStat(call, inode, call.args[1], layoutOf(call));
  };
  return [
    { name: names[0], args: ['path', 'ptr'], handler: ofPath(true) }, { name: names[1], args: ['path', 'ptr'], handler: ofPath(false) },
    { name: names[2], args: ['fd', 'ptr'], handler: ofDescriptor },
  ];
}

function fstatatRow(name: string, layout: StatLayout): SyscallRow {
  return { name, args: ['dirfd', 'path', 'ptr', 'flags'], handler: (call) => fstatat(call, layout) };
}

/** i386 only. */
export const statSyscalls32: readonly SyscallRow[] = [
  ...statRows(['oldstat', 'oldlstat', 'oldfstat'], () => 'i386-old'), ...statRows(['stat64', 'lstat64', 'fstat64'], () => 'i386-64'), fstatatRow('fstatat64', 'i386-64'),
];

export const statSyscalls: readonly SyscallRow[] = [
  ...statRows(['stat', 'lstat', 'fstat'], (call) => (call.wordSize === 8 ? 'x86-64' : 'i386')),
  fstatatRow('newfstatat', 'x86-64'),
  { name: 'statx', args: ['dirfd', 'path', 'flags', 'hex', 'ptr'], handler: statx },
  { name: 'access', args: ['path', 'mode'], handler: plainAccess },
  { name: 'faccessat', args: ['dirfd', 'path', 'mode'], handler: (call) => access(call, inodeAt(call, 0, 1, 0), call.int(2), false) },
  { name: 'faccessat2', args: ['dirfd', 'path', 'mode', 'flags'], handler: faccessat2 },
  { name: 'readlink', args: ['path', 'buf', 'size'], handler: readlink },
  { name: 'readlinkat', args: ['dirfd', 'path', 'buf', 'size'], handler: readlinkat },
];
