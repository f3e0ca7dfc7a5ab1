/** fcntl(2). */
import { Errno } from '../errno.ts';
import { Resource } from '../misc/limits.ts';
import { SIGRTMAX } from '../signals/signal-numbers.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import { fileArgument } from './arguments.ts';
import { FileInode, Seal } from './file-inode.ts';
import { FileLocks, LOCK_TO_END, LockType, type RecordLock } from './file-locks.ts';
import { OwnerType, ownerOf } from './file-owner.ts';
import { placeFile } from './open-calls.ts';
import type { OpenFile } from './open-file.ts';
import { isReadable, isWritable, OpenFlag, SETTABLE_FLAGS } from './open-flags.ts';
import { PipeEnd } from './pipe.ts';

const Command = {
  dupFd: 0, getFd: 1, setFd: 2, getFlags: 3, setFlags: 4, getLock: 5, setLock: 6, setLockWait: 7, setOwner: 8, getOwner: 9, setSignal: 10, getSignal: 11,
  getLock64: 12, setLock64: 13, setLockWait64: 14, setOwnerEx: 15, getOwnerEx: 16, ofdGetLock: 36, ofdSetLock: 37, ofdSetLockWait: 38,
  setLease: 1024, getLease: 1025, notify: 1026, dupFdCloseOnExec: 1030, setPipeSize: 1031, getPipeSize: 1032, addSeals: 1033, getSeals: 1034,
  getHint: 1035, setHint: 1036,
} as const;
const FD_CLOEXEC = 1;

export function fcntl(call: SyscallCall): SyscallResult {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  const { descriptors } = call.thread;
  const fd = call.int(0);
  const command = call.int(1);
  const argument = call.int(2);
  if ((file.flags & OpenFlag.path) !== 0 && !ALLOWED_ON_PATH.has(command)) return -Errno.EBADF;
  switch (command) {
    case Command.dupFd:
    case Command.dupFdCloseOnExec: {
      if (argument < 0 || argument >= call.thread.process.limits.soft(Resource.NOFILE)) return -Errno.EINVAL;
      const copy = placeFile(call, file, command === Command.dupFdCloseOnExec, argument);
      if (copy >= 0) file.retain();
      return copy;
    }
    case Command.getFd:
      return descriptors.isCloseOnExec(fd) ? FD_CLOEXEC : 0;
    case Command.setFd:
      descriptors.setCloseOnExec(fd, (argument & FD_CLOEXEC) !== 0);
      return 0;
    case Command.getFlags:
      return file.flags;
    case Command.setFlags:
      return setFlags(call, file, argument);
    case Command.getLock:
    case Command.getLock64:
    case Command.ofdGetLock:
      return getLock(call, file, command === Command.ofdGetLock);
    case Command.setLock:
    case Command.setLock64:
    case Command.ofdSetLock:
      return setLock(call, file, command === Command.ofdSetLock, false);
    case Command.setLockWait:
    case Command.setLockWait64:
    case Command.ofdSetLockWait:
      return setLock(call, file, command === Command.ofdSetLockWait, true);
    case Command.setOwner:
      return setOwner(call, file, argument);
    case Command.getOwner:
      return getOwner(file);
    case Command.setSignal:
      if (argument < 0 || argument > SIGRTMAX) return -Errno.EINVAL;
      ownerOf(call.thread.kernel, file).signal = argument;
      return 0;
    case Command.getSignal:
      return file.owner?.signal ?? 0;
    case Command.setOwnerEx:
      return setOwnerEx(call, file);
    case Command.getOwnerEx: {
      const { space } = call.thread;
      const good = space.writeU32(call.args[2], file.owner?.type ?? OwnerType.process) && space.writeU32(call.args[2] + 4, file.owner?.id ?? 0);
      return good ? 0 : -Errno.EFAULT;
    }
    case Command.setPipeSize:
      return file instanceof PipeEnd ? file.pipe.resize(call.uint(2), call.thread.process.credentials.euid === 0) : -Errno.EBADF;
    case Command.getPipeSize:
      return file instanceof PipeEnd ? file.pipe.capacity : -Errno.EBADF;
    case Command.addSeals:
      return addSeals(file, argument);
    case Command.getSeals: {
      const inode = file.dentry?.inode;
      return inode instanceof FileInode && inode.seals !== undefined ? inode.seals : -Errno.EINVAL;
    }
    case Command.getLease:
      return LockType.unlock;
    case Command.setLease:
    case Command.notify:
      return -Errno.EINVAL;
    default:
      return -Errno.EINVAL;
  }
}

const ALLOWED_ON_PATH: ReadonlySet<number> = new Set([Command.dupFd, Command.dupFdCloseOnExec, Command.getFd, Command.setFd, Command.getFlags]);

/** F_SETFL, also for FIONBIO and FIOASYNC. */
export function setFlags(call: SyscallCall, file: OpenFile, wanted: number): number {
  const before = file.flags;
  const flags = (before & ~SETTABLE_FLAGS) | (wanted & SETTABLE_FLAGS);
  if (((before ^ flags) & OpenFlag.async) !== 0) {
    if ((flags & OpenFlag.async) !== 0) {
      // Files that cannot signal take the flag silently, as Linux's do.
      if (file.readiness !== undefined) ownerOf(call.thread.kernel, file).start(call.int(0));
    } else file.owner?.stop(file);
  }
  file.flags = flags;
  return 0;
}

/** Sets who gets SIGIO: positive a process, negative a group. */
export function setOwner(call: SyscallCall, file: OpenFile, id: number): number {
  const { kernel } = call.thread;
  const exists = id === 0 || (id > 0 ? kernel.processes.has(id) || kernel.threads.has(id) : groupExists(call, -id));
  if (!exists) return -Errno.ESRCH;
  const owner = ownerOf(kernel, file);
  owner.type = id < 0 ? OwnerType.group : OwnerType.process;
  owner.id = Math.abs(id);
  return 0;
}

/** Who gets SIGIO: a process, a group as a negative number, 0 for nobody. */
export function getOwner(file: OpenFile): number {
  if (file.owner === undefined) return 0;
  return file.owner.type === OwnerType.group ? -file.owner.id : file.owner.id;
}

function groupExists(call: SyscallCall, group: number): boolean {
  for (const process of call.thread.kernel.processes.values()) if (process.group === group) return true;
  return false;
}

function setOwnerEx(call: SyscallCall, file: OpenFile): number {
  const { space, kernel } = call.thread;
  const type = space.readU32(call.args[2]);
  const id = space.readU32(call.args[2] + 4);
  if (type === undefined || id === undefined) return -Errno.EFAULT;
  if (type > OwnerType.group) return -Errno.EINVAL;
  const exists = id === 0 || (type === OwnerType.thread ? kernel.threads.has(id) : type === OwnerType.process ? kernel.processes.has(id) : groupExists(call, id));
  if (!exists) return -Errno.ESRCH;
  const owner = ownerOf(kernel, file);
  owner.type = type;
  owner.id = id;
  return 0;
}

interface LockRequest {
  readonly lock: RecordLock;
  readonly view: DataView;
}

/** Reads struct flock at the third argument. */
function readLock(call: SyscallCall, file: OpenFile, ofd: boolean): LockRequest | number {
  const inode = file.dentry?.inode;
  const wide = call.wordSize === 8 || call.int(1) >= Command.getLock64;
  const size = wide ? (call.wordSize === 8 ? 32 : 24) : 16;
  const bytes = call.thread.space.read(call.args[2], size);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getInt16(0, true);
  const whence = view.getInt16(2, true);
  const at = wide && call.wordSize === 8 ? 8 : 4;
  const get = (index: number): number => (wide ? Number(view.getBigInt64(at + index * 8, true)) : view.getInt32(at + index * 4, true));
  const pid = view.getInt32(at + (wide ? 16 : 8), true);
  if (type < LockType.read || type > LockType.unlock) return -Errno.EINVAL;
  if (ofd && pid !== 0) return -Errno.EINVAL;
  if (inode === undefined) return -Errno.EINVAL;
  const base = whence === 0 ? 0 : whence === 1 ? file.position : whence === 2 ? inode.size : -1;
  if (base < 0) return -Errno.EINVAL;
  let start = base + get(0);
  const length = get(1);
  let end = length === 0 ? LOCK_TO_END : start + length - 1;
  if (length < 0) {
    end = start - 1;
    start += length;
  }
  if (start < 0) return -Errno.EINVAL;
  return { view, lock: { owner: ofd ? file : call.thread.descriptors, type, start, end, pid: ofd ? -1 : call.thread.process.pid } };
}

function getLock(call: SyscallCall, file: OpenFile, ofd: boolean): number {
  const request = readLock(call, file, ofd);
  if (typeof request === 'number') return request;
  const { lock, view } = request;
  if (lock.type === LockType.unlock) return -Errno.EINVAL;
  const held = file.dentry?.inode.locks?.conflict(lock);
  if (held === undefined) view.setInt16(0, LockType.unlock, true);
  else {
    const wide = view.byteLength !== 16;
    const at = view.byteLength === 32 ? 8 : 4;
    const length = held.end === LOCK_TO_END ? 0 : held.end - held.start + 1;
    view.setInt16(0, held.type, true);
    view.setInt16(2, 0, true);
    if (wide) {
      view.setBigInt64(at, BigInt(held.start), true);
      view.setBigInt64(at + 8, BigInt(length), true);
    } else {
      view.setInt32(at, held.start, true);
      view.setInt32(at + 4, length, true);
    }
    view.setInt32(at + (wide ? 16 : 8), held.pid, true);
  }
  return call.thread.space.write(call.args[2], new Uint8Array(view.buffer, view.byteOffset, view.byteLength)) ? 0 : -Errno.EFAULT;
}

function setLock(call: SyscallCall, file: OpenFile, ofd: boolean, wait: boolean): SyscallResult {
  const request = readLock(call, file, ofd);
  if (typeof request === 'number') return request;
  const { lock } = request;
  if (lock.type === LockType.read && !isReadable(file.flags)) return -Errno.EBADF;
  if (lock.type === LockType.write && !isWritable(file.flags)) return -Errno.EBADF;
  const inode = file.dentry?.inode;
  if (inode === undefined) return -Errno.EINVAL;
  const locks = (inode.locks ??= new FileLocks());
  if (lock.type !== LockType.unlock && locks.conflict(lock) !== undefined) return wait ? new Wait([locks.released]) : -Errno.EAGAIN;
  locks.set(lock);
  return 0;
}

function addSeals(file: OpenFile, seals: number): number {
  const inode = file.dentry?.inode;
  if (!(inode instanceof FileInode) || inode.seals === undefined) return -Errno.EINVAL;
  if (!isWritable(file.flags)) return -Errno.EPERM;
  if ((seals & ~0x3f) !== 0) return -Errno.EINVAL;
  if ((inode.seals & Seal.seal) !== 0) return -Errno.EPERM;
  inode.seals |= seals;
  return 0;
}
