/**
 * Shared regular files: a page cache filled from the host when pages are touched; writes go through at once, stores through shared
 * mappings when the mapping goes or the file is synchronised. The host's descriptor is open only while the guest uses the file.
 */
import * as fs from 'node:fs';
import { PAGE_SIZE } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { SyscallCall } from '../syscall.ts';
import type { Dentry } from './dentry.ts';
import { FileInode } from './file-inode.ts';
import { FilePages } from './file-pages.ts';
import type { AttributeChange } from './inode.ts';
import type { OpenFile } from './open-file.ts';
import { isWritable } from './open-flags.ts';
import { RegularFile } from './regular-file.ts';
import type { Share } from './share.ts';
import { giveAttributes, OwnChanges, takeStat } from './share-attributes.ts';
import { attempt, hostErrno } from './share-errors.ts';

class SharePages extends FilePages {
  private readonly owner: ShareFile;
  private readonly maybeStored = new Set<number>();
  /** A writable shared mapping may have been made: frames handed out since may hold stores nobody told of. */
  sharedWritable = false;

  constructor(owner: ShareFile, share: Share) {
    super(share.memory);
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

  override frame(index: number): number {
    const frame = super.frame(index);
    if (this.sharedWritable && frame > 0) this.maybeStored.add(index);
    return frame;
  }

  override mapped(): void {
    super.mapped();
    this.owner.hold();
  }

  override unmapped(): void {
    super.unmapped();
    if (this.mappings === 0 && this.sharedWritable) {
      this.writeBack();
      this.sharedWritable = false;
    }
    this.owner.letGo();
  }

  protected override fill(index: number, frame: number): boolean {
    const start = index * PAGE_SIZE;
    const wanted = Math.min(PAGE_SIZE, this.size - start);
    if (wanted <= 0) return true;
    return this.owner.readHost(this.memory.linear.u8.subarray(frame, frame + wanted), start);
  }

  protected override written(start: number, end: number): boolean {
    return this.toHost(start, end);
  }

  /** Gives up at most `count` frames that nobody maps and that hold what the host's file holds; returns how many. */
  shed(count: number): number {
    let given = 0;
    for (const [index, frame] of [...this.frames]) {
      if (given >= count) break;
      if (this.memory.count(frame) !== 1 || this.maybeStored.has(index)) continue;
      this.drop(index);
      given++;
    }
    return given;
  }

  /** Writes pages that may hold stores; true if the host took them. */
  writeBack(): boolean {
    let good = true;
    for (const index of [...this.maybeStored].sort((a, b) => a - b)) {
      good = this.toHost(index * PAGE_SIZE, Math.min((index + 1) * PAGE_SIZE, this.size)) && good;
    }
    if (this.maybeStored.size > 0) this.owner.changedByGuest(true);
    if (!this.sharedWritable || this.mappings === 0) this.maybeStored.clear();
    return good;
  }

  private toHost(start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      const index = Math.floor(at / PAGE_SIZE);
      const stop = Math.min(end, (index + 1) * PAGE_SIZE);
      const frame = this.frames.get(index);
      if (frame !== undefined) {
        const bytes = this.memory.linear.u8.subarray(frame + (at - index * PAGE_SIZE), frame + (stop - index * PAGE_SIZE));
        if (!this.owner.writeHost(bytes, at)) return false;
      }
      at = stop;
    }
    return true;
  }
}

export class ShareFile extends FileInode {
  override readonly pages: SharePages;
  private name: Dentry | undefined;
  /** Real path on the host. */
  hostPath: string;
  private readonly share: Share;
  private readonly own = new OwnChanges();
  private descriptor: number | undefined;
  private descriptorWritable = false;
  private hostBlocks = 0;
  private version = '';

  constructor(share: Share, hostPath: string, stat: fs.BigIntStats) {
    super(share, Number(stat.mode));
    this.share = share;
    this.hostPath = hostPath;
    this.pages = new SharePages(this, share);
    this.seen(hostPath, stat);
  }

  /** Found (again) under a path. A file that changed on the host while the guest did not use it is read anew. */
  seen(hostPath: string, stat: fs.BigIntStats): void {
    this.hostPath = hostPath;
    takeStat(this, stat);
    this.own.apply(this, stat);
    this.hostBlocks = Number(stat.blocks);
    const version = `${stat.size} ${stat.mtimeNs}`;
    if (version === this.version) return;
    if (!this.held) {
      this.pages.free();
      this.pages.size = Number(stat.size);
    }
    this.version = version;
  }

  override get blocks(): number {
    return this.hostBlocks;
  }

  override refresh(): void {
    if (this.links > 0) this.share.inodeAt(this.hostPath);
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number {
    this.setMapName(dentry);
    const result = this.openHost(isWritable(flags));
    if (result !== 0) return result;
    return new RegularFile(this, dentry, flags);
  }

  override setMapName(name: Dentry): void {
    this.name = name;
  }

  /** What /proc/<pid>/maps calls it. */
  get mapName(): string {
    return this.name?.path ?? '';
  }

  /** For exec: makes sure pages can be read. */
  openForReading(): number {
    return this.openHost(false);
  }

  override letGo(): void {
    super.letGo();
    if (!this.held) this.closeHost();
  }

  override truncate(size: number): number {
    if (!this.share.writable) return -Errno.EROFS;
    const result = this.openHost(true);
    const descriptor = this.descriptor;
    if (result !== 0 || descriptor === undefined) return result;
    const done = attempt(() => fs.ftruncateSync(descriptor, size));
    if (done === 0) {
      this.pages.resize(size);
      this.afterWrite();
    }
    if (!this.held) this.closeHost();
    return done;
  }

  override setAttributes(change: AttributeChange): number {
    if (!this.share.writable) return -Errno.EROFS;
    if (!this.share.isReal(this.hostPath)) return -Errno.ESTALE;
    const result = giveAttributes(this.hostPath, this, change);
    if (result === 0) this.changedByGuest(false);
    this.refresh();
    return result;
  }

  override touchModified(): void {
    this.afterWrite();
  }

  override mappedForStores(): void {
    this.pages.sharedWritable = true;
  }

  override synchronise(): number {
    return this.pages.writeBack() ? 0 : -Errno.EIO;
  }

  override evict(): void {
    this.pages.free();
    this.closeHost();
  }

  /** The name is about to go: pages still needed come through a descriptor. */
  keepOpen(): void {
    if (this.held) this.openHost(false);
  }

  readHost(into: Uint8Array, position: number): boolean {
    if (this.descriptor === undefined && this.openHost(false) !== 0) return false;
    const descriptor = this.descriptor;
    if (descriptor === undefined) return false;
    try {
      let done = 0;
      while (done < into.length) {
        const count = fs.readSync(descriptor, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return true;
    } catch {
      return false;
    } finally {
      if (!this.held) this.closeHost();
    }
  }

  writeHost(bytes: Uint8Array, position: number): boolean {
    const descriptor = this.descriptor;
    if (descriptor === undefined || !this.descriptorWritable) return false;
    try {
      let done = 0;
      while (done < bytes.length) done += fs.writeSync(descriptor, bytes, done, bytes.length - done, position + done);
      return true;
    } catch {
      return false;
    }
  }

  private openHost(writable: boolean): number {
    if (writable && !this.share.writable) return -Errno.EROFS;
    if (this.descriptor !== undefined && (this.descriptorWritable || !writable)) return 0;
    if (!this.share.isReal(this.hostPath)) return -Errno.ENOENT;
    try {
      const descriptor = fs.openSync(this.hostPath, (writable ? fs.constants.O_RDWR : fs.constants.O_RDONLY) | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
      this.closeHost();
      this.descriptor = descriptor;
      this.descriptorWritable = writable;
      return 0;
    } catch (error) {
      return hostErrno(error);
    }
  }

  private closeHost(): void {
    if (this.descriptor === undefined) return;
    fs.closeSync(this.descriptor);
    this.descriptor = undefined;
    this.descriptorWritable = false;
  }

  /** The guest has made or changed it: see OwnChanges. */
  changedByGuest(contents: boolean): void {
    const stat = fs.lstatSync(this.hostPath, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) this.own.note(stat, this.fileSystem.now(), contents);
  }

  /** Our own write is no reason to read the file anew. */
  private afterWrite(): void {
    if (this.descriptor === undefined) return;
    const stat = fs.fstatSync(this.descriptor, { bigint: true });
    this.own.note(stat, this.fileSystem.now(), true);
    takeStat(this, stat);
    this.own.apply(this, stat);
    this.hostBlocks = Number(stat.blocks);
    this.version = `${stat.size} ${stat.mtimeNs}`;
  }
}
