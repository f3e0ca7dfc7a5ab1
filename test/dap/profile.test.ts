/** Profiles through the debug adapter: counted between two stops on request, or over the whole run by the launch attribute. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { readLcov } from '../../extension/coverage/lcov-file.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { Adapter } from './adapter.ts';

const LONG = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'skas-dap-profile-'));
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
  rmSync(folder, { recursive: true, force: true });
});

it('counts between two stops, and the whole run', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const whole = join(folder, 'whole.info');
  const launched = await adapter.begin('launch', { program, args: ['basic'], kind: 'run', console: 'internalConsole', profile: [`lcov=${whole}`, `callgrind=${join(folder, 'callgrind.out')}`] });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'recurse' }] });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  const profile = (args: object): Promise<unknown> => client.customRequest('skas/profile', args);
  await profile({ action: 'reset' });
  for (let i = 0; i < 3; i++) stop = await adapter.stopAfter(() => client.continueRequest({ threadId: stop.threadId ?? 0 }));
  const part = join(folder, 'part.info');
  await profile({ action: 'write', format: 'lcov', path: part });
  const counts = (path: string): Map<string, number> => new Map(readLcov(readFileSync(path, 'utf8')).flatMap(({ functions }) => functions.map(({ name, count }) => [name, count] as const)));
  // Standing at its first line the next call has been counted, the first one had been before.
  expect([counts(part).get('recurse'), counts(part).get('add')]).toEqual([3, 0]);
  await expect(profile({ action: 'write', format: 'lcov' })).rejects.toThrow(/"format" and "path"/);
  await expect(profile({ action: 'dance' })).rejects.toThrow(/must be start, stop, reset or write/);
  await expect(profile({ action: 'write', format: 'nonsense', path: part })).rejects.toThrow(/FORMAT is one of/);
  await client.setFunctionBreakpointsRequest({ breakpoints: [] });
  const ended = client.waitForEvent('terminated', LONG);
  await client.continueRequest({ threadId: stop.threadId ?? 0 });
  await ended;
  // The machine writes as it ends.
  for (let i = 0; i < 200 && !existsSync(join(folder, 'callgrind.out')); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  // From the reset on.
  expect(counts(whole).get('recurse')).toBe(5);
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
