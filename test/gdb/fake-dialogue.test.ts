/** Real gdb against the fake target: the protocol alone, without the machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { FakeTarget } from '../../stub/fake-target.ts';
import { RspServer } from '../../stub/server.ts';

const run = promisify(execFile);

async function gdb(target: FakeTarget, commands: readonly string[]): Promise<string> {
  const server = new RspServer(target, { host: '127.0.0.1', port: 0, version: 'test' });
  const { port } = await server.listen();
  const all = ['set pagination off', 'set confirm off', 'set sysroot /nonexistent', 'set tcp connect-timeout 5', `target remote 127.0.0.1:${port}`, ...commands];
  try {
    const { stdout, stderr } = await run('gdb', ['-nx', '-q', '-batch', ...all.flatMap((command) => ['-ex', command])], { timeout: 20_000 });
    return stdout + stderr;
  } finally {
    await server.close();
  }
}

it('connects, looks, steps, breaks, watches, calls the monitor and detaches', async () => {
  const target = new FakeTarget(Buffer.from([0x90, 0x90, 0x90, 0x88, 0x07, 0x90, 0x90, 0xf4]));
  const output = await gdb(target, [
    'info threads', 'stepi', 'p/x $pc', 'set $rax = 0x5a', 'set $rdi = 0x1100', 'break *0x1003', 'continue', 'delete',
    'watch *(char *) 0x1100', 'continue', 'x/1xb 0x1100', 'delete', 'hbreak *0x1006', 'continue', 'delete', 'continue', 'p $_siginfo.si_signo',
    'set $xmm3.v4_float[1] = 2.5', 'p $xmm3.v4_float', 'set $st2 = 1.25', 'p $st2', 'p $orig_rax', 'p $mxcsr', 'info registers fs_base eflags',
    'monitor hello', 'find 0x1000, +100, (char) 0xf4', 'detach',
  ]);
  expect(output).toMatch(/Thread 42\.42 "main" \(first\)/);
  expect(output).toContain('$1 = 0x1001');
  expect(output).toContain('Breakpoint 1, 0x0000000000001003');
  expect(output).toMatch(/Old value = 0 '\\000'\nNew value = 90 'Z'/);
  expect(output).toMatch(/0x1100:\s+0x5a/);
  expect(output).toContain('Breakpoint 3, 0x0000000000001006');
  expect(output).toContain('received signal SIGSEGV');
  expect(output).toContain('= {0, 2.5, 0, 0}');
  expect(output).toContain('= 1.25');
  expect(output).toContain('hello');
  expect(output).toContain('0x1007');
  expect(output).toContain('detached');
  expect(output).not.toMatch(/rror:|nternal-error/);
  expect(target.detached).toBe(true);
});
