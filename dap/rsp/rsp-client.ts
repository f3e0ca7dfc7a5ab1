/**
 * The client's end of the remote serial protocol: one packet at a time, answered before the next is sent. A resume packet is
 * answered by the stop reply, whenever that comes; console output and interrupts are all that may pass until then.
 */
import { connect, type Socket } from 'node:net';
import { PacketReader, encodePacket } from '../../stub/framing.ts';
import { RspClosedError, RspError } from './rsp-error.ts';

/** Replies longer than this are a stub gone wild. */
const LONGEST_REPLY = 1 << 24;
/** How long a stub may think about a packet (a resume may take for ever). */
const REPLY_MS = 20_000;
const CONNECT_MS = 10_000;

interface Waiting {
  readonly body: Buffer;
  readonly resolve: (reply: Buffer) => void;
  readonly reject: (error: Error) => void;
  /** Undefined: may take for ever. */
  readonly timeout: number | undefined;
  /** Gets the text of `O` packets that come before the answer. */
  readonly onOutput: ((text: string) => void) | undefined;
}

export interface RequestOptions {
  readonly forever?: boolean;
  readonly onOutput?: (text: string) => void;
}

export class RspClient {
  /** Gets a line per packet, for tracing. */
  log: ((line: string) => void) | undefined;
  /** Called once when the connection has ended; `reason` is fit for the user. */
  onClosed: ((reason: string) => void) | undefined;
  /** Text of the console which comes while the target runs. */
  onOutput: ((text: string) => void) | undefined;
  private readonly socket: Socket;
  private readonly reader = new PacketReader(LONGEST_REPLY);
  private readonly queue: Waiting[] = [];
  private current: Waiting | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastSent: Buffer | undefined;
  private acknowledging = true;
  private closedBecause: string | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', (error) => this.close(`the connection to the stub broke: ${error.message}`));
    socket.on('close', () => this.close('the stub closed the connection'));
  }

  /** @throws RspError that names the address and what to do */
  static connect(host: string, port: number): Promise<RspClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      const fail = (why: string): void => {
        socket.destroy();
        reject(new RspError(`Cannot connect to ${host}:${port}: ${why}`));
      };
      const timer = setTimeout(fail, CONNECT_MS, 'nobody answers');
      socket.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        fail(error.code === 'ECONNREFUSED' ? 'nothing listens there. Start the kernel with --gdb first' : error.message);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new RspClient(socket));
      });
    });
  }

  get closed(): boolean {
    return this.closedBecause !== undefined;
  }

  /** Sends a packet and gives its reply's body; empty: the stub does not know the packet. */
  send(body: string | Buffer, options: RequestOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.closedBecause !== undefined) {
        reject(new RspClosedError(this.closedBecause));
        return;
      }
      this.queue.push({
        body: typeof body === 'string' ? Buffer.from(body, 'latin1') : body, resolve, reject, timeout: options.forever === true ? undefined : REPLY_MS, onOutput: options.onOutput,
      });
      this.next();
    });
  }

  /** Asks the running target to stop. */
  interrupt(): void {
    this.log?.('-> interrupt');
    if (!this.closed) this.socket.write(Buffer.from([3]));
  }

  /** From the stub's OK to QStartNoAckMode on. */
  stopAcknowledging(): void {
    this.acknowledging = false;
    this.reader.checkSums = false;
  }

  /** Ends the connection after what has been sent. */
  end(): void {
    this.close('the debugger closed the connection');
  }

  private next(): void {
    if (this.current !== undefined) return;
    const waiting = this.queue.shift();
    if (waiting === undefined) return;
    this.current = waiting;
    this.log?.(`-> ${printable(waiting.body)}`);
    this.lastSent = encodePacket(waiting.body);
    this.socket.write(this.lastSent);
    if (waiting.timeout !== undefined) {
      this.timer = setTimeout(() => this.close(`the stub did not answer '${printable(waiting.body).slice(0, 40)}' within ${waiting.timeout ?? 0} ms`), waiting.timeout);
    }
  }

  private receive(chunk: Buffer): void {
    for (const event of this.reader.feed(chunk)) {
      switch (event.type) {
        case 'packet':
          if (this.acknowledging) this.socket.write('+');
          this.reply(event.body);
          break;
        case 'corrupt':
          if (!this.acknowledging) return this.close('the stub sent a packet which is malformed');
          this.socket.write('-');
          break;
        case 'nak':
          if (this.lastSent !== undefined) this.socket.write(this.lastSent);
          break;
        case 'oversized':
          return this.close(`the stub sent a packet of more than ${LONGEST_REPLY} bytes`);
        case 'ack': case 'interrupt':
          break;
      }
    }
  }

  private reply(body: Buffer): void {
    this.log?.(`<- ${printable(body)}`);
    const { current } = this;
    if (body[0] === 0x4f && /^O([0-9a-f]{2})+$/i.test(body.toString('latin1'))) {
      const text = Buffer.from(body.toString('latin1', 1), 'hex').toString();
      (current?.onOutput ?? this.onOutput)?.(text);
      return;
    }
    // A reply nobody waits for: one that came too late, or twice.
    if (current === undefined) return;
    clearTimeout(this.timer);
    this.current = undefined;
    current.resolve(body);
    this.next();
  }

  private close(reason: string): void {
    if (this.closedBecause !== undefined) return;
    this.closedBecause = reason;
    clearTimeout(this.timer);
    const waiting = [...(this.current === undefined ? [] : [this.current]), ...this.queue];
    this.current = undefined;
    this.queue.length = 0;
    for (const { reject } of waiting) reject(new RspClosedError(reason));
    this.socket.end();
    setTimeout(() => this.socket.destroy(), 500).unref();
    this.onClosed?.(reason);
  }
}

function printable(body: Buffer): string {
  const text = body.toString('latin1').replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return text.length > 400 ? `${text.slice(0, 400)}… (${body.length} bytes)` : text;
}
