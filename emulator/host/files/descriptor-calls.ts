/** dup, fcntl, flock, ioctl. */
import { Errno } from '../errno.ts';
import { Resource } from '../misc/limits.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { fileArgument } from './arguments.ts';
import { fcntl } from './fcntl.ts';
import { FileLocks, LockType } from './file-locks.ts';
import { ioctl } from './ioctl.ts';
import { placeFile } from './open-calls.ts';
import { OpenFlag } from './open-flags.ts';

const Flock = { shared: 1, exclusive: 2, nonBlock: 4, unlock: 8, mandatory: 32 } as const;

function dup(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  const fd = placeFile(call, file, false);
  if (fd >= 0) file.retain();
  return fd;
}

function dupTo(call: SyscallCall, closeOnExec: boolean): number {
  const file = fileArgument(call, 0);
  const to = call.uint(1);
  if (file === undefined || to >= call.thread.process.limits.soft(Resource.NOFILE)) return -Errno.EBADF;
  call.thread.descriptors.replace(to, file.retain(), closeOnExec);
  return to;
}

function dup2(call: SyscallCall): number {
  if (call.int(0) === call.int(1)) return fileArgument(call, 0) === undefined ? -Errno.EBADF : call.int(1);
  return dupTo(call, false);
}

function dup3(call: SyscallCall): number {
  const flags = call.int(2);
  if ((flags & ~OpenFlag.closeOnExec) !== 0 || call.int(0) === call.int(1)) return -Errno.EINVAL;
  return dupTo(call, flags !== 0);
}

function flock(call: SyscallCall): SyscallResult {
  const file = fileArgument(call, 0);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  const inode = file.dentry?.inode ?? call.thread.kernel.vfs.anonymousInode;
  const operation = call.int(1);
  // Mandatory locks are gone from Linux: asking for one does nothing and succeeds.
  if ((operation & Flock.mandatory) !== 0) return 0;
  const locks = (inode.locks ??= new FileLocks());
  const kind = operation & ~Flock.nonBlock;
  if (kind === Flock.unlock) {
    locks.unlockFlock(file);
    return 0;
  }
  if (kind !== Flock.shared && kind !== Flock.exclusive) return -Errno.EINVAL;
  if (locks.flock(file, kind === Flock.shared ? LockType.read : LockType.write)) return 0;
  return (operation & Flock.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([locks.released]);
}

export const descriptorSyscalls: readonly SyscallRow[] = [
  { name: 'dup', args: ['fd'], handler: dup },
  { name: 'dup2', args: ['fd', 'fd'], handler: dup2 },
  { name: 'dup3', args: ['fd', 'fd', 'flags'], handler: dup3 },
  { name: 'fcntl', args: ['fd', 'int', 'hex'], handler: fcntl },
  { name: 'flock', args: ['fd', 'int'], handler: flock },
  { name: 'ioctl', args: ['fd', 'hex', 'hex'], handler: ioctl },
];
