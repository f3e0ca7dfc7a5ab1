/** ioctl(2): what all descriptors understand; the rest is the open file's own. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import { fileArgument } from './arguments.ts';
import { getOwner, setFlags, setOwner } from './fcntl.ts';
import { Ioctl } from './ioctl-numbers.ts';
import { OpenFlag } from './open-flags.ts';
import { RegularFile } from './regular-file.ts';
import { Socket } from './sockets/socket.ts';

export function ioctl(call: SyscallCall): SyscallResult {
  const file = fileArgument(call, 0);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  const { descriptors, space } = call.thread;
  const request = call.uint(1);
  const argument = call.args[2];
  switch (request) {
    case Ioctl.FIOCLEX:
      descriptors.setCloseOnExec(call.int(0), true);
      return 0;
    case Ioctl.FIONCLEX:
      descriptors.setCloseOnExec(call.int(0), false);
      return 0;
    case Ioctl.FIONBIO:
    case Ioctl.FIOASYNC: {
      const on = space.readU32(argument);
      if (on === undefined) return -Errno.EFAULT;
      const bit = request === Ioctl.FIONBIO ? OpenFlag.nonBlock : OpenFlag.async;
      return setFlags(call, file, on !== 0 ? file.flags | bit : file.flags & ~bit);
    }
    case Ioctl.FIOSETOWN:
    case Ioctl.SIOCSPGRP: {
      const id = space.readU32(argument);
      return id === undefined ? -Errno.EFAULT : file instanceof Socket ? setOwner(call, file, id | 0) : -Errno.ENOTTY;
    }
    case Ioctl.FIOGETOWN:
    case Ioctl.SIOCGPGRP:
      return file instanceof Socket ? (space.writeU32(argument, getOwner(file)) ? 0 : -Errno.EFAULT) : -Errno.ENOTTY;
    case Ioctl.FIONREAD:
      if (file instanceof RegularFile) return space.writeU32(argument, Math.max(0, file.inode.size - file.position)) ? 0 : -Errno.EFAULT;
      break;
    case Ioctl.FIOQSIZE:
      if (file instanceof RegularFile) return space.writeU64(argument, file.inode.size) ? 0 : -Errno.EFAULT;
      break;
  }
  return file.ioctl(call, request, argument);
}
