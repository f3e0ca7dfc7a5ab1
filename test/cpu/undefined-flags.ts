/**
 * Flags which the manual leaves undefined (SDM vol. 1, appendix A, and the instructions' own pages), so that CPUs may
 * differ in them: they are not compared. Counts are masked as the instruction masks them.
 */
import { Flag } from '../../emulator/cpu/flags.ts';

const { cf, pf, af, zf, sf, of } = Flag;

const BY_MNEMONIC: Record<string, number> = {
  AND: af, OR: af, XOR: af, TEST: af,
  MUL: sf | zf | af | pf, IMUL: sf | zf | af | pf,
  DIV: cf | of | sf | zf | af | pf, IDIV: cf | of | sf | zf | af | pf,
  BT: of | sf | af | pf, BTS: of | sf | af | pf, BTR: of | sf | af | pf, BTC: of | sf | af | pf,
  AAM: of | af | cf, AAD: of | af | cf, AAA: of | sf | zf | pf, AAS: of | sf | zf | pf, DAA: of, DAS: of,
  BSF: cf | of | sf | af | pf, BSR: cf | of | sf | af | pf,
};

/**
 * Mask of undefined flags after one instruction.
 * @param count the shift count as given (immediate, CL or 1); any number for other instructions
 */
export function undefinedFlags(mnemonic: string, operandBytes: number, count: number): number {
  const masked = count & (operandBytes === 8 ? 63 : 31);
  const bits = operandBytes * 8;
  switch (mnemonic) {
    case 'SHL':
    case 'SAL':
    case 'SHR':
    case 'SAR': {
      if (masked === 0) return 0;
      // Bits shifted out beyond the operand's width are nobody's.
      const carry = mnemonic !== 'SAR' && masked >= bits ? cf : 0;
      return af | carry | (masked === 1 ? 0 : of);
    }
    case 'ROL':
    case 'ROR':
      return masked <= 1 ? 0 : of;
    case 'RCL':
    case 'RCR':
      return masked <= 1 ? 0 : of;
    case 'SHLD':
    case 'SHRD':
      if (masked === 0) return 0;
      if (masked > bits) return cf | of | sf | zf | af | pf;
      return af | (masked === 1 ? 0 : of);
    default:
      return BY_MNEMONIC[mnemonic] ?? 0;
  }
}
