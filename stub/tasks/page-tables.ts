/**
 * A UML kernel's page tables, walked in guest memory: where a process's page is in the kernel's own mapping of physical memory.
 * (arch/um/include/asm/pgtable.h and pgtable-?level.h; the number of levels shows in how the types of folded ones are made.)
 */
import { GuestDataError, LayoutError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';

/** Bits of a page table entry (pgtable.h); the same in all kernels from 2.6.0 on. */
export const PageFlag = { present: 0x001, newPage: 0x002, newProtection: 0x004, none: 0x010, write: 0x020, user: 0x040, accessed: 0x080, dirty: 0x100 } as const;

export const PAGE_BYTES = 4096;

/** A page that is in memory. */
export interface MappedPage {
  /** Where the kernel itself sees it. */
  readonly address: number;
  /** {@link PageFlag} bits. */
  readonly flags: number;
  /** Address of its page table entry. */
  readonly entry: number;
}

/** How virtual addresses are cut: bits of the index in each table, the top one first. */
function levels(kernel: KernelView): readonly number[] {
  const real = (type: string, member: string): boolean => kernel.image.type(type)?.member(member) !== undefined;
  const inner = kernel.image.wordSize === 8 ? 9 : 10;
  if (!real('pmd_t', 'pmd')) return [inner, inner];
  if (kernel.image.wordSize === 4) return [1, 10, 9];
  if (!real('pud_t', 'pud')) return [9, 9, 9];
  return real('p4d_t', 'p4d') ? [9, 9, 9, 9, 9] : [9, 9, 9, 9];
}

export class PageTables {
  private readonly kernel: KernelView;
  private readonly indexBits: readonly number[];
  private readonly entryBytes: number;
  private readonly physicalBase: number;

  /** @throws LayoutError when this kernel's memory is not laid out as UML's is */
  constructor(kernel: KernelView) {
    this.kernel = kernel;
    this.indexBits = levels(kernel);
    const size = kernel.type('pte_t').size;
    if (size === undefined) throw new LayoutError('pte_t has no size');
    this.entryBytes = size;
    this.physicalBase = kernel.variable('uml_physmem').number();
  }

  /** Address in the kernel's own mapping. */
  virtual(physical: number): number {
    return this.physicalBase + physical;
  }

  physical(virtual: number): number {
    return virtual - this.physicalBase;
  }

  /** The page of `mm` (a `struct mm_struct`) at an address; undefined when there is none in memory. @throws GuestDataError */
  find(mm: GuestObject, address: number): MappedPage | undefined {
    const { entry, value } = this.walk(mm, address);
    const flags = value % PAGE_BYTES;
    if (entry === 0 || (flags & (PageFlag.present | PageFlag.none)) === 0) return undefined;
    return { address: this.virtual(value - flags), flags, entry };
  }

  /** Whether nothing is known of the page: it was never there, rather than swapped out. */
  empty(mm: GuestObject, address: number): boolean {
    const { value } = this.walk(mm, address);
    return (value - (value % PAGE_BYTES)) + (value % PAGE_BYTES & ~(PageFlag.newPage | PageFlag.newProtection)) === 0;
  }

  /** The entry of the last table, 0 when the walk ends before it. */
  private walk(mm: GuestObject, address: number): { readonly entry: number; readonly value: number } {
    let table = mm.number('pgd');
    let shift = 12 + this.indexBits.reduce((sum, bits) => sum + bits, 0);
    if (table === 0 || address < 0 || address >= 2 ** shift) return { entry: 0, value: 0 };
    for (let level = 0; ; level++) {
      shift -= this.indexBits[level];
      const entry = table + (Math.floor(address / 2 ** shift) % 2 ** this.indexBits[level]) * this.entryBytes;
      const value = this.entry(entry);
      if (level === this.indexBits.length - 1) return { entry, value };
      if ((value % PAGE_BYTES & PageFlag.present) === 0) return { entry: 0, value: 0 };
      table = this.virtual(value - (value % PAGE_BYTES));
    }
  }

  private entry(address: number): number {
    const bytes = this.kernel.memory(address, this.entryBytes);
    if (bytes === undefined) throw new GuestDataError(`the page table entry at 0x${address.toString(16)} cannot be read`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.entryBytes === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
  }
}
