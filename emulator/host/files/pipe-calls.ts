/** pipe, pipe2, memfd_create. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallRow } from '../syscall.ts';
import { byteString } from './arguments.ts';
import { Dentry } from './dentry.ts';
import { FileInode, Seal } from './file-inode.ts';
import { installFile } from './open-calls.ts';
import { OpenFlag } from './open-flags.ts';
import { PipeBuffer } from './pipe-buffer.ts';
import { PipeEnd } from './pipe.ts';
import { RegularFile } from './regular-file.ts';
import { FifoInode } from './special-inode.ts';

const MemfdFlag = { closeOnExec: 1, allowSealing: 2, hugePages: 4, noExecSeal: 8, exec: 0x10 } as const;
const MEMFD_NAME_MAX = 249;

/** Gives two files descriptors and stores the numbers; drops both if that fails. */
function installPair(call: SyscallCall, first: PipeEnd | RegularFile, second: PipeEnd | RegularFile, closeOnExec: boolean, address: number): number {
  return storePair(call, installFile(call, first, closeOnExec), installFile(call, second, closeOnExec), address);
}

export function storePair(call: SyscallCall, first: number, second: number, address: number): number {
  const { descriptors, space } = call.thread;
  const good = first >= 0 && second >= 0 && space.writeU32(address, first) && space.writeU32(address + 4, second);
  if (good) return 0;
  if (first >= 0) descriptors.close(first);
  if (second >= 0) descriptors.close(second);
  return first < 0 ? first : second < 0 ? second : -Errno.EFAULT;
}

function pipe(call: SyscallCall, flags: number): number {
  if ((flags & ~(OpenFlag.closeOnExec | OpenFlag.nonBlock | OpenFlag.direct)) !== 0) return -Errno.EINVAL;
  const { vfs } = call.thread.kernel;
  const inode = new FifoInode(vfs.pipes, 0o600);
  const { credentials } = call.thread.process;
  inode.uid = credentials.fsuid;
  inode.gid = credentials.fsgid;
  inode.accessed = inode.modified = inode.changed = vfs.now();
  inode.pipe = new PipeBuffer(vfs.pipeCapacity);
  const dentry = new Dentry(undefined, `pipe:[${inode.number}]`, inode);
  const status = flags & (OpenFlag.nonBlock | OpenFlag.direct);
  return installPair(
    call, new PipeEnd(inode.pipe, dentry, OpenFlag.readOnly | status), new PipeEnd(inode.pipe, dentry, OpenFlag.writeOnly | status),
    (flags & OpenFlag.closeOnExec) !== 0, call.args[0],
  );
}

function memfdCreate(call: SyscallCall): number {
  const flags = call.uint(1);
  if ((flags & ~0x1f) !== 0 || (flags & MemfdFlag.hugePages) !== 0) return -Errno.EINVAL;
  if ((flags & MemfdFlag.exec) !== 0 && (flags & MemfdFlag.noExecSeal) !== 0) return -Errno.EINVAL;
  const bytes = call.thread.space.readStringBytes(call.args[0], MEMFD_NAME_MAX + 1);
  if (bytes === undefined) return -Errno.EFAULT;
  if (bytes.length > MEMFD_NAME_MAX) return -Errno.EINVAL;
  const noExec = (flags & MemfdFlag.noExecSeal) !== 0;
  const dentry = call.thread.kernel.vfs.unnamedFile(`/memfd:${byteString(bytes)}`, noExec ? 0o666 : 0o777);
  const { inode } = dentry;
  if (!(inode instanceof FileInode)) throw new Error('an unnamed file is no file');
  inode.seals = noExec ? Seal.exec : (flags & MemfdFlag.allowSealing) !== 0 ? 0 : Seal.seal;
  return installFile(call, new RegularFile(inode, dentry, OpenFlag.readWrite | OpenFlag.largeFile), (flags & MemfdFlag.closeOnExec) !== 0);
}

export const pipeSyscalls: readonly SyscallRow[] = [
  { name: 'pipe', args: ['ptr'], handler: (call) => pipe(call, 0) },
  { name: 'pipe2', args: ['ptr', 'flags'], handler: (call) => pipe(call, call.int(1)) },
  { name: 'memfd_create', args: ['str', 'flags'], handler: memfdCreate },
];
