/** One decoded instruction. The decoder fills a given object, so that decoding allocates nothing; copy what is to be kept. */
import type { Form } from './form.ts';

export class Instruction {
  /** The form, or undefined when the bytes are no instruction this machine has (then `length` is what was looked at). */
  form: Form | undefined = undefined;
  /** Guest address of the first byte. */
  address = 0;
  /** Bytes, 1–15. */
  length = 0;
  /** Effective operand size in bytes: 2, 4 or 8 (form's `b` operands are 1 regardless). */
  operandSize: 2 | 4 | 8 = 4;
  /** Effective address size in bytes: 2, 4 or 8. */
  addressSize: 2 | 4 | 8 = 8;
  lock = false;
  /** 0, 0xf2 (REPNE) or 0xf3 (REP/REPE), only where the form gives them that meaning. */
  rep: 0 | 0xf2 | 0xf3 = 0;
  /** Segment whose base must be added to memory operands, or -1 where it is known to be flat. */
  segment = -1;
  /** A REX prefix was there: byte registers 4–7 are spl bpl sil dil, not ah ch dh bh. */
  rex = false;
  /** The ModRM byte names memory (mod ≠ 3). False when there is no ModRM. */
  memory = false;
  /** ModRM.reg with REX.R. */
  reg = 0;
  /** ModRM.rm with REX.B when it is a register. */
  rm = 0;
  /** Register in the opcode byte, with REX.B. */
  opcodeReg = 0;
  /** Memory operand: register numbers, or -1 for none. */
  base = -1;
  index = -1;
  /** log2 of the index scale, 0–3. */
  scale = 0;
  /** Displacement, sign-extended 32 bits (moffs: low 32 bits, `immediateHigh` has the rest). */
  displacement = 0;
  /** Displacement counts from the end of the instruction. */
  ripRelative = false;
  /** Immediate or branch offset, sign-extended to 32 bits as the form says. */
  immediate = 0;
  /** High 32 bits of a 64-bit immediate (sign of `immediate` otherwise). */
  immediateHigh = 0;
  /** Second immediate (ENTER). */
  immediate2 = 0;
}
