/** read, write and their vectored and positioned kin; lseek. */
import { Errno } from '../errno.ts';
import { sendSignal } from '../signals/send.ts';
import { userInfo } from '../signals/signal-info.ts';
import { Signal, SiCode } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { fileArgument, gather, gatherOnce, MAX_TRANSFER, scatter, slice, vectorArgument, type GuestBuffer } from './arguments.ts';
import type { OpenFile } from './open-file.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { RegularFile } from './regular-file.ts';

const ReadWriteFlag = { highPriority: 1, dsync: 2, sync: 4, noWait: 8, append: 0x10 } as const;
const ALL_READ_WRITE_FLAGS = 0x1f;
const CHUNK = 1 << 20;
/** What one write to a pipe, socket or terminal takes at most, as it is copied first. */
const LONGEST_STREAM_WRITE = 1 << 28;

/** Reads into the guest's buffers; the open file may be re-entered after a Wait. */
export function readInto(call: SyscallCall, file: OpenFile, buffers: readonly GuestBuffer[], offset: number | undefined): SyscallResult {
  if (!isReadable(file.flags)) return -Errno.EBADF;
  const wanted = totalLength(buffers);
  if (file instanceof RegularFile && wanted > CHUNK && file.readLimit > CHUNK) return inChunks(buffers, wanted, offset, (part, at) => readPart(call, file, part, at));
  return readPart(call, file, buffers, offset);
}

function readPart(call: SyscallCall, file: OpenFile, buffers: readonly GuestBuffer[], offset: number | undefined): SyscallResult {
  const wanted = totalLength(buffers);
  const into = new Uint8Array(Math.min(wanted, Math.max(1, file.readLimit)));
  const result = file.read(call, wanted === 0 ? into.subarray(0, 0) : into, offset);
  if (typeof result !== 'number' || result <= 0) return result;
  return scatter(call, buffers, into.subarray(0, result)) ? result : -Errno.EFAULT;
}

/** Writes what the guest's buffers hold; a broken pipe sends SIGPIPE. */
export function writeFrom(call: SyscallCall, file: OpenFile, buffers: readonly GuestBuffer[], offset: number | undefined): SyscallResult {
  if (!isWritable(file.flags)) return -Errno.EBADF;
  const wanted = totalLength(buffers);
  if (wanted > file.writeLimit(call)) return -Errno.EINVAL;
  if (file instanceof RegularFile && wanted > CHUNK) return inChunks(buffers, wanted, offset, (part, at) => writePart(call, file, part, at));
  return writePart(call, file, wanted > LONGEST_STREAM_WRITE ? slice(buffers, 0, LONGEST_STREAM_WRITE) : buffers, offset);
}

function writePart(call: SyscallCall, file: OpenFile, buffers: readonly GuestBuffer[], offset: number | undefined): SyscallResult {
  const bytes = file instanceof RegularFile ? gather(call, buffers) : gatherOnce(call, buffers);
  if (bytes === undefined) return -Errno.EFAULT;
  return writeBytes(call, file, bytes, offset);
}

/** Moves much between a regular file and the guest in pieces, so that no copy of all of it is made. */
function inChunks(
  buffers: readonly GuestBuffer[], wanted: number, offset: number | undefined, move: (part: readonly GuestBuffer[], at: number | undefined) => SyscallResult,
): SyscallResult {
  let done = 0;
  while (done < wanted) {
    const part = slice(buffers, done, Math.min(CHUNK, wanted - done));
    const result = move(part, offset === undefined ? undefined : offset + done);
    if (typeof result !== 'number' || result < 0) return done > 0 ? done : result;
    done += result;
    if (result < totalLength(part)) break;
  }
  return done;
}

function totalLength(buffers: readonly GuestBuffer[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0);
}

/** Writes bytes, with SIGPIPE where a pipe or socket has nobody left to read it. */
export function writeBytes(call: SyscallCall, file: OpenFile, bytes: Uint8Array, offset: number | undefined): SyscallResult {
  const result = file.write(call, bytes, offset);
  if (result === -Errno.EPIPE) raisePipe(call);
  return result;
}

export function raisePipe(call: SyscallCall): void {
  const { thread } = call;
  sendSignal(thread.kernel, thread, userInfo(Signal.PIPE, SiCode.USER, thread.process.pid, thread.process.credentials.uid));
}

function plainBuffer(call: SyscallCall): GuestBuffer[] {
  return [{ address: call.args[1], length: Math.min(call.args[2], MAX_TRANSFER) }];
}

function positioned(call: SyscallCall, file: OpenFile, index: number): number {
  const offset = call.signed(index);
  if (offset < 0) return -Errno.EINVAL;
  return file.seekable ? offset : -Errno.ESPIPE;
}

function plain(transfer: typeof readInto): (call: SyscallCall) => SyscallResult {
  return (call) => {
    const file = fileArgument(call, 0);
    return file === undefined ? -Errno.EBADF : transfer(call, file, plainBuffer(call), undefined);
  };
}

function atPosition(transfer: typeof readInto): (call: SyscallCall) => SyscallResult {
  return (call) => {
    const file = fileArgument(call, 0);
    if (file === undefined) return -Errno.EBADF;
    const offset = positioned(call, file, 3);
    return offset < 0 ? offset : transfer(call, file, plainBuffer(call), offset);
  };
}

function vectored(transfer: typeof readInto): (call: SyscallCall) => SyscallResult {
  return (call) => {
    const file = fileArgument(call, 0);
    if (file === undefined) return -Errno.EBADF;
    const buffers = vectorArgument(call, 1, call.int(2));
    return typeof buffers === 'number' ? buffers : transfer(call, file, buffers, undefined);
  };
}

/** @param hasFlags the `2` variants: offset −1 is the current position, flags in the sixth argument */
function vectoredAt(transfer: typeof readInto, hasFlags: boolean): (call: SyscallCall) => SyscallResult {
  return (call) => {
    const file = fileArgument(call, 0);
    if (file === undefined) return -Errno.EBADF;
    const buffers = vectorArgument(call, 1, call.int(2));
    if (typeof buffers === 'number') return buffers;
    if (hasFlags) {
      const flags = call.uint(5);
      if ((flags & ~ALL_READ_WRITE_FLAGS) !== 0) return -Errno.EOPNOTSUPP;
      if (call.signed(3) === -1) return withFlags(file, flags, () => transfer(call, file, buffers, undefined));
      const offset = positioned(call, file, 3);
      return offset < 0 ? offset : withFlags(file, flags, () => transfer(call, file, buffers, offset));
    }
    const offset = positioned(call, file, 3);
    return offset < 0 ? offset : transfer(call, file, buffers, offset);
  };
}

/** RWF_NOWAIT and RWF_APPEND are O_NONBLOCK and O_APPEND for one call. */
function withFlags(file: OpenFile, flags: number, transfer: () => SyscallResult): SyscallResult {
  const before = file.flags;
  if ((flags & ReadWriteFlag.noWait) !== 0) file.flags |= OpenFlag.nonBlock;
  if ((flags & ReadWriteFlag.append) !== 0) file.flags |= OpenFlag.append;
  try {
    return transfer();
  } finally {
    file.flags = before;
  }
}

function lseek(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  // On a 64-bit host i386 gets the low half of what is more than a long.
  return file.seek(call.signed(1), call.int(2));
}

/** _llseek: a 64-bit offset in two halves, the high one first; the result goes to memory. */
function llseek(call: SyscallCall): number {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  const result = file.seek(call.int(1) * 0x100000000 + call.uint(2), call.int(4));
  if (result < 0) return result;
  return call.thread.space.writeU64(call.args[3], result) ? 0 : -Errno.EFAULT;
}

/** i386 only. */
export const readWriteSyscalls32: readonly SyscallRow[] = [{ name: '_llseek', args: ['fd', 'int', 'uint', 'ptr', 'int'], handler: llseek }];

export const readWriteSyscalls: readonly SyscallRow[] = [
  { name: 'read', args: ['fd', 'buf', 'size'], handler: plain(readInto) },
  { name: 'write', args: ['fd', 'buf', 'size'], handler: plain(writeFrom) },
  { name: 'pread64', args: ['fd', 'buf', 'size', 'long'], handler: atPosition(readInto) },
  { name: 'pwrite64', args: ['fd', 'buf', 'size', 'long'], handler: atPosition(writeFrom) },
  { name: 'readv', args: ['fd', 'ptr', 'int'], handler: vectored(readInto) },
  { name: 'writev', args: ['fd', 'ptr', 'int'], handler: vectored(writeFrom) },
  { name: 'preadv', args: ['fd', 'ptr', 'int', 'long'], handler: vectoredAt(readInto, false) },
  { name: 'pwritev', args: ['fd', 'ptr', 'int', 'long'], handler: vectoredAt(writeFrom, false) },
  { name: 'preadv2', args: ['fd', 'ptr', 'int', 'long', 'long', 'flags'], handler: vectoredAt(readInto, true) },
  { name: 'pwritev2', args: ['fd', 'ptr', 'int', 'long', 'long', 'flags'], handler: vectoredAt(writeFrom, true) },
  { name: 'lseek', args: ['fd', 'long', 'int'], handler: lseek },
];
