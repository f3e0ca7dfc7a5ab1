/** Pages which the guest's kernel gives a process because a debugger writes to them, packet by packet. */
import { afterEach, expect, it } from 'vitest';
import { guestProgram, symbolAddress } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { listen, printed, type Listening } from './dialogue.ts';
import { RawClient } from './raw-client.ts';

let machine: Listening | undefined;
afterEach(() => void machine?.child.kill('SIGKILL'));

interface Started {
  readonly client: RawClient;
  readonly program: string;
  readonly kernel: string;
  /** Of the process, in hexadecimal. */
  readonly pid: string;
  /** The packet that resumes kernel and process. */
  readonly all: string;
}

/** Boots with uml-user.c as the only program and attaches to it. */
async function start(what: string): Promise<Started> {
  const kernel = umlKernel('static');
  const program = guestProgram('uml-user.c', ['-O0', '-g', '-static']);
  machine = await listen(['boot', '--gdb', ':0', kernel, 'mem=64M', `initrd=${initramfs({ 'bin/uml-user': program })}`, `skas.run=/bin/uml-user,${what}`]);
  await printed(machine, ` ${what}\r`);
  const pid = Number(/^user (\d+)/m.exec(machine.output())?.[1]).toString(16);
  const client = await RawClient.open(machine.port);
  await client.ask('qSupported:multiprocess+;swbreak+;hwbreak+');
  await client.ask('?');
  expect(await client.ask(`vAttach;${pid}`)).toMatch(/^T00/);
  return { client, program, kernel, pid, all: `vCont;c:p2.-1;c:p${pid}.-1` };
}

it('what stops the machine before the page is there is told at the next resume, and the write is refused until then', async () => {
  const { client, program, kernel, pid, all } = await start('loop');
  const [turn, fault] = [symbolAddress(program, 'turn'), symbolAddress(kernel, 'handle_page_fault')];
  const page = ((Number.parseInt(symbolAddress(program, 'untouched'), 16) + 0x1fff) & ~0xfff).toString(16);
  const select = (process: string): Promise<string | undefined> => client.ask(`Hgp${process}.0`);
  const write = (bytes: string): Promise<string | undefined> => client.ask(`M${page},2:${bytes}`);
  const read = (): Promise<string | undefined> => client.ask(`m${page},2`);
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
  expect(machine?.errors()).not.toMatch(/internal error/);
}, 60_000);

it('a signal that the process gets meanwhile is delivered, and told at the next resume', async () => {
  const { client, program, pid, all } = await start('alarm');
  const [turn, handler] = ['turn', 'on_alarm'].map((name) => symbolAddress(program, name));
  const pages = Number.parseInt(symbolAddress(program, 'plenty'), 16);
  const rip = async (): Promise<bigint> => Buffer.from((await client.ask('p10')) ?? '', 'hex').readBigUInt64LE();
  // SIGALRM is not worth a stop.
  expect(await client.ask('QPassSignals:e')).toBe('OK');
  await client.ask(`Hgp${pid}.0`);
  expect(await client.ask(`Z0,${turn},1`)).toBe('OK');
  expect(await client.ask(all)).toMatch(/^T05swbreak/);
  expect(await rip()).toBe(BigInt(`0x${turn}`));
  let written = 0;
  while (written < 500 && (await rip()) === BigInt(`0x${turn}`)) {
    written++;
    expect(await client.ask(`M${(pages + written * 4096).toString(16)},1:41`)).toBe('OK');
    expect(await client.ask(`m${(pages + written * 4096).toString(16)},1`)).toBe('41');
  }
  expect(written).toBeLessThan(500);
  expect(await rip()).toBe(BigInt(`0x${handler}`));
  expect(await client.ask(`M${(pages + 510 * 4096).toString(16)},1:41`)).toBe('E05');
  // The client learns of it, and goes on.
  expect(await client.ask(all)).toMatch(/^T05(?!swbreak)/);
  expect(await rip()).toBe(BigInt(`0x${handler}`));
  expect(await client.ask(all)).toMatch(/^T05swbreak/);
  expect(await rip()).toBe(BigInt(`0x${turn}`));
  client.close();
  expect(machine?.errors()).not.toMatch(/internal error/);
}, 60_000);
