/**
 * The system's own strace and gdb, running inside the machine on a program that runs there too: the hardest users ptrace has. What they
 * print is compared with what they print natively.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const STRACE = '/usr/bin/strace';
const GDB = '/usr/bin/gdb';
/** What may differ: process ids, times, users; addresses, as they are randomised natively. */
const DIFFERENT: readonly (readonly [RegExp, string])[] = [
  [/(\[pid +|process |LWP )\d+/g, '$1N'], [/(si_pid=|si_uid=|si_utime=|si_stime=)\d+/g, '$1N'], [/(kill|sigqueueinfo)\((\d+, )+/g, '$1('], [/0x[0-9a-f]{6,}/g, 'ADDRESS'], [/ +(?== )/g, ' '],
];

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

function both(command: readonly string[], program: string): { native: Output; machine: Output } {
  const [tool, ...args] = command;
  const native = spawnSync(tool, args, { encoding: 'utf8', timeout: 60_000, input: '' });
  const machine = skas(['run', '--quiet', '--share', dirname(program), tool, ...args], { timeout: 240_000 });
  const clean = (text: string): string => DIFFERENT.reduce((result, [pattern, name]) => result.replace(pattern, name), text);
  const output = ({ stdout, stderr }: Output): Output => ({ stdout: clean(stdout), stderr: clean(stderr) });
  return { native: output(native), machine: output(machine) };
}

describe('tools inside the machine', () => {
  it.skipIf(!existsSync(STRACE))('strace', () => {
    const program = guestProgram('sig-actions.c');
    const { native, machine } = both([STRACE, '-e', 'trace=write,exit_group,rt_sigaction,rt_sigprocmask,rt_sigpending,rt_sigreturn,rt_sigqueueinfo,sigaltstack,kill,tgkill,mprotect,munmap', program], program);
    expect(native.stderr.split('\n').length).toBeGreaterThan(100);
    expect(machine.stderr.split('\n')).toEqual(native.stderr.split('\n'));
  }, 300_000);

  it.skipIf(!existsSync(GDB))('gdb', () => {
    const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
    const commands = ['set startup-with-shell off', 'set can-use-hw-watchpoints 0', 'break main', 'run', 'info registers rip', 'next', 'stepi', 'p $_siginfo.si_signo', 'step', 'bt', 'info line', 'x/3i $pc', 'p $st0', 'p $mxcsr', 'p $cs', 'delete', 'continue'];
    const args = ['-nx', '-batch', ...commands.flatMap((command) => ['-ex', command]), program];
    const { native, machine } = both([GDB, ...args], program);
    expect(native.stdout).toContain('Breakpoint 1');
    expect(machine.stdout, machine.stderr).toBe(native.stdout);
  }, 300_000);
});
