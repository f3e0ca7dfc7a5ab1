/**
 * /proc: what the machine tells about itself and its processes, made when it is read. Directories are tables of entries; inode
 * numbers belong to paths, so they stay the same however often something is looked up.
 */
import { Errno } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import type { Thread } from '../../process/thread.ts';
import type { SyscallCall } from '../../syscall.ts';
import type { Dentry } from '../dentry.ts';
import { DirectoryFile } from '../directory-file.ts';
import { FileType } from '../file-mode.ts';
import { FileSystem, FileSystemMagic } from '../file-system.ts';
import { DirectoryInode, Inode, type DirectoryEntry } from '../inode.ts';
import { OpenFile } from '../open-file.ts';

/** What an entry's functions are given. */
export interface ProcContext {
  readonly kernel: Kernel;
  /** The thread a /proc/<pid> or /proc/<pid>/task/<tid> entry is about; undefined elsewhere. */
  readonly subject: Thread | undefined;
}

export type ProcText = string | Uint8Array;

/** One entry of a directory in /proc. */
export type ProcEntry =
  | {
    readonly kind: 'file';
    readonly mode?: number;
    /** Contents, as text (byte string) or bytes; -errno. */
    readonly read: (context: ProcContext) => ProcText | number;
    /** Takes what is written at once; the count or -errno. Undefined: cannot be written. */
    readonly write?: (context: ProcContext, bytes: Uint8Array) => number;
  }
  /** A file with an open file of its own. */
  | { readonly kind: 'special'; readonly mode: number; readonly open: (context: ProcContext, dentry: Dentry, flags: number, opener: Thread) => OpenFile | number }
  | {
    readonly kind: 'link';
    readonly mode?: number;
    /** Its text; `reader` is who looks. */
    readonly target: (context: ProcContext, reader: Thread) => string | number;
    /** Where following goes, if not where the text says. */
    readonly follow?: (context: ProcContext, reader: Thread) => Dentry | number;
  }
  | { readonly kind: 'directory'; readonly mode?: number; readonly entries: ProcDirectoryTable };

/** The entries of a directory: fixed ones by name, or computed. */
export interface ProcDirectoryTable {
  /** The names, in order. */
  names(context: ProcContext): readonly string[];
  /** Undefined: no such entry. The context is what the entry's functions will be given. */
  find(context: ProcContext, name: string, reader: Thread | undefined): { readonly entry: ProcEntry; readonly context: ProcContext } | undefined;
}

/** A directory whose entries are always the same. */
export function fixedTable(entries: Readonly<Record<string, ProcEntry>>): ProcDirectoryTable {
  const names = Object.keys(entries);
  return {
    names: () => names,
    find: (context, name) => (Object.hasOwn(entries, name) ? { entry: entries[name], context } : undefined),
  };
}

export function textFile(read: (context: ProcContext) => ProcText | number, mode = 0o444): ProcEntry {
  return { kind: 'file', read, mode };
}

export class ProcFileSystem extends FileSystem {
  readonly kernel: Kernel;
  private readonly numbers = new Map<string, number>();

  constructor(kernel: Kernel, minor: number) {
    super({ type: 'proc', magic: FileSystemMagic.proc, minor, now: kernel.vfs.now, inodeQuota: kernel.vfs.inodes, transient: true });
    this.kernel = kernel;
  }

  /** The inode number of a path below the root. */
  numberOf(path: string): number {
    const known = this.numbers.get(path);
    if (known !== undefined) return known;
    const number = this.nextInode();
    this.numbers.set(path, number);
    return number;
  }

  build(path: string, entry: ProcEntry, context: ProcContext): Inode {
    switch (entry.kind) {
      case 'directory':
        return new ProcDirectory(this, path, entry.entries, context, entry.mode ?? 0o555);
      case 'link':
        return new ProcLink(this, path, entry, context);
      default:
        return new ProcFile(this, path, entry, context);
    }
  }
}

function initialise(inode: Inode, fileSystem: ProcFileSystem, context: ProcContext): void {
  inode.accessed = inode.modified = inode.changed = fileSystem.now();
  const { subject } = context;
  if (subject === undefined) return;
  inode.uid = subject.process.credentials.euid;
  inode.gid = subject.process.credentials.egid;
}

export class ProcDirectory extends DirectoryInode {
  private readonly proc: ProcFileSystem;
  private readonly path: string;
  private readonly table: ProcDirectoryTable;
  private readonly context: ProcContext;

  constructor(proc: ProcFileSystem, path: string, table: ProcDirectoryTable, context: ProcContext, mode: number) {
    super(proc, FileType.directory | mode, proc.numberOf(path));
    this.proc = proc;
    this.path = path;
    this.table = table;
    this.context = context;
    this.links = 2;
    initialise(this, proc, context);
  }

  override lookup(name: string, thread: Thread | undefined): Inode | number {
    const found = this.table.find(this.context, name, thread);
    return found === undefined ? -Errno.ENOENT : this.proc.build(`${this.path}/${name}`, found.entry, found.context);
  }

  /** A name that is not there cannot even be thought of here. */
  override make(): number {
    return -Errno.ENOENT;
  }

  override entries(thread: Thread): readonly DirectoryEntry[] {
    const list: DirectoryEntry[] = [];
    for (const name of this.table.names(this.context)) {
      const inode = this.lookup(name, thread);
      if (typeof inode !== 'number') list.push({ name, inode: inode.number, type: inode.type });
    }
    return list;
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile {
    return new DirectoryFile(this, dentry, flags);
  }
}

type LinkEntry = Extract<ProcEntry, { kind: 'link' }>;

class ProcLink extends Inode {
  private readonly entry: LinkEntry;
  private readonly context: ProcContext;

  constructor(proc: ProcFileSystem, path: string, entry: LinkEntry, context: ProcContext) {
    super(proc, FileType.symlink | (entry.mode ?? 0o777), proc.numberOf(path));
    this.entry = entry;
    this.context = context;
    initialise(this, proc, context);
  }

  override readLink(thread: Thread): string | number {
    return this.entry.target(this.context, thread);
  }

  override follow(thread: Thread): Dentry | number | undefined {
    return this.entry.follow?.(this.context, thread);
  }

  open(): number {
    return -Errno.ELOOP;
  }
}

type FileEntry = Extract<ProcEntry, { kind: 'file' | 'special' }>;

export class ProcFile extends Inode {
  private readonly entry: FileEntry;
  private readonly context: ProcContext;

  constructor(proc: ProcFileSystem, path: string, entry: FileEntry, context: ProcContext) {
    super(proc, FileType.regular | (entry.mode ?? 0o444), proc.numberOf(path));
    this.entry = entry;
    this.context = context;
    initialise(this, proc, context);
  }

  /** What a reader would get now, for the debugger; undefined: it would get an error, or this is no text. */
  contents(): Uint8Array | undefined {
    if (this.entry.kind === 'special') return undefined;
    const text = this.entry.read(this.context);
    if (typeof text === 'number') return undefined;
    return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  }

  open(call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number {
    if (this.entry.kind === 'special') return this.entry.open(this.context, dentry, flags, call.thread);
    return new ProcTextFile(this.entry, this.context, dentry, flags);
  }

  override truncate(): number {
    return this.entry.kind === 'file' && this.entry.write === undefined ? -Errno.EACCES : 0;
  }

  override setAttributes(): number {
    return -Errno.EPERM;
  }
}

/** An open text file: made at the first read from its start, then kept until the next such read. */
class ProcTextFile extends OpenFile {
  private readonly entry: Extract<ProcEntry, { kind: 'file' }>;
  private readonly context: ProcContext;
  private contents: Uint8Array | undefined;

  constructor(entry: Extract<ProcEntry, { kind: 'file' }>, context: ProcContext, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.entry = entry;
    this.context = context;
  }

  override get seekable(): boolean {
    return true;
  }

  override read(_call: SyscallCall, into: Uint8Array, offset: number | undefined): number {
    const at = offset ?? this.position;
    if (this.contents === undefined || at === 0) {
      const text = this.entry.read(this.context);
      if (typeof text === 'number') return text;
      this.contents = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    }
    const bytes = this.contents.subarray(at, at + into.length);
    into.set(bytes);
    if (offset === undefined) this.position = at + bytes.length;
    return bytes.length;
  }

  override write(_call: SyscallCall, from: Uint8Array): number {
    if (this.entry.write === undefined) return -Errno.EIO;
    this.contents = undefined;
    const count = this.entry.write(this.context, from);
    if (count > 0) this.position += count;
    return count;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    if (target < 0) return -Errno.EINVAL;
    this.position = target;
    return target;
  }
}
