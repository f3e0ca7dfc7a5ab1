/**
 * Inodes: what a name leads to. Each file system derives its own kinds; the base holds what stat(2) tells and answers every
 * operation with the errno Linux gives where it does not apply.
 */
import { Errno } from '../errno.ts';
import type { SyscallCall, Wait } from '../syscall.ts';
import type { Thread } from '../process/thread.ts';
import type { Dentry } from './dentry.ts';
import { FileType, SET_GID, SET_UID } from './file-mode.ts';
import type { FileSystem } from './file-system.ts';
import type { Quota } from './machine-limits.ts';
import type { OpenFile } from './open-file.ts';
import type { FileLocks } from './file-locks.ts';
import { EPOCH, type Timestamp } from './timestamp.ts';

const GROUP_EXECUTE = 0o10;

export interface DirectoryEntry {
  readonly name: string;
  readonly inode: number;
  /** st_mode's type bits. */
  readonly type: number;
}

/** What mknod, mkdir, symlink or open(O_CREAT) want made. */
export interface NodeSpecification {
  readonly mode: number;
  /** Device number for device nodes. */
  readonly device?: number;
  /** Target of a symbolic link. */
  readonly target?: string;
  readonly uid: number;
  readonly gid: number;
}

/** Attributes setattr may change; undefined ones stay. */
export interface AttributeChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly accessed?: Timestamp;
  readonly modified?: Timestamp;
}

export abstract class Inode {
  readonly fileSystem: FileSystem;
  readonly number: number;
  mode: number;
  links = 1;
  uid = 0;
  gid = 0;
  /** Device number of a device node. */
  device = 0;
  accessed: Timestamp = EPOCH;
  modified: Timestamp = EPOCH;
  changed: Timestamp = EPOCH;
  /** Advisory locks, once there are any. */
  locks: FileLocks | undefined;

  constructor(fileSystem: FileSystem, mode: number, number = fileSystem.nextInode()) {
    this.fileSystem = fileSystem;
    this.mode = mode;
    this.number = number;
  }

  get type(): number {
    return this.mode & FileType.mask;
  }

  get isDirectory(): boolean {
    return (this.mode & FileType.mask) === FileType.directory;
  }

  get isSymlink(): boolean {
    return (this.mode & FileType.mask) === FileType.symlink;
  }

  get isRegular(): boolean {
    return (this.mode & FileType.mask) === FileType.regular;
  }

  /** st_size in bytes. */
  get size(): number {
    return 0;
  }

  /** st_blocks in units of 512 bytes. */
  get blocks(): number {
    return Math.ceil(this.size / 4096) * 8;
  }

  /** Brings attributes up to date before stat. */
  refresh(): void {}

  /** Opens it; the call's thread may have to sleep (fifos). */
  abstract open(call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number | Wait;

  /** Text of a symbolic link as `thread` sees it (/proc/self differs). */
  readLink(_thread: Thread): string | number {
    return -Errno.EINVAL;
  }

  /** For /proc's magic links: where following goes, whatever the link's text says. */
  follow(_thread: Thread): Dentry | number | undefined {
    return undefined;
  }

  /** ftruncate/truncate. */
  truncate(_size: number): number {
    return -Errno.EINVAL;
  }

  setAttributes(change: AttributeChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & FileType.mask) | (change.mode & 0o7777);
    if ((change.uid !== undefined || change.gid !== undefined) && !this.isDirectory) {
      // A new owner does not inherit what the program may do as the old one.
      this.mode &= ~SET_UID;
      if ((this.mode & GROUP_EXECUTE) !== 0) this.mode &= ~SET_GID;
    }
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    if (change.accessed !== undefined) this.accessed = change.accessed;
    if (change.modified !== undefined) this.modified = change.modified;
    this.changed = this.fileSystem.now();
    return 0;
  }

  /** Contents changed. */
  touchModified(): void {
    this.modified = this.changed = this.fileSystem.now();
  }

  /** Name and open file are gone (`links` is 0 and nobody holds it). */
  evict(): void {}

  private holders = 0;

  /** An open file or mapping keeps the inode's contents alive after its last name is gone. */
  hold(): void {
    this.holders++;
  }

  letGo(): void {
    this.holders--;
    this.dropIfUnused();
  }

  get held(): boolean {
    return this.holders > 0;
  }

  /** What it is counted against while it exists. */
  countedBy: Quota | undefined;

  dropIfUnused(): void {
    if (this.holders > 0 || this.links > 0) return;
    this.countedBy?.give(1);
    this.countedBy = undefined;
    this.evict();
  }
}

export abstract class DirectoryInode extends Inode {
  /** The inode behind a name, or -errno (-ENOENT when there is none). */
  abstract lookup(name: string, thread: Thread | undefined): Inode | number;

  /** All entries except `.` and `..`, in the file system's order. */
  abstract entries(thread: Thread): readonly DirectoryEntry[];

  /** Makes a node; the name is free. */
  make(_name: string, _what: NodeSpecification): Inode | number {
    return -Errno.EPERM;
  }

  /** Adds a hard link; the name is free. */
  link(_name: string, _inode: Inode): number {
    return -Errno.EPERM;
  }

  /** Removes a name (of an empty directory, if it is one). */
  remove(_name: string, _inode: Inode): number {
    return -Errno.EPERM;
  }

  /** Moves a name to another directory of the same file system, replacing what is there (which is compatible). */
  rename(_name: string, _inode: Inode, _target: DirectoryInode, _newName: string, _replaced: Inode | undefined): number {
    return -Errno.EPERM;
  }

  /** Swaps two names (RENAME_EXCHANGE). */
  exchange(_name: string, _inode: Inode, _target: DirectoryInode, _newName: string, _other: Inode): number {
    return -Errno.EINVAL;
  }

  isEmpty(thread: Thread): boolean {
    return this.entries(thread).length === 0;
  }
}

export function isDirectoryInode(inode: Inode): inode is DirectoryInode {
  return inode instanceof DirectoryInode;
}
