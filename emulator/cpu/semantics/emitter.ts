/**
 * What an instruction's meaning is written against. There is one implementation per tier: the interpreter's
 * (registers in memory, operands taken from a record at run time) and the translator's (registers in wasm
 * locals, operands known). A semantic function must not know which one it talks to.
 *
 * **The rule that keeps state precise**: within one instruction, every guest memory access comes before every
 * write of a register or flag, because an access may leave the function (fault, watched page). Where there
 * are two or more stores, `probeWrite` all of them first.
 *
 * Integer operands travel as {@link Word}: i32 for 1-, 2- and 4-byte operands (zero-extended), i64 for 8-byte ones.
 */
import type { F32, F64, FunctionBuilder, I32, I64, Local, V128, Val, ValType, Word, IntType } from '../wasm/function-builder.ts';
import type { LOAD, STORE } from '../wasm/opcodes.ts';
import type { Exit } from '../exits.ts';
import type { FlagKind } from '../flags.ts';
import type { SegmentTable } from '../segment-load.ts';

export type OperandKind = 'reg' | 'mem' | 'imm' | 'xmm' | 'mmx' | 'st' | 'segment';
export type WordLocal = Local<IntType>;

/**
 * A function outside the emitted code (JavaScript, or wasm emitted once), imported by name. It may read and
 * write the parts of CPU state which are never kept in locals: x87, MXCSR, SCRATCH, segment bases, FLAGS_OTHER, EXIT_*, FAULT_*.
 */
export interface Helper<R extends ValType | undefined = ValType | undefined> {
  readonly name: string;
  readonly params: readonly ValType[];
  readonly result: R;
  /** Makes the function; `env` gives linear memory and the guest's. Parameters of type i64 arrive as bigint: prefer i32 and SCRATCH. */
  readonly make: (env: HelperEnvironment) => (...args: never[]) => number | bigint | void;
}

/** What helpers may touch. All views are of linear memory and never detach. */
export interface HelperEnvironment {
  /** For helpers that are made of wasm themselves. */
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly view: DataView;
  readonly i32: Int32Array;
  /**
   * Linear address of guest address `va` for an access of `bytes` that does not cross a page, or 0 after recording the
   * fault (EXIT_REASON etc.), in which case the helper must return its "leave" status. Goes through permissions, copy-on-write, watchpoints.
   */
  guestRead(va: number, bytes: number): number;
  guestWrite(va: number, bytes: number): number;
  /** The running address space's local descriptor table. */
  ldt(): SegmentTable | undefined;
}

export interface Emitter {
  readonly f: FunctionBuilder;
  /** 64 or 32: the CPU mode the code was decoded for. */
  readonly mode: 64 | 32;
  /** Effective operand and address size in bytes. */
  readonly operandSize: 2 | 4 | 8;
  readonly addressSize: 2 | 4 | 8;
  readonly rep: 0 | 0xf2 | 0xf3;
  /** Name in the form's row; with rows that share a semantic function. */
  readonly mnemonic: string;

  // ── operands by position ──────────────────────────────────────────────────────────────────────
  readonly operandCount: number;
  kind(operand: number): OperandKind;
  /** Size in bytes of an operand (resolved: 1, 2, 4, 8, 10, 16; 0 for address-only memory). */
  sizeOf(operand: number): number;
  /** Encoding number of an `st`, `mmx` or `xmm` register operand (for ST(i): i, counted from TOP): a constant in the translator, from the record in the interpreter. */
  registerNumber(operand: number): I32;
  /** Two register operands are the same register (zero idioms). The interpreter always says false. */
  sameRegister(a: number, b: number): boolean;
  /** Value of an immediate if known while emitting: always in the translator, in the interpreter only for `imm8-static` forms. */
  staticImmediate(operand: number): number | undefined;

  /** Integer operand, zero-extended to its word. Immediates are sign-extended to the operand size first, as the manual says. */
  read(operand: number): Word;
  /** Integer operand sign-extended to its word (i32 for up to 4 bytes). */
  readSigned(operand: number): Word;
  /** Writes an integer operand; bits above its size are ignored. 32-bit register writes clear the upper half, 8- and 16-bit ones keep it. */
  write(operand: number, value: Word): void;
  /**
   * Read-modify-write of an integer operand with one address translation. `compute` gets the old value in a local and
   * returns a local with the new one; it must not touch guest memory, registers or flags. The store happens after it, so set flags after `update`.
   */
  update(operand: number, compute: (old: WordLocal) => WordLocal): void;

  /** 16-byte operand (register or memory; `align` forms check). */
  readV128(operand: number): V128;
  /** Low 4 or 8 bytes of an xmm or mmx register, or that much memory. */
  readLow32(operand: number): I32;
  readLow64(operand: number): I64;
  readF32(operand: number): F32;
  readF64(operand: number): F64;
  /** Whole xmm register or 16 bytes of memory. */
  writeV128(operand: number, value: V128): void;
  /** Low bytes of an xmm register, the rest kept; or that much memory. mmx: `writeLow64` is the whole register. */
  writeLow32(operand: number, value: I32): void;
  writeLow64(operand: number, value: I64): void;
  writeF32(operand: number, value: F32): void;
  writeF64(operand: number, value: F64): void;

  // ── named registers ───────────────────────────────────────────────────────────────────────────
  /** General register `n`, its low `size` bytes zero-extended. */
  gpr(n: number, size: number): Word;
  setGpr(n: number, size: number, value: Word): void;
  xmm(n: number): V128;
  setXmm(n: number, value: V128): void;
  /** Segment of the memory operand if it may have a limit: fs or gs in 32-bit mode; else -1. */
  readonly limitedSegment: number;
  /** Segment selector and base. */
  selector(n: number): I32;
  segmentBase(n: number): I64;

  // ── guest memory ──────────────────────────────────────────────────────────────────────────────
  /** Effective address of memory operand without segment base, truncated to the address size: LEA. */
  effectiveAddress(operand: number): I64;
  /**
   * Linear address of a memory operand: with segment base. `bytes`: of the access, where the operand's size does not say it, 0 if there may be none; `move` gives another
   * offset, which wraps at the address size.
   */
  linearAddress(operand: number, bytes?: number, move?: (offset: I64) => I64): Local<'i64'>;
  /**
   * Adds segment `n`'s base where it is not known to be zero. In 32-bit mode it truncates to 32 bits and raises #GP unless `bytes` from
   * there lie within the segment.
   */
  withSegment(n: number, offset: I64, bytes?: number): I64;
  /** Typed load or store at a guest linear address; leaves the function if the access cannot be done. */
  loadAt<K extends keyof typeof LOAD>(op: K, address: Local<'i64'>): Val<(typeof LOAD)[K][1]>;
  storeAt<K extends keyof typeof STORE>(op: K, address: Local<'i64'>, value: Val<(typeof STORE)[K][1]>): void;
  /** Leaves the function with the right fault unless `bytes` at the address can be written. */
  probeWrite(address: Local<'i64'>, bytes: number): void;
  /** Pushes onto / pops from the guest stack. `push` stores, then moves rsp. `pop` loads without moving rsp: follow it with `adjustStack`. */
  push(size: number, value: Word): void;
  pop(size: number): Word;
  adjustStack(bytes: number): void;

  // ── flags ─────────────────────────────────────────────────────────────────────────────────────
  /** Sets all six arithmetic flags lazily. Locals are words of `size`; bits above it are ignored. `a`, `b` may be omitted for `logic`. */
  setFlags(kind: typeof FlagKind.logic | typeof FlagKind.add | typeof FlagKind.sub | typeof FlagKind.adc | typeof FlagKind.sbb, size: number, result: WordLocal, a?: WordLocal, b?: WordLocal): void;
  /** ZF, SF, PF from `result`; CF, AF, OF from `bits` (i32, rflags places). */
  setFlagBits(size: number, result: WordLocal, bits: I32): void;
  /** CF, AF and OF := `bits` (rflags places), ZF, SF, PF unchanged. */
  setCarryBits(bits: I32): void;
  /** All six := `bits` (rflags places; other bits ignored). */
  setAllFlags(bits: I32): void;
  /** 1 when the condition code (0–15, encoding order) holds, else 0. */
  condition(code: number): I32;
  /** CF as 0 or 1. */
  carry(): I32;
  /** The six arithmetic flags in their rflags places. */
  arithmeticFlags(): I32;
  /** Whole rflags as PUSHF stores it, and its counterpart with user-mode rules (IF, IOPL unchanged). */
  rflags(): I32;
  setRflags(value: I32, size: number): void;
  /** DF as a signed step: +1 or -1. */
  direction(): I32;
  setDirection(down: boolean): void;

  /** Runs `body` when the condition is non-zero. Flags and registers may be set in it: what an emitter knows about them statically is merged afterwards. */
  when(condition: I32, body: () => void): void;

  // ── control flow: each ends the instruction and, `branch` aside, the block ────────────────────
  /** Guest address of the next instruction. */
  nextAddress(): I64;
  /** To the relative operand's target. */
  jump(): void;
  /** To the relative operand's target if the condition is non-zero, else on. */
  branch(condition: I32): void;
  /** Near call to the relative operand's target: pushes the return address. */
  call(): void;
  /** To a computed address. `call` has pushed the return address already; `ret` has popped it. */
  jumpIndirect(kind: 'jmp' | 'call' | 'ret', target: Local<'i64'>): void;
  /** Leaves to the engine with the next instruction's rip; the instruction has retired. */
  exit(reason: Exit, argument?: I64): void;
  /** Likewise, if the condition holds; the instruction's last act. */
  exitIf(condition: I32, reason: Exit): void;
  /** Leaves with an exception at this instruction; nothing of it has happened. */
  raise(vector: number, errorCode: number): void;
  /** As `raise`, when the condition is non-zero; goes on otherwise. */
  raiseIf(condition: I32, vector: number, errorCode: number): void;

  // ── helpers ───────────────────────────────────────────────────────────────────────────────────
  callHelper<R extends ValType>(helper: Helper<R>, args: readonly Val<ValType>[]): Val<R>;
  callVoid(helper: Helper<undefined>, args: readonly Val<ValType>[]): void;
  /**
   * An instruction done wholly by a helper on CPU state in memory (string operations, FXSAVE, CMPXCHG16B …). The emitter
   * writes back the named general registers (`reads`) and, if asked, xmm registers and flags, calls, and reloads `writes`. The helper
   * returns an i32: 0 = done, go on; otherwise it has set EXIT_REASON and the function is left at this instruction
   * (with `again`: the state it left is kept and the instruction counts as retired once per call).
   */
  complex(helper: Helper<'i32'>, args: readonly Val<ValType>[], effects: ComplexEffects): void;
  /** A local for intermediate values; released at the end of the instruction. */
  temp<T extends ValType>(type: T): Local<T>;
  /** Evaluates into a temp. */
  keep<T extends ValType>(value: Val<T>): Local<T>;
}

export interface ComplexEffects {
  readonly reads?: readonly number[];
  readonly writes?: readonly number[];
  readonly readsXmm?: boolean;
  readonly writesXmm?: boolean;
  readonly readsFlags?: boolean;
  readonly writesFlags?: boolean;
}
