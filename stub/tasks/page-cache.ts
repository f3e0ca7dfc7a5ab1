/**
 * Contents of files as far as the guest kernel has them in memory: the pages of an inode's mapping. What is not in memory is not known here
 * (it is on a disk the kernel would have to read).
 */
import { GuestDataError, LayoutError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { PAGE_BYTES, type PageTables } from './page-tables.ts';

const DEEPEST = 16;
const isInternal = (entry: number): boolean => (entry & 3) === 2;
/** Entries below are no nodes: they stand for retries and siblings. */
const FIRST_NODE = 4096;

/** The entry at an index of a `struct xarray` (include/linux/xarray.h); 0 for none. */
function xarrayEntry(kernel: KernelView, array: GuestObject, index: number): number {
  let entry = array.number('xa_head');
  for (let depth = 0; isInternal(entry) && entry > FIRST_NODE; depth++) {
    if (depth > DEEPEST) throw new GuestDataError('an xarray is too deep');
    const node = kernel.object('struct xa_node', entry - 2);
    const shift = node.number('shift');
    const slots = node.at('slots');
    const count = slots.length ?? 0;
    const slot = Math.floor(index / 2 ** shift);
    // Beyond what the root reaches there is nothing; below it the higher bits were used before.
    if (depth === 0 && slot >= count) return 0;
    entry = slots.element(slot % count).number();
    // A sibling: the entry is in a lower slot of the same node.
    if (isInternal(entry) && entry < FIRST_NODE) entry = slots.element(Math.floor(entry / 4)).number();
    if (shift === 0) return entry;
  }
  // A single entry without a node is the one at index 0.
  return array.number('xa_head') === entry && index !== 0 && !isInternal(entry) ? 0 : entry;
}

/** Address, in the kernel's mapping of physical memory, of the page a `struct page` describes. */
export function pageAddress(kernel: KernelView, tables: PageTables, page: number): number {
  const size = kernel.type('struct page').size;
  if (size === undefined) throw new LayoutError('struct page has no size');
  return tables.virtual(((page - kernel.variable('mem_map').number()) / size) * PAGE_BYTES);
}

/** Where the page of a file at an offset is, in the kernel's mapping; undefined: not in memory. `file` is a `struct file`. */
export function cachedPage(kernel: KernelView, tables: PageTables, mapping: GuestObject, offset: number): number | undefined {
  const index = Math.floor(offset / PAGE_BYTES);
  const pages = mapping.find('i_pages');
  if (pages === undefined || !pages.has('xa_head')) throw new LayoutError('the page cache of this kernel is not an xarray');
  const entry = xarrayEntry(kernel, pages, index);
  // Odd entries are values: pages that were swapped out.
  if (entry === 0 || (entry & 3) !== 0) return undefined;
  // A folio of several pages is there at each of its indexes.
  const first = kernel.object('struct page', entry).number('index');
  const size = kernel.type('struct page').size ?? 0;
  return pageAddress(kernel, tables, entry + (index - first) * size);
}

/** Whole contents of a file (`struct address_space` and size in bytes). @throws GuestDataError when a page is not in memory */
export function cachedFile(kernel: KernelView, tables: PageTables, mapping: GuestObject, size: number): Uint8Array {
  const contents = new Uint8Array(size);
  for (let at = 0; at < size; at += PAGE_BYTES) {
    const page = cachedPage(kernel, tables, mapping, at);
    const bytes = page === undefined ? undefined : kernel.memory(page, Math.min(PAGE_BYTES, size - at));
    if (bytes === undefined) throw new GuestDataError(`page ${at / PAGE_BYTES} of the file is not in the guest's memory`);
    contents.set(bytes, at);
  }
  return contents;
}
