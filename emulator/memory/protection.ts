/** mmap's numbers (include/uapi/asm-generic/mman-common.h, mman.h, x86). */
export const Prot = { none: 0, read: 1, write: 2, exec: 4, growsDown: 0x01000000, growsUp: 0x02000000 } as const;

export const MapFlag = {
  shared: 0x01, private: 0x02, sharedValidate: 0x03, typeMask: 0x0f, fixed: 0x10, anonymous: 0x20, low32: 0x40, growsDown: 0x100,
  locked: 0x2000, noReserve: 0x4000, populate: 0x8000, nonBlock: 0x10000, stack: 0x20000, hugeTlb: 0x40000, fixedNoReplace: 0x100000,
} as const;
