/**
 * What distinguishes one interpreter handler from another: everything about an instruction that its record does not hold.
 * A key has a number (for maps) and a text (for the table of hot handlers, which must survive renumbering of forms).
 */
import type { Form } from '../decode/form.ts';
import { transferKind, type TransferKind } from '../counting/transfer.ts';
import type { Instruction } from '../decode/instruction.ts';

/** How a record gives the memory operand's address. */
export type MemoryKind =
  | 'none'
  /** base + displacement */
  | 'base'
  /** base + (index << scale) + displacement */
  | 'index'
  /** 64-bit absolute: displacement is the low half, immediate the high one. */
  | 'absolute';

export interface HandlerKey {
  readonly form: Form;
  readonly mode: 64 | 32;
  readonly operandSize: 2 | 4 | 8;
  readonly addressSize: 2 | 4 | 8;
  readonly rep: 0 | 0xf2 | 0xf3;
  readonly memory: boolean;
  readonly memoryKind: MemoryKind;
  readonly segment: number;
  /** The immediate's high half is in the displacement field. */
  readonly wideImmediate: boolean;
  /** ModRM.reg where a segment register operand is named by it, else -1. */
  readonly segmentOperand: number;
  /** Value of the immediate for `imm8-static` forms, else -1. */
  readonly staticImmediate: number;
  /** What the record has relative to the page (rip-relative operand, branch target) is {@link FAR_BIAS} less than it should be. */
  readonly far: boolean;
}

/** Taken off page-relative distances that do not fit 32 bits otherwise: 2 GiB and the address in the page. */
export const FAR_BIAS = 0x2000;
const FAR_BIT = 0x10000000;
const FORM_UNIT = 0x20000000;

const SIZES = [2, 4, 8] as const;
const REPS = [0, 0xf2, 0xf3] as const;
const KINDS: readonly MemoryKind[] = ['none', 'base', 'index', 'absolute'];

/** Facts about a form which decide about its keys and records, computed once. */
export interface FormTraits {
  readonly ends: boolean;
  readonly alone: boolean;
  readonly staticImmediate: boolean;
  readonly segmentFromModrm: boolean;
  /** Has an immediate or relative operand: the record's immediate field is taken. */
  readonly immediate: boolean;
  readonly moffs: boolean;
  readonly relative: boolean;
  /** Goes on with the next instruction or elsewhere: Jcc, LOOP, JRCXZ. */
  readonly conditional: boolean;
  readonly twoImmediates: boolean;
  /** What kind of control transfer it is, if any. */
  readonly transfer: TransferKind | undefined;
  /** Where the address of the next instruction is kept, relative to the page: a field the form does not use otherwise. */
  readonly nextField: 'immediate' | 'displacement';
}

/** By form id. */
const traits: (FormTraits | undefined)[] = [];

export function traitsOf(form: Form): FormTraits {
  let known = traits[form.id];
  if (known === undefined) {
    const has = (...methods: string[]): boolean => form.operands.some((operand) => methods.includes(operand.method));
    const immediate = has('imm', 'rel', 'moffs');
    known = {
      ends: form.attributes.has('end'),
      alone: form.attributes.has('alone'),
      staticImmediate: form.attributes.has('imm8-static'),
      segmentFromModrm: form.operands.some((operand) => operand.method === 'segment' && operand.register === undefined),
      immediate,
      moffs: has('moffs'),
      relative: has('rel'),
      conditional: has('rel') && form.mnemonic !== 'JMP' && form.mnemonic !== 'CALL',
      transfer: transferKind(form.mnemonic, has('rel')),
      twoImmediates: form.operands.filter((operand) => operand.method === 'imm').length === 2,
      nextField: immediate ? 'displacement' : 'immediate',
    };
    traits[form.id] = known;
  }
  return known;
}

/** Number of the key of a decoded instruction; below 2^53. */
export function keyNumber(instruction: Instruction, form: Form, mode: 64 | 32): number {
  const t = traitsOf(form);
  const wide = isWide(instruction, t);
  const kind = memoryKindNumber(instruction, t, wide);
  const bits =
    (instruction.operandSize >> 2) |
    ((instruction.addressSize >> 2) << 2) |
    (REPS.indexOf(instruction.rep) << 4) |
    ((instruction.memory ? 1 : 0) << 6) |
    (kind << 7) |
    ((instruction.segment + 1) << 9) |
    ((wide && !t.moffs ? 1 : 0) << 12) |
    ((mode === 64 ? 1 : 0) << 13) |
    ((t.segmentFromModrm ? instruction.reg + 1 : 0) << 14) |
    ((t.staticImmediate ? (instruction.immediate & 0xff) + 1 : 0) << 19) |
    (isFar(instruction, t, mode) ? FAR_BIT : 0);
  return form.id * FORM_UNIT + bits;
}

/** The key that {@link keyNumber} stands for. */
export function keyFromNumber(number: number, form: Form): HandlerKey {
  const bits = number % FORM_UNIT;
  return {
    form,
    operandSize: SIZES[bits & 3],
    addressSize: SIZES[(bits >> 2) & 3],
    rep: REPS[(bits >> 4) & 3],
    memory: ((bits >> 6) & 1) === 1,
    memoryKind: KINDS[(bits >> 7) & 3],
    segment: ((bits >> 9) & 7) - 1,
    wideImmediate: ((bits >> 12) & 1) === 1,
    mode: ((bits >> 13) & 1) === 1 ? 64 : 32,
    segmentOperand: ((bits >> 14) & 0x1f) - 1,
    staticImmediate: ((bits >> 19) & 0x1ff) - 1,
    far: (bits & FAR_BIT) !== 0,
  };
}

/** The part of a key's text that names its form. */
export function formText(form: Form): string {
  return `${form.mnemonic} ${form.opcode} ${form.operands.map((o) => `${o.method}:${o.size}`).join(',')}`;
}

/** The key a text like `ADD 01 /r rm:v,reg:v | 64 o8 a8 base` stands for, or undefined when there is no such form (any more). */
export function keyFromText(text: string, forms: ReadonlyMap<string, Form>): HandlerKey | undefined {
  const [name, rest] = text.split(' | ');
  const form = forms.get(name);
  if (form === undefined) return undefined;
  const words = rest.split(' ');
  const number = (prefix: string, otherwise: number, radix = 10): number => {
    const word = words.find((w) => w.startsWith(prefix) && /^[0-9a-f]+$/.test(w.slice(prefix.length)));
    return word === undefined ? otherwise : parseInt(word.slice(prefix.length), radix);
  };
  const one = <T extends number>(choices: readonly T[], value: number): T => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Error(`handler key "${text}": ${value}`);
    return found;
  };
  const memoryKind = KINDS.find((kind) => words.includes(kind)) ?? 'none';
  return {
    form,
    mode: words[0] === '32' ? 32 : 64,
    operandSize: one(SIZES, number('o', 4)),
    addressSize: one(SIZES, number('a', 8)),
    rep: one(REPS, number('rep', 0, 16)),
    memory: memoryKind !== 'none',
    memoryKind,
    segment: number('s', -1),
    wideImmediate: words.includes('wide'),
    segmentOperand: number('r', -1),
    staticImmediate: number('i', -1),
    far: words.includes('far'),
  };
}

/** Number of a key; below 2^53. Equal to {@link keyNumber} of every instruction it fits. */
export function numberOfKey(key: HandlerKey): number {
  const bits =
    (key.operandSize >> 2) |
    ((key.addressSize >> 2) << 2) |
    (REPS.indexOf(key.rep) << 4) |
    ((key.memory ? 1 : 0) << 6) |
    (KINDS.indexOf(key.memoryKind) << 7) |
    ((key.segment + 1) << 9) |
    ((key.wideImmediate ? 1 : 0) << 12) |
    ((key.mode === 64 ? 1 : 0) << 13) |
    ((key.segmentOperand + 1) << 14) |
    ((key.staticImmediate + 1) << 19) |
    (key.far ? FAR_BIT : 0);
  return key.form.id * FORM_UNIT + bits;
}

/** The record needs 64 bits for the immediate (or the absolute address). */
export function isWide(instruction: Instruction, t: FormTraits): boolean {
  if (!t.immediate) return false;
  return instruction.immediateHigh !== (t.moffs ? instruction.displacement : instruction.immediate) >> 31;
}

/** The distance may not fit 32 bits when it is counted from the page's start instead of the instruction's end. */
export function isFar(instruction: Instruction, t: FormTraits, mode: 64 | 32): boolean {
  if (mode === 32) return false;
  return (instruction.ripRelative ? instruction.displacement : t.relative ? instruction.immediate : 0) > 0x7fffffff - FAR_BIAS;
}

function memoryKindNumber(instruction: Instruction, t: FormTraits, wide: boolean): number {
  if (!instruction.memory) return 0;
  if (t.moffs) return wide ? 3 : 1;
  return instruction.index >= 0 ? 2 : 1;
}
