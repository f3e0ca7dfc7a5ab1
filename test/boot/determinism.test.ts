/** The same boot retires the same instructions and ends in the same state, whatever the tiers and the real clock do. */
import { describe, expect, it } from 'vitest';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { skas } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';

/** What `--stats` says of the guest's history, and what the guest said itself. */
function history(extra: readonly string[], kernel: readonly string[] = [umlKernel(), `initrd=${initramfs()}`]): Record<string, string> {
  const { status, stdout, stderr } = skas(['boot', '--stats', ...extra, ...kernel, 'mem=64M'], {
    input: 'echo $((6 * 7)); cat /proc/uptime /proc/interrupts\nfor i in 1 2 3 4 5; do ls -l /proc/self/fd | wc -l; sleep 1; done\ndd if=/dev/urandom bs=16 count=1 2>/dev/null | od -x\n',
    timeout: 170_000,
  });
  expect(status, stderr).toBe(0);
  const line = (name: string): string => new RegExp(`^skas: ${name} +(.*)$`, 'm').exec(stderr)?.[1] ?? `no line '${name}' in: ${stderr}`;
  return { instructions: line('instructions'), virtualTime: line('virtual time'), state: line('state'), stdout };
}

describe('determinism', () => {
  it('holds between two boots', () => {
    const first = history([]);
    expect(first.instructions).toMatch(/^[\d ]+$/);
    expect(first.state).toMatch(/^[0-9a-f]{64}$/);
    expect(history([])).toEqual(first);
    expect(history(['--seed', '7']).state).not.toBe(first.state);
  }, 400_000);

  it('holds between two boots of a 32-bit kernel', () => {
    const kernel = [umlKernel('i386'), `initrd=${initramfsI386()}`];
    const first = history([], kernel);
    expect(first.instructions).toMatch(/^[\d ]+$/);
    expect(history([], kernel)).toEqual(first);
  }, 400_000);
});
