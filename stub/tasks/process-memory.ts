/**
 * Memory of a UML process as the guest kernel has it: through its page tables, and, for what a process has mapped but not touched, where
 * the first access would get it from: the page cache, or zeros for anonymous memory. Everything else cannot be read.
 */
import { GuestDataError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { AreaFlag, areaAt, memoryAreas, type MemoryArea } from './memory-areas.ts';
import { cachedPage } from './page-cache.ts';
import { PAGE_BYTES, PageFlag, PageTables } from './page-tables.ts';

/** Writes into the kernel's address space; false when that is not possible. */
export type KernelWriter = (address: number, bytes: Uint8Array) => boolean;
/** Has the kernel give a process a page of its own, at an address it may write to. Gives why that cannot be done. */
export type PageFetcher = (address: number) => string | undefined;

export class UserMemory {
  readonly tables: PageTables;
  private readonly kernel: KernelView;
  private readonly write_: KernelWriter;

  constructor(kernel: KernelView, write: KernelWriter) {
    this.kernel = kernel;
    this.tables = new PageTables(kernel);
    this.write_ = write;
  }

  /** As many bytes as can be read from `address` on; none when the first cannot. */
  read(mm: GuestObject, address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let areas: readonly MemoryArea[] | undefined;
    let done = 0;
    while (done < length) {
      const at = address + done;
      const inside = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inside, length - done);
      const page = this.tables.find(mm, at - inside);
      let contents: Uint8Array | undefined;
      if (page !== undefined) contents = this.kernel.memory(page.address + inside, count);
      else contents = this.untouched(mm, (areas ??= memoryAreas(this.kernel, mm)), at, count);
      if (contents === undefined) break;
      bytes.set(contents, done);
      done += count;
    }
    return bytes.subarray(0, done);
  }

  /** @throws GuestDataError saying why, nothing being written, unless all can be */
  write(mm: GuestObject, address: number, bytes: Uint8Array, fetch: PageFetcher): void {
    const first = address - (address % PAGE_BYTES);
    for (let page = first; page < address + bytes.length; page += PAGE_BYTES) this.makeWritable(mm, page, fetch);
    const parts: { readonly address: number; readonly bytes: Uint8Array; readonly entry: number; readonly flags: number }[] = [];
    for (let done = 0; done < bytes.length;) {
      const at = address + done;
      const inside = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inside, bytes.length - done);
      const page = this.tables.find(mm, at - inside);
      if (page === undefined || (page.flags & PageFlag.write) === 0) throw new GuestDataError(`the page at 0x${(at - inside).toString(16)} is gone again`);
      parts.push({ address: page.address + inside, bytes: bytes.subarray(done, done + count), entry: page.entry, flags: page.flags });
      done += count;
    }
    for (const part of parts) {
      if (!this.write_(part.address, part.bytes)) throw new GuestDataError(`the kernel's memory at 0x${part.address.toString(16)} cannot be written`);
      // As a processor would: the kernel must not take the page for unchanged.
      const flags = part.flags | PageFlag.dirty | PageFlag.accessed;
      if (flags !== part.flags) this.write_(part.entry, Uint8Array.of(flags & 0xff, (flags >> 8) | ((this.kernel.memory(part.entry + 1, 1)?.[0] ?? 0) & 0xf0)));
    }
  }

  private makeWritable(mm: GuestObject, page: number, fetch: PageFetcher): void {
    const writable = (): boolean => ((this.tables.find(mm, page)?.flags ?? 0) & PageFlag.write) !== 0;
    if (writable()) return;
    const where = `the page at 0x${page.toString(16)}`;
    const area = areaAt(memoryAreas(this.kernel, mm), page);
    if (area === undefined) throw new GuestDataError(`${where} is not in the process's memory`);
    if ((area.flags & AreaFlag.write) === 0) throw new GuestDataError(`${where} is read-only for the process`);
    const trouble = fetch(page) ?? (writable() ? undefined : 'the kernel did not give it one');
    if (trouble !== undefined) throw new GuestDataError(`${where} is not the process's own yet (shared copy-on-write, or never touched): ${trouble}`);
  }

  /** Whether an address is mapped at all, touched or not. */
  mapped(mm: GuestObject, address: number): boolean {
    return areaAt(memoryAreas(this.kernel, mm), address) !== undefined;
  }

  /** What the first access would find at an address that has no page yet. */
  private untouched(mm: GuestObject, areas: readonly MemoryArea[], address: number, count: number): Uint8Array | undefined {
    const area = areaAt(areas, address);
    if (area === undefined || (area.flags & AreaFlag.read) === 0 || !this.tables.empty(mm, address)) return undefined;
    if (area.file === undefined) return (area.flags & AreaFlag.shared) === 0 ? new Uint8Array(count) : undefined;
    const offset = address - area.start + area.fileOffset;
    const mapping = area.file.follow('f_mapping');
    const page = mapping === undefined ? undefined : cachedPage(this.kernel, this.tables, mapping, offset);
    return page === undefined ? undefined : this.kernel.memory(page + (offset % PAGE_BYTES), count);
  }
}
