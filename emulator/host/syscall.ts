/**
 * System calls: one table `{ nr, name, args, handler }` per ABI. The same rows run a call and print it (`--trace=syscall`).
 * Handlers live in families: files/, memory/, process/, signals/, ptrace/, time/ …, each exporting its rows; abi-x86-64.ts and abi-i386.ts number them.
 *
 * A handler returns the result (≥ 0), `-Errno.X`, or a {@link Wait}: then the thread sleeps and the **same handler runs again
 * from its beginning** when woken, with the same {@link SyscallCall}, whose `state` survives (deadlines, progress).
 */
import type { WaitQueue } from './wait-queue.ts';
import type { Thread } from './process/thread.ts';
import type { TimeLayout } from './time/time-values.ts';

/** What to do when a signal comes while the call sleeps (kernel-internal codes; see signal delivery). */
export type Interruption = 'restart' | 'eintr' | 'restart-nohand' | 'restart-block' | 'uninterruptible';

export class Wait {
  readonly queues: readonly WaitQueue[];
  /** Virtual CLOCK_MONOTONIC nanoseconds at which to wake anyway; undefined: never. The handler finds out by looking at the clock. */
  readonly deadline: number | undefined;
  readonly interruption: Interruption;
  /** When a signal ends the sleep: if this answers a number, the call returns it instead of being interrupted (a partly done write). Also the place to undo what waiting needed. */
  readonly interrupted: (() => number | undefined) | undefined;

  constructor(queues: readonly WaitQueue[], interruption: Interruption = 'restart', deadline?: number, interrupted?: () => number | undefined) {
    this.queues = queues;
    this.interruption = interruption;
    this.deadline = deadline;
    this.interrupted = interrupted;
  }
}

export type SyscallResult = number | Wait;

/** Result of a handler that has set all registers itself, rax too (rt_sigreturn): the dispatcher leaves them alone. */
export const KEEP_RAX = Number.MIN_SAFE_INTEGER;

/** One system call in progress. */
export interface SyscallCall {
  readonly thread: Thread;
  readonly nr: number;
  /**
   * The six arguments as numbers: pointers and sizes below 2^53 are exact, which all valid ones are; larger 64-bit values (−1 …)
   * come as their unsigned double. `int(i)` and `big(i)` give the exact low 32 bits and all 64.
   */
  readonly args: readonly number[];
  int(i: number): number;
  uint(i: number): number;
  big(i: number): bigint;
  /** A signed long, or one of i386's 64-bit arguments; exact up to 2^53. */
  signed(i: number): number;
  /** Survives sleeping; starts undefined. */
  state: unknown;
  /** 8 for the x86-64 ABI, 4 for i386: size of long and of pointers in guest structures. */
  readonly wordSize: 4 | 8;
  /** Of the struct timespec and its kin the call takes and gives. */
  readonly timeLayout: TimeLayout;
}

/** How the trace prints an argument. */
export type ArgumentFormat = 'int' | 'uint' | 'long' | 'hex' | 'ptr' | 'fd' | 'dirfd' | 'path' | 'str' | 'buf' | 'signal' | 'flags' | 'mode' | 'pid' | 'size';

export interface SyscallRow {
  readonly name: string;
  readonly args: readonly ArgumentFormat[];
  readonly handler: (call: SyscallCall) => SyscallResult;
}

/**
 * Where i386 has an argument of the handler's: in a register, by its number among the ABI's six; in two of them, low and high half of a 64-bit
 * argument; or as a 16-bit user or group id, of which 0xffff means −1.
 */
export type ArgumentWord = number | readonly [low: number, high: number] | { readonly id16: number };

/** A call's row in the table of an ABI: the family's row, and how the ABI hands over its arguments. */
export interface AbiRow extends SyscallRow {
  /** Undefined: simply in the registers. */
  readonly words?: readonly ArgumentWord[];
  /** They lie in memory at the first argument, so many longs. */
  readonly inMemory?: number;
  /** Undefined: as the word size says. */
  readonly timeLayout?: TimeLayout;
  /** The call is many in one: which one it is, and its arguments, from the registers as signed words; or -errno. */
  readonly demultiplex?: (thread: Thread, registers: readonly number[]) => { readonly row: AbiRow | undefined; readonly words: readonly number[] } | number;
}
