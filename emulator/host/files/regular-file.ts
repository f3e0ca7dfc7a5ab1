/** Open regular files, of tmpfs and of shares. */
import { Errno } from '../errno.ts';
import type { PageSource } from '../../memory/page-source.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { FileLocks } from './file-locks.ts';
import { Seal, type FileInode } from './file-inode.ts';
import { OpenFile } from './open-file.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { writeAllowance } from './file-size-limit.ts';
import { PAGE_SIZE } from '../../cpu/state.ts';

/** Largest file, as page indices must stay exact numbers. */
export const MAX_FILE_SIZE = 2 ** 52;
/** Of files that were opened without O_LARGEFILE, as only 32-bit programs can. */
export const MAX_SMALL_FILE_SIZE = 2 ** 31 - 1;
const Seek = { set: 0, current: 1, end: 2, data: 3, hole: 4 } as const;

export class RegularFile extends OpenFile {
  readonly inode: FileInode;

  constructor(inode: FileInode, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.inode = inode;
    inode.opened(flags);
  }

  protected override closed(): void {
    this.inode.locks?.releaseFlock(this);
    this.inode.closed();
  }

  override descriptorClosed(table: DescriptorTable): void {
    this.inode.locks?.releaseOwner(table);
  }

  override get seekable(): boolean {
    return true;
  }

  override get readLimit(): number {
    return Math.max(0, this.inode.size);
  }

  override read(_call: SyscallCall, into: Uint8Array, offset: number | undefined): number {
    const at = offset ?? this.position;
    const count = this.inode.pages.readBytes(at, into);
    if (count < 0) return -Errno.EIO;
    if (count > 0 && (this.flags & OpenFlag.noAtime) === 0) this.inode.touchAccessed();
    if (offset === undefined) this.position = at + count;
    return count;
  }

  override write(call: SyscallCall, from: Uint8Array, offset: number | undefined): SyscallResult {
    const inode = this.inode;
    let at = (this.flags & OpenFlag.append) !== 0 ? inode.size : (offset ?? this.position);
    let bytes = from;
    if (bytes.length === 0) return 0;
    const seals = inode.seals ?? 0;
    if ((seals & (Seal.write | Seal.futureWrite)) !== 0) return -Errno.EPERM;
    if ((seals & Seal.grow) !== 0 && at + bytes.length > inode.size) {
      if (at >= inode.size) return -Errno.EPERM;
      bytes = bytes.subarray(0, inode.size - at);
    }
    const room = writeAllowance(call, at, (this.flags & OpenFlag.largeFile) === 0 ? MAX_SMALL_FILE_SIZE : MAX_FILE_SIZE);
    if (room <= 0) return -Errno.EFBIG;
    if (bytes.length > room) bytes = bytes.subarray(0, room);
    const count = inode.pages.writeBytes(at, bytes);
    if (count < 0) return -Errno.EIO;
    if (count === 0) return -Errno.ENOSPC;
    inode.touchModified();
    at += count;
    if (offset === undefined) this.position = at;
    return count;
  }

  override seek(offset: number, whence: number): number {
    const size = this.inode.size;
    let target: number;
    switch (whence) {
      case Seek.set:
        target = offset;
        break;
      case Seek.current:
        target = this.position + offset;
        break;
      case Seek.end:
        target = size + offset;
        break;
      case Seek.data:
      case Seek.hole:
        if (offset < 0 || offset >= size) return -Errno.ENXIO;
        target = this.seekPage(offset, whence === Seek.data);
        if (target < 0) return target;
        break;
      default:
        return -Errno.EINVAL;
    }
    if (target < 0 || target > MAX_FILE_SIZE) return -Errno.EINVAL;
    this.position = target;
    return target;
  }

  override truncate(size: number): number {
    if (!isWritable(this.flags)) return -Errno.EINVAL;
    const seals = this.inode.seals ?? 0;
    if (size < this.inode.size && (seals & Seal.shrink) !== 0) return -Errno.EPERM;
    if (size > this.inode.size && (seals & Seal.grow) !== 0) return -Errno.EPERM;
    return this.inode.truncate(size);
  }

  override mapSource(shared: boolean, writable: boolean): PageSource | number {
    if (!isReadable(this.flags)) return -Errno.EACCES;
    if (shared && writable) {
      if (!isWritable(this.flags)) return -Errno.EACCES;
      if (((this.inode.seals ?? 0) & (Seal.write | Seal.futureWrite)) !== 0) return -Errno.EPERM;
    }
    if (shared && isWritable(this.flags)) this.inode.mappedForStores();
    return this.inode.pages;
  }

  /** The inode's lock list, made on first use. */
  get locks(): FileLocks {
    return (this.inode.locks ??= new FileLocks());
  }

  private seekPage(offset: number, wanted: boolean): number {
    const size = this.inode.size;
    const pages = this.inode.pages;
    for (let at = offset; at < size; at = (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE) {
      if (pages.hasPage(Math.floor(at / PAGE_SIZE)) === wanted) return at;
    }
    return wanted ? -Errno.ENXIO : size;
  }
}
