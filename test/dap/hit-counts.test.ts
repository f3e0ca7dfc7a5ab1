/** Hit counts and log points that the machine does by itself: they come out as when the adapter does them, without its stops. */
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

interface Outcome {
  /** Where it stood at the end. */
  readonly place: readonly string[];
  /** What log points said. */
  readonly log: string;
  readonly resumes: number;
}

interface Wanted {
  readonly functions?: DebugProtocol.FunctionBreakpoint[];
  /** On the line a function begins at. */
  readonly line?: { readonly of: string } & Omit<DebugProtocol.SourceBreakpoint, 'line'>;
  readonly data?: { readonly expression: string; readonly hitCondition: string };
}

/** From start_kernel on with these breakpoints, up to a stop. */
async function outcome({ functions = [], line, data }: Wanted, looked: readonly string[]): Promise<Outcome> {
  adapter = await Adapter.start();
  const { client } = adapter;
  let log = '';
  let resumes = 0;
  client.on('output', ({ body: { category, output } }: DebugProtocol.OutputEvent) => {
    if (category === 'stdout') log += output;
    if (output.includes('-> vCont;c')) resumes++;
  });
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], initrd: initramfs(), console: 'internalConsole', trace: true });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'start_kernel' }] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  if (line !== undefined) {
    const { of, ...rest } = line;
    const { body: { breakpoints: [place] } } = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: of }] });
    const { body } = await client.setBreakpointsRequest({ source: { path: place.source?.path ?? '' }, breakpoints: [{ line: place.line ?? 0, ...rest }] });
    expect(body.breakpoints.map(({ verified }) => verified)).toEqual([true]);
  }
  const { body: { breakpoints: set } } = await client.setFunctionBreakpointsRequest({ breakpoints: functions });
  expect(set.map(({ verified, message }) => [verified, message])).toEqual(functions.map(() => [true, undefined]));
  if (data !== undefined) {
    const { body: info } = await client.customRequest('dataBreakpointInfo', { name: data.expression, frameId: await adapter.topFrame(stop.threadId ?? 0) });
    await client.customRequest('setDataBreakpoints', { breakpoints: [{ dataId: info.dataId, hitCondition: data.hitCondition }] });
  }
  log = '';
  resumes = 0;
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  const counted = resumes;
  const frame = await adapter.topFrame(stop.threadId ?? 0);
  const place = [stop.reason];
  for (const expression of looked) place.push(await adapter.evaluate(expression, frame));
  await adapter.close();
  adapter = undefined;
  return { place, log: log.replace(/^\[ .*\n/gm, ''), resumes: counted };
}

const LOOKED = ['$rsp', 'jiffies_64', 'size', 'fmt'];

it('the 300th call that counts of a hot function is one stop', async () => {
  const at = (condition: string): Promise<Outcome> => outcome({ functions: [{ name: 'vsnprintf', condition, hitCondition: '== 300' }] }, LOOKED);
  const machine = await at('size > 8');
  // A floating-point number is beyond bytecode, so that the adapter looks at each call.
  const ours = await at('size > 8.0');
  expect(machine.resumes).toBe(1);
  expect(ours.resumes).toBeGreaterThan(299);
  expect(machine.place).toEqual(ours.place);
  expect(machine.place[0]).toBe('function breakpoint');
}, LONG);

it('log points are written by the machine as the adapter writes them', async () => {
  const logMessage = '100% {{{size}}} {(long)size,x} {(short)-size} {fmt} {init_task.comm} {(int)size == 64} \\n';
  const at = (condition: string): Promise<Outcome> => outcome({ line: { of: 'vsnprintf', condition, hitCondition: '<= 60', logMessage }, functions: [{ name: 'rest_init' }] }, ['$rsp', 'jiffies_64']);
  const machine = await at('size != 7');
  const ours = await at('size != 7.0');
  expect(machine.resumes).toBe(1);
  expect(ours.resumes).toBeGreaterThan(60);
  expect(machine.log.split('\n').length).toBe(61);
  expect(machine.log).toMatch(/^100% \{\d+\} 0x[0-9a-f]+ -?\d+ 0x[0-9a-f]+ ".*" "swapper" [01] \\n$/m);
  expect(machine.log).toBe(ours.log);
  expect(machine.place).toEqual(ours.place);
}, LONG);

it('a watched variable\'s fifth change is one stop', async () => {
  const machine = await outcome({ data: { expression: 'jiffies_64', hitCondition: '5' } }, ['jiffies_64']);
  expect(machine.place[0]).toBe('data breakpoint');
  expect(machine.resumes).toBe(1);
  // INITIAL_JIFFIES is -300 * HZ.
  expect(BigInt(machine.place[1]) - BigInt.asUintN(32, -300n * 100n)).toBe(5n);
}, LONG);

it('a breakpoint that is set again goes on counting', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], console: 'internalConsole' });
  const counting = { name: 'vsnprintf', hitCondition: '% 10' };
  await client.setFunctionBreakpointsRequest({ breakpoints: [counting] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  const first = stop.hitBreakpointIds;
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'rest_init' }, counting] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  expect(stop.hitBreakpointIds).toEqual(first);
  // Beside one that always stops the adapter counts on from where the machine was.
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'vsnprintf' }, counting] });
  const ids: (number[] | undefined)[] = [];
  for (let i = 0; i < 11; i++) {
    stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
    ids.push(stop.hitBreakpointIds);
  }
  expect(ids.map((each) => each?.includes(first?.[0] ?? -1))).toEqual([false, false, false, false, false, false, false, false, false, true, false]);
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
