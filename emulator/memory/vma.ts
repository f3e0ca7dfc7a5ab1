/** A virtual memory area: one mapping, [start, end), and the sorted list of those of an address space. */
import { PAGE_SIZE } from '../cpu/state.ts';
import type { PageSource } from './page-source.ts';
import { Prot } from './protection.ts';

export interface VmaKind {
  readonly prot: number;
  readonly shared: boolean;
  /** A stack: an access just below it makes it grow. */
  readonly growsDown: boolean;
  /** mprotect may add PROT_WRITE: false for shared mappings of files that were not opened for writing. */
  readonly mayWrite: boolean;
  /** Where its pages come from; undefined for private anonymous memory. */
  readonly source: PageSource | undefined;
}

export class Vma {
  start: number;
  end: number;
  prot: number;
  readonly shared: boolean;
  readonly growsDown: boolean;
  readonly mayWrite: boolean;
  readonly source: PageSource | undefined;
  /** Page of the source at `start`. */
  pageOffset: number;
  /** Some page is, or was, a private one: these cannot be had from the source again, so fork copies the page-table entries. */
  hasPrivatePages = false;
  /** Counts as memory that may have to be provided (private and writable now or before): keeps areas apart as Linux does. */
  accounted = false;
  /** Made by brk. */
  heap = false;
  locked = false;
  dontFork = false;
  wipeOnFork = false;

  constructor(start: number, end: number, kind: VmaKind, pageOffset: number) {
    this.start = start;
    this.end = end;
    this.prot = kind.prot;
    this.shared = kind.shared;
    this.growsDown = kind.growsDown;
    this.mayWrite = kind.mayWrite;
    this.source = kind.source;
    this.pageOffset = pageOffset;
    kind.source?.mapped();
  }

  /** A second area with the same properties. */
  duplicate(start: number, end: number, pageOffset: number): Vma {
    const other = new Vma(start, end, this, pageOffset);
    other.hasPrivatePages = this.hasPrivatePages;
    other.accounted = this.accounted;
    other.heap = this.heap;
    other.locked = this.locked;
    other.dontFork = this.dontFork;
    other.wipeOnFork = this.wipeOnFork;
    return other;
  }

  /** Page of the source behind the page at `address`. */
  sourcePage(address: number): number {
    return this.pageOffset + (address - this.start) / PAGE_SIZE;
  }

  /** What an access of this kind (Access) needs; x86 pages that can be written or executed can be read. */
  allows(access: number): boolean {
    return access === 0 ? (this.prot & 7) !== 0 : access === 1 ? (this.prot & Prot.write) !== 0 : (this.prot & Prot.exec) !== 0;
  }

  private continues(next: Vma): boolean {
    return (
      this.end === next.start && this.prot === next.prot && this.shared === next.shared && this.growsDown === next.growsDown && this.mayWrite === next.mayWrite &&
      this.source === next.source && this.accounted === next.accounted && this.heap === next.heap && this.locked === next.locked && this.dontFork === next.dontFork && this.wipeOnFork === next.wipeOnFork &&
      (this.source === undefined || this.sourcePage(next.start) === next.pageOffset)
    );
  }

  /** Takes in the area that follows if the two can be one. */
  absorb(next: Vma): boolean {
    if (!this.continues(next)) return false;
    this.end = next.end;
    if (next.hasPrivatePages) this.hasPrivatePages = true;
    next.source?.unmapped();
    return true;
  }
}

/** The areas of an address space in ascending order; they never overlap. */
export class VmaList {
  readonly items: Vma[] = [];
  private recent: Vma | undefined;

  /** Index of the first area that ends above `address`; the number of areas if there is none. */
  indexFrom(address: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.items[middle].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  find(address: number): Vma | undefined {
    const recent = this.recent;
    if (recent !== undefined && address >= recent.start && address < recent.end) return recent;
    const vma = this.items[this.indexFrom(address)];
    if (vma === undefined || vma.start > address) return undefined;
    this.recent = vma;
    return vma;
  }

  /** True if nothing is mapped in [start, end). */
  isFree(start: number, end: number): boolean {
    const next = this.items[this.indexFrom(start)];
    return next === undefined || next.start >= end;
  }

  /** Makes `address` a boundary between areas, if it lies within one. */
  split(address: number): void {
    const index = this.indexFrom(address);
    const vma = this.items[index];
    if (vma === undefined || vma.start >= address) return;
    this.items.splice(index + 1, 0, vma.duplicate(address, vma.end, vma.source === undefined ? 0 : vma.sourcePage(address)));
    vma.end = address;
  }

  /** Adds an area to free room and merges it with its neighbours. */
  insert(vma: Vma): void {
    const index = this.indexFrom(vma.start);
    const before = this.items[index - 1];
    if (before !== undefined && before.absorb(vma)) {
      this.mergeAt(index - 1);
      return;
    }
    this.items.splice(index, 0, vma);
    this.mergeAt(index);
  }

  /** Takes out the areas of [start, end), cutting those at the edges. Their sources are not told. */
  take(start: number, end: number): Vma[] {
    const first = this.indexFrom(start);
    const next = this.items[first];
    if (next === undefined || next.start >= end) return [];
    this.recent = undefined;
    this.split(start);
    this.split(end);
    const from = this.indexFrom(start);
    let to = from;
    while (to < this.items.length && this.items[to].start < end) to++;
    return this.items.splice(from, to - from);
  }

  /** The areas of [start, end), cut at the edges so that they can be changed; `mergeRange` afterwards. */
  cut(start: number, end: number): Vma[] {
    this.split(start);
    this.split(end);
    return this.overlapping(start, end);
  }

  /** The areas which have a part in [start, end). */
  overlapping(start: number, end: number): Vma[] {
    const found: Vma[] = [];
    for (let i = this.indexFrom(start); i < this.items.length && this.items[i].start < end; i++) found.push(this.items[i]);
    return found;
  }

  /** True if every page of [start, end) belongs to an area. */
  covers(start: number, end: number): boolean {
    let at = start;
    for (let i = this.indexFrom(start); at < end; i++) {
      const vma = this.items[i];
      if (vma === undefined || vma.start > at) return false;
      at = vma.end;
    }
    return true;
  }

  /** Joins neighbours in and around [start, end] that can be one. */
  mergeRange(start: number, end: number): void {
    let index = Math.max(this.indexFrom(start) - 1, 0);
    while (index + 1 < this.items.length && this.items[index].start <= end) {
      if (this.items[index].absorb(this.items[index + 1])) this.items.splice(index + 1, 1);
      else index++;
    }
    this.recent = undefined;
  }

  private mergeAt(index: number): void {
    const vma = this.items[index];
    const next = this.items[index + 1];
    if (next !== undefined && vma.absorb(next)) {
      this.items.splice(index + 1, 1);
      this.recent = undefined;
    }
  }
}
