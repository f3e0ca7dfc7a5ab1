/** Requests of every kind on a real kernel at one stop after the other: places of code, jumps, memory, names; and what becomes of a target that is left. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterEach, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { listen } from '../gdb/dialogue.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
const SOURCE = join(umlKernel('static'), '..', 'build-6.12', 'linux-source-6.12');
const adapters: Adapter[] = [];

afterEach(async () => {
  for (const each of adapters.splice(0)) await each.close();
});

async function start(): Promise<Adapter> {
  const adapter = await Adapter.start();
  adapters.push(adapter);
  return adapter;
}

function lineOf(path: string, text: string): number {
  const line = readFileSync(path, 'utf8').split('\n').findIndex((each) => each.includes(text)) + 1;
  if (line === 0) throw new Error(`no '${text}' in ${path}`);
  return line;
}

it('places, jumps, memory, names', async () => {
  const adapter = await start();
  const { client } = adapter;
  const launched = await adapter.begin('launch', { program: umlKernel('static'), args: ['mem=64M'], initrd: initramfs(), console: 'internalConsole', stopAt: 'start_kernel' });
  let stop = await adapter.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  const thread = stop.threadId ?? 0;
  const path = join(SOURCE, 'init', 'main.c');

  // A breakpoint on a line without code moves to the next with some; several places of an inlined function.
  const wanted = lineOf(path, 'asmlinkage __visible __init __no_sanitize_address');
  const { body: { breakpoints: [moved] } } = await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line: wanted - 1 }] });
  expect(moved.verified).toBe(true);
  expect(moved.line).toBeGreaterThan(wanted - 1);
  const { body: { breakpoints: locations } } = await client.customRequest('breakpointLocations', { source: { path }, line: wanted - 1, endLine: wanted + 12 });
  expect(locations.map(({ line }: { line: number }) => line)).toContain(moved.line);
  await client.setBreakpointsRequest({ source: { path }, breakpoints: [] });
  const { body: { breakpoints: [inlined] } } = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'list_add_tail' }] });
  expect(inlined.message).toMatch(/^\d{2,} places$/);
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  expect((await adapter.stack(thread))[0]).toMatch(/^(__)?list_add(_tail)? \[inline\] list\.h:/);
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'calibrate_delay' }] });
  await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));

  // Only to places of the function that runs, and exactly there.
  const calibrate = join(SOURCE, 'init', 'calibrate.c');
  const target = lineOf(calibrate, 'static bool printed;') + 5;
  const targets = async (file: string, line: number): Promise<DebugProtocol.GotoTarget[]> => (await client.customRequest('gotoTargets', { source: { path: file }, line })).body.targets;
  expect(await targets(path, lineOf(path, 'boot_cpu_init();'))).toEqual([]);
  expect(await targets(calibrate, lineOf(calibrate, 'calibrate_delay(void)') - 1)).toEqual([]);
  let line = target;
  while ((await targets(calibrate, line)).length === 0) line++;
  const [{ id }] = await targets(calibrate, line);
  stop = await adapter.stopAfter(() => client.customRequest('goto', { threadId: thread, targetId: id }));
  expect([stop.reason, (await adapter.stack(thread))[0]]).toEqual(['goto', `calibrate_delay calibrate.c:${line}`]);

  // Memory, code, names.
  const frame = await adapter.topFrame(thread);
  const reference = (await adapter.evaluate('&init_task.comm', frame)).split(' ')[0];
  const write = await client.customRequest('writeMemory', { memoryReference: reference, data: Buffer.from('renamed\0').toString('base64') });
  expect(write.body.bytesWritten).toBe(8);
  expect(await adapter.evaluate('init_task.comm', frame)).toMatch(/^"renamed"/);
  expect(adapter.sent.some(({ event }) => event === 'memory')).toBe(true);
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: thread, levels: 1 });
  const code = await client.customRequest('disassemble', { memoryReference: stackFrames[0].instructionPointerReference, instructionOffset: -2, instructionCount: 60 });
  const shown: DebugProtocol.DisassembledInstruction[] = code.body.instructions;
  expect(shown[2].symbol).toMatch(/^calibrate_delay/);
  expect(shown.map(({ instruction }) => instruction).join('\n')).toMatch(/^jmp 0x\w+ <calibrate_delay\+\d+>$/m);
  expect(shown.some(({ location }) => location?.path?.endsWith('/init/calibrate.c'))).toBe(true);
  const complete = async (text: string): Promise<string[]> => (await client.customRequest('completions', { frameId: frame, text, column: text.length + 1 })).body.targets.map(({ label }: { label: string }) => label);
  expect(await complete('1 + init_task.com')).toContain('comm');
  expect(await complete('calibrate_de')).toContain('calibrate_delay');
  expect(await complete('$ri')).toEqual(['$rip']);
  expect(await complete('no_such_thing->x')).toEqual([]);

  // An instruction, and the stack through the handler of a signal.
  const next = shown[3].address;
  await client.customRequest('setInstructionBreakpoints', { breakpoints: [{ instructionReference: next }] });
  stop = await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  expect([stop.reason, (await client.stackTraceRequest({ threadId: thread, levels: 1 })).body.stackFrames[0].instructionPointerReference]).toEqual(['instruction breakpoint', next]);
  await client.customRequest('setInstructionBreakpoints', { breakpoints: [] });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'timer_handler' }] });
  await adapter.stopAfter(() => client.continueRequest({ threadId: thread }));
  const names = (await adapter.stack(thread)).map((text) => text.split(' ').slice(0, 2).join(' '));
  const handler = names.findIndex((name) => name.startsWith('hard_handler'));
  expect(names[handler + 1]).toBe('__restore_rt <signal');
  expect(names.slice(handler + 2).join()).toMatch(/start_kernel/);
  expect(adapter.schemaErrors).toEqual([]);
}, LONG);

it('a target that is left goes on, stays as it is, or ends: as the client says', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'spin']);
  const attached = async (): Promise<{ adapter: Adapter; pc: string }> => {
    const adapter = await start();
    await adapter.begin('attach', { program, port: machine.port, stopOnEntry: true });
    const { threadId = 0 } = await adapter.stopAfter(() => adapter.client.configurationDoneRequest());
    const { body: { stackFrames } } = await adapter.client.stackTraceRequest({ threadId, levels: 1 });
    return { adapter, pc: stackFrames[0].instructionPointerReference ?? '' };
  };
  try {
    const first = await attached();
    await first.adapter.client.disconnectRequest({ suspendDebuggee: true });
    const second = await attached();
    expect(second.pc).toBe(first.pc);
    // Of itself an attached target goes on.
    await second.adapter.client.disconnectRequest({});
    const third = await attached();
    expect(third.pc).not.toBe(first.pc);
    await third.adapter.client.disconnectRequest({ terminateDebuggee: true });
    expect(await machine.ended).not.toBeNull();
    expect([first, second, third].flatMap(({ adapter }) => adapter.schemaErrors)).toEqual([]);
  } finally {
    machine.child.kill('SIGKILL');
  }
}, LONG);
