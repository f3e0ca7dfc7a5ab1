/** While a launched kernel boots, the client is told so, and when its first program runs that it has. */
import { afterEach, expect, it } from 'vitest';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

it.each(['static', 'i386'] as const)('of a kernel (%s)', async (build) => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const told: string[] = [];
  let console = '';
  client.on('progressStart', ({ body }: DebugProtocol.ProgressStartEvent) => void told.push(`${body.progressId}: ${body.title.replace(/linux-\S+/, 'KERNEL')}`));
  client.on('progressEnd', ({ body }: DebugProtocol.ProgressEndEvent) => void told.push(`${body.progressId} over${console.includes('uml:~#') ? ' late' : ''}`));
  const prompt = new Promise<void>((resolve) => {
    client.on('output', ({ body: { output } }: DebugProtocol.OutputEvent) => {
      console += output;
      if (console.includes('uml:~#')) resolve();
    });
  });
  const launched = await adapter.begin('launch', { program: umlKernel(build), args: ['mem=64M'], initrd: build === 'i386' ? initramfsI386() : initramfs(), console: 'internalConsole', stopAt: 'start_kernel' });
  const stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  expect(told.splice(0)).toEqual(['connect: Starting the machine', 'connect over', 'boot 1: Booting KERNEL', 'boot 1 over']);
  await client.continueRequest({ threadId: stop.threadId ?? 0 });
  await prompt;
  expect(told.splice(0)).toEqual(['boot 2: Booting KERNEL', 'boot 2 over']);
  const { threadId } = await adapter.stopAfter(() => client.pauseRequest({ threadId: stop.threadId ?? 0 }));
  await client.continueRequest({ threadId: threadId ?? 0 });
  expect(told).toEqual([]);
  expect(console).not.toContain('has booted');
}, LONG);
