/**
 * A stub as the adapter sees it: features negotiated, packets as typed methods. Works with any stub; what one lacks (binary
 * reads, vCont, thread names, osdata) is done another way or answered with undefined.
 */
import { escapeBinary } from '../../stub/framing.ts';
import { RspClient } from './rsp-client.ts';
import { RspError } from './rsp-error.ts';
import { errorText, parseStopReply, type StopReply } from './stop-reply.ts';
import { architectureOf, expandIncludes, parseRegisters, type RegisterDescription } from './target-xml.ts';

const OFFERED = 'multiprocess+;swbreak+;hwbreak+;qRelocInsn-;exec-events-;vContSupported+;error-message+;QThreadEvents-;xmlRegisters=i386';
/** Bytes asked for in one read when the stub names no packet size. */
const SMALL_PACKET = 0x400;
const LARGEST_READ = 0x8000;

export type BreakpointType = 'software' | 'hardware' | 'write' | 'read' | 'access';
const TYPE_NUMBER = { software: 0, hardware: 1, write: 2, read: 3, access: 4 } as const;

export interface StubThread {
  /** As the stub writes it. */
  readonly id: string;
  readonly name: string;
  readonly extra: string;
}

/** Code that is run in the stub when a breakpoint is hit. */
export interface BreakpointProgram {
  /** Decides whether the hit counts. */
  readonly condition?: Uint8Array;
  /** What is done then, in place of a stop. */
  readonly command?: Uint8Array;
}

export class Stub {
  readonly client: RspClient;
  readonly registers: readonly RegisterDescription[];
  readonly architecture: string | undefined;
  private readonly features: ReadonlyMap<string, string>;
  private readonly vCont: ReadonlySet<string>;
  private readonly packetSize: number;
  /** Id of the target's (first) process, hexadecimal, where threads are named with it; undefined: the stub has no multiprocess extensions. */
  readonly process: string | undefined;
  private selected: string | undefined;
  /** Further processes that are attached as long as the target stands. */
  private readonly guests = new Set<number>();
  /** Resolves when the packets that belong together have been answered. */
  private turn: Promise<void> = Promise.resolve();

  private constructor(client: RspClient, features: ReadonlyMap<string, string>, vCont: ReadonlySet<string>, document: string, process: string | undefined) {
    this.client = client;
    this.features = features;
    this.vCont = vCont;
    this.packetSize = parseInt(features.get('PacketSize') ?? SMALL_PACKET.toString(16), 16) || SMALL_PACKET;
    this.registers = parseRegisters(document);
    this.architecture = architectureOf(document);
    this.process = process;
  }

  /** @throws RspError */
  static async connect(host: string, port: number, log: ((line: string) => void) | undefined): Promise<Stub> {
    const client = await RspClient.connect(host, port);
    client.log = log;
    try {
      const features = new Map((await client.send(`qSupported:${OFFERED}`)).toString('latin1').split(';').map((word): [string, string] => {
        const [, name, value] = /^([^=]*?)(?:=(.*)|[+-])?$/.exec(word) ?? ['', word, ''];
        return word.endsWith('-') && value === undefined ? ['', ''] : [name, value ?? '+'];
      }));
      if (features.has('QStartNoAckMode') && (await client.send('QStartNoAckMode')).toString() === 'OK') client.stopAcknowledging();
      // gdbserver has no current thread before somebody chose one, and ends when it is asked for its description then.
      await client.send('Hg0');
      if (!features.has('qXfer:features:read')) throw new RspError('the stub gives no target description, so its registers are not known');
      const read = (name: string): Promise<string> => transfer(client, 'features', name, SMALL_PACKET * 4).then((bytes) => {
        if (bytes === undefined) throw new RspError(`the stub has no target description '${name}'`);
        return bytes.toString();
      });
      const document = await expandIncludes(await read('target.xml'), read);
      const vCont = new Set((await client.send('vCont?')).toString('latin1').split(';').slice(1));
      const [, process] = /^QCp([0-9a-f]+)\./i.exec((await client.send('qC')).toString('latin1')) ?? [];
      return new Stub(client, features, vCont, document, process);
    } catch (error) {
      client.end();
      throw error;
    }
  }

  has(feature: string): boolean {
    return this.features.has(feature);
  }

  get reverse(): boolean {
    return this.has('ReverseContinue') && this.has('ReverseStep');
  }

  /** Why it stands (`?`). */
  async reason(): Promise<StopReply> {
    return parseStopReply(await this.client.send('?'));
  }

  /** Selects a thread and talks of it: nobody else may select another in between. */
  private with<T>(thread: string | undefined, talk: () => Promise<T>): Promise<T> {
    const result = this.turn.then(async () => {
      if (thread !== undefined && this.selected !== thread) {
        await this.expectOk(`Hg${thread}`, 'the thread is gone');
        this.selected = thread;
      }
      return talk();
    });
    this.turn = result.then(() => undefined, () => undefined);
    return result;
  }

  /** All registers of a thread, as the `g` packet has them; undefined: not available. */
  readRegisters(thread: string): Promise<ReadonlyMap<number, Uint8Array>> {
    return this.with(thread, () => this.readSelected());
  }

  private async readSelected(): Promise<ReadonlyMap<number, Uint8Array>> {
    const text = (await this.client.send('g')).toString('latin1');
    if (!/^([0-9a-fx]{2})+$/i.test(text)) throw new RspError(`the registers cannot be read: ${errorText(text)}`);
    const values = new Map<number, Uint8Array>();
    for (const { number, offset, bits } of this.registers) {
      const hex = text.slice(offset * 2, offset * 2 + Math.ceil(bits / 8) * 2);
      if (hex.length === Math.ceil(bits / 8) * 2 && !hex.includes('x')) values.set(number, Buffer.from(hex, 'hex'));
    }
    return values;
  }

  writeRegister(thread: string, register: RegisterDescription, value: Uint8Array): Promise<void> {
    return this.with(thread, () => this.writeSelected(register, value));
  }

  private async writeSelected(register: RegisterDescription, value: Uint8Array): Promise<void> {
    const hex = Buffer.from(value).toString('hex');
    const reply = (await this.client.send(`P${register.number.toString(16)}=${hex}`)).toString('latin1');
    if (reply === 'OK') return;
    if (reply !== '') throw new RspError(`${register.name} cannot be written: ${errorText(reply)}`);
    const all = (await this.client.send('g')).toString('latin1');
    const at = register.offset * 2;
    await this.expectOk(`G${all.slice(0, at)}${hex}${all.slice(at + hex.length)}`, `${register.name} cannot be written`);
  }

  /** As many bytes as can be read. */
  readMemory(thread: string | undefined, address: bigint, length: number): Promise<Buffer> {
    return this.with(thread, () => this.readPieces(address, length));
  }

  private async readPieces(address: bigint, length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const most = Math.min(LARGEST_READ, Math.max(64, (this.packetSize >> 1) - 16));
    for (let done = 0; done < length;) {
      const want = Math.min(most, length - done);
      const reply = (await this.client.send(`m${hexAddress(address + BigInt(done))},${want.toString(16)}`)).toString('latin1');
      if (!/^([0-9a-f]{2})+$/i.test(reply)) break;
      const bytes = Buffer.from(reply, 'hex');
      pieces.push(bytes);
      done += bytes.length;
      if (bytes.length < want) break;
    }
    return Buffer.concat(pieces);
  }

  writeMemory(thread: string | undefined, address: bigint, bytes: Uint8Array): Promise<void> {
    return this.with(thread, () => this.writePieces(address, bytes));
  }

  private async writePieces(address: bigint, bytes: Uint8Array): Promise<void> {
    const most = Math.max(64, (this.packetSize >> 1) - 32);
    for (let done = 0; done < bytes.length; done += most) {
      const part = bytes.subarray(done, done + most);
      const where = `${hexAddress(address + BigInt(done))},${part.length.toString(16)}:`;
      const reply = (await this.client.send(`M${where}${Buffer.from(part).toString('hex')}`)).toString('latin1');
      if (reply === '') await this.expectOk(Buffer.concat([Buffer.from(`X${where}`), escapeBinary(part)]), `memory at 0x${address.toString(16)} cannot be written`);
      else if (reply !== 'OK') throw new RspError(`memory at 0x${address.toString(16)} cannot be written: ${errorText(reply)}`);
    }
  }

  /** One of the programs' conditions must hold for a stop; without any it always stops. Commands are done in place of stopping. @throws RspError */
  async insertBreakpoint(type: BreakpointType, address: bigint, length: number, programs: readonly BreakpointProgram[] = []): Promise<void> {
    const expressions = (list: readonly (Uint8Array | undefined)[]): string =>
      list.flatMap((code) => (code === undefined ? [] : [`X${code.length.toString(16)},${Buffer.from(code).toString('hex')}`])).join('');
    const conditions = expressions(programs.map(({ condition }) => condition));
    const commands = expressions(programs.map(({ command }) => command));
    const packet = `Z${TYPE_NUMBER[type]},${hexAddress(address)},${length.toString(16)}${conditions === '' ? '' : `;${conditions}`}${commands === '' ? '' : `;cmds:0,${commands}`}`;
    const reply = (await this.client.send(packet)).toString('latin1');
    if (reply === '') throw new RspError(`the stub has no ${type === 'software' || type === 'hardware' ? `${type} breakpoints` : `watchpoints for ${type}`}`);
    if (reply !== 'OK') throw new RspError(`cannot be set at 0x${hexAddress(address)}: ${errorText(reply)}`);
  }

  async removeBreakpoint(type: BreakpointType, address: bigint, length: number): Promise<void> {
    await this.client.send(`z${TYPE_NUMBER[type]},${hexAddress(address)},${length.toString(16)}`);
  }

  /** Defines or changes a trace state variable (QTDV). @throws RspError */
  setVariable(number: number, value: bigint): Promise<void> {
    return this.expectOk(`QTDV:${number.toString(16)}:${value.toString(16)}:0:`, 'a number of hits cannot be kept');
  }

  /** A trace state variable (qTV). @throws RspError */
  async variable(number: number): Promise<bigint> {
    const reply = (await this.client.send(`qTV:${number.toString(16)}`)).toString('latin1');
    if (!/^V[0-9a-f]+$/i.test(reply)) throw new RspError(`the number of hits cannot be read: ${errorText(reply)}`);
    return BigInt(`0x${reply.slice(1)}`);
  }

  /** Those of the target itself. */
  async threads(): Promise<StubThread[]> {
    const all = await this.allThreads();
    return this.guests.size === 0 ? all : all.filter(({ id }) => id.startsWith(`p${this.process}.`));
  }

  private async allThreads(): Promise<StubThread[]> {
    if (this.has('qXfer:threads:read')) {
      const document = await this.transfer('threads', '');
      if (document !== undefined) return parseThreads(document.toString());
    }
    const ids: string[] = [];
    for (let packet = 'qfThreadInfo'; ; packet = 'qsThreadInfo') {
      const text = (await this.client.send(packet)).toString('latin1');
      if (!text.startsWith('m')) break;
      ids.push(...text.slice(1).split(',').filter((id) => id !== ''));
    }
    const found: StubThread[] = [];
    for (const id of ids) {
      const extra = (await this.client.send(`qThreadExtraInfo,${id}`)).toString('latin1');
      found.push({ id, name: /^([0-9a-f]{2})+$/i.test(extra) ? Buffer.from(extra, 'hex').toString() : `thread ${id}`, extra: '' });
    }
    return found;
  }

  /** Resumes and waits for the stop. */
  async resume(kind: 'continue' | 'step', thread: string | undefined, range?: { readonly start: bigint; readonly end: bigint }): Promise<StopReply> {
    await this.letGo();
    this.selected = undefined;
    let body: string;
    if (kind === 'continue') body = this.vCont.has('c') ? 'vCont;c' : 'c';
    else {
      const id = thread ?? '0';
      if (range !== undefined && this.vCont.has('r')) body = `vCont;r${hexAddress(range.start)},${hexAddress(range.end)}:${id}`;
      else if (this.vCont.has('s')) body = `vCont;s:${id}`;
      else {
        await this.client.send(`Hc${id}`);
        body = 's';
      }
      // Everything else runs on meanwhile: a thread may wait for another.
      if (body.startsWith('vCont') && this.vCont.has('c')) body += ';c';
    }
    return parseStopReply(await this.client.send(body, { forever: true }));
  }

  async resumeBackwards(kind: 'continue' | 'step', thread: string | undefined): Promise<StopReply> {
    await this.letGo();
    this.selected = undefined;
    if (thread !== undefined) await this.client.send(`Hc${thread}`);
    return parseStopReply(await this.client.send(kind === 'continue' ? 'bc' : 'bs', { forever: true }));
  }

  interrupt(): void {
    this.client.interrupt();
  }

  /** Output of a `monitor` command; undefined when the stub does not know it. @throws RspError with what the stub says */
  async monitor(command: string): Promise<string | undefined> {
    let output = '';
    const reply = (await this.client.send(`qRcmd,${Buffer.from(command).toString('hex')}`, { onOutput: (text) => (output += text), forever: true })).toString('latin1');
    // A command may have switched to another task.
    this.selected = undefined;
    if (reply === '') return undefined;
    if (reply === 'OK') return output;
    if (/^E([0-9a-f]{2}|\.)/i.test(reply)) throw new RspError(output === '' ? errorText(reply) : output.trim());
    return output + (/^([0-9a-f]{2})*$/i.test(reply) ? Buffer.from(reply, 'hex').toString() : '');
  }

  /** A table of the target's system (`info os`): rows by column name; undefined when the stub has none of that name. */
  async osData(table: string): Promise<ReadonlyMap<string, string>[] | undefined> {
    if (!this.has('qXfer:osdata:read')) return undefined;
    const document = await this.transfer('osdata', table);
    return document === undefined ? undefined : [...document.toString().matchAll(/<item>([\s\S]*?)<\/item>/g)].map(([, item]) =>
      new Map([...item.matchAll(/<column name="([^"]*)">([\s\S]*?)<\/column>/g)].map(([, name, value]) => [decodeText(name), decodeText(value)])));
  }

  /** Modules the target has loaded, by name, with the addresses of their sections. */
  async libraries(): Promise<{ readonly name: string; readonly addresses: readonly bigint[] }[] | undefined> {
    const document = this.has('qXfer:libraries:read') ? await this.transfer('libraries', '') : undefined;
    return document === undefined ? undefined : [...document.toString().matchAll(/<library\s+name="([^"]*)"[^>]*>([\s\S]*?)<\/library>/g)].map(([, name, inner]) =>
      ({ name: decodeText(name), addresses: [...inner.matchAll(/address="0x([0-9a-f]+)"/gi)].map(([, address]) => BigInt(`0x${address}`)) }));
  }

  /** Attaches a process of the target's guest until the target runs; gives its first thread. @throws RspError */
  async attachProcess(pid: number): Promise<string> {
    const id = pid.toString(16);
    if (this.guests.has(pid)) await this.client.send(`D;${id}`);
    const reply = parseStopReply(await this.client.send(`vAttach;${id}`));
    this.guests.add(pid);
    this.selected = undefined;
    if (reply.kind !== 'stopped' || reply.thread === undefined) throw new RspError(`process ${pid} has ended`);
    return reply.thread;
  }

  private async letGo(): Promise<void> {
    for (const pid of this.guests) await this.client.send(`D;${pid.toString(16)}`);
    this.guests.clear();
    this.selected = undefined;
  }

  /** Path of a process's program. */
  async executableOf(pid: number): Promise<string | undefined> {
    return (await this.transfer('exec-file', pid.toString(16)))?.toString();
  }

  /** The auxiliary vector of a thread's process. */
  auxiliaryVector(thread: string): Promise<Buffer | undefined> {
    return this.with(thread, () => this.transfer('auxv', ''));
  }

  /** What the dynamic linker of a thread's process has loaded, and where. */
  async linkedLibraries(thread: string): Promise<{ readonly name: string; readonly base: bigint }[]> {
    const document = await this.with(thread, () => this.transfer('libraries-svr4', ''));
    return [...(document?.toString() ?? '').matchAll(/<library\s+name="([^"]*)"[^>]*\sl_addr="0x([0-9a-f]+)"/gi)].map(([, name, base]) => ({ name: decodeText(name), base: BigInt(`0x${base}`) }));
  }

  /** A file as the stub's side has it (`vFile`), or as a process of the guest sees it; undefined: it has none of this name, or gives no files. */
  async readFile(path: string, { process, most: wanted = Infinity }: { readonly process?: number; readonly most?: number } = {}): Promise<Buffer | undefined> {
    if (process === undefined) return this.readOpened(path, wanted);
    await this.client.send(`vFile:setfs:${process.toString(16)}`);
    try {
      return await this.readOpened(path, wanted);
    } finally {
      await this.client.send('vFile:setfs:0');
    }
  }

  private async readOpened(path: string, wanted: number): Promise<Buffer | undefined> {
    const opened = /^F([0-9a-f]+)/i.exec((await this.client.send(`vFile:open:${Buffer.from(path).toString('hex')},0,0`)).toString('latin1'));
    if (opened === null) return undefined;
    const parts: Buffer[] = [];
    const most = Math.max(64, (this.packetSize >> 1) - 32);
    for (let offset = 0; offset < wanted;) {
      const reply = await this.client.send(`vFile:pread:${opened[1]},${most.toString(16)},${offset.toString(16)}`);
      const data = reply.indexOf(';');
      if (!reply.toString('latin1', 0, 1).startsWith('F') || data < 0 || data + 1 >= reply.length) break;
      parts.push(reply.subarray(data + 1));
      offset += reply.length - data - 1;
    }
    await this.client.send(`vFile:close:${opened[1]}`);
    return parts.length === 0 ? undefined : Buffer.concat(parts);
  }

  /** How far the program was loaded from where it was linked. */
  async loadOffset(): Promise<bigint> {
    const [, text] = /^Text=([0-9a-f]+)/i.exec((await this.client.send('qOffsets')).toString('latin1')) ?? [];
    return text === undefined ? 0n : BigInt(`0x${text}`);
  }

  async detach(): Promise<void> {
    await this.letGo();
    await this.client.send(this.process === undefined ? 'D' : `D;${this.process}`);
    this.client.end();
  }

  async kill(): Promise<void> {
    // `k` is answered by few, vKill needs the process.
    await Promise.race([this.client.send(this.process === undefined ? 'k' : `vKill;${this.process}`).catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 1000))]);
    this.client.end();
  }

  private transfer(object: string, annex: string): Promise<Buffer | undefined> {
    return transfer(this.client, object, annex, Math.max(64, this.packetSize - 16));
  }

  private async expectOk(body: string | Buffer, what: string): Promise<void> {
    const reply = (await this.client.send(body)).toString('latin1');
    if (reply !== 'OK') throw new RspError(`${what}: ${reply === '' ? 'the stub does not know the packet' : errorText(reply)}`);
  }
}

async function transfer(client: RspClient, object: string, annex: string, piece: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (let offset = 0; ;) {
    const reply = await client.send(`qXfer:${object}:read:${annex}:${offset.toString(16)},${piece.toString(16)}`);
    const kind = reply.toString('latin1', 0, 1);
    if (kind !== 'm' && kind !== 'l') return undefined;
    parts.push(reply.subarray(1));
    offset += reply.length - 1;
    if (kind === 'l' || reply.length === 1) return Buffer.concat(parts);
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeText(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.startsWith('#x') ? `0x${name.slice(2)}` : name.slice(1)) || 0xfffd);
    return ENTITIES[name] ?? whole;
  });
}

function parseThreads(document: string): StubThread[] {
  return [...document.matchAll(/<thread\s([^>]*?)(?:\/>|>([\s\S]*?)<\/thread>)/g)].flatMap(([, head, inner]) => {
    const id = /\bid="([^"]*)"/.exec(head)?.[1];
    const name = /\bname="([^"]*)"/.exec(head)?.[1];
    return id === undefined ? [] : [{ id, name: decodeText(name ?? `thread ${id}`), extra: decodeText(inner ?? '').trim() }];
  });
}

export function hexAddress(address: bigint): string {
  return BigInt.asUintN(64, address).toString(16);
}
