/**
 * `npm run bench:dap`: how long a user of an editor waits: from the launch to the first stop, for a step (until stack, arguments and locals are there), and for the list of 200 tasks. Not tests: what
 * counts is that nobody waits.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { Adapter } from '../dap/adapter.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';

const STEPS = 30;
const TASKS = 200;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
const worst = (values: readonly number[]): number => Math.max(...values);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** What an editor asks for at a stop. */
async function show({ client }: Adapter, threadId: number): Promise<void> {
  await client.threadsRequest();
  const { body: { stackFrames: [top] } } = await client.stackTraceRequest({ threadId, startFrame: 0, levels: 20 });
  const { body: { scopes } } = await client.scopesRequest({ frameId: top.id });
  for (const { variablesReference, expensive } of scopes) if (!expensive) await client.variablesRequest({ variablesReference });
}

async function launch(adapter: Adapter, functions: readonly string[], args: readonly string[]): Promise<{ readonly stop: DebugProtocol.StoppedEvent['body']; readonly ms: number }> {
  const begin = performance.now();
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M', ...args], initrd: initramfs(), console: 'internalConsole' });
  await adapter.client.setFunctionBreakpointsRequest({ breakpoints: functions.map((name) => ({ name })) });
  const stop = await adapter.stopAfter(async () => {
    await adapter.client.configurationDoneRequest();
    await launched;
  });
  await show(adapter, stop.threadId ?? 0);
  return { stop, ms: performance.now() - begin };
}

{
  const adapter = await Adapter.start();
  const { stop, ms } = await launch(adapter, ['start_kernel'], []);
  console.log(`launch to the stop in start_kernel shown: ${ms.toFixed(0)} ms`);
  const { client } = adapter;
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'vsnprintf', hitCondition: '== 100' }] });
  let at = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  await client.setFunctionBreakpointsRequest({ breakpoints: [] });
  await show(adapter, at.threadId ?? 0);
  const times: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    times.push(await timed(async () => {
      at = await adapter.stopAfter(() => client.nextRequest({ threadId: at.threadId ?? 0 }));
      await show(adapter, at.threadId ?? 0);
    }));
  }
  console.log(`a step shown: median ${median(times).toFixed(0)} ms, worst of ${STEPS} ${worst(times).toFixed(0)} ms`);
  await adapter.close();
}
{
  const adapter = await Adapter.start();
  // (Commas stand for blanks: emulator/image/initramfs.ts.)
  const { stop } = await launch(adapter, ['ksys_sync'], [`skas.run=for,i,in,$(seq,${TASKS});do,sleep,1000,&,done;sync;sleep,1000`]);
  const { client } = adapter;
  const { body: { threads } } = await client.threadsRequest();
  console.log(`tasks: ${threads.length}`);
  const times: number[] = [];
  let at = stop;
  for (let i = 0; i < 10; i++) {
    at = await adapter.stopAfter(() => client.customRequest('stepIn', { threadId: at.threadId ?? 0, granularity: 'instruction' }));
    times.push(await timed(() => client.threadsRequest()));
  }
  console.log(`list of ${threads.length} tasks after a stop: median ${median(times).toFixed(0)} ms, worst ${worst(times).toFixed(0)} ms`);
  await adapter.close();
}
process.exit(0);
