/** Shared host directories: entries sorted by name, changes made on the host when the share is writable. */
import * as fs from 'node:fs';
import { Errno } from '../errno.ts';
import type { SyscallCall } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { DirectoryFile } from './directory-file.ts';
import { FileType } from './file-mode.ts';
import { DirectoryInode, type AttributeChange, type DirectoryEntry, type Inode, type NodeSpecification } from './inode.ts';
import type { OpenFile } from './open-file.ts';
import type { Share } from './share.ts';
import { giveAttributes, OwnChanges, takeStat } from './share-attributes.ts';
import { attempt } from './share-errors.ts';
import { ShareFile } from './share-file.ts';

/** Names are bytes to the guest and are kept as latin1; the host's paths are UTF-8. */
function hostName(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function guestName(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}

export class ShareDirectory extends DirectoryInode {
  private readonly share: Share;
  private hostPath: string;
  private bytes = 4096;
  private readonly own = new OwnChanges();

  constructor(share: Share, hostPath: string, stat: fs.BigIntStats) {
    super(share, Number(stat.mode));
    this.share = share;
    this.hostPath = hostPath;
    this.seen(hostPath, stat);
  }

  /** Found (again) under a path, with these attributes. */
  seen(hostPath: string, stat: fs.BigIntStats): void {
    this.hostPath = hostPath;
    this.bytes = Number(stat.size);
    takeStat(this, stat);
    this.own.apply(this, stat);
  }

  /** The guest has made it, or changed its entries (or only its attributes): see OwnChanges. */
  changedByGuest(contents: boolean): void {
    const stat = fs.lstatSync(this.hostPath, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) this.own.note(stat, this.fileSystem.now(), contents);
  }

  override get size(): number {
    return this.bytes;
  }

  override refresh(): void {
    this.share.inodeAt(this.hostPath);
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number {
    return new DirectoryFile(this, dentry, flags);
  }

  override lookup(name: string): Inode | number {
    return this.share.inodeAt(this.at(name));
  }

  override entries(): readonly DirectoryEntry[] {
    if (!this.share.isReal(this.hostPath)) return [];
    let names: string[];
    try {
      names = fs.readdirSync(this.hostPath);
    } catch {
      return [];
    }
    const found: DirectoryEntry[] = [];
    for (const name of names.map(guestName).sort()) {
      const inode = this.lookup(name);
      if (typeof inode !== 'number') found.push({ name, inode: inode.number, type: inode.type });
    }
    return found;
  }

  override make(name: string, what: NodeSpecification): Inode | number {
    const refused = this.refused();
    if (refused !== 0) return refused;
    const path = this.at(name);
    const result = attempt(() => {
      switch (what.mode & FileType.mask) {
        case FileType.directory:
          fs.mkdirSync(path, what.mode & 0o7777);
          break;
        case FileType.symlink:
          fs.symlinkSync(hostName(what.target ?? ''), path);
          return;
        case 0:
        case FileType.regular:
          fs.closeSync(fs.openSync(path, fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_WRONLY | fs.constants.O_NOFOLLOW, 0o600));
          break;
        default:
          throw Object.assign(new Error('special file'), { code: 'EPERM' });
      }
      // The emulator's own umask must not show.
      fs.chmodSync(path, what.mode & 0o7777);
    });
    if (result !== 0) return result;
    this.changedByGuest(true);
    const inode = this.lookup(name);
    if (inode instanceof ShareFile || inode instanceof ShareDirectory) {
      inode.changedByGuest(true);
      return this.lookup(name);
    }
    if (typeof inode !== 'number') inode.accessed = inode.modified = inode.changed = this.fileSystem.now();
    return inode;
  }

  override link(name: string, inode: Inode): number {
    if (!(inode instanceof ShareFile)) return -Errno.EPERM;
    const refused = this.refused();
    if (refused !== 0) return refused;
    const result = attempt(() => fs.linkSync(inode.hostPath, this.at(name)));
    if (result === 0) {
      this.changedByGuest(true);
      inode.changedByGuest(false);
    }
    return result;
  }

  override remove(name: string, inode: Inode): number {
    const refused = this.refused();
    if (refused !== 0) return refused;
    if (inode instanceof ShareFile) inode.keepOpen();
    const result = attempt(() => (inode.isDirectory ? fs.rmdirSync(this.at(name)) : fs.unlinkSync(this.at(name))));
    if (result === 0) {
      this.changedByGuest(true);
      inode.links = inode.isDirectory ? 0 : inode.links - 1;
      inode.dropIfUnused();
    }
    return result;
  }

  override rename(name: string, inode: Inode, target: DirectoryInode, newName: string, replaced: Inode | undefined): number {
    if (!(target instanceof ShareDirectory)) return -Errno.EXDEV;
    const refused = this.refused() || target.refused();
    if (refused !== 0) return refused;
    if (replaced instanceof ShareFile) replaced.keepOpen();
    const to = target.at(newName);
    const result = attempt(() => fs.renameSync(this.at(name), to));
    if (result === 0) {
      this.changedByGuest(true);
      target.changedByGuest(true);
      if (inode instanceof ShareFile || inode instanceof ShareDirectory) {
        this.share.inodeAt(to);
        inode.changedByGuest(false);
      }
      if (replaced !== undefined) replaced.links--;
    }
    return result;
  }

  override setAttributes(change: AttributeChange): number {
    const refused = this.refused();
    if (refused !== 0) return refused;
    const result = giveAttributes(this.hostPath, this, change);
    if (result === 0) this.changedByGuest(false);
    this.refresh();
    return result;
  }

  /** 0, or why nothing may be changed here. */
  private refused(): number {
    if (!this.share.writable) return -Errno.EROFS;
    return this.share.isReal(this.hostPath) ? 0 : -Errno.ESTALE;
  }

  private at(name: string): string {
    return `${this.hostPath === '/' ? '' : this.hostPath}/${hostName(name)}`;
  }
}
