/** Packets that make no or little sense to a kernel with tasks, in every state: before there are tasks, with them, switched to one. */
import { afterEach, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { PACKETS } from '../../stub/packets/table.ts';
import { gdb, listen, printed, type Listening } from './dialogue.ts';
import { RawClient } from './raw-client.ts';

const THREADS = ['', '0', '-1', 'p2.-1', 'p-1.-1', 'p0.0', 'p2.400000', 'p2.1', 'p2.2', 'p2.17', 'p1.1', 'p2.2000002', 'p2.800002', 'p2.7fffffff', 'p2.c00000', 'p2', '17', '2'];
const ARGUMENTS = [
  '60001000', '60001000,8', '0,10', '400000,40', 'ffffffffffffffff,10', ':0,100', ':0,1000', 'target.xml:0,1000', ';', ':', ',', '=', '10', '7', '2a', '60028cc6,1', '0,60028cc6,1', '60374b80,8',
  '7=0000000000000000', '10=c68c026000000000', '0=0100000000000000', '60374b80,4:01020304', '60827000,2:ffff', 'c', 's', 'r60028cc6,60028cd0', 't', 'zz', '\x01\x80', ...['ps', 'tasks', 'tasks off',
    'tasks on', 'modules', 'switch 1', 'switch 2', 'switch nobody', 'det', 'switch', 'help', 'hash', 'trace maybe'].map((command) => Buffer.from(command).toString('hex')),
];
/** Ends of the connection or the program are other tests' business, and so are other inferiors. */
const EXCLUDED = new Set(['k', 'vKill', 'D', 'C', 'S', 'vAttach', 'vRun', 'R', '!', 'QStartNoAckMode', 'QNonStop', 'vStopped', 'vCtrlC']);
/** What would change the kernel for good: only where it is undone. */
const WRITERS = /^([PGMX]|qXfer:siginfo:write|vFile|c$|s$)/;

let machine: Listening | undefined;
afterEach(() => {
  machine?.child.kill('SIGKILL');
});

/** Park and Miller's generator: the same packets in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) yield (state = (state * 48271) % 0x7fffffff);
}

it('is answered, and switching leaves no trace', async () => {
  const kernel = umlKernel('static');
  const started = await listen(['boot', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${initramfs()}`]);
  machine = started;
  const client = await RawClient.open(started.port);
  await client.ask('qSupported:multiprocess+;swbreak+;hwbreak+');
  const random = numbers(11);
  const pick = <T>(list: readonly T[]): T => list[random.next().value % list.length];
  const prefixes = PACKETS.map(({ prefix }) => prefix).filter((prefix) => !EXCLUDED.has(prefix));
  const throwAt = async (count: number, allowed: (prefix: string) => boolean, every: () => Promise<void>): Promise<void> => {
    const usable = prefixes.filter(allowed);
    for (let i = 0; i < count; i++) {
      if (i % 10 === 0) await every();
      const body = pick(usable) + Array.from({ length: pick([0, 1, 1, 2, 2, 3]) }, () => pick(random.next().value % 2 === 0 ? ARGUMENTS : THREADS)).join(pick(['', '', ':', ';', ',']));
      const answer = await client.provoke(body);
      expect(answer, `packet ${i}: ${body}`).not.toBeUndefined();
      expect(answer, `packet ${i}: ${body}`).not.toMatch(/^[WX]/);
    }
  };
  const nothing = async (): Promise<void> => {};
  const harmless = (prefix: string): boolean => !WRITERS.test(prefix);
  const still = (prefix: string): boolean => harmless(prefix) && !/^(vCont|c|s)/.test(prefix);
  const removeBreakpoints = async (): Promise<void> => {
    for (const type of ['0', '1', '2', '3', '4']) for (const where of ['60028cc6,1', '60374b80,8', '60001000,8']) await client.ask(`z${type},${where}`);
  };

  await throwAt(150, still, nothing);
  await removeBreakpoints();
  await client.monitor('tasks on');
  client.send('vCont;c');
  await printed(started, 'uml:~#');
  client.interrupt();
  expect(await client.reply(20_000)).toMatch(/^T/);
  await throwAt(400, harmless, removeBreakpoints);
  await removeBreakpoints();
  await client.monitor('det');
  const before = await client.monitor('hash');
  expect(before).toMatch(/^[0-9a-f]{64}\n$/);
  await throwAt(400, (prefix) => still(prefix) || /^[PGMX]/.test(prefix), async () => {
    await client.monitor('tasks on');
    await client.monitor('det');
    expect(await client.monitor('hash')).toBe(before);
    expect(await client.monitor('switch 1')).toMatch(/switched to init/);
  });
  await client.monitor('det');
  await removeBreakpoints();
  client.close();

  const text = await gdb(started.port, ['info threads', 'p init_task.comm', 'detach'], { symbols: kernel });
  expect(text).toMatch(/"init \[1\]" \(sleeping\)/);
  started.child.stdin?.write('echo still $((40 + 2))\n');
  const late = performance.now() + 30_000;
  while (!started.output().includes('still 42') && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(started.output()).toContain('still 42');
  expect(started.errors()).not.toMatch(/internal error/);
}, 200_000);
