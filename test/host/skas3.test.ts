/** The skas3 host interface, used rightly and wrongly by programs of our own: no host of today offers it, so there is nothing to compare with but the interface's definition. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUESTS, guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const expected = (name: string): string => readFileSync(join(GUESTS, `${name}.expected`), 'utf8');

/** What a host answers to each of the names and requests. */
function answers(opened: readonly string[], requests: readonly string[]): string {
  const names = ['/proc/mm', '/proc/mm64', '/dev/mm'];
  return [
    ...names.map((name, i) => `open("${name}", O_WRONLY) = ${opened[i]}\n`),
    ...requests.map((answer, i) => `${52 + i}: trace(what, child, 0, &word) = ${answer}\n`),
  ].join('');
}

describe('skas3', () => {
  it('answers every operation and every wrong use of it', () => {
    const { stdout, stderr, status } = skas(['run', '--quiet', guestProgram('skas3-errors.c')]);
    expect(stdout, stderr).toBe(expected('skas3-errors'));
    expect(status).toBe(0);
  });

  it('is hidden by --no-skas3, and offered to everyone by --skas3-for-all', () => {
    const program = guestProgram('skas3-errors.c');
    const refused = Array.from({ length: 3 }, () => '-1 ENOENT');
    expect(skas(['run', '--quiet', '--no-skas3', program, 'hidden']).stdout).toBe(answers(refused, Array.from({ length: 5 }, () => '-1 EIO')));
    expect(skas(['run', '--quiet', program, 'hidden']).stdout).toBe(answers(['-1 ENOENT', '0', '0'], ['-1 EIO', '0', '0', '-1 EBADF', '0']));
    expect(skas(['run', '--quiet', '--skas3-for-all', program, 'hidden']).stdout).toBe(answers(['0', '0', '0'], ['0', '0', '0', '-1 EBADF', '0']));
  });

  it('is found, or not, by what kernels ask before they start; the rest of their questions is answered as natively', () => {
    const program = guestProgram('skas3-probe.c');
    const native = spawnSync(program, { encoding: 'utf8' }).stdout;
    expect(native).toContain('UML running in SKAS0 mode');
    const found = (from: string, ...words: readonly string[]): string => words.reduce((text, word) => text.replace(new RegExp(`(${word}\\.\\.\\.).*`), '$1found'), from);
    expect(skas(['run', '--quiet', '--no-skas3', program]).stdout).toBe(native);
    expect(skas(['run', '--quiet', program]).stdout).toBe(found(native, 'PTRACE_LDT'));
    expect(skas(['run', '--quiet', '--skas3-for-all', program]).stdout).toBe(found(native, '/proc/mm', 'PTRACE_FAULTINFO', 'PTRACE_LDT').replace('SKAS0', 'SKAS3'));
  });

  it('serves several processors of one kernel, in the same order in every run', () => {
    const run = (): string => {
      const { stdout, stderr, status } = skas(['run', '--quiet', '--stats', guestProgram('skas3-smp.c')]);
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

  it.each([[], ['--max-address-spaces', '20', '--max-processes', '10']])('gives handles that are descriptors like any other, as many as there may be: %j %j %j %j', (...options) => {
    const { stdout, stderr, status } = skas(['run', '--quiet', ...options.filter((word) => word !== undefined), guestProgram('skas3-handles.c')]);
    expect(stdout, stderr).toBe(expected('skas3-handles'));
    expect(status).toBe(0);
  });
});
