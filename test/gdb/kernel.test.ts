/** A UML kernel under the real gdb. */
import { afterEach, describe, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import type { UmlVariant } from '../fixtures/uml-config.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, INTERRUPT, listen, printed, type Listening } from './dialogue.ts';

const LONG = 120_000;
let machine: Listening | undefined;

afterEach(() => {
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

async function boot(variant: UmlVariant, ...options: string[]): Promise<{ machine: Listening; kernel: string; ask: (...commands: string[]) => Promise<string> }> {
  const kernel = umlKernel(variant);
  const started = await listen(['boot', '--gdb', ':0', ...options, kernel, 'mem=64M', `initrd=${initramfs()}`]);
  machine = started;
  return { machine: started, kernel, ask: (...commands) => gdb(started.port, commands, { symbols: kernel, timeout: LONG / 2 }) };
}

describe('a UML kernel', () => {
  it.each([['6.12', 'static'], ['6.1', 'older']] as const)('is held at its first instruction, breaks, steps, watches, finishes (Linux %s)', async (version, variant) => {
    const { machine: started, ask } = await boot(variant, '--wait');
    started.child.stdin?.end();
    const text = await ask(
      'info threads', 'break start_kernel', 'continue', 'bt', 'next', 'next', 'next', 'p linux_banner', 'watch system_state', 'continue', 'delete',
      'break do_sys_openat2', 'continue', 'bt', 'p init_task.comm', 'finish', 'delete', 'hbreak kernel_clone if args->exit_signal == 17', 'continue', 'p args->exit_signal', 'delete', 'continue',
    );
    expect(text).toMatch(/Breakpoint 1, start_kernel \(\)/);
    expect(text).toMatch(/#\d+ .*start_kernel_proc/);
    expect(text).toContain(`"Linux version ${version}.`);
    expect(text).toMatch(/Old value = SYSTEM_BOOTING\s+New value = SYSTEM_SCHEDULING/);
    expect(text).toMatch(/Breakpoint 3, do_sys_openat2/);
    expect(text).toMatch(/#\d+ .*userspace \(/);
    expect(text).toContain('"swapper');
    expect(text).toMatch(/Value returned is/);
    expect(text).toMatch(/Breakpoint 4, kernel_clone/);
    expect(text).toMatch(/exited normally/);
    expect(text).not.toMatch(/received signal/);
    expect(await started.ended).toBe(0);
  }, LONG);

  it('is interrupted at the idle prompt, calls functions, goes on, is connected to again', async () => {
    const { machine: started, ask } = await boot('static');
    await printed(started, 'uml:~#');
    const text = await ask('bt', 'p nr_threads', 'p (int) nr_processes()', 'p (unsigned long) memparse("4k", 0)', 'p init_task.comm', INTERRUPT, 'continue', 'bt', 'detach');
    expect(text).toContain('= 4096');
    expect(text).toContain('received signal SIGINT');
    expect(text).toMatch(/#\d+ .*(idle|userspace|wait_stub_done)/);
    started.child.stdin?.write('echo still $((40 + 2))\n');
    await printed(started, 'still 42');
    const again = await ask('info threads', 'p linux_banner', 'kill');
    expect(again).toContain('Linux version');
    expect(await started.ended).toBe(137);
  }, LONG);

  it('steps without falling into its timer, and shows the interrupted code behind the timer', async () => {
    const { machine: started, ask } = await boot('static', '--wait');
    started.child.stdin?.end();
    const text = await ask(
      'break vfs_caches_init', 'continue', 'finish', ...Array.from({ length: 6 }, () => 'next'), 'echo [stepped]\\n', 'delete', 'break timer_real_alarm_handler if mc != 0', 'continue', 'bt', 'delete', 'kill',
    );
    const [stepping, rest] = text.split('[stepped]');
    expect(stepping).not.toMatch(/timer_handler|alarm_handler|received signal/);
    // (Without a context it is called later, by whoever allows signals again.)
    expect(rest).toMatch(/timer_real_alarm_handler \(/);
    expect(rest).toContain('<signal handler called>');
    expect(rest).toMatch(/<signal handler called>\n(#.*\n)+/);
  }, LONG);

  it('spins and answers', async () => {
    const { machine: started, ask } = await boot('static');
    await printed(started, 'uml:~#');
    started.child.stdin?.write('while :; do :; done\n');
    const text = await ask(INTERRUPT, 'continue', 'info registers rip', INTERRUPT, 'continue', 'kill');
    expect(text.match(/received signal SIGINT/g)).toHaveLength(2);
    expect(text).toMatch(/rip\s+0x/);
  }, LONG);
});
