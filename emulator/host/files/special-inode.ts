/** Inodes which are only a door to something else: fifos, device nodes, bound sockets. */
import { Errno } from '../errno.ts';
import type { SyscallCall, Wait } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { FileType } from './file-mode.ts';
import type { FileSystem } from './file-system.ts';
import { Inode, type NodeSpecification } from './inode.ts';
import type { OpenFile } from './open-file.ts';
import { openFifo } from './fifo.ts';
import type { PipeBuffer } from './pipe-buffer.ts';

export class FifoInode extends Inode {
  /** The buffer while anyone has it open. */
  pipe: PipeBuffer | undefined;

  constructor(fileSystem: FileSystem, mode: number) {
    super(fileSystem, FileType.fifo | (mode & 0o7777));
  }

  open(call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number | Wait {
    return openFifo(call, this, dentry, flags);
  }
}

export class DeviceInode extends Inode {
  constructor(fileSystem: FileSystem, mode: number, device: number, number?: number) {
    super(fileSystem, mode, number);
    this.device = device;
  }

  open(call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number | Wait {
    const opener = call.thread.kernel.vfs.devices.find(this.type, this.device);
    return opener === undefined ? -Errno.ENXIO : opener(call, dentry, flags);
  }
}

/** The name of a bound AF_UNIX socket. */
export class SocketInode extends Inode {
  /** The socket bound here, until it closes. */
  bound: object | undefined;

  constructor(fileSystem: FileSystem, mode: number) {
    super(fileSystem, FileType.socket | (mode & 0o7777));
  }

  open(): number {
    return -Errno.ENXIO;
  }
}

/** For mknod and bind: the node of a type that has no contents. */
export function makeSpecialInode(fileSystem: FileSystem, what: NodeSpecification): Inode | number {
  switch (what.mode & FileType.mask) {
    case FileType.fifo:
      return new FifoInode(fileSystem, what.mode);
    case FileType.socket:
      return new SocketInode(fileSystem, what.mode);
    case FileType.character:
    case FileType.block:
      return new DeviceInode(fileSystem, what.mode, what.device ?? 0);
    default:
      return -Errno.EINVAL;
  }
}
