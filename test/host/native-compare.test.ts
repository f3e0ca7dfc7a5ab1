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
      const native = spawnSync(program, [], { encoding: 'utf8', cwd, input: '', timeout: 60_000 });
      const machine = skas(['run', '--quiet', program], { timeout: 60_000 });
      expect({ status: machine.status, stdout: machine.stdout }, machine.stderr).toEqual({ status: native.status ?? 128 + signalNumber(native.signal), stdout: native.stdout });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }, 120_000);
});

function signalNumber(name: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11, SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15 };
  return name === null ? 0 : (numbers[name] ?? 0);
}
