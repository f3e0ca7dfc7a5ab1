/**
 * Random short programs with branches, loops and calls, on the host CPU and in both tiers: what instructions do to each other. Both tiers must
 * also count the same, however the run is cut into slices.
 * SKAS_ORACLE_PROGRAMS (default 6000) and SKAS_ORACLE_SEED choose how many and which.
 */
import { setFlagsFromString } from 'node:v8';
import { beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../emulator/cpu/decode/decoder.ts';
import { PARSED_ROWS } from '../../emulator/cpu/decode/forms.ts';
import { Instruction } from '../../emulator/cpu/decode/instruction.ts';
import { disassemble } from '../../emulator/cpu/disassembler.ts';
import { PAGE_SIZE } from '../../emulator/cpu/state.ts';
import { RegionTranslator } from '../../emulator/cpu/translator/translator.ts';
import { Case, DATA_BYTES, Result } from './case-layout.ts';
import { programDifferences } from './compare-results.ts';
import { EmulatedRunner } from './emulated-runner.ts';
import { hostDiffers } from './host-processor.ts';
import { NativeRunner } from './native-runner.ts';
import { Random } from './random-values.ts';
import { PROGRAM_SLOT, SequenceGenerator, type ProgramFacts } from './sequence-generator.ts';

const PROGRAMS = Number(process.env['SKAS_ORACLE_PROGRAMS'] ?? 6000);
const SEED = Number(process.env['SKAS_ORACLE_SEED'] ?? 1);
const CHUNK = 2000;
const CODE_BYTES = Math.ceil((CHUNK * PROGRAM_SLOT) / PAGE_SIZE) * PAGE_SIZE;
const SHOWN = 4;

function listing(program: ProgramFacts, cases: DataView, at: number, found: readonly string[]): string {
  const lines = [`native / emulated: ${found.join(', ')}`];
  for (let offset = 0; offset < program.bytes.length; ) {
    const { text, length } = disassemble(program.bytes.subarray(offset), program.address + offset, 64);
    const bytes = Array.from(program.bytes.subarray(offset, offset + length), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    if (bytes !== 'cc') lines.push(`${(program.address + offset).toString(16)}: ${bytes}  ${text}`);
    offset += Math.max(length, 1);
  }
  lines.push(Array.from({ length: 16 }, (_, n) => cases.getBigUint64(at + Case.gpr + n * 8, true).toString(16)).join(' '));
  return lines.join('\n');
}

/** Whether the instruction that ended the program there does something else on the host's processor. */
function unlikeAt(program: ProgramFacts, offset: number, native: DataView, at: number, emulated: DataView): boolean {
  const instruction = new Instruction();
  if (decode(program.bytes, offset, program.bytes.length, program.address + offset, 64, instruction) !== 'ok') return false;
  const row = PARSED_ROWS.find(({ form }) => form === instruction.form);
  return row !== undefined && hostDiffers({ row, mode: 64, bytes: program.bytes.subarray(offset), operandSize: instruction.operandSize, count: instruction.immediate }, native, at, emulated);
}

describe.skipIf(process.arch !== 'x64' || process.platform !== 'linux')('programs against the host CPU', () => {
  const failures = { interpreter: [] as string[], translator: [] as string[], slices: [] as string[] };
  let regions = 0;

  beforeAll(() => {
    const native = new NativeRunner();
    const random = new Random(SEED);
    const data = Uint8Array.from({ length: DATA_BYTES }, () => random.u32());
    const translators: RegionTranslator[] = [];
    const runner = new EmulatedRunner(CODE_BYTES, data, 64, {
      threshold: 2 ** 30,
      translator: (host) => {
        const made = new RegionTranslator(host, 'sync');
        translators.push(made);
        return made;
      },
    });
    const [translator] = translators;
    setFlagsFromString('--liftoff');
    const generator = new SequenceGenerator(random, PARSED_ROWS);
    const records = new Uint8Array(CHUNK * Case.bytes);
    const view = new DataView(records.buffer);
    const code = new Uint8Array(CODE_BYTES);
    const result = new DataView(new ArrayBuffer(Result.bytes));
    for (let done = 0; done < PROGRAMS; done += CHUNK) {
      const count = Math.min(CHUNK, PROGRAMS - done);
      code.fill(0xcc);
      const programs = Array.from({ length: count }, (_, n) => generator.make(n, new DataView(records.buffer, n * Case.bytes, Case.bytes), code));
      const expected = native.run(records.subarray(0, count * Case.bytes), code, data, 64);
      const counts = new Map<number, number>();
      const pass = (failed: string[], slice?: () => number): void => {
        programs.forEach((program, n) => {
          runner.run(view, n * Case.bytes, result, slice);
          const stoppedAt = Number(expected.getBigUint64(n * Result.bytes + Result.rip, true)) - program.address;
          const found = unlikeAt(program, stoppedAt, expected, n * Result.bytes, result) ? [] : programDifferences(expected, n * Result.bytes, result, program.undefinedAt.get(stoppedAt) ?? 0);
          const count = counts.get(n) ?? runner.retired;
          counts.set(n, count);
          if (runner.retired !== count) found.push(`retired ${count} interpreted, now ${runner.retired}`);
          if (found.length > 0 && failed.length < SHOWN) failed.push(listing(program, view, n * Case.bytes, found));
        });
      };
      runner.loadCode(code);
      pass(failures.interpreter);
      for (const { address } of programs) translator.request(address, 64, runner.space);
      pass(failures.translator);
      pass(failures.slices, () => 1 + random.below(9));
    }
    regions = translator.stats.regions;
    translator.close();
    native.close();
  }, 1_800_000);

  test('interpreter', () => {
    expect(failures.interpreter.join('\n\n')).toBe('');
  });

  test('translator', () => {
    expect(regions).toBeGreaterThan(PROGRAMS * 0.9);
    expect(failures.translator.join('\n\n')).toBe('');
  });

  test('in slices of a few instructions', () => {
    expect(failures.slices.join('\n\n')).toBe('');
  });
});
