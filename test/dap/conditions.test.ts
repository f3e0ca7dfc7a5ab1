/** Conditions that the stub checks: compiled, they mean what they mean to the adapter, at every place of a boot's beginning they are tried at. */
import { afterEach, expect, it } from 'vitest';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

it('a condition is run by the machine, and stops where it holds', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const packets: string[] = [];
  client.on('output', ({ body }: DebugProtocol.OutputEvent) => void packets.push(body.output));
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], initrd: initramfs(), console: 'internalConsole', trace: true });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'start_kernel' }] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  // Where each first holds the expression itself must be true, and the stop must be the stub's first.
  for (const [name, condition] of [
    ['kmem_cache_alloc_noprof', '(gfpflags & 0x400) && s->object_size > 64 ? 1 : 0'], ['__alloc_pages_noprof', 'order == 1 || order >= 3'], ['vsnprintf', 'fmt[0] == 37 && *(fmt + 1) != 0 && (int)size - 1 > -5'],
    ['kernel_clone', 'args->exit_signal == 17 && init_task.pid == 0 && system_state >= SYSTEM_BOOTING'], ['do_sys_openat2', 'dfd == -100 && how->flags & 0x8000'],
  ]) {
    packets.length = 0;
    const { body: { breakpoints: [set] } } = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name, condition }] });
    expect(set.verified).toBe(true);
    expect(packets.join('')).toMatch(/-> Z0,[0-9a-f]+,1;X[0-9a-f]+,/);
    packets.length = 0;
    stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
    expect(stop.reason).toBe('function breakpoint');
    expect(packets.filter((line) => line.includes('-> vCont;c'))).toHaveLength(1);
    const frame = await adapter.topFrame(stop.threadId ?? 0);
    expect([condition, await adapter.evaluate(`(${condition}) != 0`, frame)]).toEqual([condition, '1']);
  }
  // What bytecode cannot say the adapter evaluates.
  packets.length = 0;
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'vfs_read', condition: 'nr_processes() > 0' }] });
  expect(packets.join('')).not.toContain(';X');
}, LONG);

it('a panic is an exception with the kernel\'s message', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], console: 'internalConsole' });
  await client.setExceptionBreakpointsRequest({ filters: ['panic'] });
  const stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  expect(stop.reason).toBe('exception');
  expect(stop.text).toMatch(/root fs|init/i);
  const { body } = await client.customRequest('exceptionInfo', { threadId: stop.threadId });
  expect(body.description).toBe(stop.text);
  expect((await adapter.stack(stop.threadId ?? 0))[0]).toMatch(/^panic /);
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
