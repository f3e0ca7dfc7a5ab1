/**
 * One client's dialogue: what was negotiated, which threads are selected, and the packets one after the other.
 * What comes while a packet is still being answered waits for its turn.
 */
import { PacketReader, encodePacket } from './framing.ts';
import { PACKET_SIZE, PacketErrno, PacketError, type PacketRow, type Reply } from './packet.ts';
import { findPacket } from './packets/table.ts';
import { ARCHITECTURES, type Architecture, type RegisterSet } from './registers.ts';
import { stopReply } from './stop-reply.ts';
import type { ThreadId } from './fields.ts';
import { Refusal, type ResumeAction, type StopEvent, type Target, type TargetThread } from './target.ts';

/** Where the session's bytes go and how it ends. */
export interface Connection {
  send(bytes: Buffer): void;
  /** Ends the connection after everything sent so far. */
  close(): void;
}

export interface SessionOptions {
  readonly version: string;
  /** Gets one line per packet when tracing. */
  readonly log?: (line: string) => void;
}

/** What `skas ps` sends, alone: the only packet that leaves a running machine running. */
export const PS_PACKET = `qRcmd,${Buffer.from('processes').toString('hex')}`;

export class Session {
  readonly target: Target;
  readonly version: string;
  /** Features the client named in qSupported with `+`. */
  client: ReadonlySet<string> = new Set();
  /** Files open through vFile, by descriptor. */
  readonly files = new Map<number, Uint8Array>();
  /** Process whose files vFile means (setfs); 0: the debuggee's. */
  fileProcess = 0;
  /** The object a client is reading in pieces: made at its first one, so that all are of the same. */
  transfer: { readonly object: string; readonly whole: Uint8Array } | undefined;
  private readonly connection: Connection;
  private readonly log: ((line: string) => void) | undefined;
  private readonly reader = new PacketReader(PACKET_SIZE);
  private acknowledging = true;
  private lastSent: Buffer | undefined;
  private queue: Promise<void> = Promise.resolve();
  private general: number | undefined;
  private stepping: number | undefined;
  private resumed = false;
  private ended = false;
  private begun = false;

  constructor(target: Target, connection: Connection, options: SessionOptions) {
    this.target = target;
    this.connection = connection;
    this.version = options.version;
    this.log = options.log;
  }

  /** Bytes from the client. */
  receive(chunk: Uint8Array): void {
    for (const event of this.reader.feed(chunk)) {
      switch (event.type) {
        case 'interrupt':
          this.log?.('<- interrupt');
          // Behind the packets that came before it: one of them may be what is to be interrupted.
          this.queue = this.queue.then(() => this.target.interrupt());
          break;
        case 'nak':
          if (this.acknowledging && this.lastSent !== undefined) this.connection.send(this.lastSent);
          break;
        case 'ack':
          break;
        case 'corrupt':
          if (this.acknowledging) this.connection.send(Buffer.from('-'));
          else this.reply(this.errorReply(new PacketError(PacketErrno.EINVAL, 'corrupt packet')));
          break;
        case 'oversized':
          this.acknowledge();
          this.reply(this.errorReply(new PacketError(PacketErrno.EMSGSIZE, `packet longer than ${PACKET_SIZE} bytes`)));
          break;
        case 'packet':
          if (event.body.toString('latin1') !== PS_PACKET) this.begin();
          this.acknowledge();
          this.queue = this.queue.then(() => this.answer(event.body));
          break;
      }
    }
  }

  /** The client is gone. A running target goes on without breakpoints; a stopped one waits for the next client. */
  disconnected(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.begun) this.target.processes?.detachAll();
    if (this.begun && this.target.stopped === undefined) this.target.detach();
  }

  get architecture(): Architecture {
    return ARCHITECTURES[this.target.architecture];
  }

  get registers(): RegisterSet {
    return this.architecture.registers;
  }

  /** From the next packet on there are no acknowledgements. */
  stopAcknowledging(): void {
    this.acknowledging = false;
    this.reader.checkSums = false;
  }

  /** Thread that register and memory packets mean (`Hg`). */
  generalThread(): TargetThread {
    return this.pick(this.general);
  }

  /** The same for those which also make sense without threads. */
  selection(): { readonly tid?: number } {
    return this.target.threads().length === 0 ? {} : { tid: this.generalThread().tid };
  }

  /** Thread that `c` and `s` with no thread of their own step (`Hc`); undefined: all. */
  get continueThread(): number | undefined {
    return this.stepping;
  }

  selectGeneral(id: ThreadId): void {
    // "Any" is as good as the one there is: gdb asks which that is after attaching.
    const any = id.tid === 0 && (id.pid === undefined || id.pid === 0);
    if (!any || this.general === undefined) this.general = this.resolve(id);
  }

  selectContinue(id: ThreadId): void {
    this.stepping = this.resolve(id);
  }

  /** The thread with this id; throws ESRCH. */
  thread(id: ThreadId): TargetThread {
    const found = this.target.threads().find((thread) => (thread.shown ?? thread.tid) === id.tid && (id.pid === undefined || id.pid === 0 || thread.pid === id.pid));
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, 'no such thread');
    return found;
  }

  /** Any thread of a process: the selected one if it is its; throws ESRCH. */
  firstThread(pid: number): TargetThread {
    const threads = this.target.threads().filter((thread) => thread.pid === pid);
    const found = threads.find(({ tid }) => tid === this.general) ?? threads[0];
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, `no process ${pid}`);
    return found;
  }

  /** How a thread is written in replies. */
  threadText(thread: TargetThread): string {
    return this.client.has('multiprocess') ? `p${thread.pid.toString(16)}.${(thread.shown ?? thread.tid).toString(16)}` : thread.tid.toString(16);
  }

  /** Lets the target go; the stop reply is sent when it stops. */
  resume(actions: readonly ResumeAction[]): void {
    this.resumed = true;
    this.target.resume(actions, (event) => this.stopped(event));
  }

  /** Describes why the target is stopped. */
  describe(event: StopEvent): string {
    return stopReply(this, event);
  }

  /** `monitor` output before the final reply. */
  console(text: string): void {
    this.sendPacket(`O${Buffer.from(text).toString('hex')}`);
  }

  /** No more packets: used by `k`. */
  close(): void {
    this.connection.close();
  }

  /** At the first packet (not at the connection: that may be a mere look at the port) the target is stopped; packets are answered from then on. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    if (this.target.stopped === undefined) this.queue = new Promise((resolve) => this.target.attach(() => resolve()));
  }

  private resolve(id: ThreadId): number | undefined {
    if (id.tid === undefined || id.tid === 0) {
      if (id.pid === undefined || id.pid === 0) return undefined;
      return this.firstThread(id.pid).tid;
    }
    return this.thread(id).tid;
  }

  private pick(tid: number | undefined): TargetThread {
    const threads = this.target.threads();
    const stopped = this.target.stopped;
    const wanted = tid ?? (stopped !== undefined && 'thread' in stopped ? stopped.thread.tid : undefined);
    const found = threads.find((thread) => thread.tid === wanted) ?? (tid === undefined ? threads[0] : undefined);
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, 'no such thread');
    return found;
  }

  private stopped(event: StopEvent): void {
    this.resumed = false;
    if (this.ended) return;
    if ('thread' in event) this.general = event.thread.tid;
    if (event.reason === 'signal' && event.message !== undefined) this.console(`${event.message}\n`);
    this.sendPacket(this.describe(event));
  }

  private acknowledge(): void {
    if (this.acknowledging) this.connection.send(Buffer.from('+'));
  }

  private async answer(body: Buffer): Promise<void> {
    if (this.ended) return;
    this.log?.(`<- ${printable(body)}`);
    const row = findPacket(body);
    let reply: Reply = '';
    if (row !== undefined) {
      try {
        this.check(row);
        reply = await row.run(this, body.subarray(row.prefix.length));
      } catch (error) {
        reply = this.errorReply(error);
      }
    }
    if (reply !== undefined) this.reply(reply);
  }

  private check(row: PacketRow): void {
    if (row.needs === 'any') return;
    if (this.resumed || this.target.stopped === undefined) throw new PacketError(PacketErrno.EBUSY, 'the target is running');
    if (row.needs === 'alive' && this.target.threads().length === 0) throw new PacketError(PacketErrno.ESRCH, 'the target has ended');
  }

  private errorReply(error: unknown): string {
    // Anything else is a mistake of ours; the client still gets an answer, and the log the stack.
    if (!(error instanceof PacketError) && !(error instanceof Refusal)) this.log?.(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    const errno = error instanceof PacketError ? error.errno : PacketErrno.EIO;
    const message = error instanceof Error ? error.message : String(error);
    if (this.client.has('error-message')) return `E.${message.replace(/[$#}*\n]/g, ' ')}`;
    return `E${errno.toString(16).padStart(2, '0')}`;
  }

  private reply(body: string | Buffer): void {
    if (!this.ended) this.sendPacket(body);
  }

  private sendPacket(body: string | Buffer): void {
    this.log?.(`-> ${printable(body)}`);
    this.lastSent = encodePacket(body);
    this.connection.send(this.lastSent);
  }
}

/** A body for the log: at most a line, binary as dots. */
function printable(body: string | Buffer): string {
  const text = body.slice(0, 200).toString().replace(/[^\x20-\x7e]/g, '.');
  return body.length > 200 ? `${text}… (${body.length} bytes)` : text;
}
