/** The listening socket. One client at a time: a second one is told so and let go. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { encodePacket } from './framing.ts';
import { Session } from './session.ts';
import type { Target } from './target.ts';

export interface ServerOptions {
  /** Host to listen on; loopback unless told otherwise: whoever connects owns the machine. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly version: string;
  readonly onConnect?: () => void;
  readonly onDisconnect?: () => void;
  /** A second client was turned away. */
  readonly onRefused?: () => void;
  /** Gets a line per packet. */
  readonly log?: (line: string) => void;
}

/** How long a client is given to take the last packet when the server closes. */
const LAST_WORDS_MS = 500;

export class RspServer {
  private readonly target: Target;
  private readonly options: ServerOptions;
  private readonly server: Server;
  private client: Socket | undefined;

  constructor(target: Target, options: ServerOptions) {
    this.target = target;
    this.options = options;
    this.server = createServer((socket) => this.connected(socket));
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

  /** True while a debugger is connected. */
  get connectedClient(): boolean {
    return this.client !== undefined;
  }

  /** Stops listening and ends the connection after what was already sent. */
  async close(): Promise<void> {
    this.server.close();
    const { client } = this;
    if (client === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => client.destroy(), LAST_WORDS_MS);
      client.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      client.end();
    });
  }

  private connected(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    if (this.client !== undefined) {
      // A console packet, for clients that show one which comes unasked; gdb only reports that the connection is closed.
      this.options.onRefused?.();
      socket.end(encodePacket(`O${Buffer.from('skas: another debugger is connected to this machine\n').toString('hex')}`));
      return;
    }
    this.client = socket;
    this.options.onConnect?.();
    const { version, log } = this.options;
    const session = new Session(
      this.target,
      { send: (bytes) => void (socket.writable && socket.write(bytes)), close: () => void socket.end() },
      { version, ...(log === undefined ? {} : { log }) },
    );
    socket.on('data', (chunk) => session.receive(chunk));
    socket.on('close', () => {
      this.client = undefined;
      session.disconnected();
      this.options.onDisconnect?.();
    });
  }
}
