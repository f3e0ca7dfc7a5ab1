/** open, openat, openat2, creat, close, close_range. */
import { Errno } from '../errno.ts';
import { Resource } from '../misc/limits.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { Wait } from '../syscall.ts';
import { directoryArgument, pathArgument } from './arguments.ts';
import type { OpenFile } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import type { WalkLimits } from './path-walk.ts';

const Resolve = { noMounts: 1, noMagicLinks: 2, noLinks: 4, beneath: 8, inRoot: 0x10, cached: 0x20 } as const;
const ALL_RESOLVE = 0x3f;
const OPEN_HOW_BYTES = 24;
const CloseRange = { unshare: 2, cloexec: 4 } as const;

/** Gives an open file a descriptor ≥ `min` below RLIMIT_NOFILE; -EMFILE, leaving the reference with the caller. */
export function placeFile(call: SyscallCall, file: OpenFile, closeOnExec: boolean, min = 0): number {
  const { descriptors, process } = call.thread;
  descriptors.limit = process.limits.soft(Resource.NOFILE);
  return descriptors.install(file, closeOnExec, min);
}

/** Gives a new open file a descriptor; drops it when there is none, or when the machine has too many open files. */
export function installFile(call: SyscallCall, file: OpenFile, closeOnExec: boolean): number {
  const { openFiles } = call.thread.kernel.vfs;
  if (!openFiles.take(1)) {
    file.release();
    return -Errno.ENFILE;
  }
  file.countedBy = openFiles;
  const fd = placeFile(call, file, closeOnExec);
  if (fd < 0) file.release();
  return fd;
}

/** open(2) from base descriptor argument `at` (undefined: the working directory). */
function openPath(call: SyscallCall, at: number | undefined, pathIndex: number, flags: number, mode: number, limits?: WalkLimits): SyscallResult {
  const path = pathArgument(call, pathIndex);
  if (typeof path === 'number') return path;
  let base = call.thread.fs.cwd;
  if (at !== undefined) {
    const directory = directoryArgument(call, at, limits?.inRoot ? '' : path);
    if (typeof directory === 'number') return directory;
    base = directory;
  }
  if ((flags & OpenFlag.path) !== 0) flags &= OpenFlag.path | OpenFlag.directory | OpenFlag.noFollow | OpenFlag.closeOnExec;
  const file = call.thread.kernel.vfs.open(call, path, flags, mode, base, limits);
  if (typeof file === 'number' || file instanceof Wait) return file;
  return installFile(call, file, (flags & OpenFlag.closeOnExec) !== 0);
}

function openat2(call: SyscallCall): SyscallResult {
  const size = call.args[3];
  if (size < OPEN_HOW_BYTES) return -Errno.EINVAL;
  const bytes = call.thread.space.read(call.args[2], Math.min(size, 4096));
  if (bytes === undefined) return -Errno.EFAULT;
  if (bytes.subarray(OPEN_HOW_BYTES).some((byte) => byte !== 0)) return -Errno.E2BIG;
  const view = new DataView(bytes.buffer);
  const flags = view.getUint32(0, true);
  const mode = view.getUint32(8, true);
  const resolve = view.getUint32(16, true);
  if (view.getUint32(4, true) !== 0 || view.getUint32(12, true) !== 0 || view.getUint32(20, true) !== 0) return -Errno.EINVAL;
  if ((resolve & ~ALL_RESOLVE) !== 0 || (mode & ~0o7777) !== 0) return -Errno.EINVAL;
  if (mode !== 0 && (flags & (OpenFlag.create | (OpenFlag.tmpFile & ~OpenFlag.directory))) === 0) return -Errno.EINVAL;
  if ((resolve & Resolve.beneath) !== 0 && (resolve & Resolve.inRoot) !== 0) return -Errno.EINVAL;
  return openPath(call, 0, 1, flags, mode, {
    noMounts: (resolve & Resolve.noMounts) !== 0,
    noMagicLinks: (resolve & Resolve.noMagicLinks) !== 0,
    noLinks: (resolve & Resolve.noLinks) !== 0,
    beneath: (resolve & Resolve.beneath) !== 0,
    inRoot: (resolve & Resolve.inRoot) !== 0,
  });
}

function closeRange(call: SyscallCall): number {
  const first = call.uint(0);
  const last = call.uint(1);
  const flags = call.uint(2);
  if (first > last || (flags & ~(CloseRange.unshare | CloseRange.cloexec)) !== 0) return -Errno.EINVAL;
  const { thread } = call;
  if ((flags & CloseRange.unshare) !== 0 && thread.descriptors.shared) {
    const own = thread.descriptors.clone();
    thread.descriptors.release();
    thread.descriptors = own;
  }
  for (const fd of thread.descriptors.open()) {
    if (fd < first || fd > last) continue;
    if ((flags & CloseRange.cloexec) !== 0) thread.descriptors.setCloseOnExec(fd, true);
    else thread.descriptors.close(fd);
  }
  return 0;
}

export const openSyscalls: readonly SyscallRow[] = [
  { name: 'open', args: ['path', 'flags', 'mode'], handler: (call) => openPath(call, undefined, 0, call.int(1), call.uint(2)) },
  { name: 'openat', args: ['dirfd', 'path', 'flags', 'mode'], handler: (call) => openPath(call, 0, 1, call.int(2), call.uint(3)) },
  { name: 'openat2', args: ['dirfd', 'path', 'ptr', 'size'], handler: openat2 },
  {
    name: 'creat', args: ['path', 'mode'],
    handler: (call) => openPath(call, undefined, 0, OpenFlag.create | OpenFlag.writeOnly | OpenFlag.truncate, call.uint(1)),
  },
  { name: 'close', args: ['fd'], handler: (call) => call.thread.descriptors.close(call.int(0)) },
  { name: 'close_range', args: ['uint', 'uint', 'flags'], handler: closeRange },
];
