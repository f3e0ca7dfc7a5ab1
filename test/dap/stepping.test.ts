/** Steps by line, statement and instruction; forwards in the machine, backwards over a stub that can. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SymbolFile } from '../../dap/symbols/symbol-file.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { listen } from '../gdb/dialogue.ts';
import { Adapter } from './adapter.ts';
import { RecordedStub, record } from './recorded-stub.ts';

const LONG = 60_000;
const SOURCE = readFileSync(join(import.meta.dirname, '..', 'guests', 'dap-steps.c'), 'utf8').split('\n');
let adapter: Adapter | undefined;
let recorded: RecordedStub | undefined;

afterEach(async () => {
  await adapter?.close();
  recorded?.close();
  adapter = undefined;
});

const program = (): string => guestProgram('dap-steps.c', ['-O0', '-g', '-static']);

/** Function and source text from the column on of where a thread stands: gcc's columns are those of operators. */
async function place(threadId: number): Promise<string> {
  const { body: { stackFrames: [{ line, column, name }] } } = await adapterNow().client.stackTraceRequest({ threadId, levels: 1 });
  return `${name} ${SOURCE[line - 1].slice(column - 1).slice(0, 13).trimEnd()}`;
}

function adapterNow(): Adapter {
  if (adapter === undefined) throw new Error('no adapter');
  return adapter;
}

type Granularity = 'statement' | 'line' | 'instruction';

async function steps(thread: number, request: 'next' | 'stepIn' | 'stepBack', granularity: Granularity | undefined, count: number): Promise<string[]> {
  const places: string[] = [];
  for (let i = 0; i < count; i++) {
    const stop = await adapterNow().stopAfter(() => adapterNow().client.customRequest(request, { threadId: thread, ...(granularity === undefined ? {} : { granularity }) }));
    places.push(stop.reason === 'step' ? await place(thread) : `${stop.reason}: ${stop.description ?? ''}`);
  }
  return places;
}

async function inMain(): Promise<number> {
  adapter = await Adapter.start();
  const launched = await adapter.begin('launch', { kind: 'run', program: program(), console: 'internalConsole', stopAt: 'main' });
  const stop = await adapter.stopAfter(async () => {
    await adapterNow().client.configurationDoneRequest();
    await launched;
  });
  return stop.threadId ?? 0;
}

it('a step by lines leaves the line, one by statements stops at each of its statements', async () => {
  const thread = await inMain();
  expect(await place(thread)).toBe('main a = 1, b = 2;');
  expect(await steps(thread, 'next', 'statement', 9)).toEqual([
    'main b = 2;', 'main i = 0; i < 2;', 'main for (int i =', 'main < 2; i++) tot', 'main += i;', 'main ++) total +=', 'main < 2; i++) tot', 'main += i;', 'main ++) total +=',
  ]);
  expect(await steps(thread, 'next', 'line', 1)).toEqual(['main twice(a); b =']);
  expect(await steps(thread, 'next', 'statement', 1)).toEqual(['main twice(b);']);
  expect(await steps(thread, 'stepIn', 'statement', 1)).toEqual(['twice y = x + x;']);
  expect(await steps(thread, 'next', undefined, 3)).toEqual(['twice y;', 'twice }', 'main twice(b);']);
  expect(await steps(thread, 'next', 'line', 1)).toEqual(['main deeper(a) + b']);
  expect(await steps(thread, 'next', 'instruction', 2)).toEqual(['main deeper(a) + b', 'main deeper(a) + b']);
  expect(adapterNow().schemaErrors).toEqual([]);
}, LONG);

it('steps back and continues in reverse where the stub can, and offers it only then', async () => {
  const bytes = readFileSync(program());
  const symbols = SymbolFile.open(program());
  const machine = await listen(['run', '--gdb', ':0', '--wait', program()]);
  let recording: Awaited<ReturnType<typeof record>>;
  try {
    // As far as the last line of main.
    const entry = symbols.symbols.named('main')?.address ?? 0;
    const last = symbols.info.addressesOf('dap-steps.c', SOURCE.findIndex((text) => text.includes('return total')) + 1)[0].address;
    recording = await record(machine.port, BigInt(entry), 400);
    recording.moments.splice(recording.moments.findIndex(({ pc }) => pc === BigInt(last)) + 1);
  } finally {
    machine.child.kill('SIGKILL');
  }
  for (const features of ['', ';ReverseStep+', ';ReverseStep+;ReverseContinue+']) {
    await adapter?.close();
    recorded?.close();
    const started = await RecordedStub.start(bytes, recording, features);
    recorded = started.stub;
    adapter = await Adapter.start();
    await adapter.begin('attach', { program: program(), port: started.port, stopOnEntry: true });
    const offered = adapter.sent.filter(({ event }) => event === 'capabilities').map(({ body }) => body);
    expect(offered).toEqual(features.includes('Continue') ? [{ capabilities: { supportsStepBack: true } }] : []);
  }
  const { client } = adapterNow();
  const { threadId: thread = 0 } = await adapterNow().stopAfter(() => client.configurationDoneRequest());
  expect(await place(thread)).toBe('main total;');
  expect(await steps(thread, 'stepBack', undefined, 3)).toEqual(['main ++;', 'main deeper(a) + b', 'main twice(a); b =']);
  expect(recorded?.packets.filter((body) => body === 'bs').length).toBeLessThan(60);
  expect(await steps(thread, 'stepBack', 'instruction', 1)).toEqual(['main < 2; i++) tot']);
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'main' }] });
  let stop = await adapterNow().stopAfter(() => client.customRequest('reverseContinue', { threadId: thread }));
  expect([stop.reason, await place(thread)]).toEqual(['function breakpoint', 'main a = 1, b = 2;']);
  stop = await adapterNow().stopAfter(() => client.customRequest('reverseContinue', { threadId: thread }));
  expect([stop.reason, stop.description]).toEqual(['pause', 'Beginning of the history']);
  expect(adapterNow().schemaErrors).toEqual([]);
}, LONG);
