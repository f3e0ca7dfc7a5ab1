/**
 * Where AMD's processors do something else than Intel's, which skas is like (its CPUID says GenuineIntel). Both follow their manuals; on a host of AMD's
 * make the cases in which a rule holds are not compared. Seen on family 19h; manual: AMD64 Architecture Programmer's Manual (APM).
 */
import { Vector } from '../../emulator/cpu/exits.ts';
import { HOST_IS_AMD } from '../../emulator/cpu/soft-float/native-oracle.ts';
import type { CaseFacts } from './case-generator.ts';
import { Result } from './case-layout.ts';

export type CaseForm = Pick<CaseFacts, 'row' | 'mode' | 'bytes' | 'operandSize' | 'count'>;

interface Outcome {
  /** Exception vectors of both runs. */
  readonly native: number;
  readonly emulated: number;
  /** x87 status words of both runs. */
  readonly nativeStatus: number;
  readonly emulatedStatus: number;
}

interface Rule {
  /** Matches "MNEMONIC opcode". */
  readonly forms: RegExp;
  readonly holds: (form: CaseForm, outcome: Outcome) => boolean;
}

const UNDERFLOW = 0x10;
const STACK_FAULT = 12;
const memoryFault = ({ native }: Outcome): boolean => native === Vector.pageFault || native === Vector.generalProtection || native === STACK_FAULT;

const LEGACY_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];

/** The prefix 66 is before the opcode, perhaps among others (a REX prefix not just before the opcode is one without effect). */
function operandSizePrefix({ bytes, mode }: CaseForm): boolean {
  const opcode = bytes.findIndex((byte) => !LEGACY_PREFIXES.includes(byte) && !(mode === 64 && (byte & 0xf0) === 0x40));
  return bytes.subarray(0, opcode).includes(0x66);
}

const AMD: readonly Rule[] = [
  // Near branches with 66 go to a 16-bit address in 64-bit mode, too (APM vol. 3, "JMP Near"; SDM vol. 2, "JMP": ignored).
  { forms: /^(J|CALL|RET|LOOP)/, holds: (form) => form.mode === 64 && operandSizePrefix(form) },
  // Shifted by more than the operand has, the destination is undefined.
  { forms: /^SH[LR]D /, holds: ({ operandSize, count }) => operandSize === 2 && (count & 31) > 16 },
  // The forms with a register are #UD.
  { forms: /^PREFETCHW /, holds: (_, { native }) => native === Vector.invalidOpcode },
  // Selectors are pushed with zeros above them; Intel's leave the upper half of the word in memory alone.
  { forms: /^PUSH (06|0E|16|1E|0F A[08])/, holds: (form) => form.mode === 32 && !operandSizePrefix(form) },
  // MXCSR_MASK has the bit for misaligned SSE.
  { forms: /^FXSAVE /, holds: () => true },
  // A store that cannot be done is a memory fault before it is an x87 exception, and stores nothing of what crosses into a bad page.
  { forms: /^(FSTP?|FISTT?P?|FBSTP) /, holds: (_, outcome) => memoryFault(outcome) && outcome.emulated !== Vector.pageFault },
  { forms: /^(FSTP DB|FBSTP DF)/, holds: (_, outcome) => memoryFault(outcome) },
  // A faulting store of an MMX register leaves TOP and the tags alone.
  { forms: /^MOV(NTQ|Q|D) NP/, holds: (_, outcome) => memoryFault(outcome) },
  // Which byte of a masked store is blamed, and how far flags of a repeated comparison are when it faults.
  { forms: /^(MASKMOVDQU|CMPS|SCAS) /, holds: (_, outcome) => memoryFault(outcome) },
  // Both 16-bit bounds are read as one; Intel's find the operand outside the lower bound before the upper one faults.
  { forms: /^BOUND /, holds: ({ operandSize }, outcome) => operandSize === 2 && memoryFault(outcome) },
  // Transcendental functions signal underflow for denormal results that are exact.
  { forms: /^(FSIN|FSINCOS|FPTAN|FPATAN|F2XM1|FYL2X|FYL2XP1) /, holds: (_, { nativeStatus, emulatedStatus }) => (nativeStatus & ~emulatedStatus & UNDERFLOW) !== 0 },
];

const RULES: readonly Rule[] = HOST_IS_AMD ? AMD : [];

/** Whether the host's processor does by its manual something else in this case. Records as in {@link Result}. */
export function hostDiffers(form: CaseForm, native: DataView, at: number, emulated: DataView): boolean {
  const name = `${form.row.form.mnemonic} ${form.row.form.opcode}`;
  const outcome: Outcome = {
    native: native.getUint32(at + Result.trap, true), emulated: emulated.getUint32(Result.trap, true),
    nativeStatus: native.getUint16(at + Result.fsw, true), emulatedStatus: emulated.getUint16(Result.fsw, true),
  };
  return RULES.some(({ forms, holds }) => forms.test(name) && holds(form, outcome));
}

/** Whether the instruction may do something else on the host's processor although it raises no exception, so that a program cannot go on behind it. */
export const unlikeHost = (mnemonic: string, operandSize: number): boolean =>
  HOST_IS_AMD && (mnemonic === 'PREFETCHW' || (/^SH[LR]D$/.test(mnemonic) && operandSize === 2) || /^DPP[SD]$/.test(mnemonic));
