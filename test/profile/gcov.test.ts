/** Coverage counts out of guest memory: the same files as a clean exit writes, read by the real gcov. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GUESTS } from '../fixtures/guest-program.ts';
import { gdb, listen } from '../gdb/dialogue.ts';
import { GcovError, readGcovFiles } from '../../emulator/profile/gcov-memory.ts';

const LONG = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'skas-gcov-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SOURCE = 'coverage-program.c';

/** Builds the program in a folder of its own: .gcno and .gcda files stay beside the object. */
function build(name: string, flags: readonly string[]): { program: string; data: string; home: string } {
  const home = mkdtempSync(join(folder, name));
  copyFileSync(join(GUESTS, SOURCE), join(home, SOURCE));
  execFileSync('gcc', ['--coverage', '-g', '-c', ...flags, '-o', 'program.o', SOURCE], { cwd: home });
  execFileSync('gcc', ['--coverage', ...flags, '-o', 'program', 'program.o'], { cwd: home });
  return { program: join(home, 'program'), data: join(home, 'program.gcda'), home };
}

describe('monitor gcov write', () => {
  it.each([['a static program', ['-O0', '-static']], ['a position-independent one', ['-O2', '-pie']], ['a 32-bit one', ['-O1', '-m32', '-static']]])('gives the files that a clean exit writes: %s', async (_what, flags) => {
    const { program, data, home } = build('exit', flags);
    execFileSync(program, { cwd: home });
    const clean = readFileSync(data);
    rmSync(data);
    const out = join(home, 'out');
    const machine = await listen(['run', '--gdb', ':0', '--wait', program]);
    machine.child.stdin?.end();
    try {
      const output = await gdb(machine.port, ['break done', 'continue', `monitor gcov write ${out}`, 'kill'], { symbols: program, timeout: LONG / 2 });
      expect(output).toMatch(/1 files written under/);
      execFileSync('cp', [join(out, data), data]);
      const report = execFileSync('gcov', ['-t', '-b', 'program'], { cwd: home, encoding: 'utf8' });
      expect(report).toMatch(/100[01]\*?: +\d+:.*odd\(i\)/);
      expect(report).toMatch(/#####: +\d+:.*n > 3/);
    } finally {
      machine.child.kill('SIGKILL');
    }
    // At the very end there is no difference.
    const last = await listen(['run', '--gdb', ':0', '--wait', program]);
    last.child.stdin?.end();
    try {
      await gdb(last.port, ['break __gcov_dump_one', 'break __gcov_exit', 'continue', `monitor gcov write ${out}`, 'kill'], { symbols: program, timeout: LONG / 2 });
      expect(readFileSync(join(out, data)).equals(clean)).toBe(true);
    } finally {
      last.child.kill('SIGKILL');
    }
    expect(readdirSync(home)).toContain('program.gcno');
  }, LONG);

  it('says why when there is nothing to write', async () => {
    const home = mkdtempSync(join(folder, 'plain'));
    const program = join(home, 'program');
    execFileSync('gcc', ['-g', '-static', '-o', program, join(GUESTS, SOURCE)]);
    const machine = await listen(['run', '--gdb', ':0', '--wait', program]);
    machine.child.stdin?.end();
    try {
      const output = await gdb(machine.port, [`monitor gcov write ${home}`, 'monitor gcov', 'kill'], { symbols: program, timeout: LONG / 2 });
      expect(output).toMatch(/was not built for coverage/);
      expect(output).toMatch(/gcov write DIR/);
    } finally {
      machine.child.kill('SIGKILL');
    }
  }, LONG);
});

describe('coverage data in memory', () => {
  const memory = (bytes: Uint8Array) => (address: number, length: number) => (address >= 0x1000 && address + length <= 0x1000 + bytes.length ? bytes.subarray(address - 0x1000, address - 0x1000 + length) : undefined);
  it('that is nonsense is refused', () => {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, 0x1010n, true);
    expect(() => readGcovFiles(memory(bytes), 0x1000, 8)).toThrow(/does not know/);
    view.setUint32(0x10, 0x4232322a, true);
    view.setUint32(0x10 + 0x60, 0x7fffffff, true);
    expect(() => readGcovFiles(memory(bytes), 0x1000, 8)).toThrow(/functions in the coverage data/);
    expect(() => readGcovFiles(memory(bytes), 0x9000, 8)).toThrow(GcovError);
    view.setUint32(0x10 + 0x60, 0, true);
    view.setBigUint64(0x10 + 8, 0x1010n, true);
    view.setBigUint64(0x10 + 0x18, 0x1800n, true);
    expect(() => readGcovFiles(memory(bytes), 0x1000, 8)).toThrow(/no end/);
  });
});
