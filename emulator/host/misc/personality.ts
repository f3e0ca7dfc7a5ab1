/** Bits of personality(2) that mean something here (include/uapi/linux/personality.h). */
export const Personality = {
  /** Low byte: which system the program was made for. */
  systemMask: 0xff,
  /** The system that sees a 32-bit machine (PER_LINUX32). */
  linux32: 8,
  compatLayout: 0x0200000,
  readImpliesExec: 0x0400000,
  limit3Gb: 0x8000000,
} as const;
