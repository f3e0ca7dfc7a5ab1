/**
 * The decoder against iced-x86 on real programs: same length for every instruction of their executable sections, and a form
 * for every instruction of the instruction sets which the machine claims to have.
 */
import { existsSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction as IcedInstruction, Mnemonic } from 'iced-x86';
import { describe, expect, test } from 'vitest';
import { decode } from '../../emulator/cpu/decode/decoder.ts';
import { Instruction } from '../../emulator/cpu/decode/instruction.ts';

/** x86-64-v2, with what came before it. */
const CLAIMED = [
  'INTEL8086', 'INTEL186', 'INTEL286', 'INTEL386', 'INTEL486', 'X64', 'CMOV', 'CMPXCHG16B', 'CPUID', 'CX8', 'FPU', 'FPU287', 'FPU387', 'FXSR', 'MMX',
  'SSE', 'SSE2', 'SSE3', 'SSSE3', 'SSE4_1', 'SSE4_2', 'POPCNT', 'PAUSE', 'MULTIBYTENOP', 'SYSCALL', 'TSC', 'CLFSH', 'SEP',
] as const;
const claimed = new Set<number>(CLAIMED.map((name) => CpuidFeature[name]));
/**
 * Encodings, by iced's names, which user programs on Linux do not use: far transfers and far pointers, questions about descriptors,
 * SYSCALL in 32-bit mode (AMD only), what the 8087 and 80287 had, and moves to control registers with a ModRM.mod that pretends to be memory.
 */
const NOT_OFFERED = /^((Call|Jmp)_(m16|ptr)|Retf|Iret|L[defgs]s_|Lar_|Lsl_|Ver[rw]_|Mov_.*(_cr|_dr|cr_|dr_)|Syscall$|Fndisi|Fneni|Fnsetpm|Fstpnce)/;

interface Findings {
  instructions: number;
  wrongLength: string[];
  missing: Map<string, number>;
}

function compare(bytes: Uint8Array, address: number, mode: 64 | 32, findings: Findings): void {
  const padded = new Uint8Array(bytes.length + 16);
  padded.set(bytes);
  const decoder = new Decoder(mode, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const iced = new IcedInstruction();
  const ours = new Instruction();
  for (let at = 0; decoder.canDecode; ) {
    decoder.decodeOut(iced);
    const length = iced.length;
    if (iced.isInvalid) {
      at += length;
      continue;
    }
    findings.instructions++;
    const result = decode(padded, at, bytes.length, address + at, mode, ours);
    if (result !== 'ok') {
      if (iced.cpuidFeatures().every((feature) => claimed.has(feature))) {
        const name = Mnemonic[iced.mnemonic];
        if (!NOT_OFFERED.test(Code[iced.code])) findings.missing.set(name, (findings.missing.get(name) ?? 0) + 1);
      }
    } else if (ours.length !== length && findings.wrongLength.length < 20) {
      findings.wrongLength.push(`${hex(padded, at, length)}: ${ours.form?.mnemonic} of ${ours.length} bytes, iced has ${Mnemonic[iced.mnemonic]} of ${length}`);
    }
    at += length;
  }
  decoder.free();
  iced.free();
}

function hex(bytes: Uint8Array, at: number, length: number): string {
  return Array.from(bytes.subarray(at, at + length), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Address, offset and size of a file's executable sections, from readelf. */
function executableSections(path: string): { address: number; offset: number; size: number }[] {
  const lines = execFileSync('readelf', ['-SW', path], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const match = /\bPROGBITS\s+([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+\s+[WA]*X/.exec(line);
    return match === null ? [] : [{ address: parseInt(match[1], 16), offset: parseInt(match[2], 16), size: parseInt(match[3], 16) }];
  });
}

const PROGRAMS: readonly { name: string; paths: readonly string[] }[] = [
  { name: 'libc', paths: ['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/libc.so.6'] },
  { name: 'a UML kernel', paths: ['/usr/bin/linux.uml', '/usr/bin/linux'] },
  { name: "gcc's cc1", paths: ['/usr/lib/gcc/x86_64-linux-gnu/12/cc1', '/usr/lib/gcc/x86_64-linux-gnu/13/cc1'] },
];

describe('decoder against iced-x86', () => {
  for (const { name, paths } of PROGRAMS) {
    const path = paths.find((candidate) => existsSync(candidate));
    test.skipIf(path === undefined)(`every instruction of ${name}`, () => {
      const findings: Findings = { instructions: 0, wrongLength: [], missing: new Map() };
      const file = readFileSync(path ?? '');
      for (const section of executableSections(path ?? '')) {
        compare(file.subarray(section.offset, section.offset + section.size), section.address, 64, findings);
      }
      expect(findings.instructions).toBeGreaterThan(10_000);
      expect(findings.wrongLength).toEqual([]);
      expect(Object.fromEntries(findings.missing)).toEqual({});
    });
  }

  test.each([64, 32] as const)('random bytes in %i-bit mode', (mode) => {
    const findings: Findings = { instructions: 0, wrongLength: [], missing: new Map() };
    let state = 12345;
    const bytes = Uint8Array.from({ length: 400_000 }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16);
    compare(bytes, 0x400000, mode, findings);
    expect(findings.instructions).toBeGreaterThan(50_000);
    expect(findings.wrongLength).toEqual([]);
    expect(Object.fromEntries(findings.missing)).toEqual({});
  });
});
