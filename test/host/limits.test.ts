/** A guest that takes all processes and address spaces there are is told so; the machine, and gdb, go on. */
import { describe, expect, it } from 'vitest';
import { askPs } from '../../stub/cli/ask-machine.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { skas } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, listen } from '../gdb/dialogue.ts';

const MEMORY = ['--memory', '24M'] as const;

describe('limits', () => {
  it.each([
    [['--max-processes', '50'], 'EAGAIN', '0'], [['--max-address-spaces', '50'], 'ENOMEM', '-1 ENOMEM'],
  ] as const)('%j: bombs end inside', (options, processError, open) => {
    const { stdout, stderr, status } = skas(['run', '--quiet', ...MEMORY, ...options, guestProgram('bomb-spaces.c')]);
    expect(stdout, stderr).toBe(
      `no more processes: ${processError}\nopen("/proc/mm64", O_WRONLY) = ${open}\nas many again: 1\nno more room: ENOMEM\nfork_once() = -1 ENOMEM\nfork_once() = 0\nroom again: 1\n`);
    expect(status).toBe(0);
  });

  it('leave the machine and gdb responsive while all that there may be run', async () => {
    const machine = await listen(['run', '--gdb', ':0', ...MEMORY, '--max-processes', '100', guestProgram('bomb-spaces.c'), 'spin']);
    try {
      await expect.poll(() => machine.output(), { timeout: 20_000 }).toBe('no more processes: EAGAIN\n');
      const text = await askPs({ host: '127.0.0.1', port: machine.port });
      expect(text).toContain('100 of 100 processes and threads, 100 of 1024 address spaces');
      expect(text.split('\n').filter((line) => /\bready\b/.test(line)).length).toBe(99);
      // It ran on: gdb finds a running machine, which it stops
      const output = await gdb(machine.port, ['monitor ps', 'p $rip != 0', 'kill']);
      expect(output).toContain('100 of 100 processes');
      expect(output).toContain('$1 = 1');
      expect(await machine.ended).not.toBe(0);
    } finally {
      machine.child.kill('SIGKILL');
    }
  });

  it('end a fork bomb inside a real kernel, which goes on', () => {
    const bomb = 'skas.run=(while,:;,do,sleep,2,&,done);,read,-t,4,x;,echo,alive';
    const { stdout, status } = skas(['boot', '--quiet', '--max-address-spaces', '30', umlKernel('static'), 'mem=64M', `initrd=${initramfs()}`, bomb]);
    expect(stdout).toMatch(/clone failed, errno = 12\r?\nsh: can't fork: Cannot allocate memory\r?\nalive\r?\n/);
    expect(status).toBe(0);
  });

  it('skas ps says when there is no machine', async () => {
    await expect(askPs({ host: '127.0.0.1', port: 9 })).rejects.toThrow(/no machine at 127.0.0.1:9/);
  });
});
