/** A client that speaks packets and nothing else, for tests and measurements. */
import { connect, type Socket } from 'node:net';
import { PacketReader, encodePacket } from './framing.ts';

export class PacketClient {
  readonly socket: Socket;
  private readonly reader = new PacketReader(0x100000);
  private readonly waiting: ((text: string) => void)[] = [];
  private readonly arrived: string[] = [];
  acks = '';
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('data', (chunk) => {
      for (const event of this.reader.feed(chunk)) {
        if (event.type === 'ack') this.acks += '+';
        if (event.type === 'nak') this.acks += '-';
        if (event.type !== 'packet') continue;
        const text = event.body.toString('latin1');
        const next = this.waiting.shift();
        if (next === undefined) this.arrived.push(text);
        else next(text);
      }
    });
  }

  /** The next packet that comes. */
  next(): Promise<string> {
    const text = this.arrived.shift();
    return text === undefined ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve(text);
  }

  /** Sends a packet; the next one that comes. */
  ask(body: string | Buffer): Promise<string> {
    this.socket.write(encodePacket(body));
    return this.next();
  }
}
