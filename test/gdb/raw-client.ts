/** A client of the stub that sends packets as they are. */
import { connect, type Socket } from 'node:net';
import { PacketReader, encodePacket } from '../../stub/framing.ts';

export class RawClient {
  private readonly socket: Socket;
  private readonly reader = new PacketReader(1 << 20);
  private readonly replies: string[] = [];
  private arrived: (() => void) | undefined;
  /** Console output since the last `monitor`. */
  private printed = '';

  private constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      for (const event of this.reader.feed(chunk)) if (event.type === 'packet') this.replies.push(event.body.toString('latin1'));
      this.arrived?.();
    });
  }

  /** Connects, without acknowledgements from then on. */
  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    const first = await client.ask('QStartNoAckMode', 10_000);
    if (first !== 'OK') throw new Error(`QStartNoAckMode: ${first}`);
    client.reader.checkSums = false;
    return client;
  }

  send(body: string): void {
    this.socket.write(encodePacket(Buffer.from(body, 'latin1')));
  }

  interrupt(): void {
    this.socket.write('\x03');
  }

  /** The next packet, console output left out; undefined when none comes in time. */
  async reply(milliseconds: number): Promise<string | undefined> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const found = this.replies.shift();
      if (found !== undefined && !/^O[0-9a-f]/.test(found)) return found;
      if (found !== undefined) this.printed += Buffer.from(found.slice(1), 'hex').toString();
      if (found === undefined && performance.now() >= end) return undefined;
      if (found === undefined) await new Promise<void>((resolve) => {
        this.arrived = resolve;
        setTimeout(resolve, Math.max(end - performance.now(), 1));
      });
    }
  }

  ask(body: string, milliseconds = 20_000): Promise<string | undefined> {
    this.send(body);
    return this.reply(milliseconds);
  }

  /** The answer to a packet; what lets the machine run is interrupted after `patience` milliseconds. */
  async provoke(body: string, patience = 300): Promise<string | undefined> {
    const answer = await this.ask(body, patience);
    if (answer !== undefined) return answer;
    this.interrupt();
    return this.reply(20_000);
  }

  /** What a monitor command prints. */
  async monitor(command: string): Promise<string> {
    this.printed = '';
    await this.ask(`qRcmd,${Buffer.from(command).toString('hex')}`);
    return this.printed;
  }

  close(): void {
    this.socket.destroy();
  }
}
