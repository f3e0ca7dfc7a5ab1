/**
 * Arithmetic flags are lazy: an instruction leaves its result and operands, and whoever needs a flag
 * computes it. `result`, `a` and `b` are sign-extended from the operand size to 64 bits, which makes the
 * formulas below independent of that size (sign extension keeps both the signed and the unsigned order).
 *
 *   ZF = result == 0    SF = result < 0    PF = even number of ones in the low byte of result
 *   AF = bit 4 of (result ^ a ^ b), for the adding and subtracting kinds
 */
export const FlagKind = {
  /** CF = OF = AF = 0. */
  logic: 0,
  /** result = a + b. CF = result <u a; OF = sign of (result ^ a) & (result ^ b). */
  add: 1,
  /** result = a - b (also CMP, NEG with a = 0). CF = a <u b; OF = sign of (a ^ b) & (a ^ result). */
  sub: 2,
  /** result = a + b + carry. CF = sign of (a & b) | ((a | b) & ~result); OF, AF as `add`. */
  adc: 3,
  /** result = a - b - borrow. CF = sign of (~a & b) | ((~a | b) & result); OF, AF as `sub`. */
  sbb: 4,
  /** CF, AF and OF are given in `a`, in their rflags places; ZF, SF, PF from result. */
  bits: 5,
  /** All six are given in `a`, in their rflags places. */
  full: 6,
} as const;
export type FlagKind = (typeof FlagKind)[keyof typeof FlagKind];

/** Places of the flags in rflags (SDM vol. 1, figure 3-8). */
export const Flag = { cf: 0x1, pf: 0x4, af: 0x10, zf: 0x40, sf: 0x80, tf: 0x100, if: 0x200, df: 0x400, of: 0x800, nt: 0x4000, rf: 0x10000, ac: 0x40000, id: 0x200000 } as const;
/** The lazy ones. */
export const ARITHMETIC_FLAGS = 0x8d5;

/** Condition codes in encoding order (SDM vol. 1, appendix B): the low nibble of Jcc, SETcc, CMOVcc. */
export const CONDITION = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'] as const;
