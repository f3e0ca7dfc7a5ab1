/** A 32-bit kernel: launched, stopped, stepped, looked at and changed. (Frames and values against gdb: gdb-oracle.test.ts.) */
import { afterEach, expect, it } from 'vitest';
import { initramfsI386 } from '../fixtures/initramfs.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

it('stops in start_kernel, steps, evaluates, sets, and goes on into a process', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const initrd = initramfsI386({ 'bin/uml-user': guestProgram('uml-user.c', ['-m32', '-O0', '-g', '-static']) });
  const launched = await adapter.begin('launch', { program: umlKernel('i386'), args: ['mem=64M', 'skas.run=/bin/uml-user,loop'], initrd, console: 'internalConsole', stopAt: 'start_kernel' });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  expect((await adapter.stack(stop.threadId ?? 0))[0]).toMatch(/^start_kernel main\.c:\d+$/);
  stop = await adapter.stopAfter(() => client.nextRequest({ threadId: stop.threadId ?? 0 }));
  expect((await adapter.stack(stop.threadId ?? 0))[0]).toMatch(/^(start_kernel|\w+ \[inline\]) /);
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'ksys_write', condition: 'fd == 2 && count == 0', hitCondition: '5' }] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  expect(stop.reason).toBe('function breakpoint');
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: stop.threadId ?? 0 });
  const [top, main] = [stackFrames[0].id, stackFrames[stackFrames.length - 1]];
  expect(await adapter.evaluate('sizeof(struct list_head)', top)).toBe('8');
  expect(await adapter.evaluate('fd', top)).toBe('2');
  expect(await adapter.evaluate('$eip', top)).toMatch(/ksys_write/);
  const { body } = await client.customRequest('setExpression', { expression: 'init_task.prio', value: '121', frameId: top });
  expect(body.value).toBe('121');
  expect(main.name).toBe('main');
  expect(await adapter.evaluate('counter', main.id)).toBe('5');
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
