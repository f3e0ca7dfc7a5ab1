/** Thousands of packets that make no or little sense, to a real machine, in every state: each is answered, sensibly, and nothing breaks. */
import { afterEach, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { FakeTarget } from '../../stub/fake-target.ts';
import { RspServer } from '../../stub/server.ts';
import { gdb, listen, printed, type Listening } from './dialogue.ts';
import { FuzzClient, Random, fits } from './fuzzer.ts';

const LONG = 120_000;
const clients: FuzzClient[] = [];
let machine: Listening | undefined;

afterEach(() => {
  for (const client of clients.splice(0)) client.socket.destroy();
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

async function client(port: number, features?: string): Promise<FuzzClient> {
  const made = new FuzzClient(port);
  clients.push(made);
  await made.begin(features);
  return made;
}

async function program(): Promise<Listening> {
  const started = await listen(['run', '--trace=rsp', '--gdb', ':0', '--wait', guestProgram('gdb-program.c', ['-O0', '-g', '-static']), 'spin']);
  machine = started;
  return started;
}

/** Sends so many packets; none may end the program. */
async function rounds(to: FuzzClient, count: number, seed: number, before?: (round: number) => Promise<unknown>): Promise<void> {
  const random = new Random(seed);
  for (let i = 0; i < count; i++) {
    await before?.(i);
    const body = random.body();
    const answer = await to.askAny(body);
    const what = `packet ${i}: ${JSON.stringify(body)}: ${JSON.stringify(answer.slice(0, 200))}`;
    expect(answer, what).not.toMatch(/^[WX]/);
    expect(fits(body, answer), what).toBe(true);
  }
}

/** The machine is as useful as before. */
async function stillFine(started: Listening, symbols: string): Promise<void> {
  for (const each of clients.splice(0)) each.socket.destroy();
  const text = await gdb(started.port, ['info registers rip', 'x/i $pc', 'kill'], { symbols });
  expect(text).toMatch(/rip\s+0x/);
  expect(started.errors()).not.toMatch(/internal error/);
  expect(await started.ended).toBe(137);
}

describe('a program', () => {
  const symbols = (): string => guestProgram('gdb-program.c', ['-O0', '-g', '-static']);

  it('that is stopped and resumed', async () => {
    const started = await program();
    await rounds(await client(started.port), 1500, 7);
    await stillFine(started, symbols());
  }, LONG);

  it('with everything negotiated', async () => {
    const started = await program();
    await rounds(await client(started.port, 'multiprocess+;swbreak+;hwbreak+;error-message+;binary-upload+;exec-events+;fork-events+;vfork-events+'), 800, 11);
    await stillFine(started, symbols());
  }, LONG);

  it('that runs', async () => {
    const started = await program();
    const one = await client(started.port);
    one.send('c');
    const random = new Random(13);
    for (let i = 0; i < 800; i++) {
      const body = random.body();
      const answer = await one.ask(body);
      // An interrupt's answer is the stop, in whichever order it comes.
      if (/^vCtrlC$/.test(body) || /^T/.test(answer)) {
        if (/^T/.test(answer) && /^vCtrlC$/.test(body)) expect(await one.reply(LONG)).toBe('OK');
        else if (/^vCtrlC$/.test(body)) expect(await one.reply(LONG)).toMatch(/^T02/);
        one.send('c');
      } else expect(fits(body, answer), `packet ${i}: ${JSON.stringify(body)}: ${answer.slice(0, 100)}`).toBe(true);
    }
    one.socket.write('\x03');
    expect(await one.reply(LONG)).toMatch(/^T02/);
    await stillFine(started, symbols());
  }, LONG);

  it('that somebody else controls: nothing changes', async () => {
    const started = await program();
    const one = await client(started.port);
    const before = [await one.ask('g'), await one.ask('m4bb000,1000'), await one.ask('m7fffffffe000,1000')];
    const two = await client(started.port);
    await rounds(two, 800, 17);
    expect([await one.ask('g'), await one.ask('m4bb000,1000'), await one.ask('m7fffffffe000,1000')]).toEqual(before);
    one.send('c');
    await rounds(two, 200, 19);
    one.socket.write('\x03');
    expect(await one.reply(LONG)).toMatch(/^T02/);
    await stillFine(started, symbols());
  }, LONG);

  it('under LLDB, and in non-stop mode', async () => {
    const started = await program();
    const one = await client(started.port);
    for (const body of ['QThreadSuffixSupported', 'QListThreadsInStopReply', 'QEnableErrorStrings']) expect(await one.ask(body)).toBe('OK');
    const random = new Random(23);
    for (let i = 0; i < 500; i++) {
      const body = random.body();
      expect(await one.askAny(body), `packet ${i}: ${body}`).not.toMatch(/^[WX]/);
    }
    one.socket.destroy();
    const two = await client(started.port);
    expect(await two.ask('QNonStop:1')).toBe('OK');
    for (let i = 0; i < 500; i++) {
      // The old ways to resume are not for this mode.
      const body = random.body();
      if (/^[cs]/.test(body)) continue;
      expect(await two.ask(body), `packet ${i}: ${body}`).not.toMatch(/^[WX]/);
    }
    expect(started.errors()).not.toMatch(/internal error/);
  }, LONG);

  it('that makes processes, which are kept, left alone, ended and attached', async () => {
    const path = guestProgram('gdb-forks.c', ['-O0', '-g', '-static']);
    for (const mode of ['', 'QNonStop:1']) {
      const started = await listen(['run', '--trace=rsp', '--gdb', ':0', '--wait', path, 'herd']);
      machine = started;
      const one = await client(started.port, 'multiprocess+;swbreak+;hwbreak+;exec-events+;fork-events+;vfork-events+');
      if (mode !== '') expect(await one.ask(mode)).toBe('OK');
      const random = new Random(41);
      let child = 3;
      let children = 0;
      for (let i = 0; i < 500; i++) {
        const pid = random.pick([child, child, 2, child + 1]).toString(16);
        const little = random.pick([child, child + 1]).toString(16);
        const body = random.pick([
          `vAttach;${pid}`, `D;${little}`, `vKill;${little}`, 'QCatchSyscalls:1;e7', 'QCatchSyscalls:0', `Hgp${pid}.${pid}`, `Hgp${pid}.0`, `Tp${pid}.${pid}`, `qXfer:exec-file:read:${pid}:0,100`, 'qXfer:auxv:read::0,400', 'g',
          'qXfer:threads:read::0,800', 'qXfer:osdata:read:processes:0,800', 'Z0,401580,1', 'z0,401580,1', 'QThreadEvents:1', 'QThreadEvents:0', 'vCont;c', 'vCont;c', `vCont;c:p${pid}.-1`, `vCont;s:p${pid}.${pid};c:p2.-1`, `vCont;c:p2.-1;c:p${pid}.-1`,
          `vCont;C0:p${pid}.${pid}`, 'qfThreadInfo', '?', random.body(),
        ]);
        // What goes into registers and memory at random ends the program.
        if (/^([cs]|[GPMX]|QRestore|qXfer:siginfo:write)/.test(body)) continue;
        // Of threads that all run there is nothing to say.
        if (mode !== '' && body.startsWith('?')) continue;
        const answer = mode === '' ? await one.askAny(body) : await one.ask(body);
        const what = `${mode} packet ${i}: ${JSON.stringify(body)}: ${JSON.stringify(answer.slice(0, 200))}`;
        if (/^(vAttach|D|vKill)/.test(body)) expect(answer, what).toMatch(/^(OK|T00.*thread:p.*|E..)$/);
        else if (/^[WX]/.test(answer)) expect(answer, what).toMatch(/;process:(?!2$)/);
        else expect(fits(body, answer), what).toBe(true);
        const forked = /fork:p([0-9a-f]+)/.exec(answer);
        if (forked === null) continue;
        child = Number.parseInt(forked[1], 16);
        children++;
      }
      if (mode === '') expect(children).toBeGreaterThan(5);
      expect(started.errors()).not.toMatch(/internal error|^\s+at .*\.ts/m);
      expect(await one.ask('qfThreadInfo')).toMatch(/p2\.2/);
      clients.splice(0).forEach(({ socket }) => socket.destroy());
      started.child.kill('SIGKILL');
    }
  }, LONG);

  it('with bytes that are no packets', async () => {
    const started = await program();
    const one = await client(started.port);
    const random = new Random(29);
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(Array.from({ length: 1 + random.below(60) }, () => (random.below(4) === 0 ? random.pick([0x24, 0x23, 0x7d, 0x2a, 0x2b, 0x2d, 0x03, 0x00, 0xff]) : random.below(256))));
      // Whatever it was is ended; what was answered to it does not matter.
      one.socket.write(Buffer.concat([bytes, Buffer.from('#00')]));
    }
    one.send('vMustReplyEmpty');
    one.send('qC');
    let answer: string | undefined;
    for (let i = 0; i < 2000 && answer !== 'QC2'; i++) answer = await one.reply(LONG / 4);
    expect(answer).toBe('QC2');
    await stillFine(started, symbols());
  }, LONG);
});

describe('a kernel', () => {
  it('before it has tasks, with tasks, and switched to one of them', async () => {
    const kernel = umlKernel('static');
    const started = await listen(['boot', '--trace=rsp', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${initramfs()}`]);
    machine = started;
    const one = await client(started.port, 'multiprocess+;swbreak+;error-message+');
    const random = new Random(31);
    const looks = async (count: number, what: string): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const body = random.body();
        // Stores at random would be the end of the kernel, which is no mistake of ours.
        if (/^([cs]|vCont;|[GPMX]|QRestore|qXfer:siginfo:write)/.test(body)) continue;
        const answer = await one.ask(body);
        expect(fits(body, answer), `${what} ${i}: ${JSON.stringify(body)}: ${JSON.stringify(answer.slice(0, 200))}`).toBe(true);
      }
    };
    const threads = async (): Promise<number> => (await one.ask('qfThreadInfo')).split(',').length;
    await looks(400, 'no tasks');
    expect(await threads()).toBe(1);
    one.send('vCont;c');
    await printed(started, 'uml:~#');
    one.socket.write('\x03');
    expect(await one.reply(LONG)).toMatch(/^T/);
    expect(await threads()).toBeGreaterThan(10);
    await looks(400, 'tasks');
    expect(await one.monitor('switch 1')).toBe('OK');
    await looks(400, 'switched');
    // Steps and resumes of what it is switched to, and back.
    for (let i = 0; i < 10; i++) expect(await one.askAny(random.pick(['vCont;s:p2.1', 'vCont;c', 's', 'vCont;s'])), `resume ${i}`).toMatch(/^[TE]/);
    expect(await one.monitor('det')).toMatch(/^OK|^E/);
    expect(started.errors()).not.toMatch(/internal error/);
    await stillFine(started, kernel);
  }, LONG);
});

it('a program that has ended', async () => {
  const target = new FakeTarget(Buffer.from([0x90, 0xeb, 0xfe]));
  const server = new RspServer(target, { host: '127.0.0.1', port: 0, version: 'test' });
  const { port } = await server.listen();
  const one = await client(port);
  expect(await one.ask('vKill;2a')).toBe('OK');
  const random = new Random(37);
  for (let i = 0; i < 2000; i++) {
    const body = random.body();
    const answer = await one.ask(body);
    expect(/^X09/.test(answer) ? body.startsWith('?') : fits(body, answer), `packet ${i}: ${JSON.stringify(body)}: ${answer}`).toBe(true);
  }
  one.socket.destroy();
  await server.close();
});
