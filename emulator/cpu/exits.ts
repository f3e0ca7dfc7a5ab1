/** Why the CPU handed control back. Values are what compiled code stores at EXIT_REASON. */
export const Exit = {
  /** Nothing: compiled code uses it between regions; never seen by the host. */
  none: 0,
  /** The instruction budget is used up; state is at an instruction boundary. */
  budget: 1,
  /** An exception: FAULT_VECTOR, FAULT_ERROR and, for page faults, FAULT_ADDRESS say which. rip is the faulting instruction's, for traps (#BP, #DB, INTO) the next one's. */
  exception: 2,
  /** `syscall` retired: rip is the next instruction's. The host does what the instruction does to rcx and r11. */
  syscall: 3,
  /** `int n` other than int3, or `sysenter`: EXIT_ARGUMENT is the vector (0x80) or SYSENTER_VECTOR; rip is the next instruction's. */
  interrupt: 4,
  /** rip is at a breakpoint, which has not been executed. */
  breakpoint: 5,
  /** A watched range was touched: the access has retired, rip is the next instruction's; EXIT_ARGUMENT is the watchpoint's id. */
  watchpoint: 6,
  /** The instruction exists but is not implemented, or no such instruction; the host raises #UD after naming it. */
  undefined: 7,

  // The rest stay inside the engine: it completes them in JavaScript and goes on.
  /** Finish this instruction in the engine's slow interpreter step: it stored into translated code, touched a watched or a crossing page. */
  slowStep: 16,
  cpuid: 19,
  rdtsc: 20,
  /** An instruction that has retired left TF set: the next one ends in #DB. */
  trapFlag: 21,
  /** A repeated string instruction did one chunk and stands at itself. */
  again: 22,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];
export const SYSENTER_VECTOR = 0x100;

/** Exception vectors (SDM vol. 3, table 6-1). */
export const Vector = {
  divide: 0, debug: 1, breakpoint: 3, overflow: 4, bound: 5, invalidOpcode: 6, deviceNotAvailable: 7,
  segmentNotPresent: 11, stackSegment: 12, generalProtection: 13, pageFault: 14, x87: 16, alignment: 17, simd: 19,
} as const;

/** Bits of a page fault's error code (SDM vol. 3, section 4.7). User mode always sets `user`. */
export const PageFaultError = { present: 1, write: 2, user: 4, fetch: 16 } as const;
