/** A 32-bit UML kernel under the real gdb: what test/gdb/kernel.test.ts asks, in two dialogues. */
import { afterEach, describe, expect, it } from 'vitest';
import { initramfsI386 } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, INTERRUPT, listen, printed, type Listening } from './dialogue.ts';

const LONG = 120_000;
let machine: Listening | undefined;

afterEach(() => {
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

async function boot(...options: string[]): Promise<{ machine: Listening; ask: (...commands: string[]) => Promise<string> }> {
  const kernel = umlKernel('i386');
  const started = await listen(['boot', '--gdb', ':0', ...options, kernel, 'mem=64M', `initrd=${initramfsI386()}`]);
  machine = started;
  return { machine: started, ask: (...commands) => gdb(started.port, commands, { symbols: kernel, timeout: LONG / 2 }) };
}

describe('a 32-bit UML kernel', () => {
  it('is held at its first instruction, breaks, steps, watches, finishes, calls functions, shows the code behind its timer', async () => {
    const { machine: started, ask } = await boot('--wait');
    started.child.stdin?.end();
    const text = await ask(
      'show architecture', 'info registers', 'break start_kernel', 'continue', 'bt', 'next', 'next', 'p linux_banner', 'watch system_state', 'continue', 'delete',
      'break do_sys_openat2', 'continue', 'bt', 'finish', 'info all-registers st0 xmm7 mxcsr', 'delete', 'hbreak kernel_clone if args->exit_signal == 17', 'continue',
      'p args->exit_signal', 'set var args->exit_signal = 17', 'p (unsigned long) memparse("4k", 0)', 'p $eip', 'stepi', 'delete', 'break timer_handler', 'continue', 'bt', 'delete', 'continue',
    );
    expect(text).toMatch(/architecture is set to "auto" \(currently "i386"\)/);
    expect(text).toMatch(/eip +0x\w+ +0x\w+ <_start>/);
    expect(text).toMatch(/cs +0x23 +35\nss +0x2b +43/);
    expect(text).toMatch(/Breakpoint 1, start_kernel \(\)/);
    expect(text).toMatch(/#\d+ .*start_kernel_proc/);
    expect(text).toContain('"Linux version 6.12');
    expect(text).toMatch(/Old value = SYSTEM_BOOTING\s+New value = SYSTEM_SCHEDULING/);
    expect(text).toMatch(/Breakpoint 3, do_sys_openat2/);
    expect(text).toMatch(/#\d+ .*userspace \(/);
    expect(text).toMatch(/Value returned is/);
    expect(text).toMatch(/xmm7 .*uint128 = /);
    expect(text).toMatch(/Breakpoint 4, kernel_clone/);
    expect(text).toMatch(/= 4096$/m);
    expect(text).toMatch(/timer_handler \([^]*<signal handler called>\n(#.*\n)+/);
    expect(text).toMatch(/exited normally/);
    expect(text).not.toMatch(/received signal/);
    expect(await started.ended).toBe(0);
  }, LONG);

  it('is interrupted while it spins, and its tasks are threads', async () => {
    const { machine: started, ask } = await boot();
    await printed(started, 'uml:~#');
    started.child.stdin?.write('while :; do :; done\n');
    const text = await ask(INTERRUPT, 'continue', 'info registers eip', 'info threads', 'thread apply 1 bt', 'kill');
    expect(text).toContain('received signal SIGINT');
    expect(text).toMatch(/eip\s+0x/);
    expect(text).toMatch(/"kthreadd \[2\]" \(sleeping\) +switch_threads/);
    expect(text).toMatch(/#\d+ .*start_kernel_proc/);
  }, LONG);
});
