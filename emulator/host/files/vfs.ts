/** The guest's file tree: what is mounted where, opening by path, files for exec. */
import type { Frames } from '../../memory/frames.ts';
import type { PageSource } from '../../memory/page-source.ts';
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { Wait, type SyscallCall } from '../syscall.ts';
import type { Thread } from '../process/thread.ts';
import { Dentry } from './dentry.ts';
import { AnonymousInode } from './anonymous-inode.ts';
import { DeviceRegistry } from './device-registry.ts';
import { FileInode } from './file-inode.ts';
import { FileType } from './file-mode.ts';
import { FileSystem, FileSystemMagic, type FileSystemOptions } from './file-system.ts';
import { FsState } from './fs-state.ts';
import { isDirectoryInode, type Inode } from './inode.ts';
import { MAXIMUM_INODES, MAXIMUM_OPEN_FILES, MAXIMUM_SOCKET_BYTES, PIPE_CAPACITY_SOFT, Quota } from './machine-limits.ts';
import type { OpenFile } from './open-file.ts';
import { isReadable, isWritable, OpenFlag, OPEN_ONLY_FLAGS } from './open-flags.ts';
import { MAX_SMALL_FILE_SIZE } from './regular-file.ts';
import { PathFile } from './path-file.ts';
import { walk, walkTo, type WalkLimits, type WalkOptions } from './path-walk.ts';
import { mayAccess, Permission } from './permissions.ts';
import type { PseudoTerminals } from './pseudo-terminal-table.ts';
import { ProcFileSystem } from './proc/proc-file-system.ts';
import { rootTable } from './proc/system-entries.ts';
import { Share, type ShareOptions } from './share.ts';
import { ShareSymlink } from './share-node.ts';
import { MachineSetupError } from './setup-error.ts';
import { SocketNames } from './sockets/socket-names.ts';
import type { Timestamp } from './timestamp.ts';
import { TmpfsDirectory, TmpfsFile, TmpfsSymlink } from './tmpfs.ts';

/** Cached pages given up at a time when memory is short. */
const SHED_PAGES = 256;

export interface VfsOptions {
  readonly frames: Frames;
  /** CLOCK_REALTIME of the machine, which stamps files. */
  readonly now: () => Timestamp;
}

/** A mounted file system, for /proc/mounts. */
export interface MountRecord {
  readonly id: number;
  readonly root: Dentry;
  readonly at: Dentry | undefined;
}

/** What exec needs of a file. */
export interface ExecutableFile {
  readonly source: PageSource;
  readonly size: number;
  readonly dentry: Dentry;
  /** Copies bytes; returns how many (short at the end), -1 on an I/O error. */
  read(position: number, into: Uint8Array): number;
  /** Keep it open while it runs; exactly one `release` for each. */
  retain(): void;
  release(): void;
}

export class Vfs {
  readonly root: Dentry;
  readonly devices = new DeviceRegistry();
  readonly mounts: MountRecord[] = [];
  readonly frames: Frames;
  readonly now: () => Timestamp;
  /** Where unnamed things (memfds, anonymous shared files) live. */
  private readonly internal: TmpfsDirectory;
  /** What descriptors without a place in the tree (epoll, eventfd …) are to fstat. */
  readonly anonymousInode: Inode;
  /** Inodes of pipes. */
  readonly pipes: FileSystem;
  /** Inodes of sockets. */
  readonly sockets: FileSystem;
  /** The machine's pseudo-terminals; set when the tree is built. */
  ptys: PseudoTerminals | undefined;
  /** Bound sockets' names. */
  readonly socketNames = new SocketNames();
  readonly openFiles = new Quota(MAXIMUM_OPEN_FILES);
  readonly inodes = new Quota(MAXIMUM_INODES);
  readonly socketBytes = new Quota(MAXIMUM_SOCKET_BYTES);
  readonly pipeCapacity = new Quota(PIPE_CAPACITY_SOFT);
  private readonly shares: Share[] = [];
  private lastMinor = 20;

  constructor(options: VfsOptions) {
    this.frames = options.frames;
    this.now = options.now;
    this.frames.reclaim = () => this.shed();
    const root = new TmpfsDirectory(this.newFileSystem({ type: 'overlay', magic: FileSystemMagic.tmpfs, source: 'overlay' }), this.frames, 0o755);
    stamp(root, this.now());
    this.root = new Dentry(undefined, '', root);
    this.mounts.push({ id: 1, root: this.root, at: undefined });
    this.anonymousInode = new AnonymousInode(this.newFileSystem({ type: 'anon_inodefs', magic: FileSystemMagic.anonymous }));
    this.pipes = this.newFileSystem({ type: 'pipefs', magic: FileSystemMagic.pipe });
    this.sockets = this.newFileSystem({ type: 'sockfs', magic: FileSystemMagic.socket });
    this.internal = new TmpfsDirectory(this.newFileSystem({ type: 'tmpfs', magic: FileSystemMagic.tmpfs }), this.frames, 0o700);
  }

  newFileSystem(options: Omit<FileSystemOptions, 'minor' | 'now' | 'inodeQuota'>): FileSystem {
    return new FileSystem({ ...options, minor: ++this.lastMinor, now: this.now, inodeQuota: this.inodes });
  }

  /** A process's first place in the tree. */
  initialFs(cwd: string): FsState | number {
    const at = this.lookup(cwd);
    if (typeof at === 'number') return at;
    return at.inode.isDirectory ? new FsState(this.root, at) : -Errno.ENOTDIR;
  }

  /** Makes a directory and its parents, at machine set-up; returns the dentry that is visible there. Symbolic links are followed. */
  makeDirectories(path: string, mode = 0o755): Dentry {
    let at = this.root.top();
    const rest = path.split('/').filter((name) => name !== '');
    for (let links = 0, name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (!isDirectoryInode(at.inode)) throw new MachineSetupError(`${path}: ${at.path} is not a directory`);
      if (name === '.') continue;
      if (name === '..') {
        at = at.up(this.root.top());
        continue;
      }
      let inode = at.inode.lookup(name, undefined);
      if (inode === -Errno.ENOENT) inode = at.inode.make(name, { mode: FileType.directory | (rest.length === 0 ? mode : 0o755), uid: 0, gid: 0 });
      if (typeof inode === 'number') throw new MachineSetupError(`${path}: cannot make directory ${name} in ${at.path}`);
      if (inode instanceof TmpfsSymlink || inode instanceof ShareSymlink) {
        const target = inode.readLink();
        if (typeof target === 'number' || ++links > 40) throw new MachineSetupError(`${path}: cannot follow ${name} in ${at.path}`);
        if (target.startsWith('/')) at = this.root.top();
        rest.unshift(...target.split('/').filter((part) => part !== ''));
      } else at = at.child(name, inode).top();
    }
    return at;
  }

  /** Makes a file with the given contents, at machine set-up. */
  writeFile(path: string, contents: string | Uint8Array, mode = 0o644): void {
    const slash = path.lastIndexOf('/');
    const parent = this.makeDirectories(path.slice(0, slash));
    const name = path.slice(slash + 1);
    if (!(parent.inode instanceof TmpfsDirectory)) throw new MachineSetupError(`${path}: not on a tmpfs`);
    const inode = parent.inode.make(name, { mode: FileType.regular | mode, uid: 0, gid: 0 });
    if (!(inode instanceof TmpfsFile)) throw new MachineSetupError(`${path}: cannot be made`);
    const bytes = typeof contents === 'string' ? Buffer.from(contents, 'utf8') : contents;
    if (inode.pages.writeBytes(0, bytes) !== bytes.length) throw new MachineSetupError(`${path}: out of memory`);
  }

  /** Makes a symbolic link, at machine set-up; one that is there already stays. */
  makeSymlink(path: string, target: string): void {
    const slash = path.lastIndexOf('/');
    const parent = this.makeDirectories(path.slice(0, slash));
    const name = path.slice(slash + 1);
    if (parent.inode instanceof TmpfsDirectory && typeof parent.inode.lookup(name) === 'number') parent.inode.make(name, { mode: FileType.symlink | 0o777, target, uid: 0, gid: 0 });
  }

  /** Mounts a file system's root on an existing dentry. */
  mount(root: Inode, at: Dentry): Dentry {
    const dentry = new Dentry(undefined, '', root);
    dentry.covers = at;
    at.mounted = dentry;
    this.mounts.push({ id: this.mounts.length + 1, root: dentry, at });
    return dentry;
  }

  /** /proc, when there is a kernel to tell of. */
  mountProc(kernel: Kernel): void {
    const proc = new ProcFileSystem(kernel, ++this.lastMinor);
    this.mount(proc.build('', { kind: 'directory', entries: rootTable }, { kernel, subject: undefined }), this.makeDirectories('/proc', 0o555));
  }

  /** A read-only tree of small files at `path`, named relative to it. */
  mountTexts(path: string, options: { readonly type: string; readonly magic: number }, texts: Readonly<Record<string, string>>): void {
    const fileSystem = this.newFileSystem({ ...options, readOnly: true });
    const root = new TmpfsDirectory(fileSystem, this.frames, 0o555);
    stamp(root, this.now());
    this.mount(root, this.makeDirectories(path, 0o555));
    for (const [name, text] of Object.entries(texts)) this.writeFile(`${path}/${name}`, text, 0o444);
  }

  /** A new tmpfs at `path`. */
  mountTmpfs(path: string, mode: number): Dentry {
    const at = this.makeDirectories(path);
    const root = new TmpfsDirectory(this.newFileSystem({ type: 'tmpfs', magic: FileSystemMagic.tmpfs }), this.frames, mode);
    stamp(root, this.now());
    return this.mount(root, at);
  }

  /**
   * Gives the guest a directory or file of the real machine.
   * @throws if the host path does not exist or the guest path is taken by something else
   */
  share(options: ShareOptions): void {
    const share = new Share(options, ++this.lastMinor, this.frames, this.now, this.inodes);
    this.shares.push(share);
    const root = share.root();
    if (options.guestPath === '/') throw new MachineSetupError('the root directory cannot be a share: give its parts');
    if (root.isDirectory) {
      this.mount(root, this.makeDirectories(options.guestPath));
      return;
    }
    const slash = options.guestPath.lastIndexOf('/');
    const parent = this.makeDirectories(options.guestPath.slice(0, slash));
    const name = options.guestPath.slice(slash + 1);
    if (!isDirectoryInode(parent.inode)) throw new MachineSetupError(`${options.guestPath}: its parent is not a directory`);
    let point = parent.inode.lookup(name, undefined);
    if (point === -Errno.ENOENT) point = parent.inode.make(name, { mode: FileType.regular | 0o644, uid: 0, gid: 0 });
    // A file below a read-only share can only be given by that share itself.
    if (typeof point === 'number') throw new MachineSetupError(`${options.guestPath}: cannot be placed there`);
    this.mount(root, parent.child(name, point).top());
  }

  /** The dentry at an absolute path as the whole machine sees it, links not followed except by `thread`. */
  lookup(path: string): Dentry | number {
    let at = this.root.top();
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (!isDirectoryInode(at.inode)) return -Errno.ENOTDIR;
      const inode = at.inode.lookup(name, undefined);
      if (typeof inode === 'number') return inode;
      at = at.child(name, inode).top();
    }
    return at;
  }

  /** The dentry `path` leads to for the thread, relative to its working directory unless `base` is given; -errno. */
  resolve(thread: Thread, path: string, options: WalkOptions, base: Dentry = thread.fs.cwd): Dentry | number {
    return walkTo(thread, base, path, options);
  }

  /** open(2): an open file with one reference, -errno, or a Wait (fifos). */
  open(call: SyscallCall, path: string, flags: number, mode: number, base?: Dentry, limits?: WalkLimits): OpenFile | number | Wait {
    const thread = call.thread;
    const start = base ?? thread.fs.cwd;
    const creating = (flags & OpenFlag.create) !== 0;
    const exclusive = creating && (flags & OpenFlag.exclusive) !== 0;
    const follow = (flags & OpenFlag.noFollow) === 0 && !exclusive;
    if ((flags & OpenFlag.tmpFile) === OpenFlag.tmpFile) return this.openUnnamed(call, start, path, flags, mode);
    const place = walk(thread, start, path, limits === undefined ? { follow } : { follow, limits });
    if (typeof place === 'number') return place;
    if (creating && place.slash) return -Errno.EISDIR;
    let dentry = place.found;
    let created = false;
    if (dentry === undefined) {
      if (!creating) return -Errno.ENOENT;
      if (!isDirectoryInode(place.parent.inode)) return -Errno.ENOTDIR;
      if (place.parent.deleted) return -Errno.ENOENT;
      if (place.parent.inode.fileSystem.readOnly) return -Errno.EROFS;
      if (!mayAccess(thread, place.parent.inode, Permission.write | Permission.execute)) return -Errno.EACCES;
      const credentials = thread.process.credentials;
      const inode = place.parent.inode.make(place.name, {
        mode: FileType.regular | (mode & 0o7777 & ~thread.fs.umask), uid: credentials.fsuid, gid: credentials.fsgid,
      });
      if (typeof inode === 'number') return inode;
      dentry = place.parent.child(place.name, inode);
      created = true;
    } else if (exclusive) return -Errno.EEXIST;
    if (place.slash && !dentry.inode.isDirectory) return -Errno.ENOTDIR;
    return this.openDentry(call, dentry, flags, created);
  }

  /** Opens what a dentry names, with open(2)'s checks. */
  openDentry(call: SyscallCall, dentry: Dentry, flags: number, created = false): OpenFile | number | Wait {
    const inode = dentry.inode;
    const thread = call.thread;
    if ((flags & OpenFlag.directory) !== 0 && !inode.isDirectory) return -Errno.ENOTDIR;
    if ((flags & OpenFlag.path) !== 0) return new PathFile(dentry, flags & (OpenFlag.path | OpenFlag.directory | OpenFlag.noFollow));
    if (inode.isSymlink) return -Errno.ELOOP;
    const writing = isWritable(flags) || (flags & OpenFlag.truncate) !== 0;
    if (inode.isDirectory && (writing || (flags & OpenFlag.create) !== 0)) return -Errno.EISDIR;
    if (!created) {
      const wanted = (isReadable(flags) ? Permission.read : 0) | (writing ? Permission.write : 0);
      if (!mayAccess(thread, inode, wanted)) return -Errno.EACCES;
      if (writing && inode.fileSystem.readOnly && (inode.isRegular || inode.isDirectory)) return -Errno.EROFS;
    }
    const shown = statusFlags(call, flags);
    if (inode.isRegular && (shown & OpenFlag.largeFile) === 0 && inode.size > MAX_SMALL_FILE_SIZE) return -Errno.EOVERFLOW;
    const file = inode.open(call, dentry, shown);
    if (typeof file === 'number' || file instanceof Wait) return file;
    if ((flags & OpenFlag.truncate) !== 0 && !created && inode instanceof FileInode) {
      const result = inode.truncate(0);
      if (result !== 0) {
        file.release();
        return result;
      }
    }
    if ((flags & OpenFlag.noCtty) === 0) file.openedAsTerminal(call);
    return file;
  }

  /** A regular file in memory without a name (memfd). */
  unnamedFile(name: string, mode: number): Dentry {
    const inode = this.internal.makeUnnamed({ mode, uid: 0, gid: 0 });
    const dentry = new Dentry(undefined, name, inode);
    dentry.deleted = true;
    inode.setMapName(dentry);
    return dentry;
  }

  /** For exec: the regular file at `path` (a byte string; links followed), or -errno (-EACCES if it is none or not executable). */
  readFile(thread: Thread, path: string, base: Dentry = thread.fs.cwd): ExecutableFile | number {
    const dentry = walkTo(thread, base, path, { follow: true });
    if (typeof dentry === 'number') return dentry;
    return this.executable(thread, dentry);
  }

  /** The same for a dentry (fexecve). */
  executable(thread: Thread, dentry: Dentry): ExecutableFile | number {
    const inode = dentry.inode;
    if (!(inode instanceof FileInode)) return -Errno.EACCES;
    if (!mayAccess(thread, inode, Permission.execute)) return -Errno.EACCES;
    inode.refresh();
    inode.setMapName(dentry);
    return {
      source: inode.pages,
      size: inode.size,
      dentry,
      read: (position, into) => inode.pages.readBytes(position, into),
      retain: () => inode.hold(),
      release: () => inode.letGo(),
    };
  }

  /** Memory is short: pages of shares are given up, to be read again when they are wanted. */
  private shed(): boolean {
    let given = 0;
    for (const share of this.shares) {
      if (given >= SHED_PAGES) break;
      given += share.shed(SHED_PAGES - given);
    }
    return given > 0;
  }

  private openUnnamed(call: SyscallCall, base: Dentry, path: string, flags: number, mode: number): OpenFile | number {
    if (!isWritable(flags)) return -Errno.EINVAL;
    const directory = walkTo(call.thread, base, path, { follow: true });
    if (typeof directory === 'number') return directory;
    if (!directory.inode.isDirectory) return -Errno.ENOTDIR;
    if (directory.inode.fileSystem.readOnly) return -Errno.EROFS;
    if (!(directory.inode instanceof TmpfsDirectory)) return -Errno.EOPNOTSUPP;
    const credentials = call.thread.process.credentials;
    const inode = directory.inode.makeUnnamed({ mode: mode & 0o7777 & ~call.thread.fs.umask, uid: credentials.fsuid, gid: credentials.fsgid });
    const dentry = new Dentry(directory, `#${inode.number}`, inode);
    dentry.deleted = true;
    return inode.open(call, dentry, statusFlags(call, flags));
  }
}

/** What F_GETFL shows: 64-bit programs always open files as large ones, i386's say so. */
function statusFlags(call: SyscallCall, flags: number): number {
  return (flags & ~OPEN_ONLY_FLAGS) | (call.wordSize === 8 ? OpenFlag.largeFile : flags & OpenFlag.largeFile);
}

function stamp(inode: Inode, now: Timestamp): void {
  inode.accessed = inode.modified = inode.changed = now;
}
