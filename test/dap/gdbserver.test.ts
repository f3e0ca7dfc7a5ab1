/** The adapter on a stub that is not ours: gdbserver, on the same program natively. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { Adapter } from './adapter.ts';

const LONG = 60_000;
let adapter: Adapter | undefined;
let server: ChildProcess | undefined;

afterEach(async () => {
  await adapter?.close();
  server?.kill('SIGKILL');
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listening = createServer();
    listening.listen(0, '127.0.0.1', () => {
      const address = listening.address();
      listening.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

it('breaks, steps, looks and calls over gdbserver', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const port = await freePort();
  const child = spawn('gdbserver', [`127.0.0.1:${port}`, program, 'basic'], { stdio: ['ignore', 'ignore', 'pipe'] });
  server = child;
  await new Promise<void>((resolve) => child.stderr.on('data', (chunk: Buffer) => chunk.toString().includes('Listening') && resolve()));
  adapter = await Adapter.start();
  const { client } = adapter;
  await adapter.begin('attach', { program, port, stopOnEntry: true });
  let stop = await adapter.stopAfter(() => client.configurationDoneRequest());
  const set = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'add', condition: 'a == 2' }] });
  expect(set.body.breakpoints[0].verified).toBe(true);
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  expect(stop.reason).toBe('function breakpoint');
  const thread = stop.threadId ?? 0;
  const frame = await adapter.topFrame(thread);
  expect(await adapter.stack(thread)).toEqual([expect.stringMatching(/^add /), expect.stringMatching(/^main /)]);
  expect([await adapter.evaluate('a', frame), await adapter.evaluate('b', frame), await adapter.evaluate('add(20, 22)', frame)]).toEqual(['2', '3', '42']);
  stop = await adapter.stopAfter(() => client.stepOutRequest({ threadId: thread }));
  expect((await adapter.stack(thread))[0]).toMatch(/^main /);
  stop = await adapter.stopAfter(() => client.nextRequest({ threadId: thread }));
  expect(stop.reason).toBe('step');
  const exited = client.waitForEvent('exited', LONG);
  await client.continueRequest({ threadId: thread });
  expect((await exited).body.exitCode).toBe(7);
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
