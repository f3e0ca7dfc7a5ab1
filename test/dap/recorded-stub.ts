/**
 * A stub that can go back: it holds the registers and the stack of every instruction of a run that a machine of ours made before, and replays them. Memory beside the stack is the
 * program's file's.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { ElfFile } from '../../emulator/image/elf.ts';
import { encodePacket } from '../../stub/framing.ts';
import { Stub } from '../../dap/rsp/stub.ts';

/** The stack's page is kept, and its neighbours: clients read by pages. */
const PAGE = 4096;

export interface Moment {
  readonly registers: string;
  readonly pc: bigint;
  readonly stack: { readonly address: bigint; readonly bytes: Buffer };
}

/** Instructions of the program behind a port, from where it stands. */
export async function record(port: number, from: bigint, most: number): Promise<{ readonly moments: Moment[]; readonly description: string }> {
  const stub = await Stub.connect('127.0.0.1', port, undefined);
  await stub.insertBreakpoint('software', from, 1);
  const at = await stub.resume('continue', undefined);
  if (at.kind !== 'stopped') throw new Error('the program ended before it was recorded');
  await stub.removeBreakpoint('software', from, 1);
  const description = (await stub.client.send('qXfer:features:read:target.xml:0,ffff')).toString('latin1').slice(1);
  const word = (registers: string, name: string): bigint => {
    const register = stub.registers.find((each) => each.name === name);
    return Buffer.from(registers.slice((register?.offset ?? 0) * 2, (register?.offset ?? 0) * 2 + 16), 'hex').readBigUInt64LE();
  };
  const moments: Moment[] = [];
  for (let i = 0; i < most; i++) {
    const registers = (await stub.client.send('g')).toString('latin1');
    const stack = word(registers, 'rsp');
    const address = stack - (stack % BigInt(PAGE)) - BigInt(PAGE);
    moments.push({ registers, pc: word(registers, 'rip'), stack: { address, bytes: await stub.readMemory(undefined, address, 3 * PAGE) } });
    if ((await stub.resume('step', at.thread)).kind !== 'stopped') break;
  }
  await stub.kill();
  return { moments, description };
}

export class RecordedStub {
  /** Packets so far, by their first words. */
  readonly packets: string[] = [];
  private readonly server: Server;
  private readonly elf: ElfFile;
  private readonly moments: readonly Moment[];
  private readonly answers: Readonly<Record<string, string>>;
  private readonly breakpoints = new Set<bigint>();
  private now: number;

  private constructor(elf: ElfFile, moments: readonly Moment[], now: number, features: string, description: string) {
    this.elf = elf;
    this.moments = moments;
    this.now = now;
    this.answers = { qSupported: `PacketSize=4000;qXfer:features:read+${features}`, 'qXfer:features:read': `l${description}`, '?': 'T05thread:1;', qfThreadInfo: 'm1', qsThreadInfo: 'l', Hg: 'OK', Hc: 'OK', D: 'OK' };
    this.server = createServer((socket) => this.converse(socket));
  }

  /** Stands at the last moment. */
  static async start(program: Uint8Array, recording: Awaited<ReturnType<typeof record>>, features: string): Promise<{ readonly stub: RecordedStub; readonly port: number }> {
    const stub = new RecordedStub(new ElfFile(program, 'program'), recording.moments, recording.moments.length - 1, features, recording.description);
    const port = await new Promise<number>((resolve) => stub.server.listen(0, '127.0.0.1', () => {
      const address = stub.server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }));
    return { stub, port };
  }

  close(): void {
    this.server.close();
  }

  private converse(socket: Socket): void {
    let pending = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (let match = /\$([^#]*)#../.exec(pending); match !== null; match = /\$([^#]*)#../.exec(pending)) {
        pending = pending.slice(match.index + match[0].length);
        socket.write(Buffer.concat([Buffer.from('+'), encodePacket(this.answer(match[1]))]));
      }
    });
  }

  private answer(body: string): string {
    this.packets.push(body);
    const moment = this.moments[this.now];
    const [, address, length] = /^m([0-9a-f]+),([0-9a-f]+)$/.exec(body) ?? [];
    if (address !== undefined) return this.memory(moment, BigInt(`0x${address}`), parseInt(length, 16)).toString('hex') || 'E01';
    const [, insert, place] = /^([Zz])0,([0-9a-f]+),/.exec(body) ?? [];
    if (place !== undefined) {
      if (insert === 'Z') this.breakpoints.add(BigInt(`0x${place}`));
      else this.breakpoints.delete(BigInt(`0x${place}`));
      return 'OK';
    }
    if (body === 'g') return moment.registers;
    if (body === 'bs') return this.back(() => true);
    if (body === 'bc') return this.back(({ pc }) => this.breakpoints.has(pc));
    return Object.entries(this.answers).find(([prefix]) => body.startsWith(prefix))?.[1] ?? '';
  }

  private back(stops: (moment: Moment) => boolean): string {
    while (this.now > 0) if (stops(this.moments[--this.now])) return 'T05thread:1;';
    return 'T05thread:1;replaylog:begin;';
  }

  private memory({ stack }: Moment, address: bigint, length: number): Buffer {
    const bytes: number[] = [];
    for (let at = address; bytes.length < length; at++) {
      const inStack = Number(at - stack.address);
      const segment = this.elf.segments.find((each) => each.type === 1 && at >= BigInt(each.address) && at < BigInt(each.address + each.fileSize));
      if (inStack >= 0 && inStack < stack.bytes.length) bytes.push(stack.bytes[inStack]);
      else if (segment !== undefined) bytes.push(this.elf.bytes[segment.offset + Number(at) - segment.address]);
      else break;
    }
    return Buffer.from(bytes);
  }
}
