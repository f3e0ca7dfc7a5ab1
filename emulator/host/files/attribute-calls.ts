/** chmod, chown, utime, truncate, fallocate, fsync and the like; extended attributes (there are none). */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallRow } from '../syscall.ts';
import { directoryArgument, fileArgument, pathArgument } from './arguments.ts';
import { FileInode, Seal } from './file-inode.ts';
import type { AttributeChange, Inode } from './inode.ts';
import { At, isWritable, OpenFlag } from './open-flags.ts';
import { walkTo } from './path-walk.ts';
import { mayAccess, ownsInode, Permission } from './permissions.ts';
import { MAX_FILE_SIZE, MAX_SMALL_FILE_SIZE, RegularFile } from './regular-file.ts';
import { writeAllowance } from './file-size-limit.ts';
import { dentryOf, inodeAt } from './stat-calls.ts';
import { pairBytes, readPair, type TimeLayout } from '../time/time-values.ts';
import type { Timestamp } from './timestamp.ts';

const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;
const Fallocate = { keepSize: 1, punchHole: 2, collapseRange: 8, zeroRange: 0x10 } as const;
const NOBODY = 0xffffffff;

function change(call: SyscallCall, inode: Inode | number, changes: AttributeChange): number {
  if (typeof inode === 'number') return inode;
  if (inode.fileSystem.readOnly) return -Errno.EROFS;
  if (!ownsInode(call.thread, inode)) return -Errno.EPERM;
  return inode.setAttributes(changes);
}

function ofPath(call: SyscallCall, index: number, follow = true): Inode | number {
  const dentry = dentryOf(call, index, follow);
  return typeof dentry === 'number' ? dentry : dentry.inode;
}

function ofFile(call: SyscallCall, index: number): Inode | number {
  const file = fileArgument(call, index);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  return file.dentry?.inode ?? call.thread.kernel.vfs.anonymousInode;
}

function fchmodat(call: SyscallCall, flags: number): number {
  if ((flags & ~(At.symlinkNoFollow | At.emptyPath)) !== 0) return -Errno.EINVAL;
  const inode = inodeAt(call, 0, 1, flags);
  if (typeof inode !== 'number' && inode.isSymlink) return -Errno.EOPNOTSUPP;
  return change(call, inode, { mode: call.uint(2) & 0o7777 });
}

function owners(call: SyscallCall, index: number): AttributeChange {
  const uid = call.uint(index);
  const gid = call.uint(index + 1);
  return { ...(uid === NOBODY ? {} : { uid }), ...(gid === NOBODY ? {} : { gid }) };
}

function fchownat(call: SyscallCall): number {
  const flags = call.int(4);
  if ((flags & ~(At.symlinkNoFollow | At.emptyPath)) !== 0) return -Errno.EINVAL;
  return change(call, inodeAt(call, 0, 1, flags), owners(call, 2));
}

/** Two times, or undefined members for "leave alone"; -errno. */
function changeTimes(call: SyscallCall, inode: Inode | number, times: readonly [Timestamp | undefined, Timestamp | undefined], isNow: boolean): number {
  if (typeof inode === 'number') return inode;
  if (inode.fileSystem.readOnly) return -Errno.EROFS;
  if (!ownsInode(call.thread, inode)) {
    if (!isNow) return -Errno.EPERM;
    if (!mayAccess(call.thread, inode, Permission.write)) return -Errno.EACCES;
  }
  const [accessed, modified] = times;
  return inode.setAttributes({ ...(accessed === undefined ? {} : { accessed }), ...(modified === undefined ? {} : { modified }) });
}

/** Reads two pairs of seconds and a fraction, of which one step is `unit` nanoseconds. */
function readTimes(call: SyscallCall, address: number, unit: number, layout: TimeLayout): (Timestamp & { readonly raw: number })[] | number {
  const times: (Timestamp & { readonly raw: number })[] = [];
  for (let i = 0; i < 2; i++) {
    const pair = readPair(call.thread.space, address + i * pairBytes(layout), layout);
    if (pair === undefined) return -Errno.EFAULT;
    times.push({ seconds: pair.seconds, nanoseconds: pair.fraction * unit, raw: pair.fraction });
  }
  return times;
}

function utimensat(call: SyscallCall): number {
  const flags = call.int(3);
  if ((flags & ~(At.symlinkNoFollow | At.emptyPath)) !== 0) return -Errno.EINVAL;
  const { vfs } = call.thread.kernel;
  const now = vfs.now();
  let times: [Timestamp | undefined, Timestamp | undefined] = [now, now];
  let isNow = true;
  if (call.args[2] !== 0) {
    const given = readTimes(call, call.args[2], 1, call.timeLayout);
    if (typeof given === 'number') return given;
    for (const time of given) if (time.raw !== UTIME_NOW && time.raw !== UTIME_OMIT && (time.raw < 0 || time.raw > 999_999_999)) return -Errno.EINVAL;
    const [accessed, modified] = given.map((time) => (time.raw === UTIME_OMIT ? undefined : time.raw === UTIME_NOW ? now : { seconds: time.seconds, nanoseconds: time.nanoseconds }));
    times = [accessed, modified];
    isNow = given.every((time) => time.raw === UTIME_NOW);
    if (accessed === undefined && modified === undefined) return 0;
  }
  const inode = call.args[1] === 0 ? ofFile(call, 0) : inodeAt(call, 0, 1, flags);
  return changeTimes(call, inode, times, isNow);
}

function utimes(call: SyscallCall, inode: Inode | number, address: number): number {
  const now = call.thread.kernel.vfs.now();
  if (address === 0) return changeTimes(call, inode, [now, now], true);
  const times = readTimes(call, address, 1000, call.wordSize);
  if (typeof times === 'number') return times;
  if (times.some((time) => time.raw < 0 || time.raw > 999_999)) return -Errno.EINVAL;
  return changeTimes(call, inode, [times[0], times[1]], false);
}

function utime(call: SyscallCall): number {
  const inode = ofPath(call, 0);
  const now = call.thread.kernel.vfs.now();
  if (call.args[1] === 0) return changeTimes(call, inode, [now, now], true);
  const accessed = call.thread.space.readWord(call.args[1], call.wordSize);
  const modified = call.thread.space.readWord(call.args[1] + call.wordSize, call.wordSize);
  if (accessed === undefined || modified === undefined) return -Errno.EFAULT;
  return changeTimes(call, inode, [{ seconds: accessed, nanoseconds: 0 }, { seconds: modified, nanoseconds: 0 }], false);
}

function futimesat(call: SyscallCall): number {
  const path = pathArgument(call, 1);
  if (typeof path === 'number') return path;
  const base = directoryArgument(call, 0, path);
  if (typeof base === 'number') return base;
  const dentry = walkTo(call.thread, base, path, { follow: true });
  return utimes(call, typeof dentry === 'number' ? dentry : dentry.inode, call.args[2]);
}

function truncate(call: SyscallCall): number {
  const size = call.signed(1);
  if (size < 0) return -Errno.EINVAL;
  const inode = ofPath(call, 0);
  if (typeof inode === 'number') return inode;
  if (inode.isDirectory) return -Errno.EISDIR;
  if (!inode.isRegular) return -Errno.EINVAL;
  if (!mayAccess(call.thread, inode, Permission.write)) return -Errno.EACCES;
  if (inode.fileSystem.readOnly) return -Errno.EROFS;
  return growTo(call, size, inode.size) ?? inode.truncate(size);
}

function ftruncate(call: SyscallCall): number {
  const size = call.signed(1);
  if (size < 0) return -Errno.EINVAL;
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  if (size > MAX_SMALL_FILE_SIZE && (file.flags & OpenFlag.largeFile) === 0) return -Errno.EINVAL;
  return growTo(call, size, file.dentry?.inode.size ?? 0) ?? file.truncate(size);
}

/** -errno when a file may not become so long. */
function growTo(call: SyscallCall, size: number, before: number): number | undefined {
  if (size > before && writeAllowance(call, size - 1, MAX_FILE_SIZE) <= 0) return -Errno.EFBIG;
  return undefined;
}

function fallocate(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  const mode = call.int(1);
  const offset = call.signed(2);
  const length = call.signed(3);
  if (offset < 0 || length <= 0) return -Errno.EINVAL;
  if (!isWritable(file.flags)) return -Errno.EBADF;
  if (!(file instanceof RegularFile)) return file.dentry?.inode.isDirectory ? -Errno.EISDIR : -Errno.ENODEV;
  const { inode } = file;
  if (offset + length > MAX_FILE_SIZE) return -Errno.EFBIG;
  const end = offset + length;
  const seals = inode.seals ?? 0;
  switch (mode) {
    case Fallocate.punchHole | Fallocate.keepSize:
      if ((seals & (Seal.write | Seal.futureWrite)) !== 0) return -Errno.EPERM;
      inode.pages.punchHole(offset, end);
      break;
    case Fallocate.zeroRange:
    case Fallocate.zeroRange | Fallocate.keepSize:
      inode.pages.punchHole(offset, end);
      if (mode === Fallocate.zeroRange && end > inode.size) return inode.truncate(end);
      break;
    case 0:
      if (end > inode.size) {
        if ((seals & Seal.grow) !== 0) return -Errno.EPERM;
        const limited = growTo(call, end, inode.size);
        if (limited !== undefined) return limited;
        return inode.truncate(end);
      }
      break;
    case Fallocate.keepSize:
      return 0;
    default:
      return -Errno.EOPNOTSUPP;
  }
  inode.touchModified();
  return 0;
}

function fsync(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  const inode = file.dentry?.inode;
  if (inode === undefined || !(inode.isRegular || inode.isDirectory)) return -Errno.EINVAL;
  return inode instanceof FileInode ? inode.synchronise() : 0;
}

/** Looks the file up, for its errors, and answers that it has no such attribute. */
function attribute(kind: 'path' | 'link' | 'fd', answer: number): (call: SyscallCall) => number {
  return (call) => {
    const inode = kind === 'fd' ? ofFile(call, 0) : ofPath(call, 0, kind === 'path');
    return typeof inode === 'number' ? inode : answer;
  };
}

const XATTR_KINDS = [['', 'path'], ['l', 'link'], ['f', 'fd']] as const;
const xattrSyscalls: SyscallRow[] = XATTR_KINDS.flatMap(([prefix, kind]): SyscallRow[] => {
  const first = kind === 'fd' ? 'fd' : 'path';
  return [
    { name: `${prefix}setxattr`, args: [first, 'str', 'buf', 'size', 'flags'], handler: attribute(kind, -Errno.EOPNOTSUPP) },
    { name: `${prefix}getxattr`, args: [first, 'str', 'ptr', 'size'], handler: attribute(kind, -Errno.ENODATA) },
    { name: `${prefix}listxattr`, args: [first, 'ptr', 'size'], handler: attribute(kind, 0) },
    { name: `${prefix}removexattr`, args: [first, 'str'], handler: attribute(kind, -Errno.ENODATA) },
  ];
});

export const attributeSyscalls: readonly SyscallRow[] = [
  { name: 'chmod', args: ['path', 'mode'], handler: (call) => change(call, ofPath(call, 0), { mode: call.uint(1) & 0o7777 }) },
  { name: 'fchmod', args: ['fd', 'mode'], handler: (call) => change(call, ofFile(call, 0), { mode: call.uint(1) & 0o7777 }) },
  { name: 'fchmodat', args: ['dirfd', 'path', 'mode'], handler: (call) => fchmodat(call, 0) },
  { name: 'fchmodat2', args: ['dirfd', 'path', 'mode', 'flags'], handler: (call) => fchmodat(call, call.int(3)) },
  { name: 'chown', args: ['path', 'int', 'int'], handler: (call) => change(call, ofPath(call, 0), owners(call, 1)) },
  { name: 'lchown', args: ['path', 'int', 'int'], handler: (call) => change(call, ofPath(call, 0, false), owners(call, 1)) },
  { name: 'fchown', args: ['fd', 'int', 'int'], handler: (call) => change(call, ofFile(call, 0), owners(call, 1)) },
  { name: 'fchownat', args: ['dirfd', 'path', 'int', 'int', 'flags'], handler: fchownat },
  { name: 'utime', args: ['path', 'ptr'], handler: utime },
  { name: 'utimes', args: ['path', 'ptr'], handler: (call) => utimes(call, ofPath(call, 0), call.args[1]) },
  { name: 'futimesat', args: ['dirfd', 'path', 'ptr'], handler: futimesat },
  { name: 'utimensat', args: ['dirfd', 'path', 'ptr', 'flags'], handler: utimensat },
  { name: 'truncate', args: ['path', 'long'], handler: truncate },
  { name: 'ftruncate', args: ['fd', 'long'], handler: ftruncate },
  { name: 'fallocate', args: ['fd', 'flags', 'long', 'long'], handler: fallocate },
  { name: 'fsync', args: ['fd'], handler: fsync },
  { name: 'fdatasync', args: ['fd'], handler: fsync },
  { name: 'syncfs', args: ['fd'], handler: (call) => (fileArgument(call, 0) === undefined ? -Errno.EBADF : 0) },
  { name: 'sync', args: [], handler: () => 0 },
  {
    name: 'sync_file_range', args: ['fd', 'long', 'long', 'flags'],
    handler: (call) => (fileArgument(call, 0) === undefined ? -Errno.EBADF : 0),
  },
  {
    name: 'fadvise64', args: ['fd', 'long', 'long', 'int'],
    handler: (call) => {
      const file = fileArgument(call, 0);
      if (file === undefined) return -Errno.EBADF;
      if (!file.seekable) return -Errno.ESPIPE;
      return call.uint(3) > 5 ? -Errno.EINVAL : 0;
    },
  },
  {
    name: 'readahead', args: ['fd', 'long', 'size'],
    handler: (call) => (fileArgument(call, 0) === undefined ? -Errno.EBADF : fileArgument(call, 0) instanceof RegularFile ? 0 : -Errno.EINVAL),
  },
  ...xattrSyscalls,
];
