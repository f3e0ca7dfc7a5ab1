/** In-memory file system: the root, /tmp, /dev/shm, /dev, memfds. Directory order is the order of creation. */
import type { Frames } from '../../memory/frames.ts';
import { Errno } from '../errno.ts';
import type { SyscallCall, Wait } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { DirectoryFile } from './directory-file.ts';
import { FileType, SET_GID } from './file-mode.ts';
import { FilePages } from './file-pages.ts';
import type { FileSystem } from './file-system.ts';
import { DirectoryInode, Inode, type DirectoryEntry, type NodeSpecification } from './inode.ts';
import type { OpenFile } from './open-file.ts';
import { RegularFile } from './regular-file.ts';
import { FileInode } from './file-inode.ts';
import { makeSpecialInode } from './special-inode.ts';

const MAX_LINK_TARGET = 4096;

class TmpfsPages extends FilePages {
  private readonly owner: TmpfsFile;

  constructor(memory: Frames, owner: TmpfsFile) {
    super(memory);
    this.owner = owner;
  }

  get mapName(): string {
    return this.owner.mapName;
  }

  get device(): number {
    return this.owner.fileSystem.device;
  }

  get inode(): number {
    return this.owner.number;
  }

  override mapped(): void {
    super.mapped();
    this.owner.hold();
  }

  override unmapped(): void {
    super.unmapped();
    this.owner.letGo();
  }

  protected override fill(): boolean {
    return true;
  }

  protected override written(): boolean {
    return true;
  }

  protected override readable(index: number): number {
    return this.frames.get(index) ?? 0;
  }
}

/** A regular file of a tmpfs. */
export class TmpfsFile extends FileInode {
  readonly pages: FilePages;
  private name: Dentry | undefined;

  constructor(fileSystem: FileSystem, memory: Frames, mode: number) {
    super(fileSystem, FileType.regular | (mode & 0o7777));
    this.pages = new TmpfsPages(memory, this);
  }

  override get blocks(): number {
    return this.pages.cachedPages * 8;
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile {
    this.setMapName(dentry);
    return new RegularFile(this, dentry, flags);
  }

  override setMapName(name: Dentry): void {
    this.name = name;
  }

  /** What /proc/<pid>/maps calls it. */
  get mapName(): string {
    return this.name?.path ?? '';
  }

  override touchAccessed(): void {
    const { accessed, modified } = this;
    const isNewer = accessed.seconds > modified.seconds || (accessed.seconds === modified.seconds && accessed.nanoseconds > modified.nanoseconds);
    if (!isNewer) this.accessed = this.fileSystem.now();
  }

  override truncate(size: number): number {
    this.pages.resize(size);
    this.touchModified();
    return 0;
  }

  override evict(): void {
    this.pages.free();
  }
}

export class TmpfsSymlink extends Inode {
  private readonly target: string;

  constructor(fileSystem: FileSystem, target: string) {
    super(fileSystem, FileType.symlink | 0o777);
    this.target = target;
  }

  override get size(): number {
    return Buffer.byteLength(this.target, 'latin1');
  }

  override get blocks(): number {
    return 0;
  }

  override readLink(): string {
    return this.target;
  }

  open(): number {
    return -Errno.ELOOP;
  }
}

export class TmpfsDirectory extends DirectoryInode {
  private readonly names = new Map<string, Inode>();
  private readonly memory: Frames;

  constructor(fileSystem: FileSystem, memory: Frames, mode: number) {
    super(fileSystem, FileType.directory | (mode & 0o7777));
    this.memory = memory;
    this.links = 2;
  }

  /** As tmpfs counts: 20 bytes for each entry and two for `.` and `..`. */
  override get size(): number {
    return (this.names.size + 2) * 20;
  }

  override get blocks(): number {
    return 0;
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number | Wait {
    return new DirectoryFile(this, dentry, flags);
  }

  override lookup(name: string): Inode | number {
    return this.names.get(name) ?? -Errno.ENOENT;
  }

  override entries(): readonly DirectoryEntry[] {
    return [...this.names].map(([name, inode]) => ({ name, inode: inode.number, type: inode.type }));
  }

  override isEmpty(): boolean {
    return this.names.size === 0;
  }

  override make(name: string, what: NodeSpecification): Inode | number {
    const { inodeQuota } = this.fileSystem;
    if (inodeQuota.left === 0) return -Errno.ENOSPC;
    const inode = this.build(what);
    if (typeof inode === 'number') return inode;
    inodeQuota.force(1);
    inode.countedBy = inodeQuota;
    inode.uid = what.uid;
    inode.gid = what.gid;
    if ((this.mode & SET_GID) !== 0) {
      inode.gid = this.gid;
      if (inode.isDirectory) inode.mode |= SET_GID;
    }
    inode.accessed = inode.modified = inode.changed = this.fileSystem.now();
    if (inode instanceof TmpfsDirectory) this.links++;
    this.names.set(name, inode);
    this.touchModified();
    return inode;
  }

  /** A file without a name (O_TMPFILE, memfd). */
  makeUnnamed(what: NodeSpecification): TmpfsFile {
    const inode = new TmpfsFile(this.fileSystem, this.memory, what.mode);
    inode.uid = what.uid;
    inode.gid = what.gid;
    inode.links = 0;
    inode.accessed = inode.modified = inode.changed = this.fileSystem.now();
    return inode;
  }

  override link(name: string, inode: Inode): number {
    this.names.set(name, inode);
    inode.links++;
    inode.changed = this.fileSystem.now();
    this.touchModified();
    return 0;
  }

  /** Puts an inode made elsewhere (a device, a bound socket) under a name. */
  place(name: string, inode: Inode): void {
    this.names.set(name, inode);
    if (inode.isDirectory) this.links++;
    this.touchModified();
  }

  override remove(name: string, inode: Inode): number {
    this.names.delete(name);
    if (inode instanceof TmpfsDirectory) {
      this.links--;
      inode.links = 0;
    } else inode.links--;
    inode.changed = this.fileSystem.now();
    this.touchModified();
    inode.dropIfUnused();
    return 0;
  }

  override rename(name: string, inode: Inode, target: DirectoryInode, newName: string, replaced: Inode | undefined): number {
    if (!(target instanceof TmpfsDirectory)) return -Errno.EXDEV;
    if (replaced !== undefined) target.remove(newName, replaced);
    this.names.delete(name);
    target.names.set(newName, inode);
    if (inode.isDirectory && target !== this) {
      this.links--;
      target.links++;
    }
    inode.changed = this.fileSystem.now();
    this.touchModified();
    if (target !== this) target.touchModified();
    return 0;
  }

  override exchange(name: string, inode: Inode, target: DirectoryInode, newName: string, other: Inode): number {
    if (!(target instanceof TmpfsDirectory)) return -Errno.EXDEV;
    this.names.set(name, other);
    target.names.set(newName, inode);
    if (target !== this && inode.isDirectory !== other.isDirectory) {
      this.links += inode.isDirectory ? -1 : 1;
      target.links += inode.isDirectory ? 1 : -1;
    }
    inode.changed = other.changed = this.fileSystem.now();
    this.touchModified();
    target.touchModified();
    return 0;
  }

  private build(what: NodeSpecification): Inode | number {
    switch (what.mode & FileType.mask) {
      case FileType.directory:
        return new TmpfsDirectory(this.fileSystem, this.memory, what.mode);
      case FileType.symlink: {
        const target = what.target ?? '';
        if (target.length === 0) return -Errno.ENOENT;
        if (target.length >= MAX_LINK_TARGET) return -Errno.ENAMETOOLONG;
        return new TmpfsSymlink(this.fileSystem, target);
      }
      case 0:
      case FileType.regular:
        return new TmpfsFile(this.fileSystem, this.memory, what.mode);
      default:
        return makeSpecialInode(this.fileSystem, what);
    }
  }
}
