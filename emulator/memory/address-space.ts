/**
 * A host address space (Linux's mm): what mmap, munmap, mprotect, mremap, brk and madvise do, with Linux's rules and errors.
 * Placement is that of a host without address randomisation (`setarch -R`), so addresses are the same in every run.
 */
import { PAGE_SIZE } from '../cpu/state.ts';
import { Errno } from '../host/errno.ts';
import type { AddressSpaces } from './address-spaces.ts';
import { GuestMemory } from './guest-copy.ts';
import { STACK_GUARD, type SpaceLimits } from './mapped-pages.ts';
import { Access } from './page-access.ts';
import type { PageSource } from './page-source.ts';
import { MapFlag, Prot } from './protection.ts';
import type { Tlb } from './tlb.ts';
import { Vma } from './vma.ts';

/** Where things go in an address space. */
export interface Layout {
  /** First address that is not the user's. */
  readonly taskSize: number;
  /** Mappings are placed downwards from here. */
  readonly mmapBase: number;
  /** Mappings go upwards from there instead (ADDR_COMPAT_LAYOUT). */
  readonly upwards?: boolean;
}

/** One line of /proc/<pid>/maps. */
export interface Region {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  readonly shared: boolean;
  /** Bytes into the object. */
  readonly offset: number;
  readonly device: number;
  readonly inode: number;
  readonly name: string;
}

/** madvise advice (include/uapi/asm-generic/mman-common.h). */
export const Advice = {
  dontNeed: 4, free: 8, remove: 9, dontFork: 10, doFork: 11, wipeOnFork: 18, keepOnFork: 19, populateRead: 22, populateWrite: 23, dontNeedLocked: 24,
} as const;
/** Advice that changes nothing a guest could see: normal, random, sequential, willneed, (un)mergeable, (no)hugepage, (do/dont)dump, cold, pageout, collapse. */
const IDLE_ADVICE = new Set([0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 20, 21, 25]);

const MremapFlag = { mayMove: 1, fixed: 2, dontUnmap: 4 } as const;
const LOW_32_START = 0x40000000;
const LOW_32_END = 0x80000000;

export function pageUp(value: number): number {
  return Math.ceil(value / PAGE_SIZE) * PAGE_SIZE;
}

export function pageDown(value: number): number {
  return Math.floor(value / PAGE_SIZE) * PAGE_SIZE;
}

export class AddressSpace extends GuestMemory {
  readonly layout: Layout;
  /** Ends of the heap: where it starts and where it ends now, in bytes. */
  heapStart = 0;
  heapEnd = 0;
  /** What /proc tells of the program: see exec.ts. */
  codeStart = 0;
  codeEnd = 0;
  dataStart = 0;
  dataEnd = 0;
  stackStart = 0;
  argumentsStart = 0;
  argumentsEnd = 0;
  environmentStart = 0;
  environmentEnd = 0;
  auxv = new Uint8Array(0);
  /** What the heap may be used for. */
  heapProt: number = Prot.read | Prot.write;
  /** MCL_FUTURE. */
  lockFuture = false;
  private users = 1;

  constructor(spaces: AddressSpaces, id: number, tlb: Tlb, tlbAddress: number, layout: Layout, limits: SpaceLimits) {
    super(spaces, id, tlb, tlbAddress, limits);
    this.layout = layout;
  }

  retain(): this {
    this.users++;
    return this;
  }

  /** Drops a reference; the last one unmaps everything. */
  release(): void {
    if (--this.users > 0) return;
    if (this.users < 0) throw new Error(`address space ${this.id} released too often`);
    this.spaces.onDestroy(this);
    this.removeAreas(0, this.layout.taskSize);
    this.chargeAreas();
    this.spaces.destroyed(this);
  }

  /** Another thread, process or /proc/mm handle uses it, too. */
  get isShared(): boolean {
    return this.users > 1;
  }

  /**
   * mmap. Returns the address or -errno.
   * @param source undefined for anonymous memory, private or shared (MAP_SHARED makes an object of its own)
   * @param pageOffset first page of the source
   * @param mayWrite false for a file that was not opened for writing, mapped shared
   */
  map(address: number, length: number, prot: number, flags: number, source?: PageSource, pageOffset = 0, mayWrite = true): number {
    if (length <= 0) return -Errno.EINVAL;
    const size = pageUp(length);
    if (!(size <= this.layout.taskSize)) return -Errno.ENOMEM;
    const type = flags & MapFlag.typeMask;
    const shared = type === MapFlag.shared || type === MapFlag.sharedValidate;
    if (!shared && type !== MapFlag.private) return -Errno.EINVAL;
    if (!this.mayHaveMoreAreas) return -Errno.ENOMEM;
    const place = this.place(address, size, flags);
    if (place < 0) return place;
    if (this.exceedsLimit(size)) return -Errno.ENOMEM;
    const privateWritable = !shared && (prot & Prot.write) !== 0;
    if (privateWritable && (flags & MapFlag.noReserve) === 0 && size > this.frames.total * PAGE_SIZE) return -Errno.ENOMEM;
    if ((flags & MapFlag.fixedNoReplace) === 0) this.removeAreas(place, place + size);
    const object = source ?? (shared ? this.spaces.shareableMemory() : undefined);
    const kind = { prot: prot & 7, shared, growsDown: (flags & MapFlag.growsDown) !== 0, mayWrite, source: object };
    const vma = new Vma(place, place + size, kind, object === undefined ? 0 : pageOffset);
    vma.accounted = privateWritable && (flags & MapFlag.noReserve) === 0;
    vma.locked = this.lockFuture || (flags & MapFlag.locked) !== 0;
    this.vmas.insert(vma);
    this.chargeAreas();
    if (vma.locked || (flags & (MapFlag.populate | MapFlag.nonBlock)) === MapFlag.populate) this.populate(place, place + size);
    return place;
  }

  unmap(address: number, length: number): number {
    if (address % PAGE_SIZE !== 0 || length <= 0) return -Errno.EINVAL;
    const end = address + pageUp(length);
    if (!(address >= 0 && end <= this.layout.taskSize)) return -Errno.EINVAL;
    this.removeAreas(address, end);
    this.chargeAreas();
    return 0;
  }

  protect(address: number, length: number, prot: number): number {
    if (address % PAGE_SIZE !== 0) return -Errno.EINVAL;
    if ((prot & ~(7 | Prot.growsDown | Prot.growsUp)) !== 0) return -Errno.EINVAL;
    if (length === 0) return 0;
    const end = address + pageUp(length);
    if (!(address >= 0 && end <= this.layout.taskSize) || !this.mayHaveMoreAreas) return -Errno.ENOMEM;
    let start = address;
    if ((prot & Prot.growsDown) !== 0) {
      const vma = this.vmas.items[this.vmas.indexFrom(address)];
      if (vma === undefined || vma.start >= end) return -Errno.ENOMEM;
      if (!vma.growsDown) return -Errno.EINVAL;
      start = vma.start;
    }
    let at = start;
    let result = 0;
    for (const vma of this.vmas.cut(start, end)) {
      if (vma.start > at) break;
      if ((prot & Prot.write) !== 0 && vma.shared && !vma.mayWrite) {
        result = -Errno.EACCES;
        break;
      }
      at = vma.end;
      if (vma.prot === (prot & 7)) continue;
      vma.prot = prot & 7;
      if (!vma.shared && (prot & Prot.write) !== 0) vma.accounted = true;
      else if (vma.source === undefined && !vma.hasPrivatePages) vma.accounted = false;
      this.restrict(vma.start, vma.end, prot);
    }
    this.vmas.mergeRange(start, end);
    this.chargeAreas();
    return result < 0 ? result : at < end ? -Errno.ENOMEM : 0;
  }

  /** mremap. Returns the new address or -errno. */
  remap(oldAddress: number, oldLength: number, newLength: number, flags: number, newAddress: number): number {
    const oldSize = pageUp(oldLength);
    const newSize = pageUp(newLength);
    const fixed = (flags & MremapFlag.fixed) !== 0;
    const keep = (flags & MremapFlag.dontUnmap) !== 0;
    if ((flags & ~7) !== 0 || ((fixed || keep) && (flags & MremapFlag.mayMove) === 0)) return -Errno.EINVAL;
    if (oldAddress % PAGE_SIZE !== 0 || newSize === 0 || !(newSize <= this.layout.taskSize)) return -Errno.EINVAL;
    if (keep && oldSize !== newSize) return -Errno.EINVAL;
    if (fixed) {
      if (newAddress % PAGE_SIZE !== 0 || !(newAddress + newSize <= this.layout.taskSize)) return -Errno.EINVAL;
      if (newAddress + newSize > oldAddress && oldAddress + oldSize > newAddress) return -Errno.EINVAL;
    }
    const vma = this.vmas.find(oldAddress);
    if (vma === undefined) return -Errno.EFAULT;
    if (oldSize === 0 && !vma.shared) return -Errno.EINVAL;
    if (!fixed && !keep && oldSize >= newSize && oldSize > 0) {
      if (oldSize > newSize) this.removeAreas(oldAddress + newSize, oldAddress + oldSize);
      return oldAddress;
    }
    if (oldAddress + oldSize > vma.end) return -Errno.EFAULT;
    if (newSize > oldSize && this.exceedsLimit(newSize - oldSize)) return -Errno.ENOMEM;
    if (!fixed && !keep && oldAddress + oldSize === vma.end && oldSize > 0) {
      const end = oldAddress + newSize;
      if (end <= this.layout.taskSize && this.vmas.isFree(vma.end, end)) {
        vma.end = end;
        this.vmas.mergeRange(vma.start, end);
        return oldAddress;
      }
    }
    if ((flags & MremapFlag.mayMove) === 0 || !this.mayHaveMoreAreas) return -Errno.ENOMEM;
    return this.move(vma, oldAddress, oldSize, newSize, fixed ? newAddress : undefined, keep);
  }

  private move(vma: Vma, oldAddress: number, oldSize: number, newSize: number, wanted: number | undefined, keep: boolean): number {
    const place = wanted ?? this.findGap(newSize);
    if (place < 0) return -Errno.ENOMEM;
    if (wanted !== undefined) this.removeAreas(wanted, wanted + newSize);
    const carried = Math.min(oldSize, newSize);
    if (newSize < oldSize) this.removeAreas(oldAddress + newSize, oldAddress + oldSize);
    const moved = vma.duplicate(place, place + newSize, vma.source === undefined ? 0 : vma.sourcePage(oldAddress));
    if (carried > 0) this.movePages(oldAddress, oldAddress + carried, place);
    this.vmas.insert(moved);
    this.chargeAreas();
    if (!keep && carried > 0) this.removeAreas(oldAddress, oldAddress + carried);
    return place;
  }

  /** brk: returns where the heap ends, which is the old place if it could not be moved. */
  brk(end: number): number {
    if (end < this.heapStart) return this.heapEnd;
    const oldPage = pageUp(this.heapEnd);
    const newPage = pageUp(end);
    if (newPage > oldPage) {
      if (end - this.heapStart + (this.dataEnd - this.dataStart) > this.limits.data) return this.heapEnd;
      if (newPage + PAGE_SIZE > this.layout.taskSize || !this.vmas.isFree(oldPage, newPage + PAGE_SIZE)) return this.heapEnd;
      const next = this.vmas.items[this.vmas.indexFrom(newPage)];
      if (next !== undefined && next.growsDown && next.start - newPage < STACK_GUARD) return this.heapEnd;
      if (!this.mayHaveMoreAreas || this.exceedsLimit(newPage - oldPage) || newPage - oldPage > this.frames.total * PAGE_SIZE) return this.heapEnd;
      this.insertHeap(oldPage, newPage);
    } else if (newPage < oldPage) {
      this.removeAreas(newPage, oldPage);
    }
    this.heapEnd = end;
    return end;
  }

  private insertHeap(start: number, end: number): void {
    const vma = new Vma(start, end, { prot: this.heapProt, shared: false, growsDown: false, mayWrite: true, source: undefined }, 0);
    vma.heap = vma.accounted = true;
    vma.locked = this.lockFuture;
    this.vmas.insert(vma);
    this.chargeAreas();
    if (vma.locked) this.populate(start, end);
  }

  /** madvise: 0 or -errno. Mapped parts are done even if there are holes, which then give ENOMEM. */
  advise(address: number, length: number, advice: number): number {
    const known = IDLE_ADVICE.has(advice) || Object.values<number>(Advice).includes(advice);
    if (!known || address % PAGE_SIZE !== 0) return -Errno.EINVAL;
    const end = address + pageUp(length);
    if (!(end <= this.layout.taskSize)) return -Errno.EINVAL;
    if (length === 0) return 0;
    const marks = advice === Advice.dontFork || advice === Advice.doFork || advice === Advice.wipeOnFork || advice === Advice.keepOnFork;
    if (marks && !this.mayHaveMoreAreas) return -Errno.ENOMEM;
    const complete = this.vmas.covers(address, end);
    for (const vma of marks ? this.vmas.cut(address, end) : this.vmas.overlapping(address, end)) {
      const error = this.adviseArea(vma, Math.max(address, vma.start), Math.min(end, vma.end), advice);
      if (error < 0) return error;
    }
    if (marks) this.vmas.mergeRange(address, end);
    this.chargeAreas();
    return complete ? 0 : -Errno.ENOMEM;
  }

  private adviseArea(vma: Vma, start: number, end: number, advice: number): number {
    switch (advice) {
      case Advice.dontNeed:
        if (vma.locked) return -Errno.EINVAL;
        this.zap(start, end);
        return 0;
      case Advice.dontNeedLocked:
        this.zap(start, end);
        return 0;
      case Advice.free:
        if (vma.source !== undefined) return -Errno.EINVAL;
        this.zap(start, end);
        return 0;
      case Advice.remove: {
        if (vma.locked || vma.source === undefined) return -Errno.EINVAL;
        if (!vma.shared || !vma.mayWrite) return -Errno.EACCES;
        if (vma.source.punch === undefined) return -Errno.EOPNOTSUPP;
        const first = vma.sourcePage(start);
        const count = (end - start) / PAGE_SIZE;
        this.spaces.unmapSource(vma.source, first, count, false);
        return vma.source.punch(first, count);
      }
      case Advice.dontFork:
      case Advice.doFork:
        vma.dontFork = advice === Advice.dontFork;
        return 0;
      case Advice.wipeOnFork:
        if (vma.source !== undefined || vma.shared) return -Errno.EINVAL;
        vma.wipeOnFork = true;
        return 0;
      case Advice.keepOnFork:
        vma.wipeOnFork = false;
        return 0;
      case Advice.populateRead:
      case Advice.populateWrite:
        return this.touchAll(start, end, advice === Advice.populateWrite ? Access.write : Access.read) ? 0 : -Errno.EFAULT;
      default:
        return 0;
    }
  }

  /** msync(MS_SYNC): 0 or -errno. Mapped parts are done even if there are holes. */
  synchronise(address: number, length: number): number {
    const end = address + pageUp(length);
    let result = this.vmas.covers(address, end) ? 0 : -Errno.ENOMEM;
    const done = new Set<PageSource>();
    for (const { shared, source } of this.vmas.overlapping(address, end)) {
      if (!shared || source?.writeBack === undefined || done.has(source)) continue;
      done.add(source);
      if (!source.writeBack()) result = -Errno.EIO;
    }
    return result;
  }

  /** True if all of [address, address + length) is mapped. */
  isMapped(address: number, length: number): boolean {
    return this.vmas.covers(address, address + length);
  }

  /** mincore: one byte per page, or undefined when there is a hole. */
  residency(address: number, length: number): Uint8Array | undefined {
    const end = address + pageUp(length);
    if (!this.vmas.covers(address, end)) return undefined;
    const pages = new Uint8Array((end - address) / PAGE_SIZE);
    for (let i = 0; i < pages.length; i++) pages[i] = this.table.get(address / PAGE_SIZE + i) !== 0 ? 1 : 0;
    return pages;
  }

  /** mlock/munlock: 0 or -errno. */
  lock(address: number, length: number, locked: boolean): number {
    const start = pageDown(address);
    const end = pageUp(address + length);
    if (!(end <= this.layout.taskSize)) return -Errno.ENOMEM;
    if (end === start) return 0;
    if (!this.mayHaveMoreAreas) return -Errno.ENOMEM;
    const complete = this.vmas.covers(start, end);
    for (const vma of this.vmas.cut(start, end)) vma.locked = locked;
    this.vmas.mergeRange(start, end);
    this.chargeAreas();
    if (locked && complete) this.populate(start, end);
    return complete ? 0 : -Errno.ENOMEM;
  }

  lockAll(locked: boolean): void {
    for (const vma of this.vmas.items) vma.locked = locked;
    if (locked) for (const vma of [...this.vmas.items]) this.populate(vma.start, vma.end);
  }

  /** A copy for fork: private pages copy-on-write, shared ones the same. Undefined: ENOMEM. */
  clone(limits: SpaceLimits): AddressSpace | undefined {
    const child = this.frames.exhausted ? undefined : this.spaces.create(this.layout, limits);
    if (child === undefined) return undefined;
    for (const vma of this.vmas.items) {
      if (vma.dontFork) continue;
      const copy = vma.duplicate(vma.start, vma.end, vma.pageOffset);
      copy.locked = false;
      child.vmas.items.push(copy);
      if (!vma.shared && vma.hasPrivatePages && !vma.wipeOnFork) this.shareCopyOnWrite(vma, child);
    }
    this.cache.flushWrites();
    child.chargeAreas();
    child.heapStart = this.heapStart;
    child.heapEnd = this.heapEnd;
    child.codeStart = this.codeStart;
    child.codeEnd = this.codeEnd;
    child.dataStart = this.dataStart;
    child.dataEnd = this.dataEnd;
    child.stackStart = this.stackStart;
    child.argumentsStart = this.argumentsStart;
    child.argumentsEnd = this.argumentsEnd;
    child.environmentStart = this.environmentStart;
    child.environmentEnd = this.environmentEnd;
    child.auxv = this.auxv;
    child.ldt.copyFrom(this.ldt);
    child.heapProt = this.heapProt;
    return child;
  }

  /** See AddressSpaces.unmapSource. */
  unmapSource(source: PageSource, first: number, count: number, copies: boolean): void {
    for (const vma of this.vmas.items) {
      if (vma.source !== source || (!copies && !vma.shared && vma.hasPrivatePages)) continue;
      const start = vma.start + Math.max(first - vma.pageOffset, 0) * PAGE_SIZE;
      const end = Math.min(vma.start + (first + count - vma.pageOffset) * PAGE_SIZE, vma.end);
      if (start < end) this.zap(start, end);
    }
  }

  regions(): Region[] {
    return this.vmas.items.map((vma) => ({
      start: vma.start,
      end: vma.end,
      prot: vma.prot,
      shared: vma.shared,
      offset: vma.source === undefined ? 0 : vma.pageOffset * PAGE_SIZE,
      device: vma.source?.device ?? 0,
      inode: vma.source?.inode ?? 0,
      name: vma.source?.mapName ?? this.anonymousName(vma),
    }));
  }

  /** Bytes mapped (VmSize). */
  get mappedBytes(): number {
    let sum = 0;
    for (const vma of this.vmas.items) sum += vma.end - vma.start;
    return sum;
  }

  /** Bytes present (VmRSS). */
  get residentBytes(): number {
    return this.table.size * PAGE_SIZE;
  }

  /** How many hold it: threads that run in it, descriptors of /proc/mm, open /proc/<pid>/mem. */
  get holders(): number {
    return this.users;
  }

  private exceedsLimit(more: number): boolean {
    return this.limits.addressSpace !== Infinity && this.mappedBytes + more > this.limits.addressSpace;
  }

  private anonymousName(vma: Vma): string {
    if (vma.heap) return '[heap]';
    if (vma.start <= this.stackStart && vma.end > this.stackStart) return '[stack]';
    return '';
  }

  private removeAreas(start: number, end: number): void {
    const gone = this.vmas.take(start, end);
    for (const vma of gone) {
      this.zap(vma.start, vma.end);
      vma.source?.unmapped();
    }
  }

  /** Where a mapping of `size` bytes goes, or -errno. */
  private place(address: number, size: number, flags: number): number {
    const top = this.layout.taskSize;
    if ((flags & (MapFlag.fixed | MapFlag.fixedNoReplace)) !== 0) {
      if (!(address + size <= top)) return -Errno.ENOMEM;
      if (address % PAGE_SIZE !== 0) return -Errno.EINVAL;
      if ((flags & MapFlag.fixedNoReplace) !== 0 && !this.vmas.isFree(address, address + size)) return -Errno.EEXIST;
      return address;
    }
    if (address !== 0) {
      const hint = Math.max(pageDown(address), this.spaces.minimumAddress);
      const next = this.vmas.items[this.vmas.indexFrom(hint)];
      if (hint + size <= top && (next === undefined || hint + size <= startWithGap(next))) return hint;
    }
    const gap = (flags & MapFlag.low32) !== 0 ? this.findLow(size, LOW_32_START, LOW_32_END) : this.findGap(size);
    return gap < 0 ? -Errno.ENOMEM : gap;
  }

  /** Highest free place below the mmap base; above a third of the space if there is none; -1. */
  private findGap(size: number): number {
    if (this.layout.upwards === true) return this.findLow(size, this.layout.mmapBase, this.layout.taskSize);
    const items = this.vmas.items;
    let high = this.layout.mmapBase;
    for (let i = this.vmas.indexFrom(high); i >= 0; i--) {
      const next = items[i];
      if (next !== undefined) high = Math.min(high, startWithGap(next));
      const low = Math.max(items[i - 1]?.end ?? 0, this.spaces.minimumAddress);
      if (high - low >= size) return high - size;
    }
    return this.findLow(size, pageUp(this.layout.taskSize / 3), this.layout.taskSize);
  }

  private findLow(size: number, from: number, to: number): number {
    let low = from;
    for (let i = this.vmas.indexFrom(from); low + size <= to; i++) {
      const next = this.vmas.items[i];
      if (next === undefined || low + size <= startWithGap(next)) return low;
      low = Math.max(low, next.end);
    }
    return -1;
  }

  private populate(start: number, end: number): void {
    for (const vma of this.vmas.overlapping(start, end)) {
      this.touchAll(Math.max(start, vma.start), Math.min(end, vma.end), (vma.prot & Prot.write) !== 0 && !vma.shared ? Access.write : Access.read);
    }
  }

  private touchAll(start: number, end: number, access: Access): boolean {
    for (let page = start / PAGE_SIZE; page < end / PAGE_SIZE; page++) if (this.touch(page, access) < 0) return false;
    return true;
  }
}

function startWithGap(vma: Vma): number {
  return vma.growsDown ? vma.start - STACK_GUARD : vma.start;
}
