/** A whole session on the 6.12 kernel, as a client leads it; what was said is a golden transcript. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterEach, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { KERNEL_SOURCE } from '../fixtures/uml-config.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
/** `SKAS_ACCEPT=1` writes it anew. */
const GOLDEN = join(import.meta.dirname, 'golden', 'kernel-session.txt');
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

const launch = (more: object = {}): Record<string, unknown> => ({ program: umlKernel('static'), args: ['mem=64M'], initrd: initramfs(), console: 'internalConsole', ...more });

/** Without what another build of the same kernel would have elsewhere. */
const stable = (text: string): string => text.replace(/0x[0-9a-f]{4,}/g, '0x…').replaceAll(KERNEL_SOURCE, 'SOURCE');

it('launches, breaks, steps, looks, writes, watches and ends; all of it as the protocol has it', async () => {
  adapter = await Adapter.start();
  const { client } = adapter;
  const lines: string[] = [];
  const note = (what: string, ...values: readonly string[]): void => void lines.push(`${what}${values.map((value) => `\n  ${stable(value)}`).join('')}`);
  const variables = async (frameId: number, scope: string): Promise<string[]> => {
    const { body } = await client.scopesRequest({ frameId });
    const found = body.scopes.find(({ name }) => name === scope);
    if (found === undefined) return [];
    const answer = await client.variablesRequest({ variablesReference: found.variablesReference });
    return answer.body.variables.map(({ name, type, value }) => `${name}: ${type ?? ''} = ${value}`);
  };

  const launched = await adapter.begin('launch', launch());
  const functions = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'start_kernel' }, { name: 'no_such_function' }] });
  note('function breakpoints', ...functions.body.breakpoints.map(({ verified, line, message }) => `${verified} ${line ?? ''} ${message ?? ''}`));
  const exceptions = await client.setExceptionBreakpointsRequest({ filters: ['panic', 'oops'] });
  note('exception filters', JSON.stringify(exceptions.success));
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  let thread = stop.threadId ?? 0;
  note(`stopped: ${stop.reason}`, ...await adapter.stack(thread));
  note('locals', ...await variables(await adapter.topFrame(thread), 'Locals'));

  stop = await adapter.stopAfter(() => client.nextRequest({ threadId: thread }));
  note(`next: ${stop.reason}`, (await adapter.stack(thread))[0]);
  stop = await adapter.stopAfter(() => client.stepInRequest({ threadId: thread, granularity: 'instruction' }));
  note(`step of an instruction: ${stop.reason}`);

  const logged: string[] = [];
  client.on('output', ({ body }: DebugProtocol.OutputEvent) => void (body.category === 'stdout' && body.output.startsWith('clone') && logged.push(body.output.trim())));
  const again = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'kernel_clone', hitCondition: '3', condition: 'args->exit_signal == 17' }] });
  expect(again.body.breakpoints[0].verified).toBe(true);
  const forkSource = join(umlSource(), 'kernel', 'fork.c');
  const forkLine = readFileSync(forkSource, 'utf8').split('\n').findIndex((text) => text.includes('pid = get_task_pid(p, PIDTYPE_PID);')) + 1;
  await client.setBreakpointsRequest({ source: { path: forkSource }, breakpoints: [{ line: forkLine, logMessage: 'clone makes {p->pid} of {nr_threads > 0} {{x}}' }] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  thread = stop.threadId ?? 0;
  note(`hit count and condition: ${stop.reason}`, (await adapter.stack(thread))[0], ...logged);
  await client.setBreakpointsRequest({ source: { path: forkSource }, breakpoints: [] });

  const path = join(umlSource(), 'fs', 'open.c');
  const line = readFileSync(path, 'utf8').split('\n').findIndex((text) => text.includes('fd = get_unused_fd_flags(how->flags)')) + 1;
  const set = await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line, condition: 'how->flags & 0x8000' }, { line: 1, condition: '' }] });
  note('source breakpoints', ...set.body.breakpoints.map(({ verified, line: at, message }) => `${verified} ${at === line ? 'the line' : (at ?? '')} ${message ?? ''}`));
  await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line, condition: 'how->flags & 0x8000' }] });
  await client.setFunctionBreakpointsRequest({ breakpoints: [] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  thread = stop.threadId ?? 0;
  note(`stopped: ${stop.reason}`, ...(await adapter.stack(thread)));
  let frame = await adapter.topFrame(thread);
  note('arguments', ...await variables(frame, 'Arguments'));
  note('locals', ...await variables(frame, 'Locals'));
  const { body: { threads } } = await client.threadsRequest();
  note('threads', ...threads.slice(0, 5).map(({ name }) => name));

  for (const expression of [
    'dfd', 'how->flags, x', '*how', 'filename', 'init_task.comm', '&init_task', 'init_task.tasks', 'container_of(init_task.tasks.next, struct task_struct, tasks)', 'sizeof(struct list_head)',
    '(char)(64 + 1)', '(long)-2 / 3', '1 ? 2 : 3', '(void *)-2', '$rip', 'init_task.cpus_mask', 'system_state', 'jiffies > 0', 'nr_processes()', 'offsetof(struct list_head, prev)',
    'no_such_name', '1 +', '*(int *)0', 'how->nothing', '((struct task_struct *)0)->pid',
  ]) note(expression, await adapter.evaluate(expression, frame));

  const { body: { targets } } = await client.customRequest('completions', { frameId: frame, text: 'how->f', column: 7 });
  note('completions of how->f', targets.map(({ label }: { label: string }) => label).join(' '));
  note('set dfd', (await client.customRequest('setExpression', { frameId: frame, expression: 'how->mode', value: '7 * 6' })).body.value);
  note('read back', await adapter.evaluate('how->mode', frame));
  await client.customRequest('setExpression', { frameId: frame, expression: 'how->mode', value: '0' });

  const info = await client.customRequest('dataBreakpointInfo', { name: 'jiffies_64', frameId: frame });
  note('data breakpoint', String(info.body.description));
  await client.customRequest('setDataBreakpoints', { breakpoints: [{ dataId: info.body.dataId, accessType: 'write' }] });
  await client.setBreakpointsRequest({ source: { path }, breakpoints: [] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  thread = stop.threadId ?? 0;
  note(`stopped: ${stop.reason}`, (await adapter.stack(thread))[0]);
  await client.customRequest('setDataBreakpoints', { breakpoints: [] });

  stop = await adapter.stopAfter(() => client.stepOutRequest({ threadId: thread }));
  note(`step out: ${stop.reason}`, (await adapter.stack(thread))[0]);
  frame = await adapter.topFrame(thread);
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: thread, levels: 1 });
  const code = await client.customRequest('disassemble', { memoryReference: stackFrames[0].instructionPointerReference, instructionOffset: -4, instructionCount: 8 });
  expect(code.body.instructions).toHaveLength(8);
  expect(code.body.instructions[4].address).toBe(stackFrames[0].instructionPointerReference);
  const banner = await client.customRequest('readMemory', { memoryReference: (await adapter.evaluate('&linux_banner', frame)).split(' ')[0], count: 18 });
  note('memory', Buffer.from(banner.body.data, 'base64').toString());

  const exited = client.waitForEvent('exited', LONG);
  const terminated = client.waitForEvent('terminated', LONG);
  await client.continueRequest({ threadId: thread });
  note('the guest ends', JSON.stringify((await exited).body));
  await terminated;

  expect(adapter.schemaErrors).toEqual([]);
  const text = `${lines.join('\n')}\n`;
  if (process.env['SKAS_ACCEPT'] === '1' || !existsSync(GOLDEN)) writeFileSync(GOLDEN, text);
  expect(text).toBe(readFileSync(GOLDEN, 'utf8'));
}, LONG);

function umlSource(): string {
  return join(umlKernel('static'), '..', 'build-6.12', 'linux-source-6.12');
}
