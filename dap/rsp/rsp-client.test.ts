/** The client against a server that answers as told: every way a stub can misbehave ends in a message, never in a hang. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePacket } from '../../stub/framing.ts';
import { RspClient } from './rsp-client.ts';
import { parseStopReply } from './stop-reply.ts';
import { Stub } from './stub.ts';
import { expandIncludes, parseRegisters } from './target-xml.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** Listens and gives each packet's body to `answer`; a string is framed, a Buffer sent as it is. */
function listen(answer: (body: string, socket: Socket) => string | Buffer | undefined): Promise<number> {
  const listening = createServer((socket) => {
    let pending = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (let match = /\$([^#]*)#../.exec(pending); match !== null; match = /\$([^#]*)#../.exec(pending)) {
        pending = pending.slice(match.index + match[0].length);
        const reply = answer(match[1], socket);
        if (reply !== undefined && socket.writable) socket.write(typeof reply === 'string' ? Buffer.concat([Buffer.from('+'), encodePacket(reply)]) : reply);
      }
    });
  });
  server = listening;
  return new Promise((resolve) => listening.listen(0, '127.0.0.1', () => {
    const address = listening.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  }));
}

const TARGET = '<target><architecture>i386:x86-64</architecture><feature name="f"><reg name="rax" bitsize="64"/><reg name="rip" bitsize="64" type="code_ptr"/></feature></target>';

describe('the client', () => {
  it('sends one packet after the other and gives each its answer', async () => {
    const port = await listen((body) => `<${body}>`);
    const client = await RspClient.connect('127.0.0.1', port);
    const answers = await Promise.all(['a', 'b', 'c'].map((body) => client.send(body)));
    expect(answers.map(String)).toEqual(['<a>', '<b>', '<c>']);
    client.end();
  });

  it('hands console output to whoever asked for it', async () => {
    const port = await listen((body) => (body.startsWith('qRcmd') ? Buffer.concat([Buffer.from('+'), encodePacket(`O${Buffer.from('hello\n').toString('hex')}`), encodePacket('OK')]) : ''));
    const client = await RspClient.connect('127.0.0.1', port);
    let text = '';
    expect(String(await client.send('qRcmd,00', { onOutput: (more) => (text += more) }))).toBe('OK');
    expect(text).toBe('hello\n');
    client.end();
  });

  it('asks again for what came damaged', async () => {
    let times = 0;
    const port = await listen((body, socket) => {
      socket.on('data', (chunk: Buffer) => void (chunk.toString() === '-' && socket.write(encodePacket(`right ${body}`))));
      return times++ === 0 ? Buffer.from('+$wrong#00') : '';
    });
    const client = await RspClient.connect('127.0.0.1', port);
    expect(String(await client.send('x'))).toBe('right x');
    client.end();
  });

  it('tells everyone who waits when the stub goes away', async () => {
    const port = await listen((body, socket) => {
      if (body === 'b') socket.destroy();
      return body === 'a' ? 'fine' : undefined;
    });
    const client = await RspClient.connect('127.0.0.1', port);
    let reason = '';
    client.onClosed = (why) => (reason = why);
    expect(String(await client.send('a'))).toBe('fine');
    await expect(Promise.all([client.send('b'), client.send('c')])).rejects.toThrow(/closed the connection|broke/);
    expect(reason).not.toBe('');
    await expect(client.send('d')).rejects.toThrow();
  });

  it('says that nobody listens', async () => {
    const port = await listen(() => '');
    server?.close();
    await expect(RspClient.connect('127.0.0.1', port)).rejects.toThrow(/nothing listens there/);
  });
});

describe('a stub', () => {
  const basics = (body: string): string | undefined => {
    if (body.startsWith('qSupported')) return 'PacketSize=400;qXfer:features:read+';
    if (body.startsWith('qXfer:features:read:target.xml:0')) return `l${TARGET}`;
    return undefined;
  };

  it('without vCont, thread names and M is driven another way', async () => {
    const seen: string[] = [];
    const port = await listen((body) => {
      seen.push(body);
      if (body === 'qfThreadInfo') return 'm1,2';
      if (body === 'qThreadExtraInfo,1') return Buffer.from('one').toString('hex');
      if (body === 'g') return '0100000000000000xxxxxxxxxxxxxxxx';
      if (body.startsWith('H') || body.startsWith('X')) return 'OK';
      if (body === 'm10,8') return 'aabb';
      return body === 's' ? 'T05thread:1;' : (basics(body) ?? '');
    });
    const stub = await Stub.connect('127.0.0.1', port, undefined);
    expect((await stub.threads()).map(({ name }) => name)).toEqual(['one', 'thread 2']);
    expect([...(await stub.readRegisters('1')).keys()]).toEqual([0]);
    expect(await stub.readMemory('1', 0x10n, 8)).toEqual(Buffer.from([0xaa, 0xbb]));
    await stub.writeMemory('1', 0x10n, new Uint8Array([0x23, 1]));
    expect(seen.at(-1)).toBe('X10,2:}\x03\x01');
    expect(await stub.resume('step', '1')).toMatchObject({ kind: 'stopped', signal: 5, thread: '1' });
    expect(await stub.osData('tasks')).toBeUndefined();
    expect(await stub.monitor('help')).toBeUndefined();
    await expect(stub.insertBreakpoint('read', 1n, 1)).rejects.toThrow(/no watchpoints for read/);
    stub.client.end();
  });

  it.each([['no target description', (body: string) => (body.startsWith('qSupported') ? 'PacketSize=400' : ''), /no target description/],
    ['one without registers', (body: string) => (body.startsWith('qXfer') ? 'l<target></target>' : basics(body) ?? ''), /names no registers/],
    ['includes without an end', (body: string) => (body.startsWith('qXfer') ? 'l<xi:include href="target.xml"/>' : basics(body) ?? ''), /includes itself/]])('with %s is refused', async (_, answer, message) => {
    const port = await listen(answer);
    await expect(Stub.connect('127.0.0.1', port, undefined)).rejects.toThrow(message);
  });

  it('that answers a resume with nonsense is quoted', () => {
    expect(() => parseStopReply(Buffer.from('nonsense'))).toThrow(/'nonsense'/);
    expect(() => parseStopReply(Buffer.from('E.it sleeps'))).toThrow(/it sleeps/);
    expect(parseStopReply(Buffer.from('T05watch:10;thread:p1.2;replaylog:begin;06:0102;'))).toMatchObject({ thread: 'p1.2', watch: { kind: 'write', address: 16n }, history: 'begin' });
    expect(parseStopReply(Buffer.from('W0c'))).toEqual({ kind: 'exited', status: 12 });
  });

  it('describes registers by number, with includes', async () => {
    const document = await expandIncludes('<target><xi:include href="a.xml"/></target>', () => Promise.resolve('<reg name="b" bitsize="8" regnum="5"/><reg name="c" bitsize="16"/>'));
    expect(parseRegisters(document)).toMatchObject([{ name: 'b', number: 5, offset: 0 }, { name: 'c', number: 6, offset: 1 }]);
  });
});
