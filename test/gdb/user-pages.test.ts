/** Pages which the guest's kernel gives a process because a debugger writes to them, packet by packet. */
import { afterEach, expect, it } from 'vitest';
import { guestProgram, symbolAddress } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { listen, printed, type Listening } from './dialogue.ts';
import { RawClient } from './raw-client.ts';

let machine: Listening | undefined;
afterEach(() => void machine?.child.kill('SIGKILL'));

it('what stops the machine before the page is there is told at the next resume, and the write is refused until then', async () => {
  const kernel = umlKernel('static');
  const program = guestProgram('uml-user.c', ['-O0', '-g', '-static']);
  machine = await listen(['boot', '--gdb', ':0', kernel, 'mem=64M', `initrd=${initramfs({ 'bin/uml-user': program })}`, 'skas.run=/bin/uml-user,loop']);
  await printed(machine, ' loop\r');
  const pid = Number(/^user (\d+)/m.exec(machine.output())?.[1]).toString(16);
  const client = await RawClient.open(machine.port);
  const [turn, fault] = [symbolAddress(program, 'turn'), symbolAddress(kernel, 'handle_page_fault')];
  const page = ((Number.parseInt(symbolAddress(program, 'untouched'), 16) + 0x1fff) & ~0xfff).toString(16);
  const select = (process: string): Promise<string | undefined> => client.ask(`Hgp${process}.0`);
  const write = (bytes: string): Promise<string | undefined> => client.ask(`M${page},2:${bytes}`);
  const read = (): Promise<string | undefined> => client.ask(`m${page},2`);
  const all = `vCont;c:p2.-1;c:p${pid}.-1`;

  await client.ask('qSupported:multiprocess+;swbreak+;hwbreak+');
  await client.ask('?');
  expect(await client.ask(`vAttach;${pid}`)).toMatch(/^T00/);
  await select(pid);
  // In the kernel, asleep: the process cannot be had to take a fault.
  expect(await write('4142')).toBe('E05');
  expect(await client.ask(`Z0,${turn},1`)).toBe('OK');
  expect(await client.ask(all)).toMatch(new RegExp(`^T05.*thread:p${pid}\\.${pid};`));

  await select('2');
  expect(await client.ask(`Z0,${fault},1`)).toBe('OK');
  await select(pid);
  const before = await client.ask('g');
  expect(await write('4142')).toBe('E05');
  expect(await read()).toBe('0000');
  // Its registers are those it will go on with.
  expect(await client.ask('g')).toBe(before);
  expect(await client.ask(all)).toMatch(/^T05.*thread:p2\.\w+;/);
  expect(await client.ask(`z0,${fault},1`)).toBe('OK');
  await select(pid);
  expect(await client.ask(all)).toMatch(new RegExp(`^T05.*thread:p${pid}\\.${pid};`));
  expect(await client.ask('g')).toBe(before);

  expect(await write('4142')).toBe('OK');
  expect(await read()).toBe('4142');
  // Text is the process's to read only.
  expect(await client.ask(`M${turn},1:90`)).toBe('E05');
  expect(await client.ask(all)).toMatch(/^T05/);
  expect(await read()).toBe('4142');
  client.close();
  expect(machine.errors()).not.toMatch(/internal error/);
}, 60_000);
