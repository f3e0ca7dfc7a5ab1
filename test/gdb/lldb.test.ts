/** Dialogues with Debian's LLDB. */
import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { listen } from './dialogue.ts';

/** LLDB's output for commands after it has connected to a machine that waits at its first instruction. */
function lldb(argument: string, commands: readonly string[]): Promise<{ readonly text: string; readonly errors: string }> {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  return speak(['run', '--trace=rsp', '--gdb', ':0', '--wait', program, argument], program, commands);
}

async function speak(start: readonly string[], program: string, commands: readonly string[]): Promise<{ readonly text: string; readonly errors: string }> {
  const machine = await listen(start);
  try {
    const all = [`target create ${program}`, `gdb-remote 127.0.0.1:${machine.port}`, ...commands];
    const text = await new Promise<string>((resolve, reject) => {
      // At a crash LLDB leaves its batch: it is told to go on there.
      const child = execFile('lldb', ['--no-lldbinit', '-b', '-k', 'thread backtrace', '-k', 'continue', '-k', 'quit', ...all.flatMap((command) => ['-o', command])], { timeout: 50_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
        if (error !== null && (error.killed === true || error.code === 'ENOENT')) reject(new Error(`lldb did not come to an end: ${error.message}\n${stdout}${stderr}`));
        else resolve(stdout + stderr);
      });
      child.stdin?.end();
    });
    return { text, errors: machine.errors() };
  } finally {
    machine.child.kill('SIGKILL');
  }
}

it('lldb attaches, breaks, unwinds, reads and writes, calls, steps, watches and sees the end', async () => {
  const { text, errors } = await lldb('basic', [
    'thread list', 'register read rip eflags', 'breakpoint set -f gdb-program.c -l 137', 'continue', 'thread backtrace', 'thread step-in', 'thread step-out', 'memory region $rsp', 'memory region 0',
    'expression add(20, 22)', 'expression scale(2.0, 3.0f)', 'register write rbx 0x1122', 'register read rbx', 'memory write &counter 7', 'expression counter', 'breakpoint delete -f',
    'watchpoint set variable flag', 'watchpoint list', 'watchpoint delete -f', 'breakpoint set -n recurse -c n==2', 'continue', 'thread backtrace', 'thread step-inst', 'breakpoint delete -f', 'continue',
  ]);
  expect(text).toMatch(/tid = 2, .*_start.* stop reason = signal SIGSTOP/);
  expect(text).toMatch(/stop reason = breakpoint 1\.1\n.*main\(argc=2/);
  expect(text).toMatch(/frame #1: .*__libc_start_call_main/);
  expect(text).toMatch(/stop reason = step in\n.*add\(/);
  expect(text).toMatch(/Return value: \(int\) \$\d+ = 5/);
  expect(text).toMatch(/\[0x0*7ff[0-9a-f]+-0x0*7ff[0-9a-f]+\) rw- \[stack\]/);
  expect(text).toMatch(/\[0x0+-0x0*400000\) ---/);
  expect(text).toMatch(/\(int\) \$\d+ = 42/);
  expect(text).toMatch(/\(double\) \$\d+ = 6/);
  expect(text).toMatch(/rbx = 0x0000000000001122/);
  expect(text).toMatch(/\(volatile int\) \$\d+ = 7/);
  expect(text).toMatch(/Watchpoint 1: addr = 0x[0-9a-f]+ size = 4 state = enabled type = w/);
  expect(text).toMatch(/stop reason = breakpoint 2\.1\n.*recurse\(n=2\)/);
  expect(text).toMatch(/frame #3: .*recurse\(n=5\)/);
  expect(text).toMatch(/stop reason = instruction step into/);
  expect(text).toMatch(/exited with status = 7/);
  expect(errors).not.toContain('internal error');
});

it('lldb has watchpoints, threads and faults', async () => {
  const watched = await lldb('basic', ['watchpoint set variable counter', 'continue', 'continue', 'watchpoint delete -f', 'continue']);
  expect(watched.text).toMatch(/stop reason = watchpoint 1/);
  expect(watched.text).toMatch(/old value: 0\s+new value: 1/);
  const threads = await lldb('rounds', ['breakpoint set -n all_started', 'continue', 'thread list', 'thread backtrace all', 'process kill']);
  expect(threads.text).toMatch(/\* thread #1: tid = \d+.*stop reason = breakpoint/);
  expect(threads.text).toMatch(/thread #3: tid = \d+/);
  expect(threads.text.match(/go_round\(/g)?.length).toBeGreaterThanOrEqual(2);
  const crashed = await lldb('crash', ['continue']);
  expect(crashed.text).toMatch(/stop reason = signal SIGSEGV/);
  expect(crashed.text).toMatch(/\(lldb\) continue\n.*\n.*exited with status = 11/);
});

it('lldb sees the tasks of a kernel as threads', async () => {
  const kernel = umlKernel('static');
  const { text, errors } = await speak(['boot', '--trace=rsp', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${initramfs()}`], kernel, [
    'breakpoint set -n vfs_write', 'continue', 'thread list', 'thread select 3', 'thread backtrace', 'process kill',
  ]);
  expect(text).toMatch(/\* thread #2, name = 'init \[1\]', stop reason = breakpoint 1\.1/);
  expect(text).toMatch(/thread #3: tid = 2, .*switch_threads.*name = 'kthreadd \[2\]'/);
  expect(text).toMatch(/frame #\d+: .*`kthreadd\(/);
  expect(text).toMatch(/exited with status = 9/);
  expect(errors).not.toContain('internal error');
});
