/** The pseudo-terminals of a machine and their file system, /dev/pts. The console is one of them, so that it has a name there. */
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { SyscallCall } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { DirectoryFile } from './directory-file.ts';
import { FileType, makeDevice } from './file-mode.ts';
import type { FileSystem } from './file-system.ts';
import { DirectoryInode, type DirectoryEntry, type Inode } from './inode.ts';
import type { OpenFile } from './open-file.ts';
import { PseudoTerminal, PseudoTerminalMaster } from './pseudo-terminal.ts';
import { DeviceInode } from './special-inode.ts';
import { TerminalFile } from './terminal-file.ts';
import type { Terminal } from './terminal.ts';

export const PTMX = makeDevice(5, 2);
const SLAVE_MAJOR = 136;
const MAXIMUM = 4096;
/** Group tty. */
const TTY_GROUP = 5;

export class PseudoTerminals {
  private readonly kernel: Kernel;
  private readonly slaves = new Map<number, Terminal>();
  private readonly inodes = new Map<number, DeviceInode>();
  private readonly fileSystem: FileSystem;
  private root: Dentry | undefined;

  constructor(kernel: Kernel, fileSystem: FileSystem) {
    this.kernel = kernel;
    this.fileSystem = fileSystem;
  }

  /** Mounted at `root`. */
  mounted(root: Dentry): void {
    this.root = root;
  }

  /** Opens the master of a new pseudo-terminal. */
  openMaster(dentry: Dentry, flags: number): OpenFile | number {
    const index = this.freeIndex();
    if (index < 0) return -Errno.ENOSPC;
    const slave = new PseudoTerminal(this.kernel, makeDevice(SLAVE_MAJOR, index), index);
    this.add(index, slave);
    return new PseudoTerminalMaster(this, slave, dentry, flags);
  }

  /** Gives a terminal of another kind (the console) a name here; `build` makes it for its device number. */
  adopt<T extends Terminal>(build: (deviceNumber: number) => T): T {
    const index = this.freeIndex();
    const terminal = build(makeDevice(SLAVE_MAJOR, index));
    this.add(index, terminal);
    return terminal;
  }

  remove(slave: PseudoTerminal): void {
    this.slaves.delete(slave.index);
    this.inodes.delete(slave.index);
    this.root?.forget(String(slave.index));
    this.kernel.vfs.devices.unregister(slave.deviceNumber);
  }

  /** The name of a terminal's slave side. */
  dentryOf(terminal: Terminal): Dentry | undefined {
    for (const [index, other] of this.slaves) {
      const inode = this.inodes.get(index);
      if (other === terminal && inode !== undefined) return this.root?.child(String(index), inode);
    }
    return undefined;
  }

  inode(index: number): DeviceInode | undefined {
    return this.inodes.get(index);
  }

  get indices(): readonly number[] {
    return [...this.slaves.keys()].sort((a, b) => a - b);
  }

  private add(index: number, terminal: Terminal): void {
    this.slaves.set(index, terminal);
    const inode = new DeviceInode(this.fileSystem, FileType.character | 0o620, terminal.deviceNumber, index + 3);
    inode.gid = TTY_GROUP;
    inode.accessed = inode.modified = inode.changed = this.fileSystem.now();
    this.inodes.set(index, inode);
    this.kernel.vfs.devices.register(terminal.deviceNumber, (call, dentry, flags) => openSlave(call, terminal, dentry, flags));
  }

  private freeIndex(): number {
    for (let index = 0; index < MAXIMUM; index++) if (!this.slaves.has(index)) return index;
    return -1;
  }
}

function openSlave(_call: SyscallCall, terminal: Terminal, dentry: Dentry, flags: number): OpenFile | number {
  if (terminal instanceof PseudoTerminal && (terminal.locked || terminal.masterClosed)) return -Errno.EIO;
  return new TerminalFile(terminal, dentry, flags);
}

/** The root of /dev/pts. */
export class DevptsDirectory extends DirectoryInode {
  private readonly table: PseudoTerminals;
  private readonly ptmx: DeviceInode;

  constructor(fileSystem: FileSystem, table: PseudoTerminals) {
    super(fileSystem, FileType.directory | 0o755, 1);
    this.table = table;
    this.links = 2;
    this.accessed = this.modified = this.changed = fileSystem.now();
    this.ptmx = new DeviceInode(fileSystem, FileType.character | 0o666, PTMX, 2);
    this.ptmx.accessed = this.ptmx.modified = this.ptmx.changed = this.accessed;
  }

  override lookup(name: string): Inode | number {
    if (name === 'ptmx') return this.ptmx;
    if (!/^(0|[1-9]\d{0,4})$/.test(name)) return -Errno.ENOENT;
    return this.table.inode(Number(name)) ?? -Errno.ENOENT;
  }

  override entries(): readonly DirectoryEntry[] {
    const slaves = this.table.indices.map((index) => ({ name: String(index), inode: index + 3, type: FileType.character }));
    return [...slaves.reverse(), { name: 'ptmx', inode: 2, type: FileType.character }];
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile {
    return new DirectoryFile(this, dentry, flags);
  }
}
