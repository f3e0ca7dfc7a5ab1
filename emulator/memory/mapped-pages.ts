/**
 * The lower half of an address space: its areas, its page table, and how a page comes to be there when it is touched
 * (demand zero, file pages, copy-on-write, stack growth). What one asks of mmap and its kin is in address-space.ts.
 */
import { PAGE_SIZE, TLB_BYTES } from '../cpu/state.ts';
import type { AddressSpaces } from './address-spaces.ts';
import type { Frames } from './frames.ts';
import { Ldt } from './ldt.ts';
import { Access, TouchFault, type PageAccess } from './page-access.ts';
import { Entry, PageTable, frameOf } from './page-table.ts';
import { Prot } from './protection.ts';
import type { Tlb } from './tlb.ts';
import { VmaList, type Vma } from './vma.ts';

/** Room Linux keeps free below a stack, and above what lies below it (stack_guard_gap). */
export const STACK_GUARD = 256 * PAGE_SIZE;

/** vm.max_map_count. */
const MAXIMUM_AREAS = 65530;
/** What an area takes in JavaScript's heap (240 bytes were measured with five million of them); Linux's is little smaller. */
export const AREA_BYTES = 256;

/** Resource limits that bind an address space, in bytes; a view of the owning process's rlimits. */
export interface SpaceLimits {
  readonly stack: number;
  readonly addressSpace: number;
  readonly data: number;
}

export abstract class MappedPages implements PageAccess {
  readonly id: number;
  readonly tlb: number;
  codeContext: number;
  limits: SpaceLimits;
  protected readonly spaces: AddressSpaces;
  protected readonly frames: Frames;
  protected readonly cache: Tlb;
  protected readonly table: PageTable;
  protected readonly vmas = new VmaList();
  readonly ldt = new Ldt();
  /** Areas that have been charged for. */
  private chargedAreas = 0;

  constructor(spaces: AddressSpaces, id: number, tlb: Tlb, tlbAddress: number, limits: SpaceLimits) {
    this.spaces = spaces;
    this.frames = spaces.frames;
    this.id = id;
    this.table = new PageTable(spaces.frames);
    this.cache = tlb;
    this.tlb = tlbAddress;
    this.codeContext = spaces.nextCodeContext();
    this.limits = limits;
  }

  touch(page: number, access: Access): number {
    const entry = this.table.get(page);
    return (entry & (1 << access)) !== 0 ? frameOf(entry) : this.fault(page, access, entry);
  }

  resident(page: number, access: Access): number {
    const entry = this.table.get(page);
    return (entry & (1 << access)) !== 0 ? frameOf(entry) : 0;
  }

  /** `touch` for ptrace and debuggers: page protection does not matter, and writing to a private page makes a copy as usual. */
  touchForced(page: number, write: boolean): number {
    const vma = this.vmas.find(page * PAGE_SIZE);
    return vma === undefined ? TouchFault.unmapped : this.supply(vma, page, this.table.get(page), write);
  }

  /** True for a page of a shared mapping: what others see too. */
  isSharedPage(address: number): boolean {
    return this.vmas.find(address)?.shared ?? false;
  }

  private fault(page: number, access: Access, entry: number): number {
    const address = page * PAGE_SIZE;
    const vma = this.vmas.find(address) ?? this.growStack(address);
    if (vma === undefined) return TouchFault.unmapped;
    if (!vma.allows(access)) return TouchFault.forbidden;
    const frame = this.supply(vma, page, entry, access === Access.write);
    if (frame >= 0 && access === Access.execute) this.table.set(page, this.table.get(page) | Entry.execute);
    return frame;
  }

  /** Makes the page present, and private if that is what a write needs. Returns its frame or a TouchFault. */
  private supply(vma: Vma, page: number, entry: number, write: boolean): number {
    const frames = this.frames;
    let frame = frameOf(entry);
    let bits = entry & Entry.execute;
    if (frame === 0) {
      if (!this.table.hasRoom(page)) return TouchFault.noMemory;
      if (vma.source === undefined) {
        frame = frames.allocate();
        if (frame === 0) return TouchFault.noMemory;
        vma.hasPrivatePages = true;
      } else {
        const cached = vma.source.frame(vma.sourcePage(page * PAGE_SIZE));
        if (cached === 0) return TouchFault.beyondFile;
        if (cached < 0) return TouchFault.noMemory;
        if (write && !vma.shared) {
          frame = frames.copy(cached);
          if (frame === 0) return TouchFault.noMemory;
          vma.hasPrivatePages = true;
        } else {
          frames.retain(cached);
          frame = cached;
        }
      }
    } else if (write && !vma.shared && frames.count(frame) > 1) {
      const own = frames.copy(frame);
      if (own === 0) return TouchFault.noMemory;
      this.forgetCode(entry);
      bits = 0;
      frames.release(frame);
      frame = own;
      this.cache.flushPage(page);
      vma.hasPrivatePages = true;
    }
    if ((vma.prot & 7) !== 0) bits |= Entry.read;
    if ((vma.prot & Prot.write) !== 0 && (vma.shared || frames.count(frame) === 1)) bits |= Entry.write;
    this.table.set(page, frame | bits);
    return frame;
  }

  /** Extends a stack whose guard area `address` is in. */
  private growStack(address: number): Vma | undefined {
    const index = this.vmas.indexFrom(address);
    const vma = this.vmas.items[index];
    if (vma === undefined || !vma.growsDown || vma.end - address > this.limits.stack) return undefined;
    const before = this.vmas.items[index - 1];
    if (before !== undefined && (before.prot & 7) !== 0 && !before.growsDown && address - before.end < STACK_GUARD) return undefined;
    if (address < this.spaces.minimumAddress) return undefined;
    vma.pageOffset -= (vma.start - address) / PAGE_SIZE;
    vma.start = address;
    return vma;
  }

  /** Visits the pages that are present, in the order of their addresses. */
  eachPage(visit: (page: number, frame: number) => void): void {
    this.table.update(0, Number.MAX_SAFE_INTEGER, (page, entry) => {
      visit(page, frameOf(entry));
      return entry;
    });
  }

  /** Makes a page as if it had never been touched. */
  forgetPage(page: number): void {
    this.zap(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  }

  /** Removes the pages of [start, end): the areas stay, the next touch supplies fresh ones. */
  protected zap(start: number, end: number): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    let contextGone = false;
    this.table.update(first, last, (page, entry) => {
      if ((entry & Entry.execute) !== 0) contextGone = true;
      this.cache.flushPage(page);
      this.frames.release(frameOf(entry));
      return 0;
    });
    if (contextGone) this.codeContext = this.spaces.nextCodeContext();
  }

  /** Removes from the entries of [start, end) the rights `prot` does not give. Rights that are new come with the next touch. */
  protected restrict(start: number, end: number, prot: number): void {
    let allowed = 0;
    if ((prot & 7) !== 0) allowed |= Entry.read;
    if ((prot & Prot.write) !== 0) allowed |= Entry.write;
    if ((prot & Prot.exec) !== 0) allowed |= Entry.execute;
    let contextGone = false;
    this.table.update(start / PAGE_SIZE, end / PAGE_SIZE, (page, entry) => {
      const lost = entry & 7 & ~allowed;
      if (lost === 0) return entry;
      if ((lost & Entry.execute) !== 0) contextGone = true;
      this.cache.flushPage(page);
      return entry & ~lost;
    });
    if (contextGone) this.codeContext = this.spaces.nextCodeContext();
  }

  /** Moves the pages of [start, end) to `target`, in this address space. */
  protected movePages(start: number, end: number, target: number): void {
    const shift = (target - start) / PAGE_SIZE;
    const moved: number[] = [];
    let contextGone = false;
    this.table.update(start / PAGE_SIZE, end / PAGE_SIZE, (page, entry) => {
      if ((entry & Entry.execute) !== 0) contextGone = true;
      this.cache.flushPage(page);
      moved.push(page + shift, entry & ~Entry.execute);
      return 0;
    });
    for (let i = 0; i < moved.length; i += 2) this.table.set(moved[i], moved[i + 1]);
    if (contextGone) this.codeContext = this.spaces.nextCodeContext();
  }

  /** Gives `child` the private pages of an area, copy-on-write for both. The caller flushes this space's write TLB. */
  protected shareCopyOnWrite(vma: Vma, child: MappedPages): void {
    this.table.update(vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, (page, entry) => {
      this.frames.retain(frameOf(entry));
      child.table.set(page, entry & ~(Entry.write | Entry.execute));
      return entry & ~Entry.write;
    });
  }

  /** Bytes of page tables. */
  get tableBytes(): number {
    return this.table.bytes;
  }

  /** Bytes of everything else that belongs to it: its TLB, areas, LDT. */
  get structureBytes(): number {
    return TLB_BYTES * 2 + this.vmas.items.length * AREA_BYTES + this.ldt.bytes.length;
  }

  get areaCount(): number {
    return this.vmas.items.length;
  }

  /** Pages present that nothing else has: what would become free without it. */
  get ownPages(): number {
    let count = 0;
    this.eachPage((_, frame) => {
      if (this.frames.count(frame) === 1) count++;
    });
    return count;
  }

  protected get mayHaveMoreAreas(): boolean {
    return this.vmas.items.length < MAXIMUM_AREAS && !this.frames.exhausted;
  }

  /** Counts the memory areas take, after their number has changed. */
  protected chargeAreas(): void {
    const more = this.vmas.items.length - this.chargedAreas;
    if (more === 0) return;
    this.chargedAreas += more;
    this.frames.charge(more * AREA_BYTES);
  }

  private forgetCode(entry: number): void {
    if ((entry & Entry.execute) !== 0) this.codeContext = this.spaces.nextCodeContext();
  }
}
