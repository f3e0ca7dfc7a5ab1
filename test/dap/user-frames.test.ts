/** Stacks that go on from the kernel into the process it works for. */
import { afterEach, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { Adapter } from './adapter.ts';

const LONG = 90_000;
/** What a dynamically linked program needs. */
const LIBRARIES = ['lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6', 'lib/x86_64-linux-gnu/libm.so.6'];
let adapter: Adapter | undefined;

afterEach(async () => {
  await adapter?.close();
  adapter = undefined;
});

/** Stops where a program's `write` is in the kernel; gives the thread. */
async function inWrite(files: Readonly<Record<string, string>>, run: string, condition: string): Promise<{ adapter: Adapter; thread: number }> {
  const started = await Adapter.start();
  adapter = started;
  const { client } = started;
  const launched = await started.begin('launch', { program: umlKernel('static'), args: ['mem=64M', `skas.run=${run}`], initrd: initramfs(files), console: 'internalConsole' });
  await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'ksys_write', condition }] });
  const stop = await started.stopAfter(async () => {
    await client.configurationDoneRequest();
    await launched;
  });
  expect(stop.reason).toBe('function breakpoint');
  return { adapter: started, thread: stop.threadId ?? 0 };
}

it.each([
  { linked: 'statically', options: ['-static'], files: {} },
  { linked: 'dynamically', options: ['-pie'], files: Object.fromEntries(LIBRARIES.map((path) => [path, `/${path}`])) },
])('frames, lines and variables of a $linked linked program', async ({ options, files }) => {
  const { adapter: { client }, thread } = await inWrite({ 'bin/uml-user': guestProgram('uml-user.c', ['-O0', '-g', ...options]), ...files }, '/bin/uml-user,loop', 'fd == 2 && count == 0');
  const { body: { stackFrames, totalFrames } } = await client.stackTraceRequest({ threadId: thread });
  expect(totalFrames).toBe(stackFrames.length);
  const names = stackFrames.map(({ name, presentationHint }) => (presentationHint === 'label' ? `[${name}]` : name));
  const boundary = names.findIndex((name) => name.startsWith('['));
  expect(names.slice(0, boundary)).toEqual(expect.arrayContaining(['ksys_write', 'handle_syscall', 'userspace']));
  expect(names[boundary]).toMatch(/^\[user process \/bin\/uml-user \(\d+\)\]$/);
  const user = stackFrames.slice(boundary + 1);
  expect(user[0].name).toMatch(/write$/);
  const [report, turn, main] = user.slice(-3);
  expect([report, turn, main].map(({ name, source }) => `${name} ${source?.name ?? ''}`)).toEqual(['report uml-user.c', 'turn uml-user.c', 'main uml-user.c']);
  // In windows, as clients ask for them: the same frames.
  const { body: window } = await client.stackTraceRequest({ threadId: thread, startFrame: boundary - 1, levels: 3 });
  expect(window.stackFrames.map(({ name }) => name)).toEqual(stackFrames.slice(boundary - 1, boundary + 2).map(({ name }) => name));

  expect(await adapter?.evaluate('value == x * x', turn.id)).toMatch(/error: .*'x'/);
  expect(await adapter?.evaluate('value == counter * counter', turn.id)).toBe('1');
  expect(await adapter?.evaluate('message', turn.id)).toMatch(/^"value \d+\\n"/);
  expect(await adapter?.evaluate('argc', main.id)).toBe('2');
  expect(await adapter?.evaluate('argv[1]', main.id)).toMatch(/"loop"$/);
  expect(await adapter?.evaluate('init_task.pid', stackFrames[0].id)).toBe('0');
  const { body: { scopes } } = await client.scopesRequest({ frameId: report.id });
  const { body: { variables } } = await client.variablesRequest({ variablesReference: scopes.find(({ name }) => name === 'Arguments')?.variablesReference ?? 0 });
  expect(variables.map(({ name, type }) => `${name} ${type ?? ''}`)).toEqual(['value int']);
  const { body: watched } = await client.customRequest('dataBreakpointInfo', { name: 'counter', frameId: turn.id });
  expect(watched.dataId).toBeNull();
  // Nothing stays attached: the guest runs on, and stops in the kernel only.
  const { body: { threads } } = await client.threadsRequest();
  expect(threads.filter(({ name }) => name.startsWith('uml-user'))).toHaveLength(1);
  const stop = await adapter?.stopAfter(() => client.continueRequest({ threadId: thread }));
  expect(stop?.reason).toBe('function breakpoint');
  expect((await adapter?.stack(thread))?.slice(-2)).toEqual([expect.stringMatching(/^turn uml-user\.c:\d+$/), expect.stringMatching(/^main uml-user\.c:\d+$/)]);
  expect(adapter?.schemaErrors).toEqual([]);
}, LONG);

it('a program without symbols is shown by its addresses, kernel threads have no user side', async () => {
  const { adapter: { client }, thread } = await inWrite({}, '/bin/busybox,echo,hello', 'fd == 1');
  const { body: { stackFrames } } = await client.stackTraceRequest({ threadId: thread });
  const boundary = stackFrames.findIndex(({ presentationHint }) => presentationHint === 'label');
  expect(stackFrames[boundary].name).toMatch(/^user process \/bin\/busybox \(\d+\)/);
  expect(stackFrames[boundary + 1].name).toMatch(/^0x[0-9a-f]+ \(no symbols\)$/);
  const { body: { threads } } = await client.threadsRequest();
  const worker = threads.find(({ name }) => name.includes('kthreadd'));
  const stack = await adapter?.stack(worker?.id ?? 0);
  expect(stack?.length).toBeGreaterThan(2);
  expect(stack?.join()).not.toMatch(/user process/);
  expect(adapter?.schemaErrors).toEqual([]);
}, LONG);
