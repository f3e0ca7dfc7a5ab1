/**
 * Loading data segment registers from descriptor tables (SDM vol. 3, sections 3.4.5 and 5.5–5.7), as user code does it under Linux: the GDT
 * has flat segments and the thread's TLS entries, the LDT belongs to the address space.
 */
import { Vector } from './exits.ts';
import { CPU, Segment, SEGMENT_BASE, SEGMENT_BYTES, SELECTOR, TLS_DESCRIPTORS, USER_CS_32, USER_CS_64, USER_DS } from './state.ts';

/** A table of segment descriptors; reading beyond its end gives 0. */
export interface SegmentTable {
  /** Entries there are. */
  readonly count: number;
  low(index: number): number;
  high(index: number): number;
}

/** GDT entries of a thread's own (GDT_ENTRY_TLS_MIN of x86-64, arch/x86/include/asm/segment.h). */
export const TLS_FIRST = 12;
export const TLS_ENTRIES = 3;

/** Descriptor words of what Linux's GDT has for users. */
const FLAT: ReadonlyMap<number, readonly [low: number, high: number]> = new Map([
  [USER_CS_32 >> 3, [0x0000ffff, 0x00cffb00]], [USER_DS >> 3, [0x0000ffff, 0x00cff300]], [USER_CS_64 >> 3, [0x0000ffff, 0x00affb00]],
  // What getcpu reads with LSL (GDT_ENTRY_CPUNODE): this is processor 0 of node 0.
  [15, [0, 0x0040f500]],
]);
const IN_LDT = 4;
const PRIVILEGE = 3;
/** Everything a 32-bit address reaches. */
export const FLAT_BYTES = 0x100000000;

/** The descriptor a selector names; undefined beyond the table's end. `slot` is the linear address of the state it belongs to. */
export function findDescriptor(view: DataView, slot: number, selector: number, ldt: SegmentTable | undefined): readonly [low: number, high: number] | undefined {
  const index = (selector & 0xffff) >> 3;
  if ((selector & IN_LDT) !== 0) return ldt !== undefined && index < ldt.count ? [ldt.low(index), ldt.high(index)] : undefined;
  const tls = index - TLS_FIRST;
  if (tls >= 0 && tls < TLS_ENTRIES) {
    const at = slot + (TLS_DESCRIPTORS - CPU) + tls * 8;
    return [view.getInt32(at, true), view.getInt32(at + 4, true)];
  }
  return FLAT.get(index);
}

export function descriptorBase(low: number, high: number): number {
  return ((high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0;
}

/** Last byte of the segment. */
export function descriptorLimit(low: number, high: number): number {
  const limit = (high & 0xf0000) | (low & 0xffff);
  return (high & 0x800000) === 0 ? limit : limit * 4096 + 4095;
}

/** What LAR, LSL, VERR and VERW say of the segment a selector names: undefined when user code may not know. */
export function inspectSelector(view: DataView, slot: number, selector: number, ldt: SegmentTable | undefined): { readonly rights: number; readonly limit: number; readonly readable: boolean; readonly writable: boolean } | undefined {
  const found = (selector & 0xffff) < 4 ? undefined : findDescriptor(view, slot, selector, ldt);
  if (found === undefined) return undefined;
  const [low, high] = found;
  const type = (high >>> 8) & 0xf;
  const isCode = (type & 8) !== 0;
  const conforming = isCode && (type & 4) !== 0;
  if ((high & 0x1000) === 0 || (!conforming && ((high >>> 13) & 3) < PRIVILEGE)) return undefined;
  return { rights: high & 0x00ffff00, limit: descriptorLimit(low, high), readable: !isCode || (type & 2) !== 0, writable: !isCode && (type & 2) !== 0 };
}

export type LoadResult =
  | 'done'
  /** A segment Linux's own never are, which the engine does not do: stack or data with a base or a limit, growing downwards, or not writable. */
  | 'unsupported'
  | { readonly vector: number; readonly error: number };

/** Loads one of es, ss, ds, fs, gs with a selector; nothing has changed unless the answer is 'done'. */
export function loadSegment(view: DataView, slot: number, segment: number, selector: number, ldt: SegmentTable | undefined): LoadResult {
  const bits = selector & 0xffff;
  const error = bits & ~3;
  if (bits < 4) {
    if (segment === Segment.ss) return { vector: Vector.generalProtection, error: 0 };
    put(view, slot, segment, bits, 0, 0);
    return 'done';
  }
  const found = findDescriptor(view, slot, bits, ldt);
  if (found === undefined) return { vector: Vector.generalProtection, error };
  const [low, high] = found;
  const type = (high >>> 8) & 0xf;
  const level = (high >>> 13) & 3;
  const isCode = (type & 8) !== 0;
  const isData = (high & 0x1000) !== 0 && (!isCode || (type & 2) !== 0);
  const isStack = isData && !isCode && (type & 2) !== 0 && (bits & 3) === PRIVILEGE;
  const conforming = isCode && (type & 4) !== 0;
  if (!(segment === Segment.ss ? isStack : isData) || (!conforming && level < PRIVILEGE)) return { vector: Vector.generalProtection, error };
  if ((high & 0x8000) === 0) return { vector: segment === Segment.ss ? Vector.stackSegment : Vector.segmentNotPresent, error };
  const base = descriptorBase(low, high);
  const bytes = descriptorLimit(low, high) + 1;
  if (view.getInt32(slot + (SELECTOR - CPU) + Segment.cs * 4, true) === USER_CS_32) {
    const isFree = segment === Segment.fs || segment === Segment.gs;
    const flat = base === 0 && bytes === FLAT_BYTES;
    if ((!isCode && (type & 6) !== 2) || (!isFree && !flat)) return 'unsupported';
  }
  put(view, slot, segment, bits, base, bytes);
  return 'done';
}

function put(view: DataView, slot: number, segment: number, selector: number, base: number, bytes: number): void {
  view.setInt32(slot + (SELECTOR - CPU) + segment * 4, selector, true);
  view.setUint32(slot + (SEGMENT_BASE - CPU) + segment * 8, base, true);
  view.setUint32(slot + (SEGMENT_BASE - CPU) + segment * 8 + 4, 0, true);
  if (segment !== Segment.fs && segment !== Segment.gs) return;
  const at = slot + (SEGMENT_BYTES - CPU) + (segment - Segment.fs) * 8;
  view.setUint32(at, bytes >>> 0, true);
  view.setUint32(at + 4, bytes === FLAT_BYTES ? 1 : 0, true);
}
