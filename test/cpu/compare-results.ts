/** What differs between a native and an emulated result, in words; and both states for a message. */
import { Flag } from '../../emulator/cpu/flags.ts';
import { Vector } from '../../emulator/cpu/exits.ts';
import { disassemble } from '../../emulator/cpu/disassembler.ts';
import { Case, Result } from './case-layout.ts';
import type { CaseFacts } from './case-generator.ts';
import { unlikeHost } from './host-processor.ts';
import { undefinedFlags } from './undefined-flags.ts';

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const STACK_FAULT = 12;
/** Flags which instructions change and signal frames show. */
const COMPARED_FLAGS = 0x8d5 | Flag.df | Flag.id | Flag.ac;

/**
 * Whether the case's outcome is one the engine promises. Not: jumps to addresses which are not canonical (the CPU faults at the jump,
 * this engine at its target); what POPA had loaded before its fault, and at which of its two accesses ARPL faults.
 */
export function comparable(facts: CaseFacts, native: DataView, at: number): boolean {
  const { mnemonic } = facts.row.form;
  const trap = native.getUint32(at + Result.trap, true);
  if (/^(POPA|ARPL)$/.test(mnemonic) && trap === Vector.pageFault) return false;
  return !(/^(JMP|CALL|RET)$/.test(mnemonic) && trap === Vector.generalProtection);
}

/** Transcendental x87 instructions: CPUs differ in the last place of the result, and so in C1. */
const TRANSCENDENTAL = /^(F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS)$/;
const INEXACT_STATUS = 0x0200;
const TOLERATED_UNITS = 1n;
/** RCPPS and relatives promise a relative error of 1.5 × 2^-12 (SDM vol. 2B) and nothing else: two CPUs may be twice that apart. */
const APPROXIMATE = /^(RCP|RSQRT)[PS]S$/;
const APPROXIMATE_ERROR = 3 / 4096;

interface Lanes {
  readonly bytes: 4 | 8;
  readonly alike: (a: number, b: number) => boolean;
}

function tolerantLanes(mnemonic: string): Lanes | undefined {
  if (APPROXIMATE.test(mnemonic)) return { bytes: 4, alike: (a, b) => Math.abs(a - b) <= Math.abs(a) * APPROXIMATE_ERROR };
  if (!unlikeHost(mnemonic, 0)) return undefined;
  // Of several NaNs that are added the manuals do not say which is the sum.
  const alike: Lanes['alike'] = (a, b) => Number.isNaN(a) && Number.isNaN(b);
  if (mnemonic === 'DPPS') return { bytes: 4, alike };
  return mnemonic === 'DPPD' ? { bytes: 8, alike } : undefined;
}

interface Tolerance {
  readonly undefinedFlags: number;
  readonly transcendental: boolean;
  /** When lanes of floating-point numbers are near enough though they are not equal. */
  readonly lanes: Lanes | undefined;
}

/** Names of what differs, with both values (native first). Empty: they agree. */
export function differences(facts: CaseFacts, native: DataView, at: number, emulated: DataView): string[] {
  const retired = native.getUint32(at + Result.trap, true) === Vector.breakpoint;
  const { mnemonic } = facts.row.form;
  return compareStates(native, at, emulated, {
    undefinedFlags: retired ? undefinedFlags(mnemonic, facts.operandSize, facts.count) : 0,
    transcendental: TRANSCENDENTAL.test(mnemonic),
    lanes: tolerantLanes(mnemonic),
  });
}

/** As {@link differences}, for programs whose last instruction leaves these flags undefined. */
export function programDifferences(native: DataView, at: number, emulated: DataView, undefinedMask: number): string[] {
  return compareStates(native, at, emulated, { undefinedFlags: undefinedMask, transcendental: false, lanes: undefined });
}

function compareStates(native: DataView, at: number, emulated: DataView, tolerance: Tolerance): string[] {
  const found: string[] = [];
  const check = (name: string, offset: number, bytes: 2 | 4 | 8, mask: bigint | undefined = undefined): void => {
    let a = read(native, at + offset, bytes);
    let b = read(emulated, offset, bytes);
    if (mask !== undefined) {
      a &= mask;
      b &= mask;
    }
    if (a !== b) found.push(`${name} ${a.toString(16)} / ${b.toString(16)}`);
  };
  const trap = native.getUint32(at + Result.trap, true);
  // An address that is not canonical is #SS when rsp or rbp made it; Linux sends SIGBUS then. Here it is #GP like all others.
  if (trap !== STACK_FAULT || emulated.getUint32(Result.trap, true) !== Vector.generalProtection) check('trap', Result.trap, 4);
  if (trap === Vector.pageFault || trap === Vector.generalProtection) check('error', Result.error, 4);
  if (trap === Vector.pageFault) check('cr2', Result.cr2, 8);
  check('rip', Result.rip, 8);
  NAMES.forEach((name, n) => check(name, Result.gpr + n * 8, 8));
  check('rflags', Result.rflags, 4, BigInt(COMPARED_FLAGS & ~tolerance.undefinedFlags));
  check('mxcsr', Result.mxcsr, 4);
  check('fcw', Result.fcw, 2);
  check('fsw', Result.fsw, 2, tolerance.transcendental ? BigInt(0xffff & ~INEXACT_STATUS) : undefined);
  check('ftw', Result.ftw, 2);
  for (let n = 0; n < 16; n++) {
    if (tolerance.lanes !== undefined && lanesAlike(native, at, emulated, Result.xmm + n * 16, tolerance.lanes)) continue;
    check(`xmm${n} low`, Result.xmm + n * 16, 8);
    check(`xmm${n} high`, Result.xmm + n * 16 + 8, 8);
  }
  for (let n = 0; n < 8; n++) {
    if (tolerance.transcendental && closeExtended(native, at, emulated, Result.st + n * 16)) continue;
    check(`st${n}`, Result.st + n * 16, 8);
    check(`st${n} exponent`, Result.st + n * 16 + 8, 2);
  }
  check('changed from', Result.first, 4);
  check('changed to', Result.last, 4);
  check('changed data', Result.hash, 4);
  if (found.some((text) => text.startsWith('changed'))) found.push(`data ${hexBytes(native, at + Result.span)} / ${hexBytes(emulated, Result.span)}`);
  return found;
}

function lanesAlike(native: DataView, at: number, emulated: DataView, offset: number, { bytes, alike }: Lanes): boolean {
  for (let lane = 0; lane < 16; lane += bytes) {
    const equal = read(native, at + offset + lane, bytes) === read(emulated, offset + lane, bytes);
    const value = (view: DataView, start: number): number => (bytes === 4 ? view.getFloat32(start, true) : view.getFloat64(start, true));
    if (!equal && !alike(value(native, at + offset + lane), value(emulated, offset + lane))) return false;
  }
  return true;
}

function closeExtended(native: DataView, at: number, emulated: DataView, offset: number): boolean {
  // On one line, so that the largest significand and the next power of two are neighbours: the integer bit says nothing the exponent does not.
  const place = (view: DataView, start: number): bigint => (BigInt(view.getUint16(start + 8, true)) << 63n) | (view.getBigUint64(start, true) & ((1n << 63n) - 1n));
  const distance = place(native, at + offset) - place(emulated, offset);
  return distance <= TOLERATED_UNITS && -distance <= TOLERATED_UNITS;
}

/** Bytes, disassembly, what differs, and the state the case began with. */
export function report(facts: CaseFacts, cases: DataView, at: number, found: readonly string[]): string {
  const bytes = Array.from(facts.bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const registers = NAMES.map((name, n) => `${name}=${read(cases, at + Case.gpr + n * 8, 8).toString(16)}`).join(' ');
  const flags = `rflags=${read(cases, at + Case.rflags, 4).toString(16)} mxcsr=${read(cases, at + Case.mxcsr, 4).toString(16)}`;
  const x87 = `fcw=${read(cases, at + Case.fcw, 2).toString(16)} fsw=${read(cases, at + Case.fsw, 2).toString(16)} ftw=${read(cases, at + Case.ftw, 2).toString(16)}`;
  const xmm = /xmm|Xmm/i.test(disassemble(facts.bytes, facts.address, facts.mode).text)
    ? `\n    ${Array.from({ length: 16 }, (_, n) => `xmm${n}=${read(cases, at + Case.xmm + n * 16 + 8, 8).toString(16)}:${read(cases, at + Case.xmm + n * 16, 8).toString(16)}`).join(' ')}`
    : '';
  const st = facts.row.opcode >= 0xd8 && facts.row.opcode <= 0xdf && facts.row.map === 0
    ? `\n    ${x87} ${Array.from({ length: 8 }, (_, n) => `st${n}=${read(cases, at + Case.st + n * 16 + 8, 2).toString(16)}:${read(cases, at + Case.st + n * 16, 8).toString(16)}`).join(' ')}`
    : '';
  const patch = Array.from({ length: 8 }, (_, n) => read(cases, at + Case.patch + n * 8, 8).toString(16)).join(' ');
  return `${facts.row.form.mnemonic} "${facts.row.form.opcode}" ${facts.address.toString(16)}: ${bytes}  ${disassemble(facts.bytes, facts.address, facts.mode).text}
    native / emulated: ${found.join(', ')}
    ${registers} ${flags}${xmm}${st}
    data+${read(cases, at + Case.patchOffset, 4).toString(16)}: ${patch}`;
}

function read(view: DataView, at: number, bytes: 2 | 4 | 8): bigint {
  if (bytes === 8) return view.getBigUint64(at, true);
  return BigInt(bytes === 4 ? view.getUint32(at, true) : view.getUint16(at, true));
}

function hexBytes(view: DataView, at: number): string {
  return Array.from({ length: 32 }, (_, i) => view.getUint8(at + i).toString(16).padStart(2, '0')).join('');
}
