/**
 * From (opcode map, opcode byte, mandatory prefix, REX.W, ModRM) to a form, for one CPU mode. Each opcode has a small
 * table whose dimensions are only those which tell its rows apart; one multiply-add finds the entry, without branches.
 */
import { Immediate, PrefixClass, type ParsedRow } from './parse-row.ts';

/** Bits of {@link OpcodeMap.info}: what the decoder must know about a form. */
export const FormInfo = {
  /** Immediate kinds, 4 bits each. */
  immediateMask: 0xf,
  secondImmediateShift: 4,
  defaults64: 1 << 8,
  forced64: 1 << 9,
  lock: 1 << 10,
  rep: 1 << 11,
  /** The 66 prefix belongs to the opcode and is no operand size. */
  takes66: 1 << 12,
  implicitMemoryShift: 13,
  /** POP to memory: rsp in the address counts after the pop (SDM vol. 2B, POP). */
  popsBase: 1 << 15,
} as const;

export class OpcodeMap {
  /** Per opcode (map × 256 + byte): first entry in `entries`, or -1 when there is no such opcode. */
  readonly base = new Int32Array(1024).fill(-1);
  /** Per opcode: has a ModRM byte. */
  readonly modrm = new Uint8Array(1024);
  /** Per opcode: weights of prefix class (0–3), REX.W (0–1), memory/register × ModRM.reg (0–15) and ModRM.rm (0–7); 0 where it does not matter. */
  readonly prefixWeight = new Uint16Array(1024);
  readonly wideWeight = new Uint16Array(1024);
  readonly regWeight = new Uint16Array(1024);
  readonly rmWeight = new Uint16Array(1024);
  /** Form numbers, or -1. */
  readonly entries: Int16Array;
  /** Per form: {@link FormInfo}. */
  readonly info: Int32Array;

  constructor(rows: readonly ParsedRow[], mode: 64 | 32) {
    const byOpcode = new Map<number, ParsedRow[]>();
    this.info = new Int32Array(rows.length);
    for (const row of rows) {
      this.info[row.form.id] = formInfo(row);
      if (row.form.attributes.has(mode === 64 ? 'i64' : 'o64') || (mode === 32 && row.wide)) continue;
      for (let register = 0; register < (row.opcodeRegister ? 8 : 1); register++) {
        const key = row.map * 256 + row.opcode + register;
        const list = byOpcode.get(key);
        if (list === undefined) byOpcode.set(key, [row]);
        else list.push(row);
      }
    }
    const entries: number[] = [];
    for (const [key, list] of byOpcode) this.addOpcode(key, list, entries);
    this.entries = Int16Array.from(entries);
  }

  private addOpcode(key: number, rows: readonly ParsedRow[], entries: number[]): void {
    const modrm = rows[0].modrm;
    if (rows.some((row) => row.modrm !== modrm)) throw new Error(`opcode ${key.toString(16)}: only some forms have a ModRM byte (${rows[0].form.mnemonic})`);
    const prefixes = rows.some((row) => row.prefix !== PrefixClass.any) ? 4 : 1;
    const wides = rows.some((row) => row.wide) ? 2 : 1;
    const regs = rows.some((row) => row.reg !== undefined || row.mod !== 'any') ? 16 : 1;
    const rms = rows.some((row) => row.rm !== undefined) ? 8 : 1;
    this.base[key] = entries.length;
    this.modrm[key] = modrm ? 1 : 0;
    this.rmWeight[key] = rms > 1 ? 1 : 0;
    this.regWeight[key] = regs > 1 ? rms : 0;
    this.wideWeight[key] = wides > 1 ? rms * regs : 0;
    this.prefixWeight[key] = prefixes > 1 ? rms * regs * wides : 0;
    for (let prefix = 0; prefix < prefixes; prefix++) {
      for (let wide = 0; wide < wides; wide++) {
        for (let reg = 0; reg < regs; reg++) {
          for (let rm = 0; rm < rms; rm++) entries.push(best(rows, prefix, wide, reg, rm, prefixes, regs, rms)?.form.id ?? -1);
        }
      }
    }
  }
}

/** The most specific row for one combination; two equally specific ones are a mistake in the tables. */
function best(
  rows: readonly ParsedRow[], prefix: number, wide: number, reg: number, rm: number, prefixes: number, regs: number, rms: number,
): ParsedRow | undefined {
  let found: ParsedRow | undefined;
  let foundWeight = -1;
  for (const row of rows) {
    if (prefixes > 1 && row.prefix !== PrefixClass.any && row.prefix !== prefix) continue;
    if (row.wide && wide === 0) continue;
    if (regs > 1 && row.reg !== undefined && row.reg !== (reg & 7)) continue;
    if (regs > 1 && row.mod !== 'any' && (row.mod === 'register') !== reg >= 8) continue;
    if (rms > 1 && row.rm !== undefined && row.rm !== rm) continue;
    const weight = (row.prefix === PrefixClass.any ? 0 : 1) + (row.wide ? 1 : 0) + (row.reg === undefined ? 0 : 1)
      + (row.mod === 'any' ? 0 : 1) + (row.rm === undefined ? 0 : 1) + (row.opcodeRegister ? 0 : 1);
    if (weight === foundWeight && found !== undefined) throw new Error(`${found.form.mnemonic} "${found.form.opcode}" and ${row.form.mnemonic} "${row.form.opcode}" are the same encoding`);
    if (weight > foundWeight) {
      found = row;
      foundWeight = weight;
    }
  }
  return found;
}

function formInfo(row: ParsedRow): number {
  const { attributes } = row.form;
  const [first = Immediate.none, second = Immediate.none] = row.immediates;
  return first | (second << FormInfo.secondImmediateShift)
    | (attributes.has('d64') ? FormInfo.defaults64 : 0)
    | (attributes.has('f64') ? FormInfo.forced64 : 0)
    | (attributes.has('lock') ? FormInfo.lock : 0)
    | (attributes.has('rep') ? FormInfo.rep : 0)
    | (row.prefix === PrefixClass.operandSize ? FormInfo.takes66 : 0)
    | (row.implicitMemory << FormInfo.implicitMemoryShift)
    | (attributes.has('pops-base') ? FormInfo.popsBase : 0);
}
