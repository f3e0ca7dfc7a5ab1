/** Variables of every kind, set through the adapter: the program prints what was set, and what cannot be set is refused. */
import { afterEach, expect, it } from 'vitest';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { guestProgram } from '../fixtures/guest-program.ts';
import { Adapter } from './adapter.ts';

const LONG = 60_000;
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

it('numbers, text, enumerators, bit-fields, structures', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  let printed = '';
  client.on('output', ({ body }: DebugProtocol.OutputEvent) => {
    if (body.category === 'stdout') printed += body.output;
  });
  const launched = await adapter.begin('launch', { program: guestProgram('dap-values.c', ['-O0', '-g', '-static']), kind: 'run', console: 'internalConsole' });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'show' }] });
  const stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: stop.threadId ?? 0 });
  const [show, main] = stackFrames.map(({ id }) => id);
  const set = async (expression: string, value: string, frameId = show): Promise<string> => {
    const { body } = await client.customRequest('setExpression', { expression, value, frameId });
    return body.value;
  };
  const refused = (expression: string, value: string): Promise<string> => set(expression, value).then((text) => `set to ${text}`, (error: Error) => error.message);

  expect(await set('s->corner.x', '-7')).toBe('-7');
  expect(await set('s->other', 's->corner')).toBe('{x = -7, y = 2}');
  expect(await set('s->low', '9')).toBe('1');
  expect(await set('s->middle', '100')).toBe('100');
  expect(await set('s->high', '0x3fffff')).toBe('4194303');
  expect(await set('s->negative', '-3')).toBe('-3');
  expect(await set('s->colour', 'BLUE')).toBe('BLUE');
  expect(await set('s->filled', '12')).toBe('true');
  expect(await set('s->name', '"disc"')).toBe('"disc"');
  expect(await set('s->width', '0.1')).toBe('0.100000001');
  expect(await set('s->height', '-1e300')).toBe('-1.0000000000000001e+300');
  expect(await set('s->exact', 's->width * 4 - 1.4')).toMatch(/^-0\.9/);
  expect(await set('s->sizes[1]', 'byte + 80')).toBe('81');
  expect(await set('s->label', 'other_label')).toMatch(/^0x[0-9a-f]+ "second"$/);
  expect(await set('s->either.real', '1')).toBe('1');
  expect(await set('byte', '257')).toBe("1 '\\001'");
  expect(await set('wide', '-1')).toBe('18446744073709551615');
  expect(await set('local', '6.25', main)).toBe('6.25');
  expect(await refused('s->other', '5')).toMatch(/int cannot be assigned to struct point/);
  expect(await refused('s->name', '"much too long"')).toMatch(/14 bytes do not fit into 8/);
  expect(await refused('s->corner.x + 1', '5')).toMatch(/it is not in memory or in a register/);
  expect(await refused('s->label', '"text"')).toMatch(/not in memory/);
  expect(await refused('s->colour', 'PURPLE')).toMatch(/no 'PURPLE'/);

  // Through the variables view, too.
  const { body: { scopes } } = await client.scopesRequest({ frameId: show });
  const args = scopes.find(({ name }) => name === 'Arguments')?.variablesReference ?? 0;
  const { body: { value } } = await client.setVariableRequest({ variablesReference: args, name: 'byte', value: "'A'" });
  expect(value).toBe("65 'A'");
  const ended = client.waitForEvent('terminated', LONG);
  await client.setFunctionBreakpointsRequest({ breakpoints: [] });
  await client.continueRequest({ threadId: stop.threadId ?? 0 });
  await ended;
  expect(printed).toBe('-7,2 -7,2 1 100 4194303 -3 6 1 disc 0.1 -1e+300 -1 7 81 9 second 1065353216\n65 18446744073709551615 second\n6.25\n');
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);
