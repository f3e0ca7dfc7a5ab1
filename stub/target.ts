/**
 * What the RSP server asks of the thing being debugged. The emulator's implementation is machine-target.ts; tests use a fake.
 * Addresses are bigints: gdb may ask for any 64-bit one.
 */

import type { AgentVariables } from './agent/variables.ts';

/** A thread as gdb sees it; ids are positive and stable for the thread's life. */
export interface TargetThread {
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  /** Second column of `info threads` (qThreadExtraInfo). */
  readonly extra: string;
  /** What clients are told in place of `tid`, which is unique among all processes; this one only within its own. */
  readonly shown?: number;
}

export type BreakpointKind = 'software' | 'hardware' | 'write' | 'read' | 'access';

export interface BreakpointRequest {
  readonly kind: BreakpointKind;
  readonly address: bigint;
  /** Bytes watched; for breakpoints gdb's `kind` field. Any length is allowed for watchpoints. */
  readonly length: number;
  /** A thread of the process it is for, and that process; undefined: the first. */
  readonly tid?: number;
  readonly pid?: number;
  /** Agent expressions: the hit counts when one of them is not zero, or cannot be evaluated (Target.agent). */
  readonly conditions?: readonly Uint8Array[];
  /** Agent expressions evaluated when the hit counts, in place of stopping. */
  readonly commands?: readonly Uint8Array[];
}

export type ResumeKind = 'continue' | 'step' | 'stop';
export interface ResumeAction {
  readonly kind: ResumeKind;
  /** Threads it applies to; undefined: all that no earlier action names. */
  readonly tid: number | undefined;
  /** Without `tid`: all threads of this process only. */
  readonly pid?: number;
  /** Signal (Linux number) to deliver on resuming, 0 for none. */
  readonly signal: number;
  /** Step until the pc leaves [start, end) (vCont;r). */
  readonly range?: { readonly start: bigint; readonly end: bigint };
}

/** Why everything stopped. Signals are Linux numbers; the server maps them to gdb's. */
export type StopEvent =
  | {
    readonly reason: 'signal'; readonly thread: TargetThread;
    /** 0: none, it just stopped. */
    readonly signal: number;
    /** What the user should know of it. */
    readonly message?: string;
  }
  | { readonly reason: 'step' | 'interrupt' | 'entry'; readonly thread: TargetThread }
  | { readonly reason: 'breakpoint'; readonly thread: TargetThread; readonly hardware: boolean; readonly message?: string }
  | { readonly reason: 'watchpoint'; readonly thread: TargetThread; readonly kind: 'write' | 'read' | 'access'; readonly address: bigint; readonly message?: string }
  /** Debugging of this thread's process has begun: nothing has happened. */
  | { readonly reason: 'attached'; readonly thread: TargetThread }
  /** The child of a vfork has let go of its parent's memory. */
  | { readonly reason: 'vforkdone'; readonly thread: TargetThread }
  /** The libraries (or a kernel's modules) have changed. */
  | { readonly reason: 'library'; readonly thread: TargetThread }
  /** Another program has taken the process over; only after setExecEvents(true). */
  | { readonly reason: 'exec'; readonly thread: TargetThread; readonly path: string }
  /** The thread is new, and has not run; only after setThreadEvents(true). */
  | { readonly reason: 'thread-created'; readonly thread: TargetThread }
  /** The thread `tid` is gone, `thread` is another one; only after setThreadEvents(true). */
  | { readonly reason: 'thread-exited'; readonly thread: TargetThread; readonly tid: number; readonly status: number }
  /** A system call is about to be executed, or has been; only after setCatchSyscalls. */
  | { readonly reason: 'syscall'; readonly thread: TargetThread; readonly entry: boolean; readonly number: number }
  /** A child was made; it is attached, and stands before its first instruction. Only after setForkEvents. */
  | { readonly reason: 'fork' | 'vfork'; readonly thread: TargetThread; readonly child: TargetThread }
  | { readonly reason: 'exited'; readonly pid: number; readonly status: number }
  | { readonly reason: 'killed'; readonly pid: number; readonly signal: number };

/** A target cannot do what was asked, and says why: the message is for the user. Any method but the getters may throw it. */
export class Refusal extends Error {}

/** Processes besides the first which can be debugged: those of a UML kernel inside it, or others of the machine. Any of it may throw a Refusal. */
export interface ProcessControl {
  /** From now on `threads()` lists the process's threads; gives its first. */
  attach(pid: number): TargetThread;
  /** Lets go of a process; false if it was not attached. The last one lets the machine run. */
  detach(pid: number): boolean;
  /** Ends one of several processes; false if it was not attached, or is the only one. */
  kill(pid: number): boolean;
  /** Of all but the debuggee itself, as the client that attached them is gone. */
  detachAll(): void;
  /** Path of its program. */
  executable(pid: number): string;
  /** A file by the path it has for that process; undefined: ENOENT. */
  openFile(pid: number, path: string): Uint8Array | undefined;
  /** Whether children can be reported. */
  followsForks(): boolean;
  setForkEvents(forks: boolean, vforks: boolean): void;
  /** System calls the thread's process stops for: undefined: none, empty: all. */
  setCatchSyscalls(tid: number, numbers: ReadonlySet<number> | undefined): void;
}

/** A range of memory with the same permissions. */
export interface MemoryRegion {
  readonly start: bigint;
  readonly end: bigint;
  /** Letters of rwx, `-` for those missing. */
  readonly permissions: string;
  /** File, or the kernel's name for it; '': none. */
  readonly name: string;
}

export interface Target {
  readonly architecture: 'x86-64' | 'i386';
  /** That of one thread's process; undefined: all have the same. */
  readonly architectureOf?: ((tid: number) => Target['architecture']) | undefined;
  /** Path of the debuggee's executable as the guest's host names it, and its bytes through `openFile`. */
  readonly executable: string;
  threads(): readonly TargetThread[];
  /** Undefined while running; after the end of the debuggee its `exited` or `killed` event, and `threads()` is empty. */
  readonly stopped: StopEvent | undefined;

  /** All registers of a stopped thread in the order and sizes of registers.ts; undefined bytes are impossible, unavailable registers are `undefined`. */
  readRegister(tid: number, register: number): Uint8Array | undefined;
  /** False if the register cannot be written. */
  writeRegister(tid: number, register: number, value: Uint8Array): boolean;
  /** As many bytes as are readable from `address`; empty when the first is not. */
  readMemory(tid: number, address: bigint, length: number): Uint8Array;
  /** False unless all bytes could be written (also into read-only mappings, as ptrace does). */
  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean;
  /** False with a reason in `lastError` if it cannot be set. Setting one twice is fine. */
  insertBreakpoint(request: BreakpointRequest): boolean;
  removeBreakpoint(request: BreakpointRequest): boolean;

  /**
   * A debugger is there: stops a running target (reported once through `onStop`, later, as `interrupt` unless something else came
   * first); a stopped one just stays so and `onStop` is not called.
   */
  attach(onStop: (event: StopEvent) => void): void;
  /** Lets go; `onStop` is called exactly once, later, never from within `resume`. */
  resume(actions: readonly ResumeAction[], onStop: (event: StopEvent) => void): void;
  /** Asks a running target to stop soon (reported as `interrupt`); harmless when stopped. */
  interrupt(): void;
  /** Lets the target run without a debugger: breakpoints removed. */
  detach(): void;
  kill(): void;

  /** Linux signal numbers which are to be passed to the guest without stopping (QPassSignals). */
  setPassSignals(signals: ReadonlySet<number>): void;
  /** Whether to stop when the debuggee has called exec. */
  setExecEvents(wanted: boolean): void;
  auxv(tid: number): Uint8Array;
  siginfo(tid: number): Uint8Array | undefined;
  writeSiginfo(tid: number, bytes: Uint8Array): boolean;
  /** Contents of a file by the path gdb names (the debuggee's view), for vFile; undefined: ENOENT. */
  openFile(path: string): Uint8Array | undefined;
  /** Where a symbolic link leads; undefined: it is none. */
  readLink(path: string): string | undefined;
  readonly processes?: ProcessControl;
  /** The libraries of the thread's process, as a document of that kind. */
  libraries?(tid: number, kind: 'svr4' | 'sections'): string;
  /** The document of a table of `info os`, '' for the list of them; undefined: there is no such table. */
  osData?(annex: string): string | undefined;
  /** The thread's address space, lowest first; undefined: not known. */
  memoryRegions?(tid: number): readonly MemoryRegion[] | undefined;
  /** Whether to stop when a thread is made or has ended; undefined: it cannot be asked for. */
  setThreadEvents?(wanted: boolean): void;
  /** Whether threads can run while others are stopped; undefined: it cannot be asked for. */
  readonly nonStop?: boolean;
  /** Variables of conditions and commands of breakpoints; undefined: those are not evaluated. */
  readonly agent?: AgentVariables;
  /** Has `print` called with text which the debuggee's breakpoints print (dprintf). */
  onOutput?(print: (text: string) => void): void;
  /** `monitor` commands: text to show, or undefined for an unknown command. */
  monitor(command: string): string | undefined | Promise<string | undefined>;
}
