/** Where a kernel's own tests begin and end, by the functions of KUnit it calls then (lib/kunit/test.c); System V calling convention of x86-64. */
import { Reg } from '../emulator/cpu/state.ts';
import type { Debugger } from '../emulator/debug/debugger.ts';
import type { Thread } from '../emulator/host/process/thread.ts';

/** `kunit_run_tests(suite)`, whose first member is its name; `kunit_init_test(test, name, log)`; `kunit_suite_has_succeeded(suite)`, asked at its end. */
const FUNCTIONS = { suite: 'kunit_run_tests', test: 'kunit_init_test', end: 'kunit_suite_has_succeeded' } as const;
const LONGEST_NAME = 256;

function text({ space }: Thread, address: number): string {
  const bytes = space.peek(address, LONGEST_NAME) ?? new Uint8Array();
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end < 0 ? 0 : end)).toString('latin1');
}

/**
 * Calls `border` whenever a test begins, with its name (`suite.test`), and when a suite has ended, without one.
 * @param addressOf of a function of the kernel. False: the kernel has no KUnit.
 */
export function watchKunit(debug: Debugger, addressOf: (name: string) => number | undefined, border: (name: string | undefined) => void): boolean {
  const [suite, test, end] = [FUNCTIONS.suite, FUNCTIONS.test, FUNCTIONS.end].map(addressOf);
  if (suite === undefined || test === undefined || end === undefined) return false;
  let name = '';
  debug.addProbe(suite, (thread) => void (name = text(thread, thread.context.gprNumber(Reg.rdi))));
  debug.addProbe(test, (thread) => border(`${name}.${text(thread, thread.context.gprNumber(Reg.rsi))}`));
  debug.addProbe(end, () => border(undefined));
  return true;
}
