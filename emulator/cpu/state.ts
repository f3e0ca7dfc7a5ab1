/**
 * Where the CPU keeps its state in linear memory. Everything is little-endian, offsets are bytes.
 *
 * `[CPU, CPU + CONTEXT_SIZE)` is the architectural state of the thread that is running; the host copies it
 * to and from each thread's save slot of the same layout when it switches threads (see thread-context.ts).
 * What follows it belongs to the engine. Page 0 of linear memory stays unused, so that 0 can mean "no address".
 */
export const CPU = 0x1000;

/** General registers, 16 × i64, in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8 … r15. */
export const GPR = CPU + 0x000;
/** Always zero: what the interpreter's records name as base or index when there is none. */
export const ZERO = CPU + 0x080;
/** Interpreter only: guest address of the running block's page, the base of its rip-relative operands. */
export const PAGE_BASE = CPU + 0x088;
/** Guest instruction pointer, i64. */
export const RIP = CPU + 0x090;
/** Lazy flags: see flags.ts. Result and operands are i64, sign-extended from the operand size. */
export const FLAG_RESULT = CPU + 0x098;
export const FLAG_A = CPU + 0x0a0;
export const FLAG_B = CPU + 0x0a8;
/** One of flags.ts FlagKind, i32. */
export const FLAG_KIND = CPU + 0x0b0;
/** Bits of rflags which are not lazy (TF, IF, DF, IOPL, NT, AC, ID …), in their architectural places, i32. */
export const FLAGS_OTHER = CPU + 0x0b4;
/** Segment bases, 6 × i64 in encoding order: es cs ss ds fs gs. */
export const SEGMENT_BASE = CPU + 0x0b8;
/** Segment selectors, 6 × i32, same order. cs tells the mode: USER_CS_64 or USER_CS_32. */
export const SELECTOR = CPU + 0x0e8;
/** xmm0–xmm15, 16 bytes each, 16-byte aligned. */
export const XMM = CPU + 0x100;
/** SSE control and status, i32. */
export const MXCSR = CPU + 0x200;
/** x87 control word, status word without TOP, TOP (0–7), abridged tags (bit n: physical register n in use), last opcode: i32 each. */
export const FPU_CONTROL = CPU + 0x204;
export const FPU_STATUS = CPU + 0x208;
export const FPU_TOP = CPU + 0x20c;
export const FPU_TAGS = CPU + 0x210;
export const FPU_OPCODE = CPU + 0x214;
/** x87 last instruction and last data pointers, i64. */
export const FPU_IP = CPU + 0x218;
export const FPU_DP = CPU + 0x220;
/** x87 physical registers R0–R7, 16 bytes each: significand i64, sign and exponent u16, padding. mm0–mm7 are the significands. */
export const FPU_REGS = CPU + 0x230;
/** What the last fault left, for signal frames and PTRACE_FAULTINFO: cr2 i64, error code i32, vector i32. */
export const FAULT_ADDRESS = CPU + 0x2b0;
export const FAULT_ERROR = CPU + 0x2b8;
export const FAULT_VECTOR = CPU + 0x2bc;
/** Host only: number of the system call the thread entered with, i64; -1 when it entered by an exception (Linux's orig_rax). */
export const ORIG_RAX = CPU + 0x2c0;
/** The thread's own descriptors of the GDT (TLS entries 12–14), 3 × 8 bytes, as the processor reads them (SDM vol. 3, section 3.4.5). */
export const TLS_DESCRIPTORS = CPU + 0x2c8;
/** Bytes of fs and gs that 32-bit code may touch, 2 × i64: the limit + 1, and 0 after a null selector. 64-bit code has no limits. */
export const SEGMENT_BYTES = CPU + 0x2e0;
/** Size of the architectural state: a thread's save slot. */
export const CONTEXT_SIZE = 0x300;

/** Tag of the code the thread may run: the address space's `codeContext` × 2, plus 1 in 32-bit mode; i32. */
export const CODE_CONTEXT = CPU + 0x300;
/** Linear-memory address of the running address space's read TLB; the write TLB follows at +TLB_BYTES; i32. */
export const TLB_BASE = CPU + 0x304;
/** Instructions which may still retire before `run` must return; i32, never negative. */
export const BUDGET = CPU + 0x308;
/** Why compiled code came back (exits.ts) and its argument, i32 and i64. */
export const EXIT_REASON = CPU + 0x30c;
export const EXIT_ARGUMENT = CPU + 0x310;
/** engine-area.ts jumpCacheSalt of CODE_CONTEXT: the jump cache keeps the entries of different contexts apart; i32. */
export const JUMP_SALT = CPU + 0x31c;
/** Where the running context's counts begin in wasm memory 1, while counting is on (counting/bank-layout.ts); i32. */
export const COUNTING_BANK = CPU + 0x320;
/** Likewise where its call stack begins; 0: no call tree is kept; i32. */
export const COUNTING_STACK = CPU + 0x324;
/** Instructions its context had retired when the run began, plus the budget: minus BUDGET it is the context's clock; i64. */
export const COUNTING_CLOCK = CPU + 0x328;
/** Where accesses that cross a page are put together, 64 bytes. */
export const BOUNCE = CPU + 0x340;
/** Arguments and results of helpers that do not fit wasm parameters (v128, 80-bit values), 128 bytes. */
export const SCRATCH = CPU + 0x380;
/** First byte the engine may use for its own tables (jump cache, block records). */
export const ENGINE_AREA = 0x2000;

/** Software TLB: entries of 16 bytes { page address i64, addend i32, pad }: linear address = wrap(va) + addend. */
export const TLB_ENTRIES = 4096;
export const TLB_BYTES = TLB_ENTRIES * 16;
/** `(va >> TLB_SHIFT) & TLB_MASK` is the byte offset of va's entry. */
export const TLB_SHIFT = 8;
export const TLB_MASK = (TLB_ENTRIES - 1) << 4;

export const PAGE_SIZE = 4096;
/** First address that is not a user's: addresses of the user's half have 47 bits. */
export const USER_END = 0x800000000000;

/** Encoding numbers of the general registers. */
export const Reg = {
  rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7,
  r8: 8, r9: 9, r10: 10, r11: 11, r12: 12, r13: 13, r14: 14, r15: 15,
} as const;
/** Encoding numbers of the segment registers. */
export const Segment = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;

/** Selectors Linux gives to user code on x86-64 (arch/x86/include/asm/segment.h). */
export const USER_CS_64 = 0x33;
export const USER_CS_32 = 0x23;
export const USER_DS = 0x2b;
