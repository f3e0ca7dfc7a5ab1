/** Programs that make processes: gdb's dialogue with skas is the one it has with gdbserver, command for command. */
import { spawn, type ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { gdb, listen, type GdbOptions } from './dialogue.ts';

const LONG = 60_000;
const program = (): string => guestProgram('gdb-forks.c', ['-O0', '-g', '-static']);
let child: ChildProcess | undefined;

afterEach(() => {
  // Its processes, too.
  if (child?.pid !== undefined) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // They have ended.
    }
  }
  child = undefined;
});

async function withGdbserver(what: string, commands: readonly string[], options: GdbOptions): Promise<string> {
  const server = spawn('gdbserver', ['--once', '127.0.0.1:0', program(), ...what.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  child = server;
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    server.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /Listening on port (\d+)/.exec(text);
      if (found !== null) resolve(Number(found[1]));
    });
    server.on('close', () => reject(new Error(`gdbserver ended: ${text}`)));
    server.on('error', reject);
  });
  return gdb(port, commands, { symbols: program(), ...options });
}

async function withSkas(what: string, commands: readonly string[], options: GdbOptions): Promise<string> {
  const machine = await listen(['run', '--share', dirname(program()), '--gdb', ':0', '--wait', program(), ...what.split(' ')]);
  machine.child.stdin?.end();
  try {
    return await gdb(machine.port, commands, { symbols: program(), ...options });
  } finally {
    machine.child.kill('SIGKILL');
  }
}

/** Without what differs from run to run (ids, addresses, ports), what only we tell (what a thread sleeps in), where under gdbserver a parent happens to be, and how the connection ends behind the last command. */
function essence(text: string): string {
  return text.split('\n').filter((line) => !/^Reading |^warning: (File transfers|Source file is more recent)|detached\]$|^Remote connection closed/.test(line)).join('\n')
    .replace(/process \d+/g, 'process P').replace(/Thread \d+\.\d+/g, 'Thread T').replace(/0x[0-9a-f]+/g, '0xX').replace(/127\.0\.0\.1:\d+/g, 'PORT').replace(/ \(sleeping in \w+\)/g, '').replace(/wait_for \(child=\d+\)/g, 'wait_for (child=P)').replace(/in (_Fork|vfork|wait4) \(\)/g, 'in the kernel').replace(/ +/g, ' ').trimEnd();
}

const KEEP = ['set detach-on-fork off'];
const BOTH = [...KEEP, 'set schedule-multiple on'];
const EXTENDED: GdbOptions = { extended: true };
const CASES: [name: string, what: string, commands: readonly string[], says: RegExp, options?: GdbOptions][] = [
  ['catches forks and lets the child go', 'fork', ['catch fork', 'continue', 'info inferiors', 'bt', 'continue'], /Catchpoint 1 \(forked process P\)[^]*Detaching after fork[^]*exited with code 026/],
  ['each of two', 'twice', ['catch fork', 'continue', 'continue', 'continue'], /forked[^]*forked[^]*exited/],
  ['leaves breakpoints to the parent', 'fork', ['break in_both', 'break in_child', 'continue', 'bt', 'continue'], /in_both \(child=0\)/],
  ['follows the child', 'fork', ['set follow-fork-mode child', 'break in_child', 'continue', 'bt', 'info inferiors', 'continue'], /in_child \(\)[^]*Inferior 2 \(process P\) exited/],
  ['holds both', 'fork', [...BOTH, 'break in_both', 'continue', 'info inferiors', 'info threads', 'p shared', 'continue', 'inferior 1', 'p shared', 'continue', 'bt 1', 'continue'], /Breakpoint 1\.2, in_both \(child=1\)[^]*Breakpoint 1\.1, in_both \(child=0\)/],
  ['runs one while the other stays', 'fork', ['set detach-on-fork off', 'catch fork', 'continue', 'next', 'info inferiors', 'inferior 2', 'break in_child', 'continue', 'p shared', 'finish', 'inferior 1', 'p shared', 'detach inferiors 2', 'continue'], /\$1 = 11[^]*\$2 = 1\n/],
  ['kills one', 'fork', [...BOTH, 'break in_child', 'continue', 'kill inferiors 2', 'info inferiors', 'inferior 1', 'continue'], /exited with code 0155/],
  ['watches in the first only, as long as the second is new', 'fork', [...BOTH, 'watch shared', 'continue', 'inferior 1', 'continue', 'continue'], /Inferior 2 \(process P\) exited with code 026[^]*New value = 23/],
  ['watches in both', 'fork', [...BOTH, 'break in_both', 'continue', 'delete', 'watch shared', 'continue', 'continue', 'continue'], /New value = 11[^]*New value = 22/],
  ['watches in the parent only', 'fork', ['watch shared', ...Array.from({ length: 4 }, () => 'continue')], /New value = 23[^]*New value = 123/],
  ['catches vfork and exec', 'vfork', ['catch vfork', 'catch exec', 'continue', 'continue', 'continue'], /vforked process P[^]*exited with code 05/],
  ['follows a vforked child through exec', 'vfork', ['set follow-fork-mode child', 'break in_child', 'continue', 'info inferiors', 'bt', 'continue'], /is executing new program[^]*in_child/],
  ['sees threads of a child', 'threads', [...BOTH, 'break in_child', 'continue', 'thread', 'bt 1', 'continue', 'inferior 1', 'continue'], /2\.2 \(Thread T\)[^]*exited with code 026/],
  ['follows into a child with threads', 'threads', ['set follow-fork-mode child', 'break in_child', 'continue', 'info inferiors', 'bt 1', 'continue'], /in_child \(\)/],
  ['catches system calls of both', 'fork', [...BOTH, 'catch syscall exit_group', 'continue', 'bt 1', 'continue', 'continue'], /exit_group/],
  ['keeps both, each with memory and registers of its own', 'fork', [...KEEP, 'break in_parent', 'tbreak wait_for', 'break in_child', 'continue', 'p shared', 'inferior 2', 'info threads', 'p $rax', 'continue', 'p shared', 'set var shared = 40', 'inferior 1', 'p shared',
    'inferior 2', 'finish', 'p shared', 'continue', 'inferior 1', 'continue', 'continue'], /\$1 = 1\n[^]*\$2 = 0\n[^]*\$3 = 11\n[^]*\$4 = 1\n[^]*\$5 = 80\n[^]*in_parent \(status=80\)/, EXTENDED],
  ['lets go of the parent', 'fork', [...KEEP, 'tbreak wait_for', 'break in_child', 'continue', 'inferior 2', 'detach inferior 1', 'continue', 'continue'], /in_child[^]*Inferior 2 \(process P\) exited with code 026/, EXTENDED],
  ['kills the parent', 'fork', [...KEEP, 'tbreak wait_for', 'break in_child', 'continue', 'inferior 2', 'kill inferiors 1', 'info inferiors', 'continue', 'continue'], /in_child[^]*Inferior 2 \(process P\) exited with code 026/, EXTENDED],
  ['holds the child while the parent sleeps and goes on', 'nap', [...KEEP, 'break in_both', 'break in_child', 'continue', 'inferior 2', 'bt -1', 'continue', 'continue', 'inferior 1', 'continue'], /in_both \(child=0\)[^]*in_child \(\)[^]*Inferior 2 \(process P\) exited with code 02\][^]*Inferior 1 \(process P\) exited with code 02\]$/, EXTENDED],
  ['catches exec, and sets breakpoints in the new program', 'exec', ['break in_both', 'catch exec', 'continue', 'continue', 'info inferiors', 'p shared', 'break in_child', 'continue', 'bt', 'continue'], /exec'd[^]*\$1 = 1\n[^]*Breakpoint 3, in_child[^]*exited with code 05/],
  ['holds a child that crashes before it is gone', 'crash', [...KEEP, 'tbreak wait_for', 'continue', 'inferior 2', 'continue', 'bt 1', 'p $_siginfo.si_signo', 'p $_siginfo._sifields._sigfault.si_addr', 'continue', 'info inferiors', 'inferior 1', 'continue'],
    /SIGSEGV[^]*\$1 = 11\n[^]*Program terminated with signal SIGSEGV[^]*Inferior 1 \(process P\) exited with code 0157/, EXTENDED],
  ['leaves a child to crash that nobody follows', 'crash', ['break in_parent', 'continue', 'continue'], /in_parent \(status=111\)[^]*exited with code 0157/],
  ['follows children of children', 'tree', [...KEEP, 'set follow-fork-mode child', 'break in_child', 'continue', 'info inferiors', 'bt', 'continue', 'inferior 2', 'continue', 'inferior 1', 'continue'],
    /Inferior 3 \(process P\) exited with code 03[^]*Inferior 2 \(process P\) exited with code 04[^]*Inferior 1 \(process P\) exited with code 04/, EXTENDED],
  ['does so in extended mode', 'fork', [...BOTH, 'break in_both', 'continue', 'info inferiors', 'continue', 'inferior 1', 'continue', 'continue'], /in_both \(child=0\)/, EXTENDED],
];

describe('as gdbserver', () => {
  it.each(CASES)('%s', async (_, what, commands, says, options = {}) => {
    const theirs = essence(await withGdbserver(what, commands, options));
    const ours = essence(await withSkas(what, commands, options));
    expect(theirs).toMatch(says);
    expect(ours).toBe(theirs);
  }, LONG);
});

describe('where gdbserver shows stops of its own', () => {
  it('a 64-bit program and a 32-bit one have each its own registers', async () => {
    const what = `vfork ${guestProgram('gdb-forks.c', ['-O0', '-g', '-static', '-m32'])}`;
    const text = await withSkas(what, [
      ...BOTH, 'catch exec', 'continue', 'break in_child', 'continue', 'print sizeof(long)', 'print $eip == $pc', 'print shared', 'bt', 'inferior 1', 'print sizeof(long)', 'print $rip == $pc', 'inferior 2', 'finish', 'info registers gs', 'print $sp < 0xffffffff',
      'continue', 'inferior 1', 'delete', 'continue',
    ], EXTENDED);
    expect(text).toMatch(/hit Breakpoint 2\.2, in_child \(\)[^]*\$1 = 4\n\$2 = 1\n\$3 = 1\n#0 +in_child[^]*#1 .* in main \(argc=2/);
    expect(text).toMatch(/\$4 = 8\n\$5 = 1\n[^]*main \(argc=2[^]*gs +0x63 +99\n\$6 = 1\n/);
    expect(text).toMatch(/Inferior 2 \(process 3\) exited with code 05[^]*Inferior 1 \(process 2\) exited with code 05/);
  }, LONG);

  it('both sides of a vfork are held', async () => {
    const text = await withSkas('vfork', [...BOTH, 'break in_child', 'break in_parent', 'continue', 'bt 1', 'continue', 'inferior 1', 'continue', 'p status', 'continue'], {});
    expect(text).toMatch(/hit Breakpoint 1\.2, in_child \(\)/);
    expect(text).toMatch(/Inferior 2 \(process \d+\) exited with code 05/);
    expect(text).toMatch(/hit Breakpoint 2, in_parent \(status=5\)[^]*\$1 = 5\n/);
    expect(text).toMatch(/Inferior 1 \(process \d+\) exited with code 05/);
  }, LONG);

  it('another process of the machine can be attached', async () => {
    const text = await withSkas('fork', [
      'break in_parent', 'tbreak wait_for', 'continue', 'info os processes', 'add-inferior', 'inferior 2', 'attach 3', 'info inferiors', 'bt -1', 'monitor attachable 3', 'detach', 'monitor attachable 3', 'monitor attachable 99', 'attach 99',
      'inferior 1', 'continue', 'p status',
    ], EXTENDED);
    expect(text).toMatch(/^3 +2 +ready +gdb-forks\S* +1/m);
    expect(text).toMatch(/\* 2\s+process 3/);
    expect(text).toMatch(/no: process 3 is already attached\nyes\nno: there is no process 99/);
    expect(text).toContain('Attaching to process 99 failed');
    expect(text).toMatch(/hit Breakpoint 1(\.1)?, in_parent \(status=22\)/);
  }, LONG);

  it('and again when nothing is debugged any more', async () => {
    const text = await withSkas('herd', ['break in_child', 'set follow-fork-mode child', 'continue', 'detach', 'delete', 'attach 2', 'info inferiors', 'break in_parent', 'continue', 'bt', 'kill'], EXTENDED);
    expect(text).toMatch(/Inferior 2 \(process 3\) detached/);
    expect(text).toMatch(/\* 2\s+process 2 /);
    expect(text).toMatch(/Breakpoint 2(\.1)?, in_parent \(status=\d+\)[^]*#1 .* in wait_for \(child=\d+\)[^]*Inferior 2 \(process 2\) killed/);
  }, LONG);

  it('breakpoints of a program are gone from the one it becomes', async () => {
    // The same code without symbols: gdb disables its breakpoints, without a word to the stub, and in_child runs.
    const stripped = guestProgram('gdb-forks.c', ['-O0', '-g', '-static', '-s']);
    const text = await withSkas(`exec ${stripped}`, ['break in_both', 'break in_child', 'continue', 'catch exec', 'continue', 'info breakpoints', 'continue'], {});
    expect(text).toMatch(/Breakpoint 1, in_both \(child=0\)/);
    expect(text).toMatch(/Catchpoint 3 \(exec'd[^]*\n2 +breakpoint +keep n/);
    expect(text).not.toContain('SIGTRAP');
    expect(text).toMatch(/exited with code 05/);
  }, LONG);
});
