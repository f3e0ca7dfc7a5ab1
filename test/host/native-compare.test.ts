/**
 * Every C program in test/guests/ whose name starts with a family (files-, sig-, ptrace-, proc-, mem-, time-, net-, tty-) prints what it sees
 * of its host. It runs natively and in the machine; output and exit status must be the same.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUESTS, guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const FAMILY = /^(files|sig|ptrace|proc|mem|time|net|tty|futex|cpu)-.*\.c$/;
const programs = readdirSync(GUESTS).filter((name) => FAMILY.test(name)).sort();

describe('C programs behave as natively', () => {
  it('has programs to run', () => {
    expect(programs.length).toBeGreaterThan(0);
  });

  it.each(programs)('%s', (source) => {
    const program = guestProgram(source);
    const cwd = mkdtempSync(join(tmpdir(), 'skas-native-'));
    try {
      // Through a pipe, as in the machine: Node would give it a socket.
      const native = spawnSync('bash', ['-c', '"$0" </dev/null | cat; exit ${PIPESTATUS[0]}', program], { encoding: 'utf8', cwd, timeout: 60_000 });
      const machine = skas(['run', '--quiet', program], { timeout: 60_000 });
      expect({ status: machine.status, stdout: machine.stdout }, machine.stderr).toEqual({ status: native.status, stdout: native.stdout });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }, 120_000);
});
