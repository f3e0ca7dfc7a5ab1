/** Breakpoints in a module that is not loaded yet: pending, then set when it comes. */
import { afterEach, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel, umlModule } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

it('a breakpoint waits for its module', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const kernel = umlKernel('dynamic');
  const initrd = initramfs({ 'test_module.ko': umlModule('test_module') });
  const launched = await adapter.begin('launch', {
    program: kernel, args: ['mem=64M', 'skas.run=busybox,insmod,/test_module.ko'], initrd, console: 'internalConsole', modulePath: [`${kernel}.modules`],
  });
  const { body: { breakpoints: [pending] } } = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'test_module_init' }] });
  expect(pending.verified).toBe(false);
  const stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  expect(stop.reason).toBe('function breakpoint');
  const stack = await adapter.stack(stop.threadId ?? 0);
  expect(stack[0]).toMatch(/^test_module_init test_module\.c:\d+$/);
  expect(stack[1]).toMatch(/^do_one_initcall /);
  expect(adapter.sent.some(({ event, body }) => event === 'breakpoint' && JSON.stringify(body).includes('"verified":true'))).toBe(true);
  const { body: { modules } } = await client.modulesRequest({});
  expect(modules.map(({ name }) => name)).toContain('test_module');
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
