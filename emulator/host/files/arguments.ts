/** Reading system call arguments that name files: paths, descriptors, directories; buffers and vectors in guest memory. */
import { Errno } from '../errno.ts';
import type { SyscallCall } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import type { OpenFile } from './open-file.ts';
import { At } from './open-flags.ts';
import { PATH_MAX } from './path-walk.ts';

/** Most bytes one read or write moves. */
export const MAX_TRANSFER = 0x7ffff000;
const IOV_MAX = 1024;

/** The path argument `i`, or -errno. The empty path is an error unless `mayBeEmpty`. */
export function pathArgument(call: SyscallCall, i: number, mayBeEmpty = false): string | number {
  const bytes = call.thread.space.readStringBytes(call.args[i], PATH_MAX);
  if (bytes === undefined) return -Errno.EFAULT;
  const path = byteString(bytes);
  if (path.length >= PATH_MAX) return -Errno.ENAMETOOLONG;
  if (path.length === 0 && !mayBeEmpty) return -Errno.ENOENT;
  return path;
}

/** Bytes as the string in which names are kept here: one character for each byte. */
export function byteString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The open file of descriptor argument `i`; undefined: EBADF. */
export function fileArgument(call: SyscallCall, i: number): OpenFile | undefined {
  return call.thread.descriptors.get(call.int(i));
}

/** The directory relative paths start from, for the `*at` calls; -errno. */
export function directoryArgument(call: SyscallCall, i: number, path: string): Dentry | number {
  const fd = call.int(i);
  if (fd === At.fdcwd || path.startsWith('/')) return call.thread.fs.cwd;
  const file = call.thread.descriptors.get(fd);
  if (file === undefined) return -Errno.EBADF;
  if (file.dentry === undefined || !file.dentry.inode.isDirectory) return -Errno.ENOTDIR;
  return file.dentry;
}

/** The part of the buffers in bytes [start, start + length). */
export function slice(buffers: readonly GuestBuffer[], start: number, length: number): GuestBuffer[] {
  const parts: GuestBuffer[] = [];
  let skip = start;
  let left = length;
  for (const buffer of buffers) {
    const from = Math.min(skip, buffer.length);
    const piece = Math.min(buffer.length - from, left);
    skip -= from;
    left -= piece;
    if (piece > 0) parts.push({ address: buffer.address + from, length: piece });
  }
  return parts;
}

export interface GuestBuffer {
  readonly address: number;
  readonly length: number;
}

/** The iovec array at argument `i` with `count` entries, or -errno. Lengths together are cut at MAX_TRANSFER. */
export function vectorArgument(call: SyscallCall, i: number, count: number): GuestBuffer[] | number {
  return readVector(call, call.args[i], count);
}

export function readVector(call: SyscallCall, address: number, count: number): GuestBuffer[] | number {
  if (count < 0 || count > IOV_MAX) return -Errno.EINVAL;
  if (count === 0) return [];
  const size = call.wordSize;
  const bytes = call.thread.space.read(address, count * size * 2);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buffers: GuestBuffer[] = [];
  let total = 0;
  for (let n = 0; n < count; n++) {
    const at = n * size * 2;
    const base = size === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
    let length = size === 8 ? Number(view.getBigInt64(at + 8, true)) : view.getInt32(at + 4, true);
    if (length < 0) return -Errno.EINVAL;
    length = Math.min(length, MAX_TRANSFER - total);
    total += length;
    buffers.push({ address: base, length });
  }
  return buffers;
}

/** Copies bytes into the guest's buffers in turn; false: EFAULT. */
export function scatter(call: SyscallCall, buffers: readonly GuestBuffer[], bytes: Uint8Array): boolean {
  let at = 0;
  for (const buffer of buffers) {
    if (at >= bytes.length) break;
    const piece = Math.min(buffer.length, bytes.length - at);
    if (piece > 0 && !call.thread.space.write(buffer.address, bytes.subarray(at, at + piece))) return false;
    at += piece;
  }
  return true;
}

/** Long outputs of calls that sleep, so that they are not copied again at every try. */
const kept = new WeakMap<SyscallCall, Uint8Array>();
const WORTH_KEEPING = 65536;

/** As {@link gather}, for a call's one output: later tries of the same call get the same bytes. */
export function gatherOnce(call: SyscallCall, buffers: readonly GuestBuffer[]): Uint8Array | undefined {
  const known = kept.get(call);
  if (known !== undefined) return known;
  const bytes = gather(call, buffers);
  if (bytes !== undefined && bytes.length > WORTH_KEEPING) kept.set(call, bytes);
  return bytes;
}

/** Copies what the guest's buffers hold into one array; undefined: EFAULT. */
export function gather(call: SyscallCall, buffers: readonly GuestBuffer[]): Uint8Array | undefined {
  if (buffers.length === 1) return call.thread.space.read(buffers[0].address, buffers[0].length);
  const all = new Uint8Array(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
  let at = 0;
  for (const buffer of buffers) {
    if (buffer.length === 0) continue;
    const bytes = call.thread.space.read(buffer.address, buffer.length);
    if (bytes === undefined) return undefined;
    all.set(bytes, at);
    at += buffer.length;
  }
  return all;
}
