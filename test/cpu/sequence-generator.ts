/**
 * Makes random short programs: a dozen instructions with forward branches, a loop, calls of a function and repeated string instructions, on registers that stay what they must be.
 * What single instructions cannot show is here: flags used by a later instruction, registers kept in locals, faults in the
 * middle of translated code. r12 and r13 point to data (r13 sometimes to none), r14 is a small index, r15 counts the loop, rsp is a stack.
 */
import { decode } from '../../emulator/cpu/decode/decoder.ts';
import { Instruction } from '../../emulator/cpu/decode/instruction.ts';
import { Immediate, ImplicitMemory, PrefixClass, resolveSize, type ParsedRow } from '../../emulator/cpu/decode/parse-row.ts';
import { ARITHMETIC_FLAGS } from '../../emulator/cpu/flags.ts';
import { Case, CODE, DATA, PATCH_BYTES } from './case-layout.ts';
import { runnable } from './case-generator.ts';
import { flagsRead, undefinedAfter } from './flag-use.ts';
import { unlikeHost } from './host-processor.ts';
import { extended, integer, vectorQuad, type Random } from './random-values.ts';

/** Bytes of code per program. */
export const PROGRAM_SLOT = 256;
const MOST_INSTRUCTIONS = 14;
/** Where the function which the program calls lies in its slot; the program ends well before. */
const FUNCTION_AT = 176;
const LAST_START = 135;
/** rax rcx rdx rbx rbp rsi rdi r8–r11. */
const FREE = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11];
const EXCLUDED = /^(F2XM1|FYL2X|FPTAN|FPATAN|FSIN|FCOS|FXSAVE|FXRSTOR|FNSAVE|FRSTOR|FLDENV|FNSTENV|FLDCW|LEAVE|ENTER|POPF|XLAT|MASKMOV|RCP|RSQRT|LDMXCSR|CLFLUSH|BOUND|UD|J|LOOP|CALL|RET|STD|CMPXCHG16B|CMPXCHG8B|HLT|MOV 8C|BS[FR])/;

/** Whether the form can be part of a program. */
export function sequenceable(row: ParsedRow): boolean {
  const { form } = row;
  if (!runnable(row, 64) || EXCLUDED.test(`${form.mnemonic} ${form.opcode}`)) return false;
  if (form.attributes.has('end') || form.attributes.has('alone') || form.attributes.has('rep') || row.implicitMemory !== ImplicitMemory.none) return false;
  return !form.operands.some(({ method }) => method === 'moffs' || method === 'segment');
}

export interface ProgramFacts {
  /** The whole slot, int3 where nothing is. */
  readonly bytes: Uint8Array;
  readonly address: number;
  /** Undefined flags before the instruction at each offset. */
  readonly undefinedAt: ReadonlyMap<number, number>;
}

/** An instruction of the called function: where it is and what it does to undefined flags. */
interface FunctionStep {
  readonly at: number;
  readonly after: (before: number) => number;
}

export class SequenceGenerator {
  private readonly random: Random;
  private readonly rows: readonly ParsedRow[];
  private readonly functionRows: readonly ParsedRow[];
  private readonly gpr = new BigUint64Array(16);
  private readonly code = new Uint8Array(PROGRAM_SLOT);
  private readonly decoded = new Instruction();
  private readonly called: FunctionStep[] = [];

  constructor(random: Random, rows: readonly ParsedRow[]) {
    this.random = random;
    this.rows = rows.filter(sequenceable);
    this.functionRows = this.rows.filter((row) => !row.form.attributes.has('d64'));
  }

  /** Writes program `slot` to `record` and its code to `image`. */
  make(slot: number, record: DataView, image: Uint8Array): ProgramFacts {
    const { random, gpr, code } = this;
    const patchOffset = 1024 + 16 * random.below(64);
    for (let n = 0; n < 16; n++) gpr[n] = integer(random);
    gpr[12] = BigInt(DATA + patchOffset);
    gpr[13] = BigInt(random.chance(0.7) ? DATA + patchOffset + 16 * random.below(3) : random.pick([DATA + 4096 - 40, DATA + 8192 - 24, DATA + 12288 - 24, DATA + 0x100000]));
    gpr[14] = BigInt(random.below(4));
    gpr[15] = BigInt(1 + random.below(4));
    gpr[4] = BigInt(DATA + 2048 + 8 * random.below(64));
    const address = CODE + slot * PROGRAM_SLOT;
    code.fill(0xcc);
    const undefinedAt = new Map<number, number>();
    const joins = new Map<number, number>();
    this.makeFunction(address);
    let at = 0;
    let undefinedNow = 0;
    let loopStart = -1;
    const count = 3 + random.below(MOST_INSTRUCTIONS - 3);
    let skips: { at: number; instructions: number }[] = [];
    for (let i = 0; i < count && at < LAST_START; i++) {
      undefinedNow |= joins.get(at) ?? 0;
      if (loopStart < 0 && undefinedNow === 0 && random.chance(0.1)) loopStart = at;
      undefinedAt.set(at, undefinedNow);
      const condition = random.below(16);
      if (random.chance(0.15) && skips.length < 2) {
        const name = `J${['O', 'NO', 'B', 'AE', 'E', 'NE', 'BE', 'A', 'S', 'NS', 'P', 'NP', 'L', 'GE', 'LE', 'G'][condition]}`;
        if ((flagsRead(name) & undefinedNow) === 0) {
          code[at] = 0x70 + condition;
          skips.push({ at, instructions: 1 + random.below(3) });
          at += 2;
          continue;
        }
      }
      if (random.chance(0.12)) {
        code[at] = 0xe8;
        new DataView(code.buffer).setInt32(at + 1, FUNCTION_AT - at - 5, true);
        at += 5;
        for (const step of this.called) {
          undefinedAt.set(step.at, (undefinedAt.get(step.at) ?? 0) | undefinedNow);
          undefinedNow = step.after(undefinedNow);
        }
      } else if (random.chance(0.06)) {
        at = this.stringOperation(at, undefinedAt, undefinedNow);
        undefinedNow = 0;
      } else {
        const [length, after] = this.instruction(at, address, undefinedNow, this.rows);
        at += length;
        undefinedNow = after(undefinedNow);
      }
      // Branches whose number of skipped instructions is reached land here.
      skips = skips.filter((skip) => {
        if (--skip.instructions > 0) return true;
        code[skip.at + 1] = at - skip.at - 2;
        joins.set(at, (joins.get(at) ?? 0) | (undefinedAt.get(skip.at) ?? 0));
        return false;
      });
    }
    for (const skip of skips) {
      code[skip.at + 1] = at - skip.at - 2;
      joins.set(at, (joins.get(at) ?? 0) | (undefinedAt.get(skip.at) ?? 0));
    }
    undefinedNow |= joins.get(at) ?? 0;
    undefinedAt.set(at, undefinedNow);
    if (loopStart >= 0 && at - loopStart < 110) {
      // dec r15d; jnz: all flags but CF are defined afterwards, and at the loop's start all must be.
      code.set([0x41, 0xff, 0xcf], at);
      undefinedNow &= 1;
      at += 3;
      undefinedAt.set(at, undefinedNow);
      if (undefinedNow === 0) {
        code.set([0x75, loopStart - at - 2], at);
        at += 2;
      }
    }
    undefinedAt.set(at, undefinedNow);
    undefinedAt.set(at + 1, undefinedNow);
    const bytes = code.slice();
    image.set(bytes, address - CODE);
    this.writeRecord(record, address, patchOffset);
    return { bytes, address, undefinedAt };
  }

  /** Loads rsi, rdi and rcx, and repeats a string instruction; it ends with all flags defined. Returns where it ends. */
  private stringOperation(start: number, undefinedAt: Map<number, number>, before: number): number {
    const { random, code } = this;
    let at = start;
    const put = (...bytes: number[]): void => {
      undefinedAt.set(at, before);
      code.set(bytes, at);
      at += bytes.length;
    };
    put(0x49, 0x8d, 0x74, 0x24, random.below(64));
    put(0x49, 0x8d, 0x7d, random.below(64));
    put(0xb9, 1 + random.below(70), 0, 0, 0);
    const prefixes = random.pick([[], [0x66], [0x48]]);
    put(...(prefixes[0] === 0x66 ? prefixes : []), random.pick([0xf2, 0xf3]), ...(prefixes[0] === 0x48 ? prefixes : []), random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]));
    // cmp eax, edx
    put(0x39, 0xd0);
    return at;
  }

  /** A few instructions that read no flags and leave the stack alone, and RET. */
  private makeFunction(address: number): void {
    const { random, code, called } = this;
    called.length = 0;
    let at = FUNCTION_AT;
    for (let i = random.below(4); i >= 0; i--) {
      const [length, after] = this.instruction(at, address, ARITHMETIC_FLAGS, this.functionRows);
      called.push({ at, after });
      at += length;
    }
    called.push({ at, after: (before) => before });
    code[at] = 0xc3;
  }

  /** Writes one instruction at `at`; returns its length and what it does to undefined flags. */
  private instruction(at: number, address: number, before: number, rows: readonly ParsedRow[]): readonly [length: number, after: (before: number) => number] {
    const { random, code, decoded } = this;
    for (;;) {
      const row = random.pick(rows);
      const { mnemonic } = row.form;
      if ((flagsRead(mnemonic) & before) !== 0) continue;
      const length = this.encode(row, at, address);
      code.fill(0xcc, at + length, at < FUNCTION_AT ? FUNCTION_AT : PROGRAM_SLOT);
      if (decode(code, at, at + length, address + at, 64, decoded) !== 'ok' || decoded.form !== row.form || decoded.length !== length) continue;
      const first = row.form.operands[0];
      const operandBytes = first === undefined ? decoded.operandSize : resolveSize(first, decoded.operandSize, decoded.memory);
      if (unlikeHost(mnemonic, operandBytes)) continue;
      const last = row.form.operands.at(-1);
      // CL is not known here: it may be 0, and it may be what leaves flags undefined.
      const byRegister = last?.method === 'fixed' && /^(SH|SA|RO|RC)/.test(mnemonic);
      const count = last?.method === 'one' ? 1 : decoded.immediate;
      if (!byRegister) return [length, (flags) => undefinedAfter(flags, mnemonic, operandBytes, count)];
      const possible = undefinedAfter(0, mnemonic, operandBytes, 2) | undefinedAfter(0, mnemonic, operandBytes, 31);
      return [length, (flags) => flags | possible];
    }
  }

  private encode(row: ParsedRow, start: number, address: number): number {
    const { random, code } = this;
    const { form } = row;
    let at = start;
    const put = (byte: number): void => {
      code[at++] = byte & 0xff;
    };
    const put32 = (value: number): void => {
      for (let i = 0; i < 4; i++) put(value >> (8 * i));
    };
    const sized = form.operands.some(({ size }) => typeof size === 'string') || /^(CBW|CWD)/.test(form.mnemonic);
    const stack = form.attributes.has('d64');
    const short = sized && !stack && row.prefix !== PrefixClass.operandSize && row.prefix !== PrefixClass.none && random.chance(0.15);
    const wide = row.wide || (sized && !stack && random.chance(0.45));
    const memoryForm = row.modrm && row.mod !== 'register' && form.operands.some(({ method }) => /^(rm|mem|xmmRm|mmxRm)$/.test(method));
    const memory = memoryForm && (row.mod === 'memory' || random.chance(0.3));
    const vectorReg = form.operands.some(({ method }) => method === 'xmmReg' || method === 'mmxReg');
    const vectorRm = form.operands.some(({ method }) => /^(xmm|mmx)Rm|^st$/.test(method));
    const reg = row.reg ?? (vectorReg ? random.below(16) : random.pick(FREE));
    const rm = row.rm ?? (vectorRm ? random.below(16) : random.pick(FREE));
    const opcodeRegister = random.pick(FREE);
    const base = random.chance(0.7) ? 12 : 13;
    const shape = random.below(4);
    // Misaligned operands of aligned forms end the program: rarely.
    const aligned = form.attributes.has('align') && random.chance(0.97);
    const indexed = shape === 1 && !aligned;
    const ripRelative = shape === 2;
    if (form.attributes.has('lock') && memory && random.chance(0.15)) put(0xf0);
    if (short || row.prefix === PrefixClass.operandSize) put(0x66);
    if (row.prefix === PrefixClass.repne) put(0xf2);
    if (row.prefix === PrefixClass.rep) put(0xf3);
    let rex = wide ? 8 : 0;
    if (row.modrm && row.reg === undefined) rex |= (reg & 8) >> 1;
    if (memory && !ripRelative) rex |= 1 | (indexed ? 2 : 0);
    else if (row.modrm && !memory && row.rm === undefined) rex |= rm >> 3;
    else if (row.opcodeRegister) rex |= opcodeRegister >> 3;
    if (rex !== 0 || random.chance(0.2)) put(0x40 | rex);
    else if (this.namesStackByte(row, reg, rm, opcodeRegister, memory)) put(0x40);
    if (row.map > 0) put(0x0f);
    if (row.map > 1) put(row.map === 2 ? 0x38 : 0x3a);
    put(row.opcodeRegister ? row.opcode | (opcodeRegister & 7) : row.opcode);
    const displacement = 16 * random.below(3) + (!aligned && random.chance(0.2) ? random.below(16) : 0);
    let relative = -1;
    if (row.modrm) {
      if (!memory) put(0xc0 | ((reg & 7) << 3) | (rm & 7));
      else if (ripRelative) {
        put(((reg & 7) << 3) | 5);
        relative = at;
        put32(0);
      } else if (indexed || base === 12) {
        put(0x44 | ((reg & 7) << 3));
        put((random.below(4) << 6) | ((indexed ? 6 : 4) << 3) | (base & 7));
        put(displacement);
      } else {
        put(0x40 | ((reg & 7) << 3) | (base & 7));
        put(displacement);
      }
    }
    for (const kind of row.immediates) {
      const size = kind === Immediate.byte || kind === Immediate.signedByte ? 1 : kind === Immediate.word ? 2 : wide && kind === Immediate.v ? 8 : short ? 2 : 4;
      const value = random.chance(0.5) ? BigInt(random.below(66)) : integer(random);
      for (let i = 0; i < size; i++) put(Number((value >> BigInt(8 * i)) & 0xffn));
    }
    if (relative >= 0) new DataView(code.buffer).setInt32(relative, DATA + 1024 + 16 * random.below(128) - (address + at), true);
    return at - start;
  }

  // Byte registers 4–7 are ah … bh without REX, which is fine, but 5–7 as free registers are meant as bpl, sil, dil half of the time.
  private namesStackByte(row: ParsedRow, reg: number, rm: number, opcodeRegister: number, memory: boolean): boolean {
    const bytes = row.form.operands.some(({ size }) => size === 1);
    return bytes && [row.reg === undefined ? reg : 0, memory ? 0 : rm, opcodeRegister].some((n) => n >= 4) && this.random.chance(0.5);
  }

  private writeRecord(record: DataView, address: number, patchOffset: number): void {
    const { random } = this;
    for (let n = 0; n < 16; n++) record.setBigUint64(Case.gpr + n * 8, this.gpr[n], true);
    record.setBigUint64(Case.rip, BigInt(address), true);
    record.setBigUint64(Case.rflags, BigInt(0x202 | (random.u32() & 0x8d5)), true);
    record.setUint32(Case.mxcsr, 0x1f80, true);
    record.setUint32(Case.patchOffset, patchOffset, true);
    const kind = random.below(8);
    for (let at = 0; at < 256; at += 8) record.setBigUint64(Case.xmm + at, vectorQuad(random, kind), true);
    for (let at = 0; at < PATCH_BYTES; at += 8) record.setBigUint64(Case.patch + at, integer(random), true);
    record.setUint16(Case.fcw, 0x37f, true);
    record.setUint16(Case.fsw, random.below(8) << 11, true);
    record.setUint16(Case.ftw, random.chance(0.7) ? 0xff : random.below(256), true);
    record.setUint16(Case.fop, 0, true);
    for (let n = 0; n < 8; n++) {
      const [high, significand] = extended(random);
      record.setBigUint64(Case.st + n * 16, significand, true);
      record.setBigUint64(Case.st + n * 16 + 8, BigInt(high), true);
    }
  }
}
