import { expect, it } from 'vitest';
import { gdbSignal, linuxSignal } from './gdb-signals.ts';

it('maps signals whose numbers differ', () => {
  // SIGBUS, SIGUSR1, SIGSYS, SIGCHLD, SIGIO; gdb's from its own list.
  expect([7, 10, 31, 17, 29].map(gdbSignal)).toEqual([10, 30, 12, 20, 23]);
});

it('maps every Linux signal but SIGSTKFLT back to itself', () => {
  for (let signal = 0; signal <= 64; signal++) if (signal !== 16) expect(linuxSignal(gdbSignal(signal))).toBe(signal);
});
