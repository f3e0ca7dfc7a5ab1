import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Parser } from 'binary-parser';
import { FAKE_BASE, FakeTarget } from './fake-target.ts';
import { encodePacket } from './framing.ts';
import { PacketClient as Client } from './packet-client.ts';
import { PACKETS } from './packets/table.ts';
import { PACKET_SIZE } from './packet.ts';
import { X86_64_REGISTER, X86_64_REGISTERS } from './registers.ts';
import { RspServer } from './server.ts';

const NOPS_AND_LOOP = Buffer.from([0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe]);

let target: FakeTarget;
let server: RspServer;
let client: Client;
let port: number;

beforeEach(async () => {
  target = new FakeTarget(NOPS_AND_LOOP);
  server = new RspServer(target, { host: '127.0.0.1', port: 0, version: 'test' });
  ({ port } = await server.listen());
  client = new Client(port);
});

afterEach(async () => {
  client.socket.destroy();
  await server.close();
});

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('negotiation', () => {
  it('offers what the rows say and what the client has', async () => {
    const plain = await client.ask('qSupported:xmlRegisters=i386');
    expect(plain).toContain(`PacketSize=${PACKET_SIZE.toString(16)};`);
    expect(plain).toContain('qXfer:features:read+');
    expect(plain).toContain('QPassSignals+');
    expect(plain).not.toMatch(/multiprocess|swbreak|binary-upload|error-message/);
    const rich = await client.ask('qSupported:multiprocess+;swbreak+;hwbreak+;binary-upload+;error-message+;x-');
    expect(rich).toMatch(/multiprocess\+.*swbreak\+.*hwbreak\+.*error-message\+.*binary-upload\+/);
  });

  it('answers unknown packets with nothing', async () => {
    for (const body of ['vMustReplyEmpty', 'vMadeUp;1', 'qMadeUp', 'qCX', 'QNonStop:0', 'jModulesInfo', '~', 'vFile:made:1']) expect(await client.ask(body), body).toBe('');
  });

  it('acknowledges until told not to, and repeats on demand', async () => {
    const reply = await client.ask('?');
    expect(client.acks).toBe('+');
    client.socket.write('-');
    expect(await client.next()).toBe(reply);
    client.socket.write('$g#00');
    expect(await client.ask('QStartNoAckMode')).toBe('OK');
    expect(client.acks).toBe('+-+');
    await client.ask('?');
    expect(client.acks).toBe('+-+');
  });

  it('sends error texts only to clients which understand them', async () => {
    expect(await client.ask('m0,4')).toBe('E0e');
    await client.ask('qSupported:error-message+');
    expect(await client.ask('m0,4')).toBe('E.cannot access memory at 0x0');
  });
});

describe('registers and memory', () => {
  it('reads and writes one and all', async () => {
    const size = X86_64_REGISTERS.registers.reduce((sum, row) => sum + row.bits / 8, 0);
    const all = await client.ask('g');
    expect(all.length).toBe(size * 2);
    expect(await client.ask(`P${X86_64_REGISTER.rax.toString(16)}=8877665544332211`)).toBe('OK');
    expect(await client.ask(`p${X86_64_REGISTER.rax.toString(16)}`)).toBe('8877665544332211');
    expect((await client.ask('g')).startsWith('8877665544332211')).toBe(true);
    expect(await client.ask(`G${all}`)).toBe('OK');
    expect(await client.ask('g')).toBe(all);
  });

  it('refuses wrong sizes and numbers', async () => {
    for (const body of ['G00', 'P0=00', 'Pzz=00', 'P0', 'p', 'pff', 'Pffff=00', 'gx']) expect(await client.ask(body), body).toMatch(/^E\d\d|^E[0-9a-f]{2}/);
  });

  it('reads short at the end of what is mapped', async () => {
    expect(await client.ask(`m${(FAKE_BASE + 0xffen).toString(16)},10`)).toBe('0000');
    expect(await client.ask('m2000,1')).toBe('E0e');
    expect(await client.ask('m1000,0')).toBe('');
  });

  it('writes hexadecimal and binary', async () => {
    expect(await client.ask('M1100,3:010203')).toBe('OK');
    expect(await client.ask(Buffer.from('X1103,4:}\x03}\x04}\x5d}\x0a', 'latin1'))).toBe('OK');
    expect([...target.memory.subarray(0x100, 0x107)]).toEqual([1, 2, 3, 0x23, 0x24, 0x7d, 0x2a]);
    expect(await client.ask('X1000,0:')).toBe('OK');
    expect(await client.ask('M1100,4:010203')).toBe('E16');
    expect(await client.ask('Mzz,1:00')).toBe('E16');
    expect(await client.ask('M2000,1:00')).toBe('E0e');
  });

  it('reads binary for gdb 16 only', async () => {
    target.memory.set(Buffer.from('a#b$c'), 0x200);
    expect(await client.ask('x1200,5')).toBe('');
    await client.ask('qSupported:binary-upload+');
    expect(await client.ask('x1200,5')).toBe('ba#b$c');
  });

  it('searches and sums', async () => {
    target.memory.set(Buffer.from('needle'), 0xabc);
    expect(await client.ask('qSearch:memory:1000;1000;needle')).toBe('1,1abc');
    expect(await client.ask('qSearch:memory:1000;100;needle')).toBe('0');
    expect(await client.ask('qSearch:memory:9000;100;needle')).toBe('E0e');
    target.memory.set(Buffer.from('123456789'), 0x300);
    // CRC-32/MPEG-2 of the usual check string.
    expect(await client.ask('qCRC:1300,9')).toBe('C376e6e7');
  });
});

describe('threads', () => {
  it('lists them both ways', async () => {
    expect(await client.ask('qfThreadInfo')).toBe('m2a,2b');
    expect(await client.ask('qsThreadInfo')).toBe('l');
    await client.ask('qSupported:multiprocess+');
    expect(await client.ask('qfThreadInfo')).toBe('mp2a.2a,p2a.2b');
    const document = await client.ask('qXfer:threads:read::0,ffff');
    expect(document).toContain('<thread id="p2a.2b" core="0" name="w&#60;k&#62;er">');
    expect(await client.ask('qThreadExtraInfo,p2a.2a')).toBe(hex('main first'));
  });

  it('selects, and refuses those that are not there', async () => {
    expect(await client.ask('Hg2b')).toBe('OK');
    expect(await client.ask('qC')).toBe('QC2b');
    expect(await client.ask('Hc-1')).toBe('OK');
    for (const body of ['Hg77', 'T77', 'Hx1', 'H', 'Hgxyz', 'Tp2a', 'qThreadExtraInfo,9']) expect(await client.ask(body), body).toMatch(/^E..$/);
    expect(await client.ask('T2b')).toBe('OK');
  });
});

describe('running', () => {
  it('steps, runs to breakpoints and says which kind', async () => {
    await client.ask('qSupported:swbreak+;hwbreak+');
    expect(await client.ask('vCont?')).toBe('vCont;c;C;s;S;t;r');
    expect(await client.ask('vCont;s:2a')).toMatch(/^T05.*10:0110000000000000;thread:2a;/);
    expect(await client.ask('Z0,1003,1')).toBe('OK');
    expect(await client.ask('vCont;c')).toMatch(/^T05swbreak:;/);
    expect(await client.ask('z0,1003,1')).toBe('OK');
    expect(await client.ask('Z1,1004,1')).toBe('OK');
    expect(await client.ask('c')).toMatch(/^T05hwbreak:;/);
    expect(await client.ask('z1,1004,1')).toBe('OK');
    expect(await client.ask('z1,1004,1')).toBe('E02');
  });

  it('steps through a range', async () => {
    expect(await client.ask('vCont;r1000,1003:2a')).toMatch(/10:0310000000000000/);
  });

  it('is interrupted while it spins, and answers what makes sense meanwhile', async () => {
    client.socket.write(encodePacket('vCont;c'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await client.ask('g')).toBe('E10');
    expect(await client.ask('vCont;c')).toBe('E10');
    expect(await client.ask(`qRcmd,${hex('hello')}`)).toBe(`O${hex('hello\n')}`);
    expect(await client.next()).toBe('OK');
    client.socket.write('\x03');
    expect(await client.next()).toMatch(/^T02/);
  });

  it('is interrupted by a byte that comes together with the resume', async () => {
    client.socket.write(Buffer.concat([encodePacket('vCont;c'), Buffer.from('\x03')]));
    expect(await client.next()).toMatch(/^T02/);
  }, 2000);

  it('delivers signals by Linux numbers', async () => {
    // 0x1e is gdb's SIGUSR1.
    expect(await client.ask('S1e')).toMatch(/^T05/);
    expect(target.delivered).toEqual([10]);
  });

  it('shows watchpoints and faults', async () => {
    target.memory.set([0x88, 0x07, 0xf4]);
    await client.ask(`P5=0011000000000000`);
    await client.ask('Z2,10f0,20');
    expect(await client.ask('vCont;c')).toMatch(/^T05watch:1100;/);
    expect(await client.ask('vCont;c')).toMatch(/^T0b/);
    expect((await client.ask('qXfer:siginfo:read::0,1000')).slice(1)).toBe('\x07'.repeat(128));
    expect(await client.ask('qXfer:siginfo:write::0:abc')).toBe('3');
  });

  it('refuses malformed resumes', async () => {
    for (const body of ['vCont;', 'vCont;q', 'vCont;s:77', 'vCont;r10', 'vCont;C', 'vCont;t', 'C', 'Szz', 'cxyz', 'Z0,1000', 'Z0', 'Z0,1000,1;X3,220027', 'Z2,zz,1']) {
      expect(await client.ask(body), body).toMatch(/^E..$/);
    }
    expect(await client.ask('Z9,1000,1')).toBe('');
  });
});

describe('documents and files', () => {
  it('hands documents out in pieces', async () => {
    let document = '';
    for (;;) {
      const part = await client.ask(`qXfer:features:read:target.xml:${document.length.toString(16)},100`);
      document += part.slice(1);
      if (part.startsWith('l')) break;
    }
    expect(document).toContain('<feature name="org.gnu.gdb.i386.sse">');
    expect(await client.ask('qXfer:features:read:other.xml:0,100')).toBe('E02');
    expect(await client.ask('qXfer:features:read:target.xml:ffffff,100')).toBe('E16');
    expect(await client.ask('qXfer:exec-file:read:2a:0,100')).toBe('l/fake');
    expect(await client.ask('qXfer:made-up:read::0,100')).toBe('');
  });

  it('opens, reads and describes files', async () => {
    target.files.set('/f', Buffer.from('0123#$}*89'));
    expect(await client.ask('vFile:setfs:0')).toBe('F0');
    expect(await client.ask(`vFile:open:${hex('/f')},0,0`)).toBe('F3');
    expect(await client.ask('vFile:pread:3,5,2')).toBe('F5;23#$}');
    expect(await client.ask('vFile:pread:3,5,100')).toBe('F0;');
    const stat = await client.ask('vFile:fstat:3');
    const parsed: { mode: number; size: bigint } = new Parser().seek(8).uint32('mode').seek(16).uint64('size').parse(Buffer.from(stat.slice(stat.indexOf(';') + 1), 'latin1'));
    expect(parsed).toEqual({ mode: 0o100444, size: 10n });
    expect(await client.ask('vFile:close:3')).toBe('F0');
    expect(await client.ask('vFile:close:3')).toBe('F-1,9');
    expect(await client.ask('vFile:pread:3,5,2')).toBe('F-1,9');
    expect(await client.ask(`vFile:open:${hex('/f')},1,0`)).toBe('F-1,1e');
    expect(await client.ask(`vFile:open:${hex('/none')},0,0`)).toBe('F-1,2');
    expect(await client.ask('vFile:open:zz,0,0')).toBe('E16');
    expect(await client.ask(`vFile:readlink:${hex('/link')}`)).toBe('F2;/f');
    expect(await client.ask(`vFile:readlink:${hex('/f')}`)).toBe('F-1,16');
    expect(await client.ask(`vFile:readlink:${hex('/none')}`)).toBe('F-1,2');
  });
});

describe('clients come and go', () => {
  it('keeps a stopped target stopped for the next, and lets a running one run', async () => {
    await client.ask('?');
    client.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(target.detached).toBe(false);
    client = new Client(port);
    expect(await client.ask('?')).toMatch(/^T05/);
    client.socket.write(encodePacket('vCont;c'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(target.detached).toBe(true);
    client = new Client(port);
    expect(await client.ask('?')).toMatch(/^T02/);
  });

  it('takes no notice of a connection that says nothing', async () => {
    target.detach();
    client.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(target.stopped).toBeUndefined();
    client = new Client(port);
    expect(await client.ask('?')).toMatch(/^T02/);
  });

  it('detaches and kills', async () => {
    expect(await client.ask('D;99')).toBe('E03');
    expect(await client.ask('vKill;2a')).toBe('OK');
    expect(await client.ask('?')).toBe('X09');
    for (const body of ['g', 'm1000,1', 'vCont;c', 'qC', 'Z0,1000,1']) expect(await client.ask(body), body).toBe('E03');
    expect(await client.ask('qfThreadInfo')).toBe('l');
    expect(await client.ask('D')).toBe('OK');
  });

  it('answers oversized packets', async () => {
    expect(await client.ask('m'.repeat(PACKET_SIZE + 10))).toBe('E5a');
    expect(await client.ask('qC')).toBe('QC2a');
  });
});

it('answers garbage after every known prefix, without dying', async () => {
  for (const { prefix } of PACKETS) {
    // Those that answer only when the target stops, or end the connection.
    if (['k', 'vCtrlC'].includes(prefix)) continue;
    for (const junk of [':\x01\x02', ',;:,;:', '-1', 'zzzzzzzzzzzzzzzzzzzz', ';ffffffffffffffffff']) {
      const reply = await client.ask(prefix + junk);
      expect(reply, prefix + junk).not.toBeUndefined();
      if (/^[WX]/.test(reply)) target = new FakeTarget(NOPS_AND_LOOP);
    }
  }
});
