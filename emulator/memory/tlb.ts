/**
 * The software TLB of one address space: two direct-mapped tables in linear memory (read, then write) which emitted code
 * looks at itself (layout: cpu/state.ts). An entry is { page address i64, addend i32 }. An invalid entry i holds the
 * address of page i ^ 1: an address of that page indexes another entry, so the comparison alone tells.
 */
import { PAGE_SIZE, TLB_BYTES, TLB_ENTRIES } from '../cpu/state.ts';
import type { LinearMemory } from './linear-memory.ts';

const INDEX_MASK = TLB_ENTRIES - 1;
/** i32 elements per entry. */
const STRIDE = 4;

export class Tlb {
  private readonly i32: Int32Array;
  private readonly readTable: number;
  private readonly writeTable: number;

  /** @param base linear address of 2 × TLB_BYTES, 16-byte aligned; their contents are overwritten. */
  constructor(linear: LinearMemory, base: number) {
    this.i32 = linear.i32;
    this.readTable = base >>> 2;
    this.writeTable = (base + TLB_BYTES) >>> 2;
    this.flushAll();
  }

  /** Lets loads from virtual page number `page` go straight to the frame at `linearAddress`. */
  installRead(page: number, linearAddress: number): void {
    this.install(this.readTable, page, linearAddress);
  }

  installWrite(page: number, linearAddress: number): void {
    this.install(this.writeTable, page, linearAddress);
  }

  flushPage(page: number): void {
    this.flushEntry(this.readTable, page);
    this.flushEntry(this.writeTable, page);
  }

  /** Forgets `count` pages from `page` on. */
  flushRange(page: number, count: number): void {
    if (count >= TLB_ENTRIES) {
      this.flushAll();
      return;
    }
    for (let i = 0; i < count; i++) this.flushPage(page + i);
  }

  flushAll(): void {
    this.clear(this.readTable);
    this.clear(this.writeTable);
  }

  /** Forgets all pages for writing: before copy-on-write sharing begins, for instance. */
  flushWrites(): void {
    this.clear(this.writeTable);
  }

  /** Forgets every page which is written at the frame `linearAddress`, whatever its virtual address. */
  flushWritesTo(linearAddress: number): void {
    const { i32, writeTable } = this;
    for (let i = 0; i < TLB_ENTRIES; i++) {
      const at = writeTable + i * STRIDE;
      if (((i32[at] + i32[at + 2]) | 0) === (linearAddress | 0)) this.invalidate(writeTable, i);
    }
  }

  private install(table: number, page: number, linearAddress: number): void {
    const at = table + (page & INDEX_MASK) * STRIDE;
    const low = (page % 0x100000) * PAGE_SIZE;
    this.i32[at] = low | 0;
    this.i32[at + 1] = Math.floor(page / 0x100000);
    this.i32[at + 2] = (linearAddress - low) | 0;
  }

  private flushEntry(table: number, page: number): void {
    const at = table + (page & INDEX_MASK) * STRIDE;
    if (this.i32[at] !== (((page % 0x100000) * PAGE_SIZE) | 0) || this.i32[at + 1] !== Math.floor(page / 0x100000)) return;
    this.invalidate(table, page & INDEX_MASK);
  }

  private clear(table: number): void {
    for (let i = 0; i < TLB_ENTRIES; i++) this.invalidate(table, i);
  }

  private invalidate(table: number, i: number): void {
    const at = table + i * STRIDE;
    this.i32[at] = (i ^ 1) * PAGE_SIZE;
    this.i32[at + 1] = 0;
    this.i32[at + 2] = 0;
  }
}
