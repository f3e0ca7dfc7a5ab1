/** Packets with and without sense to a kernel and its processes, attached, running, forking, gone: each is answered, and the guest lives. */
import { afterEach, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { PACKETS } from '../../stub/packets/table.ts';
import { gdb, listen, type Listening } from './dialogue.ts';
import { RawClient } from './raw-client.ts';

const COUNT = 2000;
/** A packet that is not answered within this time has let the machine run. */
const PATIENCE_MS = 50;
const SUPPORTED = 'qSupported:multiprocess+;swbreak+;hwbreak+;fork-events+;vfork-events+;exec-events+';

let machine: Listening | undefined;
afterEach(() => {
  machine?.child.kill('SIGKILL');
});

/** Park and Miller's generator: the same packets in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) yield (state = (state * 48271) % 0x7fffffff);
}

it('answers nonsense about guest processes, and the guest goes on', async () => {
  const kernel = umlKernel('static');
  const files = initramfs({ 'bin/uml-user': guestProgram('uml-user.c', ['-O0', '-g', '-static']) });
  const started = await listen(['boot', '--gdb', ':0', kernel, 'mem=64M', `initrd=${files}`, 'skas.run=/bin/uml-user,fork']);
  machine = started;
  while (!/^user \d+ fork/m.test(started.output())) await new Promise((resolve) => setTimeout(resolve, 50));
  const pid = Number(/^user (\d+)/m.exec(started.output())?.[1]).toString(16);
  const client = await RawClient.open(started.port);
  expect(await client.ask(SUPPORTED)).toMatch(/fork-events\+/);

  const random = numbers(11);
  const pick = <T>(list: readonly T[]): T => list[random.next().value % list.length];
  const thread = `p${pid}.${pid}`;
  const sensible = [
    `vAttach;${pid}`, `vAttach;${pid}`, `Hg${thread}`, `Hgp${pid}.0`, `Hgp${pid}.-1`, 'Hgp2.1', `D;${pid}`, `vCont;c`, `vCont;s:${thread};c`, `vCont;r401000,402000:${thread};c`, `vCont;c:p${pid}.-1`, `vCont;C0b:${thread};c`,
    'Z0,4016f9,1', 'z0,4016f9,1', 'Z2,4b6100,8', 'z2,4b6100,8', 'Z4,7f7f000000,4', 'm4016f9,10', 'm0,10', 'M4b6100,4:01020304', 'g', 'QCatchSyscalls:1', 'QCatchSyscalls:1;1;3d', 'QCatchSyscalls:0',
    'qXfer:libraries-svr4:read::0,1000', `qXfer:exec-file:read:${pid}:0,1000`, 'qXfer:osdata:read:files:0,4000', 'qXfer:osdata:read:threads:0,4000', 'qXfer:auxv:read::0,1000', 'qXfer:siginfo:read::0,100', 'qXfer:threads:read::0,4000',
    `vFile:setfs:${pid}`, 'vFile:open:2f62696e2f756d6c2d75736572,0,0', 'vFile:pread:3,1000,0', `vFile:open:${Buffer.from(`/proc/${Number.parseInt(pid, 16)}/maps`).toString('hex')},0,0`, 'qC', `T${thread}`, '?', 'vRun;', `vKill;${pid}`,
    'qRcmd,737465702d73797363616c6c20696e746f', 'qRcmd,737465702d73797363616c6c206f766572',
  ];
  const prefixes = PACKETS.map(({ prefix }) => prefix).filter((prefix) => !['k', 'vKill', 'D', 'C', 'S', 'c', 's', 'P', 'G'].includes(prefix));
  const fields = ['', '0', '2', '-1', thread, 'p-1.-1', `p${pid}`, '4016f9', '4016f9,1', '4b6100,8', '7f7fffe000,1000', 'ffffffffffffffff,ffffffff', ':0,100', ';', ':', ',', '=', '10=0', '1;2', 'zz', '\x01\x80'];
  for (let i = 0; i < COUNT; i++) {
    const body = pick([0, 1, 2]) > 0 ? pick(sensible) : pick(prefixes) + Array.from({ length: pick([0, 1, 1, 2, 3]) }, () => pick(fields)).join('');
    let answer = await client.ask(body, PATIENCE_MS);
    if (answer === undefined) {
      client.interrupt();
      answer = await client.reply(20_000);
    }
    expect(answer, `packet ${i}: ${body}`).not.toBeUndefined();
    // Written registers would be the kernel's end. Processes may come and go, the kernel may not.
    expect(answer, `packet ${i}: ${body}`).not.toMatch(/^[WX].*process:2$/);
  }
  client.close();
  expect(started.errors()).not.toMatch(/internal error/);
  const text = await gdb(started.port, ['info os processes', 'break handle_syscall', 'continue', 'bt 1', 'kill'], { symbols: kernel });
  expect(text).toMatch(/^\d+ +\d+ +0 +\S+ +uml-user/m);
  expect(text).toMatch(/hit Breakpoint 1, handle_syscall/);
  expect(await started.ended).toBe(137);
}, 200_000);
