/** getdents, mkdir, rmdir, unlink, rename, link, symlink, mknod and their `at` forms. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallRow } from '../syscall.ts';
import { directoryArgument, fileArgument, pathArgument } from './arguments.ts';
import { DirectoryFile } from './directory-file.ts';
import type { Dentry } from './dentry.ts';
import { directoryEntryType, FileType, STICKY } from './file-mode.ts';
import { isDirectoryInode, type DirectoryInode, type Inode, type NodeSpecification } from './inode.ts';
import { At } from './open-flags.ts';
import { walk, walkTo, type WalkResult } from './path-walk.ts';
import { mayAccess, ownsInode, Permission } from './permissions.ts';

const RenameFlag = { noReplace: 1, exchange: 2, whiteout: 4 } as const;

/** Walks to the place named by path argument `pathIndex`, from directory descriptor argument `fdIndex` (undefined: the working directory). */
function place(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): WalkResult | number {
  const path = pathArgument(call, pathIndex);
  if (typeof path === 'number') return path;
  const base = fdIndex === undefined ? call.thread.fs.cwd : directoryArgument(call, fdIndex, path);
  return typeof base === 'number' ? base : walk(call.thread, base, path, { follow: false, name: true });
}

/** The directory in which a name is to be added or removed, or -errno. */
function writableDirectory(call: SyscallCall, dentry: Dentry): DirectoryInode | number {
  const inode = dentry.inode;
  if (!isDirectoryInode(inode)) return -Errno.ENOTDIR;
  if (inode.fileSystem.readOnly) return -Errno.EROFS;
  if (!mayAccess(call.thread, inode, Permission.write | Permission.execute)) return -Errno.EACCES;
  return dentry.deleted ? -Errno.ENOENT : inode;
}

function isOrdinary(name: string): boolean {
  return name !== '.' && name !== '..' && name !== '/';
}

function makeNode(call: SyscallCall, fdIndex: number | undefined, pathIndex: number, what: Omit<NodeSpecification, 'uid' | 'gid'>): number {
  const at = place(call, fdIndex, pathIndex);
  if (typeof at === 'number') return at;
  return makeAt(call, at, what);
}

/** Makes a node at a place that was walked to; 0 or -errno. */
function makeAt(call: SyscallCall, at: WalkResult, what: Omit<NodeSpecification, 'uid' | 'gid'>): number {
  const inode = makeInodeAt(call, at, what);
  return typeof inode === 'number' ? inode : 0;
}

/** The same, giving the inode. */
export function makeInodeAt(call: SyscallCall, at: WalkResult, what: Omit<NodeSpecification, 'uid' | 'gid'>): Inode | number {
  if (at.found !== undefined) return -Errno.EEXIST;
  if (at.slash && (what.mode & FileType.mask) !== FileType.directory) return -Errno.ENOENT;
  const directory = writableDirectory(call, at.parent);
  if (typeof directory === 'number') return directory;
  const { credentials } = call.thread.process;
  const mode = (what.mode & FileType.mask) === FileType.symlink ? what.mode : what.mode & ~call.thread.fs.umask;
  return directory.make(at.name, { ...what, mode, uid: credentials.fsuid, gid: credentials.fsgid });
}

function mkdir(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): number {
  return makeNode(call, fdIndex, pathIndex, { mode: FileType.directory | (call.uint(pathIndex + 1) & 0o1777) });
}

function mknod(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): number {
  const mode = call.uint(pathIndex + 1);
  const type = mode & FileType.mask;
  if (type === FileType.directory || type === FileType.symlink) return type === FileType.directory ? -Errno.EPERM : -Errno.EINVAL;
  return makeNode(call, fdIndex, pathIndex, { mode: (type === 0 ? FileType.regular : type) | (mode & 0o7777), device: call.uint(pathIndex + 2) });
}

function symlink(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): number {
  const target = pathArgument(call, 0);
  if (typeof target === 'number') return target;
  return makeNode(call, fdIndex, pathIndex, { mode: FileType.symlink | 0o777, target });
}

/** In a sticky directory only owners remove. */
function mayRemove(call: SyscallCall, directory: DirectoryInode, inode: Inode): boolean {
  return (directory.mode & STICKY) === 0 || ownsInode(call.thread, directory) || ownsInode(call.thread, inode);
}

function unlink(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): number {
  const at = place(call, fdIndex, pathIndex);
  if (typeof at === 'number') return at;
  if (!isOrdinary(at.name)) return -Errno.EISDIR;
  if (at.found === undefined) return -Errno.ENOENT;
  const directory = writableDirectory(call, at.parent);
  if (typeof directory === 'number') return directory;
  const { inode } = at.found;
  if (inode.isDirectory) return -Errno.EISDIR;
  if (at.slash) return -Errno.ENOTDIR;
  if (!mayRemove(call, directory, inode)) return -Errno.EPERM;
  if (at.found.covers !== undefined) return -Errno.EBUSY;
  const result = directory.remove(at.name, inode);
  if (result === 0) at.parent.forget(at.name);
  return result;
}

function rmdir(call: SyscallCall, fdIndex: number | undefined, pathIndex: number): number {
  const at = place(call, fdIndex, pathIndex);
  if (typeof at === 'number') return at;
  if (at.name === '.') return -Errno.EINVAL;
  if (at.name === '..') return -Errno.ENOTEMPTY;
  if (at.name === '/') return -Errno.EBUSY;
  if (at.found === undefined) return -Errno.ENOENT;
  const directory = writableDirectory(call, at.parent);
  if (typeof directory === 'number') return directory;
  const { inode } = at.found;
  if (!isDirectoryInode(inode)) return -Errno.ENOTDIR;
  if (at.found.covers !== undefined) return -Errno.EBUSY;
  if (!mayRemove(call, directory, inode)) return -Errno.EPERM;
  if (!inode.isEmpty(call.thread)) return -Errno.ENOTEMPTY;
  const result = directory.remove(at.name, inode);
  if (result === 0) at.parent.forget(at.name);
  return result;
}

function unlinkat(call: SyscallCall): number {
  const flags = call.int(2);
  if ((flags & ~At.removeDir) !== 0) return -Errno.EINVAL;
  return (flags & At.removeDir) !== 0 ? rmdir(call, 0, 1) : unlink(call, 0, 1);
}

function rename(call: SyscallCall, from: WalkResult | number, to: WalkResult | number, flags: number): number {
  if (typeof from === 'number') return from;
  if (typeof to === 'number') return to;
  if ((flags & ~(RenameFlag.noReplace | RenameFlag.exchange)) !== 0) return -Errno.EINVAL;
  if (flags === (RenameFlag.noReplace | RenameFlag.exchange)) return -Errno.EINVAL;
  if (from.parent.inode.fileSystem !== to.parent.inode.fileSystem) return -Errno.EXDEV;
  if (!isOrdinary(from.name) || !isOrdinary(to.name)) return -Errno.EBUSY;
  if (from.found === undefined) return -Errno.ENOENT;
  const source = writableDirectory(call, from.parent);
  if (typeof source === 'number') return source;
  const target = writableDirectory(call, to.parent);
  if (typeof target === 'number') return target;
  const { inode } = from.found;
  if (to.found !== undefined && (flags & RenameFlag.noReplace) !== 0) return -Errno.EEXIST;
  if (to.found === undefined && (flags & RenameFlag.exchange) !== 0) return -Errno.ENOENT;
  if (!inode.isDirectory && (from.slash || (to.slash && (flags & RenameFlag.exchange) === 0))) return -Errno.ENOTDIR;
  if (from.found.covers !== undefined || to.found?.covers !== undefined) return -Errno.EBUSY;
  if (to.parent.isWithin(from.found)) return -Errno.EINVAL;
  if (!mayRemove(call, source, inode)) return -Errno.EPERM;
  if ((flags & RenameFlag.exchange) !== 0 && to.found !== undefined) {
    if (from.parent.isWithin(to.found)) return -Errno.EINVAL;
    const result = source.exchange(from.name, inode, target, to.name, to.found.inode);
    if (result === 0) from.parent.swapped(from.name, to.parent, to.name);
    return result;
  }
  if (to.found !== undefined) {
    const replaced = to.found.inode;
    if (replaced === inode) return 0;
    if (from.parent.isWithin(to.found)) return -Errno.ENOTEMPTY;
    if (inode.isDirectory && !replaced.isDirectory) return -Errno.ENOTDIR;
    if (!inode.isDirectory && replaced.isDirectory) return -Errno.EISDIR;
    if (isDirectoryInode(replaced) && !replaced.isEmpty(call.thread)) return -Errno.ENOTEMPTY;
    if (!mayRemove(call, target, replaced)) return -Errno.EPERM;
  }
  const result = source.rename(from.name, inode, target, to.name, to.found?.inode);
  if (result === 0) from.parent.moved(from.name, to.parent, to.name);
  return result;
}

function link(call: SyscallCall, from: Dentry | number, to: WalkResult | number): number {
  if (typeof from === 'number') return from;
  if (typeof to === 'number') return to;
  if (to.found !== undefined) return -Errno.EEXIST;
  const { inode } = from;
  if (inode.isDirectory) return -Errno.EPERM;
  if (to.slash) return -Errno.ENOENT;
  if (to.parent.inode.fileSystem !== inode.fileSystem) return -Errno.EXDEV;
  const directory = writableDirectory(call, to.parent);
  if (typeof directory === 'number') return directory;
  return directory.link(to.name, inode);
}

function linkat(call: SyscallCall): number {
  const flags = call.int(4);
  if ((flags & ~(At.symlinkFollow | At.emptyPath)) !== 0) return -Errno.EINVAL;
  const path = pathArgument(call, 1, (flags & At.emptyPath) !== 0);
  if (typeof path === 'number') return path;
  const to = place(call, 2, 3);
  if (path === '') return link(call, fileArgument(call, 0)?.dentry ?? -Errno.EBADF, to);
  const base = directoryArgument(call, 0, path);
  if (typeof base === 'number') return base;
  return link(call, walkTo(call.thread, base, path, { follow: (flags & At.symlinkFollow) !== 0 }), to);
}

function plainLink(call: SyscallCall): number {
  const path = pathArgument(call, 0);
  if (typeof path === 'number') return path;
  return link(call, walkTo(call.thread, call.thread.fs.cwd, path, { follow: false }), place(call, undefined, 1));
}

/** @param wide getdents64: 64-bit members and d_type before the name; else d_type is the record's last byte */
function getdents(call: SyscallCall, wide: boolean): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  if (!(file instanceof DirectoryFile)) return -Errno.ENOTDIR;
  const room = call.uint(2);
  const word = wide ? 8 : call.wordSize;
  const head = wide ? 19 : word * 2 + 2;
  const out = new Uint8Array(Math.min(room, 0x10000));
  const view = new DataView(out.buffer);
  let at = 0;
  for (;;) {
    const entry = file.entry(file.position, call.thread);
    if (entry === undefined) break;
    const length = Math.ceil((head + entry.name.length + (wide ? 1 : 2)) / word) * word;
    if (at + length > out.length) {
      if (at === 0) return -Errno.EINVAL;
      break;
    }
    const put = (offset: number, value: number): void => {
      if (word === 8) view.setBigUint64(at + offset, BigInt(value), true);
      else view.setUint32(at + offset, value, true);
    };
    put(0, entry.inode);
    put(word, file.position + 1);
    view.setUint16(at + word * 2, length, true);
    view.setUint8(wide ? at + 18 : at + length - 1, directoryEntryType(entry.type));
    out.set(Buffer.from(entry.name, 'latin1'), at + head);
    at += length;
    file.position++;
  }
  return at === 0 || call.thread.space.write(call.args[1], out.subarray(0, at)) ? at : -Errno.EFAULT;
}

/** i386's first readdir: one entry, as { long inode, long offset, short length of the name, name }. */
function readdir(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  if (!(file instanceof DirectoryFile)) return -Errno.ENOTDIR;
  const entry = file.entry(file.position, call.thread);
  if (entry === undefined) return 0;
  const name = Buffer.from(entry.name, 'latin1');
  const out = new Uint8Array(10 + name.length + 1);
  const view = new DataView(out.buffer);
  view.setUint32(0, entry.inode, true);
  view.setUint32(4, file.position, true);
  view.setUint16(8, name.length, true);
  out.set(name, 10);
  file.position++;
  return call.thread.space.write(call.args[1], out) ? 1 : -Errno.EFAULT;
}

/** i386 only. */
export const directorySyscalls32: readonly SyscallRow[] = [{ name: 'readdir', args: ['fd', 'ptr', 'uint'], handler: readdir }];

export const directorySyscalls: readonly SyscallRow[] = [
  { name: 'getdents', args: ['fd', 'ptr', 'size'], handler: (call) => getdents(call, false) },
  { name: 'getdents64', args: ['fd', 'ptr', 'size'], handler: (call) => getdents(call, true) },
  { name: 'mkdir', args: ['path', 'mode'], handler: (call) => mkdir(call, undefined, 0) },
  { name: 'mkdirat', args: ['dirfd', 'path', 'mode'], handler: (call) => mkdir(call, 0, 1) },
  { name: 'mknod', args: ['path', 'mode', 'hex'], handler: (call) => mknod(call, undefined, 0) },
  { name: 'mknodat', args: ['dirfd', 'path', 'mode', 'hex'], handler: (call) => mknod(call, 0, 1) },
  { name: 'rmdir', args: ['path'], handler: (call) => rmdir(call, undefined, 0) },
  { name: 'unlink', args: ['path'], handler: (call) => unlink(call, undefined, 0) },
  { name: 'unlinkat', args: ['dirfd', 'path', 'flags'], handler: unlinkat },
  { name: 'rename', args: ['path', 'path'], handler: (call) => rename(call, place(call, undefined, 0), place(call, undefined, 1), 0) },
  { name: 'renameat', args: ['dirfd', 'path', 'dirfd', 'path'], handler: (call) => rename(call, place(call, 0, 1), place(call, 2, 3), 0) },
  { name: 'renameat2', args: ['dirfd', 'path', 'dirfd', 'path', 'flags'], handler: (call) => rename(call, place(call, 0, 1), place(call, 2, 3), call.int(4)) },
  { name: 'link', args: ['path', 'path'], handler: plainLink },
  { name: 'linkat', args: ['dirfd', 'path', 'dirfd', 'path', 'flags'], handler: linkat },
  { name: 'symlink', args: ['str', 'path'], handler: (call) => symlink(call, undefined, 1) },
  { name: 'symlinkat', args: ['str', 'dirfd', 'path'], handler: (call) => symlink(call, 1, 2) },
];
