/** The listening socket. Several clients may come: control.ts says who may do what. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Control } from './control.ts';
import { encodePacket } from './framing.ts';
import { Session } from './session.ts';
import type { Target } from './target.ts';

export interface ServerOptions {
  /** Host to listen on; loopback unless told otherwise: whoever connects owns the machine. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly version: string;
  /** The last client is gone. */
  readonly onDisconnect?: () => void;
  /** There are more clients than there may be: one was turned away. */
  readonly onRefused?: () => void;
  /** Text from the target that no client takes. */
  readonly onOutput?: (text: string) => void;
  /** Gets a line per packet. */
  readonly log?: (line: string) => void;
}

/** How long clients are given to take the last packet when the server closes. */
const LAST_WORDS_MS = 500;
const MOST_CLIENTS = 16;
/** More than this unsent makes {@link RspServer.ready} wait. */
const MUCH_UNSENT = 1 << 20;

export class RspServer {
  private readonly control: Control;
  private readonly options: ServerOptions;
  private readonly server: Server;
  private readonly clients = new Map<Socket, Session>();

  constructor(target: Target, options: ServerOptions) {
    this.control = new Control(target);
    this.options = options;
    this.server = createServer((socket) => this.connected(socket));
    target.onOutput?.((text) => {
      if (!this.control.print(text)) options.onOutput?.(text);
    });
  }

  /** Starts listening; gives the address. Rejects with the system's error (EADDRINUSE …). */
  listen(): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () => {
        this.server.off('error', reject);
        const address: AddressInfo | string | null = this.server.address();
        if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
        resolve({ host: address.address, port: address.port });
      });
    });
  }

  /** A promise while a client does not keep up with what is sent to it. */
  ready(): Promise<void> | undefined {
    for (const socket of this.clients.keys()) {
      if (socket.writableLength <= MUCH_UNSENT) continue;
      return new Promise((resolve) => {
        const done = (): void => {
          socket.off('drain', done).off('close', done);
          resolve();
        };
        socket.on('drain', done).on('close', done);
      });
    }
    return undefined;
  }

  /** Stops listening and ends the connections after what was already sent. */
  async close(): Promise<void> {
    this.server.close();
    await Promise.all([...this.clients].map(([client, session]) => new Promise<void>((resolve) => {
      // gdb looks at notifications last: it has to have seen the end before it sees that of the connection, which it then closes itself.
      const notified = session.nonStop === undefined ? undefined : setTimeout(() => client.end(), LAST_WORDS_MS);
      const timer = setTimeout(() => client.destroy(), 2 * LAST_WORDS_MS);
      client.once('close', () => {
        clearTimeout(timer);
        clearTimeout(notified);
        resolve();
      });
      if (notified === undefined) client.end();
    })));
  }

  private connected(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    if (this.clients.size >= MOST_CLIENTS) {
      this.options.onRefused?.();
      // A console packet, for clients that show one which comes unasked; gdb only reports that the connection is closed.
      socket.end(encodePacket(`O${Buffer.from(`skas: ${MOST_CLIENTS} debuggers are connected to this machine\n`).toString('hex')}`));
      return;
    }
    const { version, log } = this.options;
    const session = new Session(
      this.control,
      { send: (bytes) => void (socket.writable && socket.write(bytes)), close: () => void socket.end() },
      { version, ...(log === undefined ? {} : { log }) },
    );
    this.clients.set(socket, session);
    socket.on('data', (chunk) => session.receive(chunk));
    socket.on('close', () => {
      this.clients.delete(socket);
      session.disconnected();
      if (this.clients.size === 0) this.options.onDisconnect?.();
    });
  }
}
