/** The contract between address spaces (memory/) and the CPU (cpu/), both ways. */

import type { SegmentTable } from '../cpu/segment-load.ts';

/** Kind of access, as `touch` takes it. */
export const Access = { read: 0, write: 1, execute: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** What `touch` answers when there is no frame to give. */
export const TouchFault = {
  /** No mapping: SIGSEGV, SEGV_MAPERR. */
  unmapped: -1,
  /** Mapping forbids the access: SIGSEGV, SEGV_ACCERR. */
  forbidden: -2,
  /** Past the end of the mapped file: SIGBUS, BUS_ADRERR. */
  beyondFile: -3,
  /** Out of page frames: the host's out-of-memory. */
  noMemory: -4,
} as const;

/** What the CPU sees of an address space. Addresses are numbers: user addresses are below 2^47. */
export interface PageAccess {
  /** Unique small number, never reused. */
  readonly id: number;
  /** Unique tag of the executable mappings: changes (to a fresh number) whenever one is removed, replaced or loses PROT_EXEC. Below 2^30. */
  readonly codeContext: number;
  /** Linear address of this space's read TLB (state.ts: TLB_BYTES), the write TLB right behind it. */
  readonly tlb: number;
  /**
   * Linear address of the frame behind virtual page number `page` for the access, after demand-zero, file read and
   * copy-on-write; or a TouchFault. Does not fill the TLB: the CPU does, as only it knows of code and watchpoints.
   */
  touch(page: number, access: Access): number;
  /** The frame if `touch` would merely find it, else 0: for looking ahead, which must not bring pages in. */
  resident(page: number, access: Access): number;
  /** Segment descriptors of the address space's own; undefined: it has none. */
  readonly ldt?: SegmentTable;
}

/**
 * What the memory side tells the CPU. (TLB entries for changed pages are removed by the memory side itself.)
 */
export interface CodeWatcher {
  /** The frame (linear address) is about to be freed or rewritten from outside (ptrace, debugger, file write): drop code translated from it. */
  frameChanged(linear: number): void;
  /** True while code translated from the frame exists: then no write TLB entry may point to it. */
  hasCode(linear: number): boolean;
}
