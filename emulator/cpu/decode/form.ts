/**
 * An instruction form: one encoding of one mnemonic, one row of a table in the Intel manual's own notation,
 * with its meaning. Rows live in semantics/<family>.ts, next to the functions which give them that meaning.
 */
import type { Emitter } from '../semantics/emitter.ts';

/** What an instruction does: emits wasm through the emitter. The same function serves every tier and every operand kind. */
export type Semantic = (e: Emitter) => void;

/**
 * Attributes of a form, space-separated in the row:
 * - `end`    ends a basic block (branches, and whatever must leave to the engine)
 * - `alone`  is a block of its own and never part of a region (system calls, cpuid, rdtsc …)
 * - `lock`   may carry a LOCK prefix (otherwise #UD)
 * - `d64`    operand size defaults to 64 bits in 64-bit mode (push, pop, near branches)
 * - `f64`    operand size is forced to 64 bits in 64-bit mode
 * - `o64` / `i64`  only valid / invalid in 64-bit mode
 * - `imm8-static`  the interpreter specialises on the immediate's value, so that `e.staticImmediate` is always known
 * - `rep`    REP/REPE/REPNE are meaningful
 * - `align`  a 16-byte memory operand must be aligned (#GP(0) otherwise)
 * - `pops-base` rsp in the memory operand counts after the pop: the decoder adds the operand size to the displacement
 */
export type Attributes = string;

/**
 * `[mnemonic, opcode, operands, semantic, attributes?]`
 * - opcode: SDM notation: mandatory prefix (`NP`, `66`, `F2`, `F3`), `REX.W`, opcode bytes, then `/r`, `/0`…`/7`,
 *   `+r` on the last byte, a fixed ModRM byte for x87 (`D9 C0+r`), immediates `ib iw iz id io`
 *   — e.g. `66 0F 3A 0F /r ib`, `REX.W C7 /0 id`, `B8+r iv`.
 * - operands: the codes of SDM vol. 2, appendix A.2, separated by spaces: `Ev Gv`, `Vx Wpd`, `Gd Eb`, `Ev Ib`, `M`; fixed
 *   registers by name (`AL`, `rAX`, `CL`, `DX`, `FS`), implicit constant `1`, `ST0`/`STi` for x87. Beyond the appendix: `sIb` is a
 *   byte sign-extended to the operand size (plain `Ib` is 0–255), `Ry/Mw` a register of one size or memory of another,
 *   `Mt` 80 bits, `BBb` memory at [rBX] (XLAT), `BDdq` at [rDI] (MASKMOVDQU).
 */
export type FormRow = readonly [mnemonic: string, opcode: string, operands: string, semantic: Semantic, attributes?: Attributes];

/** Addressing method of an operand: the first letter of its appendix A.2 code, spelled out. */
export type OperandMethod =
  | 'rm' // E: general register or memory
  | 'reg' // G: general register from ModRM.reg
  | 'opcodeReg' // Z: general register from the opcode byte
  | 'fixed' // a register the form names
  | 'imm' // I
  | 'one' // the constant 1
  | 'rel' // J
  | 'mem' // M: memory only
  | 'rmReg' // R: general register from ModRM.rm
  | 'moffs' // O
  | 'segment' // S
  | 'xmmReg' // V
  | 'xmmRm' // W
  | 'xmmRmReg' // U
  | 'mmxReg' // P
  | 'mmxRm' // Q
  | 'mmxRmReg' // N
  | 'st' // ST0 / STi
  | 'string'; // Y: implicit string destination, the semantic addresses it itself (X is `mem`: the decoder fills in rSI and the segment)

export interface OperandSpec {
  readonly method: OperandMethod;
  /** Bytes: a number, or `v` (2, 4, 8 by operand size), `z` (2, 4), `y` (4, 8). For memory without data (LEA, FXSAVE) 0. */
  readonly size: number | 'v' | 'z' | 'y';
  /** Bytes when the operand is in memory, where that differs: see `resolveSize` in parse-row.ts. */
  readonly memorySize?: number | 'v' | 'z' | 'y';
  /** Register number for `fixed`, named segments and ST0. */
  readonly register?: number;
}

/** A row, parsed. */
export interface Form {
  readonly mnemonic: string;
  readonly opcode: string;
  readonly operands: readonly OperandSpec[];
  readonly semantic: Semantic;
  readonly attributes: ReadonlySet<string>;
  /** Dense number, in table order: for arrays indexed by form. */
  readonly id: number;
}
