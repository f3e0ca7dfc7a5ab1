/** The areas (`struct vm_area_struct`) of a process: a maple tree since 6.1, a list by `vm_next` before. */
import { GuestDataError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';

/** `vm_flags` (include/linux/mm.h). */
export const AreaFlag = { read: 0x1, write: 0x2, execute: 0x4, shared: 0x8 } as const;

export interface MemoryArea {
  readonly start: number;
  /** First address behind it. */
  readonly end: number;
  /** {@link AreaFlag} bits and others. */
  readonly flags: number;
  /** `struct file` of a mapped file. */
  readonly file: GuestObject | undefined;
  /** Of `start` in the file, bytes. */
  readonly fileOffset: number;
}

/** More areas than a process may have (vm.max_map_count is 65530). */
const MOST_AREAS = 1 << 17;
const PAGE_BYTES = 4096;

function area(vma: GuestObject): MemoryArea {
  return {
    start: vma.number('vm_start'), end: vma.number('vm_end'), flags: vma.number('vm_flags'), file: vma.follow('vm_file'), fileOffset: vma.number('vm_pgoff') * PAGE_BYTES,
  };
}

/** All of them by ascending address. `mm` is a `struct mm_struct`. @throws GuestDataError @throws LayoutError */
export function memoryAreas(kernel: KernelView, mm: GuestObject): MemoryArea[] {
  const tree = mm.find('mm_mt');
  if (tree !== undefined) return [...mapleEntries(kernel, tree)].map((address) => area(kernel.object('struct vm_area_struct', address)));
  const areas: MemoryArea[] = [];
  for (let vma = mm.follow('mmap'); vma !== undefined; vma = vma.follow('vm_next')) {
    areas.push(area(vma));
    if (areas.length > MOST_AREAS) throw new GuestDataError('the list of memory areas has no end');
  }
  return areas;
}

export function areaAt(areas: readonly MemoryArea[], address: number): MemoryArea | undefined {
  return areas.find(({ start, end }) => start <= address && address < end);
}

/** Kinds of maple tree nodes (enum maple_type): in bits 3 to 6 of a pointer to one. */
const MapleType = { dense: 0, leaf: 1, range: 2, allocation: 3 } as const;
const NODE_BYTES = 256;
const HIGHEST = { 4: 0xffff_ffffn, 8: 0xffff_ffff_ffff_ffffn } as const;
/** Entries that are no pointers to values: nodes and reserved values have bit 1 set and bit 0 not. */
const isInternal = (entry: number): boolean => (entry & 3) === 2;
const DEEPEST = 32;

/** Values of a `struct maple_tree` in ascending order of their ranges. */
export function* mapleEntries(kernel: KernelView, tree: GuestObject): Generator<number> {
  const root = tree.number('ma_root');
  if (root === 0) return;
  if (!isInternal(root)) yield root;
  else if (root > PAGE_BYTES) yield* mapleNode(kernel, root, HIGHEST[kernel.image.wordSize], 0);
}

/** `highest`: the last index the node is for. */
function* mapleNode(kernel: KernelView, pointer: number, highest: bigint, depth: number): Generator<number> {
  if (depth > DEEPEST) throw new GuestDataError('the maple tree of memory areas is too deep');
  const type = Math.floor(pointer / 8) % 16;
  const node = kernel.object('struct maple_node', pointer - (pointer % NODE_BYTES));
  const layout = type === MapleType.dense ? undefined : type === MapleType.allocation ? 'ma64' : 'mr64';
  const slots = node.at(layout === undefined ? 'slot' : `${layout}.slot`);
  const pivots = layout === undefined ? undefined : node.at(`${layout}.pivot`);
  for (let i = 0; i < (slots.length ?? 0); i++) {
    const value = slots.element(i).number();
    if (value !== 0 && (type === MapleType.dense || type === MapleType.leaf)) {
      if (!isInternal(value)) yield value;
    }
    if (pivots === undefined) continue;
    // A pivot of 0, but the first, is not used: its slot is the node's last. What follows may be something else.
    const pivot = i < (pivots.length ?? 0) ? pivots.element(i).integer() : 0n;
    const end = pivot === 0n && (i > 0 || highest === 0n) ? highest : pivot;
    if (value !== 0 && type !== MapleType.leaf) yield* mapleNode(kernel, value, end, depth + 1);
    if (end >= highest) break;
  }
}
