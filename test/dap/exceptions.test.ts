/** Exception filters: each stops where a real kernel goes wrong as it says, with what the kernel has to say of it. */
import { afterEach, expect, it } from 'vitest';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import type { UmlVariant } from '../fixtures/uml-config.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
const DEFAULTS = ['panic', 'oops', 'bug', 'kasan', 'kunit'];
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

interface Spoiling {
  /** Stopped in this function, this is set. */
  readonly function: string;
  readonly expression: string;
  readonly value: string;
}

/** Boots with filters on; if something is to be spoilt, makes the kernel go wrong by it. Gives the exception's stop and its report. */
async function exceptional(filters: readonly string[], args: readonly string[], spoiling?: Spoiling, kernel: UmlVariant = 'static'): Promise<{ stop: DebugProtocol.StoppedEvent['body']; id: string; message: string; top: string }> {
  adapter = await Adapter.start();
  const { client } = adapter;
  const launched = await adapter.begin('launch', { program: umlKernel(kernel), args: ['mem=64M', ...args], initrd: initramfs({ 'bin/crash': guestProgram('crash.c', ['-O1', '-static']) }), console: 'internalConsole' });
  await client.setExceptionBreakpointsRequest({ filters: [...filters] });
  if (spoiling !== undefined) await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: spoiling.function }] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  if (spoiling !== undefined) {
    expect(stop.reason).toBe('function breakpoint');
    await client.setFunctionBreakpointsRequest({ breakpoints: [] });
    await client.customRequest('setExpression', { expression: spoiling.expression, value: spoiling.value, frameId: await adapter.topFrame(stop.threadId ?? 0) });
    stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  }
  expect(stop.reason).toBe('exception');
  const { body } = await client.customRequest('exceptionInfo', { threadId: stop.threadId });
  expect([body.exceptionId, body.description]).toEqual([stop.description, stop.text]);
  expect(adapter.schemaErrors).toEqual([]);
  return { stop, id: body.details.typeName, message: body.description, top: (await adapter.stack(stop.threadId ?? 0))[0] };
}

it('WARN', async () => {
  const { id, message } = await exceptional(['warn'], [], { function: 'kobject_put', expression: 'kobj->state_initialized', value: '0' });
  expect(id).toBe('warn');
  expect(message).toMatch(/file = 0x[0-9a-f]+ ".*lib\/kobject\.c"/);
  expect(message).toMatch(/line = \d+/);
}, LONG);

it('BUG', async () => {
  const { id, message, top } = await exceptional(DEFAULTS, [], { function: 'iput', expression: 'inode->i_state', value: '0xffffffff' });
  expect([id, message]).toEqual(['bug', 'BUG!']);
  expect(top).toMatch(/^panic /);
}, LONG);

it('Oops', async () => {
  const { id, message, top } = await exceptional(DEFAULTS, [], { function: 'vfs_read', expression: 'file', value: '(struct file *)0' });
  expect(id).toBe('oops');
  expect(message).toMatch(/^Kernel mode fault at addr 0x[0-9a-f]+, ip 0x[0-9a-f]+$/);
  expect(top).toMatch(/^panic /);
}, LONG);

it('KUnit failure', async () => {
  const { id, message, top } = await exceptional(DEFAULTS, [], { function: 'add_one', expression: 'i', value: '40' }, 'instrumented');
  expect(id).toBe('kunit');
  expect(message).toMatch(/type = KUNIT_EXPECTATION/);
  expect(top).toMatch(/^__kunit_do_failed_assertion /);
}, LONG);

it('SIGSEGV of a process', async () => {
  const { id, message, top } = await exceptional(['user-segv'], ['skas.run=/bin/crash']);
  expect(id).toBe('user-segv');
  expect(message).toMatch(/sig = 11, code = 1, addr = 0x1230/);
  expect(top).toMatch(/^force_sig_fault/);
}, LONG);

it('launch.json\'s exceptions stop whatever a client asks for', async () => {
  adapter = await Adapter.start();
  const bad = await adapter.begin('launch', { program: umlKernel('static'), exceptions: ['panics'] }).then((answer) => answer).then(() => 'launched', (error: Error) => error.message);
  expect(bad).toMatch(/"exceptions" has no "panics": there are panic, oops/);
  await adapter.close();
  adapter = await Adapter.start();
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], console: 'internalConsole', exceptions: ['panic'] });
  const stop = await adapter.stopAfter(async () => {
    await adapter?.client.configurationDoneRequest();
    await launched;
  });
  expect([stop.reason, stop.description]).toEqual(['exception', 'Panic']);
}, LONG);

it('filters the kernel has nothing for say so, and may have conditions', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], initrd: initramfs(), console: 'internalConsole' });
  const { body } = await client.customRequest('setExceptionBreakpoints', { filters: ['kasan', 'kunit'], filterOptions: [{ filterId: 'warn', condition: 'line == 1' }] });
  const [kasan, kunit, warn] = body.breakpoints;
  expect([kasan.verified, kasan.message]).toEqual([false, 'this kernel has none of kasan_report, kasan_report_invalid_free']);
  expect([kunit.verified, warn.verified]).toEqual([false, true]);
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'kobject_put', hitCondition: '1' }] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  await client.customRequest('setExpression', { expression: 'kobj->state_initialized', value: '0', frameId: await adapter.topFrame(stop.threadId ?? 0) });
  // The warning passes: it is not of line 1.
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'run_init_process' }] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  expect(stop.reason).toBe('function breakpoint');
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
