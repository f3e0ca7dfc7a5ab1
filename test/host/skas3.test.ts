/** The skas3 host interface, used rightly and wrongly by programs of our own: no host of today offers it, so there is nothing to compare with but the interface's definition. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUESTS, guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const program = (name: string, bits: 32 | 64): string => guestProgram(`skas3-${name}.c`, ['-O1', '-g', '-static', `-m${bits}`]);
const expected = (name: string, bits: 32 | 64): string => readFileSync(join(GUESTS, `skas3-${name}-${bits}.expected`), 'utf8');

/** What a host answers to each of the names and requests. */
function answers(opened: readonly string[], requests: readonly string[]): string {
  const names = ['/proc/mm', '/proc/mm64', '/dev/mm'];
  return [
    ...names.map((name, i) => `open("${name}", O_WRONLY) = ${opened[i]}\n`),
    ...requests.map((answer, i) => `${52 + i}: trace(what, child, 0, &word) = ${answer}\n`),
  ].join('');
}

describe.each([64, 32] as const)('skas3 for %d-bit callers', (bits) => {
  it('answers every operation and every wrong use of it', () => {
    const { stdout, stderr, status } = skas(['run', '--quiet', program('errors', bits)]);
    expect(stdout, stderr).toBe(expected('errors', bits));
    expect(status).toBe(0);
  });

  it('is hidden by --no-skas3, and offered to everyone by --skas3-for-all', () => {
    const errors = program('errors', bits);
    const refused = Array.from({ length: 3 }, () => '-1 ENOENT');
    const all = answers(['0', '0', '0'], ['0', '0', '0', '-1 EBADF', '0']);
    expect(skas(['run', '--quiet', '--no-skas3', errors, 'hidden']).stdout).toBe(answers(refused, Array.from({ length: 5 }, () => '-1 EIO')));
    expect(skas(['run', '--quiet', errors, 'hidden']).stdout).toBe(bits === 32 ? all : answers(['-1 ENOENT', '0', '0'], ['-1 EIO', '0', '0', '-1 EBADF', '0']));
    expect(skas(['run', '--quiet', '--skas3-for-all', errors, 'hidden']).stdout).toBe(all);
  });

  it('is found, or not, by what kernels ask before they start; the rest of their questions is answered as natively', () => {
    const probe = program('probe', bits);
    const native = spawnSync(probe, { encoding: 'utf8' }).stdout;
    expect(native).toContain('UML running in SKAS0 mode');
    const found = (...words: readonly string[]): string => words.reduce((text, word) => text.replace(new RegExp(`(${word}\\.\\.\\.).*`), '$1found'), native);
    const everything = found('/proc/mm', 'PTRACE_FAULTINFO', 'PTRACE_LDT').replace('SKAS0', 'SKAS3');
    expect(skas(['run', '--quiet', '--no-skas3', probe]).stdout).toBe(native);
    expect(skas(['run', '--quiet', probe]).stdout).toBe(bits === 32 ? everything : found('PTRACE_LDT'));
    expect(skas(['run', '--quiet', '--skas3-for-all', probe]).stdout).toBe(everything);
  });

  it('serves several processors of one kernel, in the same order in every run', () => {
    const run = (): string => {
      const { stdout, stderr, status } = skas(['run', '--quiet', '--stats', program('smp', bits)]);
      expect(status, stderr).toBe(0);
      return `${stdout}${(/^.*instructions.*$/m.exec(stderr) ?? ['no count'])[0]}\n${(/^.*state.*$/m.exec(stderr) ?? ['no state'])[0]}`;
    };
    const first = run();
    expect(first).toContain('turns 2400 on 4 processors, interrupts 148 of 148 received\n');
    for (let space = 0; space < 3; space++) expect(first).toContain(`space ${space} counted 160000 in 800 turns\n`);
    expect(first).toMatch(/instructions +\d/);
    expect(first).toMatch(/state +[\da-f]{64}/);
    expect(run()).toBe(first);
  });

  it.each(['', '--max-address-spaces 20 --max-processes 10'])('gives handles that are descriptors like any other, as many as there may be (%s)', (options) => {
    const { stdout, stderr, status } = skas(['run', '--quiet', ...options.split(' ').filter((word) => word !== ''), program('handles', bits)]);
    expect(stdout, stderr).toBe(expected('handles', bits));
    expect(status).toBe(0);
  });
});
