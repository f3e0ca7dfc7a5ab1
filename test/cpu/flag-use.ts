/** Which arithmetic flags instructions read and write (SDM vol. 1, appendix A): so that sequences never use an undefined flag. */
import { ARITHMETIC_FLAGS, CONDITION, Flag } from '../../emulator/cpu/flags.ts';
import { undefinedFlags } from './undefined-flags.ts';

const { cf, pf, zf, sf, of } = Flag;
/** By condition code pair: o, b, e, be, s, p, l, le. */
const CONDITION_READS = [of, cf, zf, cf | zf, sf, pf, sf | of, sf | of | zf];
const CONDITIONAL = new Map(CONDITION.flatMap((name, code) => ['J', 'SET', 'CMOV'].map((stem) => [`${stem}${name.toUpperCase()}`, CONDITION_READS[code >> 1]] as const)));
const READS: Record<string, number> = {
  ADC: cf, SBB: cf, RCL: cf, RCR: cf, CMC: cf, LAHF: ARITHMETIC_FLAGS, PUSHF: ARITHMETIC_FLAGS, SAHF: 0,
};
const WRITES_ALL = new Set([
  'ADD', 'ADC', 'SUB', 'SBB', 'CMP', 'NEG', 'AND', 'OR', 'XOR', 'TEST', 'XADD', 'CMPXCHG', 'POPCNT', 'MUL', 'IMUL', 'UCOMISS', 'UCOMISD', 'COMISS', 'COMISD', 'PTEST',
  'PCMPISTRI', 'PCMPISTRM', 'PCMPESTRI', 'PCMPESTRM', 'POPF', 'FCOMI', 'FCOMIP', 'FUCOMI', 'FUCOMIP',
]);
const WRITES: Record<string, number> = {
  INC: ARITHMETIC_FLAGS & ~cf, DEC: ARITHMETIC_FLAGS & ~cf, CLC: cf, STC: cf, CMC: cf, SAHF: ARITHMETIC_FLAGS & ~of,
  BT: cf, BTS: cf, BTR: cf, BTC: cf, BSF: zf, BSR: zf, CMPXCHG8B: zf, CMPXCHG16B: zf,
};

/** Flags an instruction's outcome depends on. */
export function flagsRead(mnemonic: string): number {
  if (mnemonic.startsWith('FCMOV')) return cf | zf | pf;
  return CONDITIONAL.get(mnemonic) ?? READS[mnemonic] ?? 0;
}

/** Undefined flags after an instruction, given those before it. */
export function undefinedAfter(before: number, mnemonic: string, operandBytes: number, count: number): number {
  const written = WRITES_ALL.has(mnemonic) ? ARITHMETIC_FLAGS : (WRITES[mnemonic] ?? 0);
  if (/^(SH|SA|RO|RC)[LR]D?$/.test(mnemonic)) {
    // By a count which may be 0, so that nothing becomes defined for certain.
    const masked = count & (operandBytes === 8 ? 63 : 31);
    const all = masked === 0 ? 0 : /^(RO|RC)/.test(mnemonic) ? cf | of : ARITHMETIC_FLAGS;
    return (before & ~all) | undefinedFlags(mnemonic, operandBytes, count);
  }
  return (before & ~written) | undefinedFlags(mnemonic, operandBytes, 0);
}
