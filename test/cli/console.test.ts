/** A booted kernel's console on a terminal. */
import { expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { onTerminal } from './on-terminal.ts';

it('is an interactive shell: editing, Ctrl-C, window size, poweroff', () => {
  const { screen, status, restored } = onTerminal(['boot', umlKernel('static'), 'mem=64M', `initrd=${initramfs()}`], [
    ['uml:~#', 'echo $((6 * 7))x\x7fy\r'],
    ['42y', 'sleep 1000\r'],
    ['1000', '\x03'],
    ['uml:~#', 'stty size\r'],
    ['33 77', 'poweroff\r'],
  ]);
  expect(screen).toContain('42y');
  expect(screen).toContain('33 77');
  expect(status).toBe(0);
  expect(restored).toBe(true);
}, 100_000);
