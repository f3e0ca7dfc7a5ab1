/**
 * Random instances of every instruction form, run on the host CPU and in both tiers of the engine: registers, flags, x87, SSE,
 * memory and exceptions must agree.
 *
 * SKAS_ORACLE_CASES (default 200 000) and SKAS_ORACLE_SEED choose how many and which; SKAS_ORACLE_FORMS is a regular expression
 * on "MNEMONIC opcode". Translating costs thirty times as much as interpreting, so only one chunk in SKAS_ORACLE_TRANSLATED
 * (default 8) is run in both tiers. A failure prints bytes, disassembly, what differs and the state the case began with.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setFlagsFromString } from 'node:v8';
import { PARSED_ROWS } from '../../emulator/cpu/decode/forms.ts';
import { HOST_IS_AMD } from '../../emulator/cpu/soft-float/native-oracle.ts';
import { RegionTranslator } from '../../emulator/cpu/translator/translator.ts';
import { CaseGenerator, runnable, type CaseFacts } from './case-generator.ts';
import { Case, DATA_BYTES, Result, SLOT } from './case-layout.ts';
import { comparable, differences, report } from './compare-results.ts';
import { EmulatedRunner } from './emulated-runner.ts';
import { hostDiffers } from './host-processor.ts';
import { NativeRunner } from './native-runner.ts';
import { Random } from './random-values.ts';

const CASES = Number(process.env['SKAS_ORACLE_CASES'] ?? 200_000);
const SEED = Number(process.env['SKAS_ORACLE_SEED'] ?? 1);
const FORMS = new RegExp(process.env['SKAS_ORACLE_FORMS'] ?? '.');
const TRANSLATED = Number(process.env['SKAS_ORACLE_TRANSLATED'] ?? 8);
const CHUNK = 8192;
const SHOWN = 12;
/** The translator is asked, it does not choose. */
const NEVER = 2 ** 30;


class Tally {
  cases = 0;
  /** Not compared: the host's processor may do something else. */
  unlike = 0;
  readonly failed = new Map<string, number>();
  readonly shown: string[] = [];

  add(facts: CaseFacts, cases: DataView, at: number, found: readonly string[]): void {
    this.cases++;
    if (found.length === 0) return;
    const name = `${facts.row.form.mnemonic} ${facts.row.form.opcode}`;
    const before = this.failed.get(name) ?? 0;
    this.failed.set(name, before + 1);
    if (before === 0 && this.shown.length < SHOWN) this.shown.push(report(facts, cases, at, found));
  }

  get summary(): string {
    return [...this.failed].map(([name, count]) => `${name}: ${count}`).join('\n') + '\n\n' + this.shown.join('\n\n');
  }
}

describe.skipIf(process.arch !== 'x64' || process.platform !== 'linux').each([64, 32] as const)('instructions against the host CPU, %i-bit mode', (mode) => {
  const rows = PARSED_ROWS.filter((row) => runnable(row, mode) && FORMS.test(`${row.form.mnemonic} ${row.form.opcode}`));
  // 32-bit mode shares all meanings: what it has of its own is seen with fewer.
  const wanted = mode === 64 ? CASES : Math.ceil(CASES / 4);
  const interpreted = new Tally();
  const translated = new Tally();
  let regions = 0;
  let native: NativeRunner;

  beforeAll(() => {
    native = new NativeRunner();
    const random = new Random(SEED + mode);
    const data = Uint8Array.from({ length: DATA_BYTES }, () => random.u32());
    const translators: RegionTranslator[] = [];
    const runner = new EmulatedRunner(CHUNK * SLOT, data, mode, {
      threshold: NEVER,
      translator: (host) => {
        const made = new RegionTranslator(host, 'sync');
        translators.push(made);
        return made;
      },
    });
    const [translator] = translators;
    // The code is run once: V8's quick compiler does, after the interpreter has been made with the other one.
    setFlagsFromString('--liftoff');
    const generator = new CaseGenerator(random, mode);
    const records = new Uint8Array(CHUNK * Case.bytes);
    const view = new DataView(records.buffer);
    const code = new Uint8Array(CHUNK * SLOT);
    const result = new DataView(new ArrayBuffer(Result.bytes));
    let next = 0;
    for (let done = 0; done < wanted; ) {
      code.fill(0xcc);
      const facts: CaseFacts[] = [];
      while (facts.length < CHUNK && done + facts.length < wanted) {
        const record = new DataView(records.buffer, facts.length * Case.bytes, Case.bytes);
        const made = generator.make(rows[next++ % rows.length], facts.length, record, code);
        if (made !== undefined) facts.push(made);
      }
      const expected = native.run(records.subarray(0, facts.length * Case.bytes), code, data, mode);
      const pass = (tally: Tally): void => {
        facts.forEach((fact, i) => {
          const at = i * Case.bytes;
          let found: string[];
          try {
            runner.run(view, at, result);
            const unlike = hostDiffers(fact, expected, i * Result.bytes, result);
            if (unlike) tally.unlike++;
            found = !unlike && comparable(fact, expected, i * Result.bytes) ? differences(fact, expected, i * Result.bytes, result) : [];
          } catch (error) {
            found = [`threw ${String(error)}`];
          }
          tally.add(fact, view, at, found);
        });
      };
      runner.loadCode(code);
      pass(interpreted);
      done += facts.length;
      if (Math.floor((done - 1) / CHUNK) % TRANSLATED !== 0) continue;
      const before = translator.stats.regions;
      for (const { address } of facts) translator.request(address, mode, runner.space);
      regions += translator.stats.regions - before;
      pass(translated);
    }
    translator.close();
  }, 1_800_000);

  afterAll(() => native.close());

  test('interpreter', () => {
    expect(interpreted.cases).toBeGreaterThanOrEqual(Math.min(wanted, 1000));
    expect(interpreted.unlike).toBeLessThanOrEqual(HOST_IS_AMD ? interpreted.cases * 0.05 : 0);
    expect(interpreted.summary).toBe('\n\n');
  });

  test('translator', () => {
    // What ends a block by itself is not translated; everything else must have been.
    expect(regions).toBeGreaterThan(translated.cases * 0.8);
    expect(translated.summary).toBe('\n\n');
  });
});
