/** The wire of one client: acknowledgements, repetition on demand, and the log. */
import { PacketReader, encodeNotification, encodePacket } from './framing.ts';
import { PACKET_SIZE } from './packet.ts';

/** Where the bytes go and how that ends. */
export interface Connection {
  send(bytes: Buffer): void;
  /** Ends the connection after everything sent so far. */
  close(): void;
}

export interface PacketLinkHandlers {
  readonly packet: (body: Buffer) => void;
  readonly interrupt: () => void;
  /** A packet came that cannot be read; why, for the user. Answered with an error, unless the client will repeat it. */
  readonly unreadable: (why: string, tooLong: boolean) => void;
  /** Gets one line per packet when tracing. */
  readonly log: ((line: string) => void) | undefined;
}

export class PacketLink {
  private readonly connection: Connection;
  private readonly handlers: PacketLinkHandlers;
  private readonly reader = new PacketReader(PACKET_SIZE);
  private acknowledging = true;
  private lastSent: Buffer | undefined;

  constructor(connection: Connection, handlers: PacketLinkHandlers) {
    this.connection = connection;
    this.handlers = handlers;
  }

  /** Bytes from the client. */
  receive(chunk: Uint8Array): void {
    const { connection, handlers } = this;
    for (const event of this.reader.feed(chunk)) {
      switch (event.type) {
        case 'interrupt':
          handlers.log?.('<- interrupt');
          handlers.interrupt();
          break;
        case 'nak':
          if (this.acknowledging && this.lastSent !== undefined) connection.send(this.lastSent);
          break;
        case 'ack':
          break;
        case 'corrupt':
          if (this.acknowledging) connection.send(Buffer.from('-'));
          else handlers.unreadable('corrupt packet', false);
          break;
        case 'oversized':
          this.acknowledge();
          handlers.unreadable(`packet longer than ${PACKET_SIZE} bytes`, true);
          break;
        case 'packet':
          this.acknowledge();
          handlers.packet(event.body);
          break;
      }
    }
  }

  /** From the next packet on there are no acknowledgements. */
  stopAcknowledging(): void {
    this.acknowledging = false;
    this.reader.checkSums = false;
  }

  send(body: string | Buffer): void {
    this.handlers.log?.(`-> ${printable(body)}`);
    this.lastSent = encodePacket(body);
    this.connection.send(this.lastSent);
  }

  /** Sends what the client does not acknowledge. */
  notify(body: string): void {
    this.handlers.log?.(`-> % ${printable(body)}`);
    this.connection.send(encodeNotification(body));
  }

  /** Ends the connection after everything sent so far. */
  close(): void {
    this.connection.close();
  }

  private acknowledge(): void {
    if (this.acknowledging) this.connection.send(Buffer.from('+'));
  }
}

/** A body for the log: at most a line, binary as dots. */
export function printable(body: string | Buffer): string {
  const text = body.slice(0, 200).toString().replace(/[^\x20-\x7e]/g, '.');
  return body.length > 200 ? `${text}… (${body.length} bytes)` : text;
}
