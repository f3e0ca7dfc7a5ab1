/**
 * 32-bit programs behave as natively: those of native-compare.test.ts built with -m32, where they say nothing of 64-bit registers, and the ones that
 * are about i386 itself (`i386-*.c`). `mixed-tracer.c` traces `mixed-tracee.c`, each in both word sizes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GUESTS, guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const FAMILY = /^(files|sig|proc|mem|time|net|tty|futex|cpu|i386)-.*\.c$/;
/**
 * Built in another way; or they name 64-bit registers, and what they ask is in i386-signals.c and mixed-tracer.c; or, tty-pty.c, nothing in it
 * has a word size and natively it depends on what else the machine does.
 */
const OTHERS: ReadonlySet<string> = new Set(['i386-old.c', 'sig-actions.c', 'sig-fates.c', 'sig-faults.c', 'sig-seccomp.c', 'sig-top-addresses.c', 'proc-int80.c', 'tty-pty.c']);
const programs = readdirSync(GUESTS).filter((name) => FAMILY.test(name) && !OTHERS.has(name)).sort();

const build = (source: string, bits: 32 | 64): string => guestProgram(source, [`-m${bits}`, '-O1', '-g', '-static']);

/** Runs it in both worlds and compares output and status. */
function compare(program: string, args: readonly string[], shares: readonly string[] = []): void {
  const cwd = mkdtempSync(join(tmpdir(), 'skas-native-'));
  try {
    const native = spawnSync('bash', ['-c', '"$0" "$@" </dev/null | cat; exit ${PIPESTATUS[0]}', program, ...args], { encoding: 'utf8', cwd, timeout: 60_000 });
    const machine = skas(['run', '--quiet', ...shares.flatMap((share) => ['--share', share]), program, ...args], { timeout: 60_000 });
    expect({ status: machine.status, stdout: machine.stdout }, machine.stderr).toEqual({ status: native.status, stdout: native.stdout });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

describe('32-bit C programs behave as natively', () => {
  it('has programs to run', () => {
    expect(programs.filter((name) => name.startsWith('i386-')).length).toBeGreaterThan(2);
  });

  it.each(programs)('%s', (source) => compare(build(source, 32), []), 120_000);

  it.each([[32, 32], [32, 64], [64, 32], [64, 64]] as const)('a %i-bit tracer of a %i-bit program', (tracer, tracee) => {
    const program = build('mixed-tracee.c', tracee);
    compare(build('mixed-tracer.c', tracer), [program], [dirname(program)]);
  }, 120_000);

  it('a program as of 2003', () => {
    const script = join(GUESTS, 'i386-old.ld');
    const bare = ['-m32', '-O1', '-mno-sse', '-fno-pie', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-nostdlib', '-static'];
    compare(guestProgram('i386-old.c', [...bare, `-Wl,-T,${script}`, '-Wl,--build-id=none']), ['argument']);
  }, 120_000);

  // Not compared: on AMD's processors it is the other way round.
  it('SYSENTER of 32-bit code enters the kernel, SYSCALL is an invalid opcode', () => {
    const { status, stdout } = skas(['run', '--quiet', guestProgram('entries-32.c', ['-m32', '-O1', '-static'])], { timeout: 60_000 });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'getpid 1\nhello\nwrite 6\nsignal 4 code 2 at the instruction 1 trap 6\n' });
  }, 120_000);

  // As it is, limited to 3 GB, mappings from below, everything executable.
  it.each(['0', '8000000', '200000', '400000'])('address space of personality %s', (personality) => {
    compare(guestProgram('layout-32.c', ['-m32', '-O1', '-pie', '-fPIE']), [personality]);
    compare(guestProgram('layout-32.c', ['-m32', '-O1', '-static-pie', '-fPIE']), [personality]);
  }, 120_000);

  it('dynamically linked', () => compare(guestProgram('futex-threads.c', ['-m32', '-O1', '-pie', '-fPIE']), []), 120_000);
});
