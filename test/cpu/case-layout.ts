/** Addresses and record layouts shared by the generator, the emulated runner and harness.c, which must agree. All little-endian. */

/** Case `n`'s code lies in slot `n`, SLOT bytes each; everything that is no instruction is int3. */
export const CODE = 0x10000000;
export const SLOT = 64;
/** Four data pages: writable, writable, read-only, not mapped. */
export const DATA = 0x20000000;
export const DATA_PAGES = 3;
export const DATA_BYTES = DATA_PAGES * 4096;
export const FS_BASE = DATA + 0x100;
export const GS_BASE = DATA + 0x200;
/** Bytes fs has in 32-bit mode; gs has 4 GB. */
export const FS_BYTES = 0x1800;
/** The selectors 32-bit cases have in them: TLS entries. */
export const FS_SELECTOR = 12 * 8 + 3;
export const GS_SELECTOR = 13 * 8 + 3;
/** Bytes of data each case sets for itself. */
export const PATCH_BYTES = 64;

/** Offsets in a case record. Registers in encoding order; x87 registers from ST0, 16 bytes each, tags abridged. */
export const Case = {
  gpr: 0, rip: 128, rflags: 136, mxcsr: 144, patchOffset: 148, fcw: 152, fsw: 154, ftw: 156, fop: 158, xmm: 160, st: 416, patch: 544, bytes: 608,
} as const;

/** Offsets in a result record: as a case up to the x87 registers; then the exception and what changed in the data. */
export const Result = {
  gpr: 0, rip: 128, rflags: 136, mxcsr: 144, signal: 148, fcw: 152, fsw: 154, ftw: 156, fop: 158, xmm: 160, st: 416,
  trap: 544, error: 548, cr2: 552, first: 560, last: 564, hash: 568, span: 576, bytes: 608,
} as const;
export const SPAN_BYTES = 32;
