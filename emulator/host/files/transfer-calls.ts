/** Moving bytes between descriptors within the host: sendfile, copy_file_range, splice, tee, vmsplice. */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { fileArgument, gather, scatter, vectorArgument } from './arguments.ts';
import type { OpenFile } from './open-file.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { PipeEnd } from './pipe.ts';
import { writeBytes } from './read-write-calls.ts';
import { RegularFile } from './regular-file.ts';

const SpliceFlag = { move: 1, nonBlock: 2, more: 4, gift: 8 } as const;
const CHUNK = 65536;

/** Bytes that were read and wait to be written while the call sleeps. */
class Carried {
  bytes: Uint8Array = new Uint8Array(0);
  total = 0;
}

/** The offset at a pointer argument: undefined when none was given, -errno. `bytes`: of the offset. */
function offsetAt(call: SyscallCall, index: number, bytes: 4 | 8 = 8): { value: number } | number | undefined {
  const address = call.args[index];
  if (address === 0) return undefined;
  const value = bytes === 8 ? call.thread.space.readBigU64(address) : call.thread.space.readU32(address);
  if (value === undefined) return -Errno.EFAULT;
  const signed = Number(BigInt.asIntN(bytes * 8, BigInt(value)));
  return signed < 0 ? -Errno.EINVAL : { value: signed };
}

function storeOffset(call: SyscallCall, index: number, offset: { value: number } | undefined, bytes: 4 | 8 = 8): boolean {
  return offset === undefined || call.thread.space.writeWord(call.args[index], offset.value, bytes);
}

/**
 * Reads from one file and writes to the other until `count` bytes have moved, the source ends or one of them would wait.
 * Bytes which were read but not yet written survive a sleep.
 */
function move(call: SyscallCall, from: OpenFile, to: OpenFile, source: { value: number } | undefined, target: { value: number } | undefined, count: number): SyscallResult {
  const carried = call.state instanceof Carried ? call.state : new Carried();
  while (carried.total < count) {
    if (carried.bytes.length === 0) {
      const into = new Uint8Array(Math.min(CHUNK, count - carried.total));
      call.state = undefined;
      const result = from.read(call, into, source?.value);
      if (typeof result !== 'number' || result <= 0) return finish(call, carried, result);
      if (source !== undefined) source.value += result;
      carried.bytes = into.subarray(0, result);
    }
    call.state = undefined;
    const written = writeBytes(call, to, carried.bytes, target?.value);
    if (typeof written !== 'number' || written <= 0) {
      if (written instanceof Wait) {
        call.state = carried;
        return new Wait(written.queues, written.interruption, written.deadline, () => giveBack(carried, from, source));
      }
      giveBack(carried, from, source);
      return carried.total > 0 ? carried.total : written;
    }
    if (target !== undefined) target.value += written;
    carried.total += written;
    carried.bytes = carried.bytes.subarray(written);
    if (!(from instanceof RegularFile)) break;
  }
  if (carried.bytes.length > 0) giveBack(carried, from, source);
  return carried.total;
}

/** The source had nothing: what has moved so far, or its answer. */
function finish(call: SyscallCall, carried: Carried, result: SyscallResult): SyscallResult {
  if (carried.total > 0) return carried.total;
  if (result instanceof Wait) call.state = carried;
  return result;
}

/** Unwritten bytes of a seekable source were not read after all. */
function giveBack(carried: Carried, from: OpenFile, source: { value: number } | undefined): number | undefined {
  if (from.seekable) {
    if (source !== undefined) source.value -= carried.bytes.length;
    else from.position -= carried.bytes.length;
  }
  carried.bytes = carried.bytes.subarray(0, 0);
  return carried.total > 0 ? carried.total : undefined;
}

function sendfile(call: SyscallCall, offsetBytes: 4 | 8): SyscallResult {
  const to = fileArgument(call, 0);
  const from = fileArgument(call, 1);
  if (to === undefined || from === undefined || !isReadable(from.flags) || !isWritable(to.flags)) return -Errno.EBADF;
  if (!(from instanceof RegularFile)) return -Errno.EINVAL;
  if ((to.flags & OpenFlag.append) !== 0) return -Errno.EINVAL;
  const source = offsetAt(call, 2, offsetBytes);
  if (typeof source === 'number') return source;
  const result = move(call, from, to, source, undefined, Math.min(call.args[3], 0x7ffff000));
  return storeOffset(call, 2, source, offsetBytes) ? result : -Errno.EFAULT;
}

function copyFileRange(call: SyscallCall): SyscallResult {
  const from = fileArgument(call, 0);
  const to = fileArgument(call, 2);
  if (call.uint(5) !== 0) return -Errno.EINVAL;
  if (from === undefined || to === undefined) return -Errno.EBADF;
  if (from.dentry?.inode.isDirectory || to.dentry?.inode.isDirectory) return -Errno.EISDIR;
  if (!(from instanceof RegularFile) || !(to instanceof RegularFile)) return -Errno.EINVAL;
  if (!isReadable(from.flags) || !isWritable(to.flags) || (to.flags & OpenFlag.append) !== 0) return -Errno.EBADF;
  const source = offsetAt(call, 1);
  if (typeof source === 'number') return source;
  const target = offsetAt(call, 3);
  if (typeof target === 'number') return target;
  const count = Math.min(call.args[4], 0x7ffff000);
  if (from.inode === to.inode) {
    const a = source?.value ?? from.position;
    const b = target?.value ?? to.position;
    if (a < b + count && b < a + count) return -Errno.EINVAL;
  }
  const result = move(call, from, to, source, target, count);
  return storeOffset(call, 1, source) && storeOffset(call, 3, target) ? result : -Errno.EFAULT;
}

function splice(call: SyscallCall): SyscallResult {
  const from = fileArgument(call, 0);
  const to = fileArgument(call, 2);
  const flags = call.uint(5);
  if ((flags & ~0xf) !== 0) return -Errno.EINVAL;
  if (call.args[4] === 0) return 0;
  if (from === undefined || to === undefined || !isReadable(from.flags) || !isWritable(to.flags)) return -Errno.EBADF;
  if (!(from instanceof PipeEnd) && !(to instanceof PipeEnd)) return -Errno.EINVAL;
  if ((from instanceof PipeEnd && call.args[1] !== 0) || (to instanceof PipeEnd && call.args[3] !== 0)) return -Errno.ESPIPE;
  if (from instanceof PipeEnd && to instanceof PipeEnd && from.pipe === to.pipe) return -Errno.EINVAL;
  if ((to.flags & OpenFlag.append) !== 0) return -Errno.EINVAL;
  const source = offsetAt(call, 1);
  if (typeof source === 'number') return source;
  const target = offsetAt(call, 3);
  if (typeof target === 'number') return target;
  // A pipe takes no more than it has room for: the rest stays where it is.
  let count = Math.min(call.args[4], 0x7ffff000);
  if (to instanceof PipeEnd && !(call.state instanceof Carried)) {
    if (to.pipe.readers === 0) return writeBytes(call, to, Uint8Array.of(0), undefined);
    if (to.pipe.room === 0) return mayWait(to, flags) ? new Wait([to.pipe.writable]) : -Errno.EAGAIN;
    count = Math.min(count, to.pipe.room);
  }
  if (from instanceof PipeEnd && from.pipe.bytes.length === 0 && from.pipe.writers > 0 && (flags & SpliceFlag.nonBlock) !== 0) return -Errno.EAGAIN;
  const result = move(call, from, to, source, target, count);
  return storeOffset(call, 1, source) && storeOffset(call, 3, target) ? result : -Errno.EFAULT;
}

function mayWait(file: OpenFile, flags: number): boolean {
  return (flags & SpliceFlag.nonBlock) === 0 && (file.flags & OpenFlag.nonBlock) === 0;
}

function tee(call: SyscallCall): SyscallResult {
  const from = fileArgument(call, 0);
  const to = fileArgument(call, 1);
  const flags = call.uint(3);
  if (from === undefined || to === undefined || !isReadable(from.flags) || !isWritable(to.flags)) return -Errno.EBADF;
  if (!(from instanceof PipeEnd) || !(to instanceof PipeEnd) || from.pipe === to.pipe || (flags & ~0xf) !== 0) return -Errno.EINVAL;
  if (call.args[2] === 0) return 0;
  if (from.pipe.bytes.length === 0) {
    if (from.pipe.writers === 0) return 0;
    return mayWait(from, flags) ? new Wait([from.pipe.readable]) : -Errno.EAGAIN;
  }
  if (to.pipe.readers === 0) return writeBytes(call, to, Uint8Array.of(0), undefined);
  if (to.pipe.room === 0) return mayWait(to, flags) ? new Wait([to.pipe.writable]) : -Errno.EAGAIN;
  const bytes = new Uint8Array(Math.min(call.args[2], from.pipe.bytes.length, to.pipe.room));
  from.pipe.bytes.peek(bytes);
  to.pipe.push(bytes);
  return bytes.length;
}

function vmsplice(call: SyscallCall): SyscallResult {
  const file = fileArgument(call, 0);
  if (file === undefined) return -Errno.EBADF;
  if (!(file instanceof PipeEnd)) return -Errno.EBADF;
  const buffers = vectorArgument(call, 1, call.int(2));
  if (typeof buffers === 'number') return buffers;
  if (isWritable(file.flags)) {
    const bytes = gather(call, buffers);
    return bytes === undefined ? -Errno.EFAULT : writeBytes(call, file, bytes, undefined);
  }
  const into = new Uint8Array(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
  const result = file.read(call, into);
  if (typeof result !== 'number' || result <= 0) return result;
  return scatter(call, buffers, into.subarray(0, result)) ? result : -Errno.EFAULT;
}

/** i386 only. */
export const transferSyscalls32: readonly SyscallRow[] = [{ name: 'sendfile64', args: ['fd', 'fd', 'ptr', 'size'], handler: (call) => sendfile(call, 8) }];

export const transferSyscalls: readonly SyscallRow[] = [
  { name: 'sendfile', args: ['fd', 'fd', 'ptr', 'size'], handler: (call) => sendfile(call, call.wordSize) },
  { name: 'copy_file_range', args: ['fd', 'ptr', 'fd', 'ptr', 'size', 'flags'], handler: copyFileRange },
  { name: 'splice', args: ['fd', 'ptr', 'fd', 'ptr', 'size', 'flags'], handler: splice },
  { name: 'tee', args: ['fd', 'fd', 'size', 'flags'], handler: tee },
  { name: 'vmsplice', args: ['fd', 'ptr', 'int', 'flags'], handler: vmsplice },
];
