/** A process's descriptors (Linux's files_struct); shared by its threads, and by processes made with CLONE_FILES. */
import { Errno } from '../errno.ts';
import type { OpenFile } from './open-file.ts';

interface Descriptor {
  readonly file: OpenFile;
  closeOnExec: boolean;
}

export class DescriptorTable {
  private readonly entries: (Descriptor | undefined)[] = [];
  private lowestFree = 0;
  private references = 1;
  /** RLIMIT_NOFILE's soft limit: descriptors are below it. */
  limit: number;

  constructor(limit = 1024) {
    this.limit = limit;
  }

  /** Another process or thread uses the same table. */
  retain(): this {
    this.references++;
    return this;
  }

  /** Drops a user; the last one closes everything. */
  release(): void {
    if (--this.references === 0) this.closeAll();
  }

  get shared(): boolean {
    return this.references > 1;
  }

  get(fd: number): OpenFile | undefined {
    return this.entries[fd]?.file;
  }

  has(fd: number): boolean {
    return this.entries[fd] !== undefined;
  }

  /** Puts an open file, whose reference it takes over, at the lowest free descriptor ≥ `min`; -EMFILE when there is none (the reference stays the caller's). */
  install(file: OpenFile, closeOnExec: boolean, min = 0): number {
    let fd = Math.max(min, this.lowestFree);
    while (this.entries[fd] !== undefined) fd++;
    if (fd >= this.limit) return -Errno.EMFILE;
    this.entries[fd] = { file, closeOnExec };
    if (min <= this.lowestFree) this.lowestFree = fd + 1;
    return fd;
  }

  /** Puts an open file at `fd`, closing what was there. */
  replace(fd: number, file: OpenFile, closeOnExec: boolean): void {
    const old = this.entries[fd];
    this.entries[fd] = { file, closeOnExec };
    if (old !== undefined) this.closeFile(old.file);
  }

  close(fd: number): number {
    const entry = this.entries[fd];
    if (entry === undefined) return -Errno.EBADF;
    this.entries[fd] = undefined;
    if (fd < this.lowestFree) this.lowestFree = fd;
    this.closeFile(entry.file);
    return 0;
  }

  isCloseOnExec(fd: number): boolean {
    return this.entries[fd]?.closeOnExec ?? false;
  }

  setCloseOnExec(fd: number, on: boolean): void {
    const entry = this.entries[fd];
    if (entry !== undefined) entry.closeOnExec = on;
  }

  /** A table of its own with the same open files (fork). */
  clone(): DescriptorTable {
    const copy = new DescriptorTable(this.limit);
    this.entries.forEach((entry, fd) => {
      if (entry !== undefined) copy.entries[fd] = { file: entry.file.retain(), closeOnExec: entry.closeOnExec };
    });
    copy.lowestFree = this.lowestFree;
    return copy;
  }

  /** What exec does. */
  closeOnExec(): void {
    for (let fd = 0; fd < this.entries.length; fd++) if (this.entries[fd]?.closeOnExec) this.close(fd);
  }

  closeAll(): void {
    for (let fd = 0; fd < this.entries.length; fd++) if (this.entries[fd] !== undefined) this.close(fd);
  }

  /** Open descriptors in ascending order. */
  open(): readonly number[] {
    const fds: number[] = [];
    this.entries.forEach((entry, fd) => {
      if (entry !== undefined) fds.push(fd);
    });
    return fds;
  }

  /** Descriptors reserved for FDSize in /proc/<pid>/status. */
  get capacity(): number {
    return Math.max(64, 2 ** Math.ceil(Math.log2(Math.max(1, this.entries.length))));
  }

  private closeFile(file: OpenFile): void {
    file.descriptorClosed(this);
    file.release();
  }
}
