/** Packets at random, the same ones in every run, and what an answer to them may look like. */
import { connect, type Socket } from 'node:net';
import { PacketReader, encodePacket } from '../../stub/framing.ts';
import { PACKETS, findPacket } from '../../stub/packets/table.ts';

const ARGUMENTS = [
  '', '0', '2', '-1', 'p2.2', 'p-1.-1', 'p2', '401580', '401580,1', '4bb100,8', '7fffffffe000,1000', 'ffffffffffffffff,ffffffff', '0,10', ':0,100', 'target.xml:0,1000', ';', ':', ',', '=',
  '0=0000000000000000', '10=8015400000000000', '4bb100,4:01020304', '4bb100,4:abcd', '3,10,0', '2f70726f632f322f6d617073,0,0', '68656c70', 'zz', '4bb100;1000;abc', '80000000000000,8',
  'c:p2.2', 's:2', 'r401580,401590:2', 'C1e;q', '\x01\x80', ';X3,220127', ';X5,0102030405', ';X1,27;cmds:1,X3,220127', ';cmds:0,', ';XFFFF,27', ';thread:2;', ';thread:zz;', '1', 't:2', 'processes:0,1000',
  ':401580', ':7fffffffe000', '401580,1;X4,26ffff27', '4bb100,8;X6,200000200000', '0;1',
];
/** What ends the connection or the program, or changes how all other answers look, is other tests' business. */
const EXCLUDED = ['k', 'vKill', 'D', 'C', 'S', 'QStartNoAckMode', 'qSupported', 'QNonStop:', 'QThreadSuffixSupported', 'QListThreadsInStopReply', 'QEnableErrorStrings', 'vAttach'];
export const PREFIXES: readonly string[] = PACKETS.map(({ prefix }) => prefix).filter((prefix) => !EXCLUDED.includes(prefix));
/** Packets which let the program run, and are answered when it stops. */
const RESUMING = /^(vCont;|c|s)/;

const ERROR = 'E[0-9a-f]{2}|E\\.[^]*';
/** By how the body starts, the first that fits: the whole of what may be answered besides an error. */
const ANSWERS: readonly (readonly [RegExp, string])[] = [
  [/^\?/, '[TWX][^]*'], [/^(H|T|Z|z|[GPMX]|QPass|QProgram|QCatch|QRestore|!)/, 'OK|E\\.[^]*|'], [/^g/, '([0-9a-f]{2}|xx)+'], [/^p/, '([0-9a-f]{2}|xx)+'], [/^m/, '([0-9a-f]{2})*'],
  [/^x/, '[^]*'], [/^qCRC:/, 'C[0-9a-f]{8}'], [/^qC/, 'QC[0-9a-fp.]+'], [/^qfThreadInfo/, 'm[^]+|l'], [/^qsThreadInfo/, 'l'], [/^qSearch/, '0|1,[0-9a-f]+'], [/^qXfer/, '[ml][^]*|[0-9a-f]+|'],
  [/^vFile/, 'F[^]*'], [/^vCont\?/, 'vCont[^]*'], [/^qRcmd/, 'OK'], [/^(vCtrlC|vStopped)/, 'OK|[TWX][^]*'], [/^vMustReplyEmpty/, ''], [/^QSaveRegisterState/, '\\d+'],
];

/** Whether the answer is of a form that makes sense. */
export function fits(body: string, answer: string): boolean {
  // What nobody knows is to be answered with nothing.
  if (findPacket(Buffer.from(body, 'latin1')) === undefined) return answer === '';
  const pattern = ANSWERS.find(([start]) => start.test(body))?.[1];
  return pattern === undefined || new RegExp(`^(${pattern}|${ERROR})$`).test(answer);
}

/** Park and Miller's generator: the same packets in every run. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  below(limit: number): number {
    this.state = (this.state * 48271) % 0x7fffffff;
    return this.state % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  body(): string {
    return this.pick(PREFIXES) + Array.from({ length: this.pick([0, 1, 1, 1, 2, 3]) }, () => this.pick(ARGUMENTS)).join('');
  }
}

/** A packet that lets the program run is given so long to stop by itself. */
const PATIENCE_MS = 60;
const LONGEST_MS = 20_000;

export class FuzzClient {
  readonly socket: Socket;
  private readonly reader = new PacketReader(1 << 20);
  private readonly replies: string[] = [];
  private arrived: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('data', (chunk) => {
      for (const event of this.reader.feed(chunk)) if (event.type === 'packet') this.replies.push(event.body.toString('latin1'));
      this.arrived();
    });
  }

  async begin(features = ''): Promise<void> {
    if ((await this.ask('QStartNoAckMode')) !== 'OK') throw new Error('wants acknowledgements');
    this.reader.checkSums = false;
    this.socket.write('+');
    await this.ask(`qSupported:${features}`);
    await this.ask('?');
  }

  send(body: string): void {
    this.socket.write(encodePacket(Buffer.from(body, 'latin1')));
  }

  /** The next answer that is no console text; undefined: there was none in that time. */
  async reply(milliseconds: number): Promise<string | undefined> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const answer = this.replies.shift();
      if (answer !== undefined && !(answer.length > 2 && /^O[0-9a-f]/.test(answer))) return answer;
      if (answer === undefined) {
        const rest = end - performance.now();
        if (rest <= 0) return undefined;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, rest);
          this.arrived = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  /** Sends a packet; its answer. Throws when there is none. */
  async ask(body: string): Promise<string> {
    this.send(body);
    const answer = await this.reply(LONGEST_MS);
    if (answer === undefined) throw new Error(`no answer to ${JSON.stringify(body)}`);
    return answer;
  }

  /** The same for packets that may let the program run: then it is interrupted. */
  async askAny(body: string): Promise<string> {
    if (!RESUMING.test(body)) return this.ask(body);
    this.send(body);
    let answer = await this.reply(PATIENCE_MS);
    if (answer !== undefined) return answer;
    this.socket.write('\x03');
    answer = await this.reply(LONGEST_MS);
    if (answer === undefined) throw new Error(`no answer to ${JSON.stringify(body)}, nor to an interrupt`);
    return answer;
  }

  monitor(command: string): Promise<string> {
    return this.ask(`qRcmd,${Buffer.from(command).toString('hex')}`);
  }
}
