/**
 * Reads a {@link FormRow}: the Intel manual's notation into something the opcode map and the decoder can use.
 * Everything that can be wrong with a row (unknown operand code, immediates which the opcode does not list,
 * `/r` forms without a ModRM operand) is an error at start-up, not a wrong instruction later.
 */
import type { Form, FormRow, OperandMethod, OperandSpec } from './form.ts';

/** Which of the mandatory prefixes a row asks for; `any`: prefixes do not select. Values other than `any` index the opcode map. */
export const PrefixClass = { any: -1, none: 0, operandSize: 1, repne: 2, rep: 3 } as const;
export type PrefixClass = (typeof PrefixClass)[keyof typeof PrefixClass];

/** How an immediate is encoded and extended. */
export const Immediate = {
  none: 0,
  /** 1 byte, zero-extended. */
  byte: 1,
  /** 1 byte, sign-extended (also rel8). */
  signedByte: 2,
  /** 2 bytes, zero-extended. */
  word: 3,
  /** 2 or 4 bytes by operand size, sign-extended. */
  z: 4,
  /** 2, 4 or 8 bytes by operand size. */
  v: 5,
  /** 2 or 4 bytes by operand size, always 4 in 64-bit mode: near branches. */
  relative: 6,
  /** As many bytes as an address has. */
  offset: 7,
} as const;
export type Immediate = (typeof Immediate)[keyof typeof Immediate];

/** Memory operands which no ModRM byte names. */
export const ImplicitMemory = { none: 0, rsi: 1, rbx: 2, rdi: 3 } as const;
export type ImplicitMemory = (typeof ImplicitMemory)[keyof typeof ImplicitMemory];

export interface ParsedRow {
  readonly form: Form;
  /** 0: one-byte opcodes, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** `+r`: the opcode's low three bits are a register. */
  readonly opcodeRegister: boolean;
  readonly prefix: PrefixClass;
  /** Asks for REX.W = 1. */
  readonly wide: boolean;
  readonly modrm: boolean;
  /** What the ModRM byte must hold; undefined: anything. */
  readonly reg: number | undefined;
  readonly rm: number | undefined;
  readonly mod: 'any' | 'memory' | 'register';
  readonly immediates: readonly Immediate[];
  readonly implicitMemory: ImplicitMemory;
}

const METHODS: Record<string, OperandMethod> = {
  E: 'rm', G: 'reg', Z: 'opcodeReg', I: 'imm', sI: 'imm', J: 'rel', M: 'mem', R: 'rmReg', O: 'moffs', S: 'segment',
  V: 'xmmReg', W: 'xmmRm', U: 'xmmRmReg', P: 'mmxReg', Q: 'mmxRm', N: 'mmxRmReg', X: 'mem', Y: 'string', BB: 'mem', BD: 'mem',
};
/** Bytes of the operand type letters (SDM vol. 2, appendix A.2.2; `t` is 80-bit, as in other tables). */
const SIZES: Record<string, OperandSpec['size']> = {
  '': 0, b: 1, w: 2, d: 4, q: 8, dq: 16, x: 16, ps: 16, pd: 16, ss: 4, sd: 8, si: 4, pi: 8, t: 10, v: 'v', z: 'z', y: 'y',
};
const GENERAL = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const LOW_BYTES = ['AL', 'CL', 'DL', 'BL'];
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const IMPLICIT: Record<string, ImplicitMemory> = { X: ImplicitMemory.rsi, BB: ImplicitMemory.rbx, BD: ImplicitMemory.rdi };

interface ParsedOperand {
  readonly spec: OperandSpec;
  readonly immediate: Immediate;
  readonly implicitMemory: ImplicitMemory;
  readonly mod: ParsedRow['mod'];
  readonly usesModrm: boolean;
}

/** Parses one row; `id` becomes the form's number. */
export function parseRow(row: FormRow, id: number): ParsedRow {
  const [mnemonic, opcode, operandText, semantic, attributeText = ''] = row;
  const fail = (why: string): never => {
    throw new Error(`instruction row ${mnemonic} "${opcode}" "${operandText}": ${why}`);
  };
  const operands = words(operandText).map((code) => parseOperand(code) ?? fail(`unknown operand ${code}`));
  const attributes = new Set(words(attributeText));
  const form: Form = { mnemonic, opcode, operands: operands.map((o) => o.spec), semantic, attributes, id };
  const encoding = parseOpcode(opcode, fail);
  const immediates = operands.map((o) => o.immediate).filter((kind) => kind !== Immediate.none);
  if (encoding.immediates !== immediates.length) fail(`opcode lists ${encoding.immediates} immediates, operands ${immediates.length}`);
  const modrmOperands = operands.filter((o) => o.usesModrm);
  if (modrmOperands.length > 0 && !encoding.modrm) fail('operands in a ModRM byte which the opcode does not have');
  const mods = new Set(modrmOperands.map((o) => o.mod).filter((mod) => mod !== 'any'));
  if (mods.size > 1) fail('operands disagree about ModRM.mod');
  const [operandMod] = mods;
  return {
    form,
    map: encoding.map,
    opcode: encoding.opcode,
    opcodeRegister: encoding.opcodeRegister,
    prefix: encoding.prefix,
    wide: encoding.wide,
    modrm: encoding.modrm,
    reg: encoding.reg,
    rm: encoding.rm,
    mod: encoding.fixed ? 'register' : (operandMod ?? 'any'),
    immediates,
    implicitMemory: operands.find((o) => o.implicitMemory !== ImplicitMemory.none)?.implicitMemory ?? ImplicitMemory.none,
  };
}

/** Bytes of an operand once operand size and kind are known. `memory`: it is in memory (mod ≠ 3). */
export function resolveSize(spec: OperandSpec, operandSize: 2 | 4 | 8, memory: boolean): number {
  const size = memory && spec.memorySize !== undefined ? spec.memorySize : spec.size;
  if (typeof size === 'number') return size;
  if (size === 'v') return operandSize;
  if (size === 'z') return Math.min(operandSize, 4);
  return Math.max(operandSize, 4);
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

function parseOperand(code: string): ParsedOperand | undefined {
  const plain = (spec: OperandSpec): ParsedOperand => ({ spec, immediate: Immediate.none, implicitMemory: ImplicitMemory.none, mod: 'any', usesModrm: false });
  if (code === '1') return plain({ method: 'one', size: 1 });
  if (code === 'ST0' || code === 'STi') return plain({ method: 'st', size: 10, ...(code === 'ST0' ? { register: 0 } : {}) });
  const lowByte = LOW_BYTES.indexOf(code);
  if (lowByte >= 0) return plain({ method: 'fixed', size: 1, register: lowByte });
  const segment = SEGMENTS.indexOf(code);
  if (segment >= 0) return plain({ method: 'segment', size: 2, register: segment });
  const general = GENERAL.indexOf(code.replace(/^[er]/, ''));
  if (general >= 0) return plain({ method: 'fixed', size: code[0] === 'r' ? 'v' : code[0] === 'e' ? 'z' : 2, register: general });
  // "Ry/Mw": a register of one size or memory of another.
  const [registerCode, memoryCode] = code.split('/');
  if (memoryCode !== undefined) {
    const register = parseOperand(registerCode);
    const memory = parseOperand(memoryCode);
    if (register === undefined || memory === undefined || memory.spec.method !== 'mem') return undefined;
    const method = register.spec.method === 'rmReg' ? 'rm' : register.spec.method === 'xmmRmReg' ? 'xmmRm' : 'mmxRm';
    return { ...register, spec: { method, size: register.spec.size, memorySize: memory.spec.size }, mod: 'any' };
  }
  const match = /^(sI|BB|BD|[EGZIJMROSVWUPQNXY])([a-z]*)$/.exec(code);
  if (match === null) return undefined;
  const [, letter, type] = match;
  const method = METHODS[letter];
  const size = SIZES[type];
  if (size === undefined) return undefined;
  const immediate = immediateKind(letter, type);
  if (immediate === undefined) return undefined;
  const usesModrm = 'EGMRSVWUPQN'.includes(letter);
  const mod = letter === 'M' ? 'memory' : 'RUN'.includes(letter) ? 'register' : 'any';
  // Immediates have the size they are extended to.
  const extended = method === 'imm' && (letter === 'sI' || type === 'z') ? 'v' : size;
  return { spec: { method, size: extended }, immediate, implicitMemory: IMPLICIT[letter] ?? ImplicitMemory.none, mod, usesModrm };
}

function immediateKind(letter: string, type: string): Immediate | undefined {
  if (letter === 'I') return { b: Immediate.byte, w: Immediate.word, z: Immediate.z, v: Immediate.v }[type];
  if (letter === 'sI') return type === 'b' ? Immediate.signedByte : undefined;
  if (letter === 'J') return { b: Immediate.signedByte, z: Immediate.relative }[type];
  if (letter === 'O') return Immediate.offset;
  return Immediate.none;
}

interface Encoding {
  map: number;
  opcode: number;
  opcodeRegister: boolean;
  prefix: PrefixClass;
  wide: boolean;
  modrm: boolean;
  fixed: boolean;
  reg: number | undefined;
  rm: number | undefined;
  immediates: number;
}

function parseOpcode(text: string, fail: (why: string) => never): Encoding {
  const encoding: Encoding = {
    map: 0, opcode: -1, opcodeRegister: false, prefix: PrefixClass.any, wide: false, modrm: false, fixed: false, reg: undefined, rm: undefined, immediates: 0,
  };
  const bytes: { value: number; plusRegister: boolean }[] = [];
  const tokens = words(text.replace(/\s*\+\s*(r[bwdo]?|i)\b/g, '+r'));
  tokens.forEach((token, position) => {
    const byte = /^([0-9A-F]{2})(\+r)?$/.exec(token);
    const digit = /^\/([0-7])$/.exec(token);
    if (token === 'NP') encoding.prefix = PrefixClass.none;
    else if (token === 'REX.W') encoding.wide = true;
    else if (bytes.length === 0 && position < tokens.length - 1 && encoding.prefix === PrefixClass.any && isMandatory(token, tokens[position + 1])) {
      encoding.prefix = { '66': PrefixClass.operandSize, F2: PrefixClass.repne, F3: PrefixClass.rep }[token.toUpperCase()] ?? fail(`prefix ${token}`);
    } else if (byte !== null) bytes.push({ value: parseInt(byte[1], 16), plusRegister: byte[2] !== undefined });
    else if (token === '/r') encoding.modrm = true;
    else if (digit !== null) {
      encoding.modrm = true;
      encoding.reg = Number(digit[1]);
    } else if (/^(i[bwdzvo]|c[bwdz]|m?offs)$/.test(token)) encoding.immediates++;
    else fail(`unknown token ${token}`);
  });
  const first = bytes[0];
  if (first !== undefined && first.value === 0x0f && bytes.length > 1) {
    bytes.shift();
    encoding.map = 1;
    const escape = bytes.length > 1 ? [0x38, 0x3a].indexOf(bytes[0].value) : -1;
    if (escape >= 0) {
      bytes.shift();
      encoding.map = 2 + escape;
    }
  }
  const opcode = bytes.shift() ?? fail('no opcode byte');
  encoding.opcode = opcode.value;
  encoding.opcodeRegister = opcode.plusRegister;
  const fixed = bytes.shift();
  if (fixed !== undefined) {
    if (fixed.value < 0xc0 || encoding.modrm) fail('a fixed ModRM byte must be C0 or above');
    encoding.modrm = true;
    encoding.fixed = true;
    encoding.reg = (fixed.value >> 3) & 7;
    encoding.rm = fixed.plusRegister ? undefined : fixed.value & 7;
  }
  if (bytes.length > 0) fail('too many opcode bytes');
  return encoding;
}

// 66, F2 and F3 are opcodes of their own nowhere, so they are prefixes whenever something follows.
function isMandatory(token: string, next: string): boolean {
  return /^(66|F2|F3)$/.test(token) && /^(REX\.W|[0-9A-F]{2}(\+r)?)$/.test(next);
}
