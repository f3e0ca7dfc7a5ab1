/** No system call, however wrong its arguments, ends the machine. `SKAS_FUZZ_SEEDS=from-to` runs others than these. */
import { expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const [from, to] = (process.env['SKAS_FUZZ_SEEDS'] ?? '1-300').split('-');

it('a guest cannot take the machine down by system calls', () => {
  const { status, stdout, stderr } = skas(['run', '--quiet', guestProgram('fuzz-syscalls.c'), from, to], { timeout: 280_000 });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ status, end: stdout.slice(-9) }).toEqual({ status: 0, end: 'survived\n' });
}, 300_000);
