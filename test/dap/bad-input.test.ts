/** Whatever goes wrong with a session, the user reads why. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { listen, type Listening } from '../gdb/dialogue.ts';
import { Adapter } from './adapter.ts';

const LONG = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'skas-dap-'));
afterAll(() => rmSync(folder, { recursive: true }));
let adapters: Adapter[] = [];
let machine: Listening | undefined;

afterEach(async () => {
  await Promise.all(adapters.map((adapter) => adapter.close()));
  adapters = [];
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

async function start(): Promise<Adapter> {
  const adapter = await Adapter.start();
  adapters.push(adapter);
  return adapter;
}

const program = (): string => guestProgram('gdb-program.c', ['-O0', '-g', '-static']);

async function refusal(request: 'launch' | 'attach', args: object): Promise<string> {
  const adapter = await start();
  const text = await adapter.begin(request, { console: 'internalConsole', ...args }).then((answered) => answered).then(() => 'accepted', (error: unknown) => (error instanceof Error ? error.message : String(error)));
  expect(adapter.schemaErrors).toEqual([]);
  return text;
}

describe('is refused with its reason:', () => {
  it.each<[string, 'launch' | 'attach', object, RegExp]>([
    ['no program', 'launch', {}, /"program" is missing/],
    ['a program that is not there', 'launch', { program: '/nowhere/linux' }, /"cwd": \/nowhere does not exist|"program": .* does not exist/],
    ['an initrd that is not there', 'launch', { program: '/bin/sh', cwd: '/', initrd: 'nothing.cpio' }, /"initrd": .*nothing.cpio does not exist/],
    ['a wrong type', 'launch', { program: '/bin/sh', args: 'mem=64M' }, /"args" must be a list of strings/],
    ['a wrong word', 'launch', { program: '/bin/sh', console: 'tty' }, /"console" must be "integratedTerminal" or/],
    ['no port', 'attach', { program: '/bin/sh' }, /"port" is missing/],
    ['a port where nobody listens', 'attach', { program: '/bin/sh', port: 1 }, /Cannot connect to 127\.0\.0\.1:1/],
  ])('%s', async (_, request, args, message) => {
    expect(await refusal(request, args)).toMatch(message);
  }, LONG);
});

describe('with a machine', () => {
  it('a file that is no program, and one without debug information', async () => {
    const text = join(folder, 'text');
    writeFileSync(text, 'this is no program');
    const stripped = join(folder, 'stripped');
    execFileSync('strip', ['-o', stripped, program()]);
    machine = await listen(['run', '--gdb', ':0', '--wait', program(), 'spin']);
    expect(await refusal('attach', { program: text, port: machine.port })).toMatch(/not an ELF file/);
    const adapter = await start();
    await adapter.begin('attach', { program: stripped, port: machine.port, stopOnEntry: true });
    const told = adapter.sent.filter(({ event }) => event === 'output').map(({ body }) => JSON.stringify(body)).join();
    expect(told).toMatch(/no debug information/);
    const stop = await adapter.stopAfter(() => adapter.client.configurationDoneRequest());
    expect(stop.reason).toBe('entry');
    expect((await adapter.stack(stop.threadId ?? 0)).length).toBeGreaterThan(0);
    expect(await adapter.evaluate('1 + 1', await adapter.topFrame(stop.threadId ?? 0))).toBe('2');
  }, LONG);

  it('a second session is told; a stub that goes away ends the first with words', async () => {
    machine = await listen(['run', '--gdb', ':0', '--wait', program(), 'spin']);
    const first = await start();
    await first.begin('attach', { program: program(), port: machine.port, stopOnEntry: true });
    await first.stopAfter(() => first.client.configurationDoneRequest());
    // The second may look; that it may not run the machine it is told when it tries.
    const second = await start();
    await second.begin('attach', { program: program(), port: machine.port, stopOnEntry: true });
    const stopped = await second.stopAfter(() => second.client.configurationDoneRequest());
    expect((await second.stack(stopped.threadId ?? 0)).length).toBeGreaterThan(0);
    await second.stopAfter(() => second.client.continueRequest({ threadId: stopped.threadId ?? 0 }));
    expect(JSON.stringify(second.sent)).toMatch(/another debugger controls this machine/);
    const terminated = first.client.waitForEvent('terminated', LONG);
    machine.child.kill('SIGKILL');
    await terminated;
    const told = first.sent.filter(({ event }) => event === 'output').map(({ body }) => JSON.stringify(body)).join();
    expect(told).toMatch(/connection to the target is gone/);
    expect(first.schemaErrors).toEqual([]);
  }, LONG);

  it('requests that do not fit the moment', async () => {
    machine = await listen(['run', '--gdb', ':0', '--wait', program(), 'spin']);
    const adapter = await start();
    const { client } = adapter;
    await adapter.begin('attach', { program: program(), port: machine.port, stopOnEntry: true });
    const stop = await adapter.stopAfter(() => client.configurationDoneRequest());
    const thread = stop.threadId ?? 0;
    const frame = await adapter.topFrame(thread);
    const failure = (work: Promise<unknown>): Promise<string> => work.then(() => 'no failure', (error: unknown) => (error instanceof Error ? error.message : String(error)));
    expect(await failure(client.scopesRequest({ frameId: 999 }))).toMatch(/frame is gone/);
    expect(await failure(client.variablesRequest({ variablesReference: 999 }))).toMatch(/value is gone/);
    expect(await failure(client.customRequest('readMemory', { memoryReference: 'nonsense', count: 1 }))).toMatch(/not an address/);
    expect(await failure(client.stackTraceRequest({ threadId: 77 }))).toMatch(/no thread 77/);
    expect(await adapter.evaluate('monitor nonsense', frame, 'repl')).toMatch(/error: .*nonsense/);
    const wrongHit = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'main', hitCondition: 'often' }] });
    expect(wrongHit.body.breakpoints[0]).toMatchObject({ verified: false });
    expect(wrongHit.body.breakpoints[0].message).toMatch(/not a hit count/);
    await client.continueRequest({ threadId: thread });
    expect(await failure(client.stackTraceRequest({ threadId: thread }))).toMatch(/running: pause it first/);
    const paused = await adapter.stopAfter(() => client.pauseRequest({ threadId: thread }));
    expect(paused.reason).toBe('pause');
    expect((await adapter.stack(paused.threadId ?? 0)).join()).toMatch(/spin|main/);
    expect(adapter.schemaErrors).toEqual([]);
  }, LONG);
});
