/**
 * One client's dialogue: what was negotiated, what it waits for, and the packets one after the other. What comes while a packet is still
 * being answered waits for its turn.
 */
import { breakpointKey, type Control } from './control.ts';
import type { ThreadId } from './fields.ts';
import type { NonStop } from './non-stop.ts';
import { PacketErrno, PacketError, type PacketRow, type Reply } from './packet.ts';
import { PacketLink, printable, type Connection } from './packet-link.ts';
import { findPacket } from './packets/table.ts';
import { ARCHITECTURES, type Architecture, type RegisterSet } from './registers.ts';
import { stopReply } from './stop-reply.ts';
import { Refusal, type BreakpointRequest, type ResumeAction, type StopEvent, type Target, type TargetThread } from './target.ts';
import { ThreadSelection } from './thread-selection.ts';

export interface SessionOptions {
  readonly version: string;
  /** Gets one line per packet when tracing. */
  readonly log?: (line: string) => void;
}

/** What `skas ps` sends, alone: the only packet that leaves a running machine running. */
export const PS_PACKET = `qRcmd,${Buffer.from('processes').toString('hex')}`;

const NOT_IN_CONTROL = "another debugger controls this machine; 'monitor control' takes it over";

export class Session {
  readonly target: Target;
  readonly control: Control;
  readonly version: string;
  /** Features the client named in qSupported with `+`. */
  client: ReadonlySet<string> = new Set();
  /** Signals not to stop for, as the client last said (QPassSignals). */
  passedSignals: ReadonlySet<number> = new Set();
  /** Files open through vFile, by descriptor. */
  readonly files = new Map<number, Uint8Array>();
  /** Process whose files vFile means (setfs); 0: the debuggee's. */
  fileProcess = 0;
  /** The object a client is reading in pieces: made at its first one, so that all are of the same. */
  transfer: { readonly object: string; readonly whole: Uint8Array } | undefined;
  /** Threads stop one by one; undefined: all at once. */
  nonStop: NonStop | undefined;
  /** The client is LLDB: signals in stop replies are the system's own, packets may name their thread. */
  lldb = false;
  /** Stop replies list all threads. */
  listsThreads = false;
  /** Errors have a text in LLDB's way. */
  errorStrings = false;
  /** Registers kept for LLDB (QSaveRegisterState), by number. */
  readonly savedStates = new Map<number, readonly (Uint8Array | undefined)[]>();
  nextState = 1;
  /** Why the last thing was refused. */
  refused: string | undefined;
  readonly selection: ThreadSelection;
  private readonly link: PacketLink;
  private readonly log: ((line: string) => void) | undefined;
  private queue: Promise<void> = Promise.resolve();
  /** The client has resumed, and waits to be told of the stop. */
  private waiting = false;
  /** The stop the client knows of (Control.stops). */
  private seen = 0;
  /** Breakpoints of a client which was not in control when it set them. */
  private readonly wanted = new Map<string, BreakpointRequest>();
  private ended = false;
  private begun = false;

  constructor(control: Control, connection: Connection, options: SessionOptions) {
    this.control = control;
    this.target = control.target;
    this.version = options.version;
    this.log = options.log;
    this.selection = new ThreadSelection(this.target);
    this.link = new PacketLink(connection, {
      packet: (body) => {
        if (body.toString('latin1') !== PS_PACKET) this.begin();
        this.queue = this.queue.then(() => this.answer(body));
      },
      // Behind the packets that came before it: one of them may be what is to be interrupted.
      interrupt: () => void (this.queue = this.queue.then(() => this.interrupt())),
      unreadable: (why, tooLong) => this.reply(this.errorReply(new PacketError(tooLong ? PacketErrno.EMSGSIZE : PacketErrno.EINVAL, why))),
      log: options.log,
    });
  }

  /** Bytes from the client. */
  receive(chunk: Uint8Array): void {
    this.link.receive(chunk);
  }

  /** The client is gone. */
  disconnected(): void {
    if (this.ended) return;
    this.ended = true;
    this.control.leave(this);
  }

  get architecture(): Architecture {
    return this.target.architectureOf === undefined ? ARCHITECTURES[this.target.architecture] : this.architectureOf(this.selection.generalOrNone);
  }

  /** That of a thread's process. */
  architectureOf(thread: TargetThread | undefined): Architecture {
    const { target } = this;
    return ARCHITECTURES[(thread === undefined ? undefined : target.architectureOf?.(thread.tid)) ?? target.architecture];
  }

  get registers(): RegisterSet {
    return this.architecture.registers;
  }

  /** Whether this client may change and resume the target. */
  get inControl(): boolean {
    return this.control.isOwner(this);
  }

  /** Whether console text can be sent now: clients take it while they wait. */
  get listening(): boolean {
    return this.waiting && !this.ended;
  }

  /** From the next packet on there are no acknowledgements. */
  stopAcknowledging(): void {
    this.link.stopAcknowledging();
  }

  /** Thread that register and memory packets mean (`Hg`). */
  generalThread(): TargetThread {
    return this.selection.general;
  }

  /** The thread with this id; throws ESRCH. */
  thread(id: ThreadId): TargetThread {
    return this.selection.find(id);
  }

  /** How a thread is written in replies. */
  threadText(thread: TargetThread): string {
    return this.client.has('multiprocess') ? `p${thread.pid.toString(16)}.${(thread.shown ?? thread.tid).toString(16)}` : thread.tid.toString(16);
  }

  /** Lets the target go; the stop reply is sent when it stops. */
  resume(actions: readonly ResumeAction[]): void {
    this.waiting = true;
    try {
      this.control.resume(actions);
    } catch (error) {
      this.waiting = false;
      throw error;
    }
  }

  /** `Z`: clients that are not in control hear of their mistakes only, and are told when they resume. */
  insertBreakpoint(request: BreakpointRequest): boolean {
    if (this.inControl) return this.control.insertBreakpoint(this, request);
    const code = request.kind === 'software' || request.kind === 'hardware';
    if (code && this.target.readMemory(this.generalThread().tid, request.address, 1).length === 0) return false;
    this.wanted.set(breakpointKey(request), request);
    return true;
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    const known = this.wanted.delete(breakpointKey(request));
    if (this.inControl || this.control.holds(this, request)) return this.control.removeBreakpoint(this, request) || known;
    return known;
  }

  /** What the client wants of the target, from now on its own to say. */
  becameOwner(): void {
    this.applyWishes();
    for (const request of this.wanted.values()) this.control.insertBreakpoint(this, request);
    this.wanted.clear();
  }

  /** Tells the target what was negotiated, if it is this client's to say. */
  applyWishes(): void {
    if (!this.inControl) return;
    this.target.setPassSignals(this.passedSignals);
    this.target.setExecEvents(this.client.has('exec-events'));
    this.target.processes?.setForkEvents(this.client.has('fork-events'), this.client.has('vfork-events'));
  }

  /** Answer to `?`: why the target is stopped; of a running one, where it is just now. */
  status(): string {
    if (this.nonStop !== undefined) return this.nonStop.status();
    const { control, target: { stopped } } = this;
    if (stopped !== undefined && !control.running) {
      this.seen = control.stops;
      return this.describe(standing(stopped));
    }
    if (this.inControl) throw new PacketError(PacketErrno.EBUSY, 'the target is running');
    return this.describe({ reason: 'signal', thread: this.generalThread(), signal: 0 });
  }

  /** The client knows how things stand: it has brought that about itself. */
  caughtUp(): void {
    this.seen = this.control.stops;
  }

  /** Describes why the target is stopped. */
  describe(event: StopEvent): string {
    return stopReply(this, event);
  }

  /** The target has stopped: the client is told if it waits for that. */
  stopped(event: StopEvent): void {
    if (this.nonStop !== undefined) return this.nonStop.stopped(event);
    if (!this.waiting) return;
    this.seen = this.control.stops;
    this.report(event);
  }

  /** `monitor` output before the final reply, and what the target prints while the client waits. */
  console(text: string): void {
    this.link.send(`O${Buffer.from(text).toString('hex')}`);
  }

  /** Tells the client what it did not ask for. */
  notify(body: string): void {
    if (!this.ended) this.link.notify(body);
  }

  /** No more packets: used by `k`. */
  close(): void {
    this.link.close();
  }

  /** At the first packet (not at the connection: that may be a mere look at the port) the target is stopped; packets are answered from then on. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.queue = Promise.resolve(this.control.join(this)).then(() => void (this.seen = this.control.stops));
  }

  private interrupt(): void {
    if (this.nonStop !== undefined) this.nonStop.interrupt();
    else if (this.inControl) this.target.interrupt();
    else if (this.waiting) this.report({ reason: 'signal', thread: this.generalThread(), signal: 0, message: `The machine runs on: ${NOT_IN_CONTROL}.` });
  }

  /**
   * Resuming where the client is not in control, or does not know how things stand: true if that was all there is to do. A client that knows an older
   * stop is told of the present one; if the target runs, it waits with the others.
   */
  private catchUp(): boolean {
    const { control, target } = this;
    if (control.running) {
      this.waiting = true;
      if (this.wanted.size > 0) this.console(`Your breakpoints are not set: ${NOT_IN_CONTROL}.\n`);
      return true;
    }
    const { stopped } = target;
    if (stopped !== undefined && this.seen !== control.stops) {
      this.seen = control.stops;
      this.report(stopped);
      return true;
    }
    if (this.inControl || stopped === undefined || !('thread' in stopped)) return false;
    this.report({ reason: 'signal', thread: this.generalThread(), signal: 0, message: `Not resumed: ${NOT_IN_CONTROL}.` });
    return true;
  }

  private report(event: StopEvent): void {
    this.waiting = false;
    if (this.ended) return;
    if ('thread' in event) this.selection.follow(event.thread);
    if ('message' in event && event.message !== undefined) this.console(`${event.message}\n`);
    this.link.send(this.describe(event));
  }

  private async answer(body: Buffer): Promise<void> {
    if (this.ended) return;
    this.log?.(`<- ${printable(body)}`);
    const row = findPacket(body);
    let reply: Reply = '';
    if (row !== undefined) {
      try {
        if (this.check(row)) return;
        reply = await row.run(this, body.subarray(row.prefix.length));
      } catch (error) {
        reply = this.errorReply(error);
      }
    }
    if (reply !== undefined) this.reply(reply);
  }

  /** Throws when the packet makes no sense now; true: it has had its answer, or will have it. */
  private check({ needs, controls }: PacketRow): boolean {
    const { running } = this.control;
    if (controls === true && !this.inControl) throw new PacketError(PacketErrno.EPERM, NOT_IN_CONTROL);
    if (needs === 'any') return false;
    // Whoever does not wait for a stop may look at what runs: it stands at an instruction boundary whenever it is asked.
    if (this.nonStop !== undefined) {
      if (needs === 'resumable' && !this.inControl) throw new PacketError(PacketErrno.EPERM, NOT_IN_CONTROL);
    } else if (this.waiting || (running && (controls === true || !this.begun))) throw new PacketError(PacketErrno.EBUSY, 'the target is running');
    if (needs === 'resumable' && this.nonStop === undefined && this.catchUp()) return true;
    if (needs !== 'stopped' && this.target.threads().length === 0) throw new PacketError(PacketErrno.ESRCH, 'the target has ended');
    return false;
  }

  private errorReply(error: unknown): string {
    // Anything else is a mistake of ours; the client still gets an answer, and the log the stack.
    if (!(error instanceof PacketError) && !(error instanceof Refusal)) this.log?.(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    const errno = error instanceof PacketError ? error.errno : PacketErrno.EIO;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof Refusal || errno === PacketErrno.EPERM) this.refused = message;
    if (this.client.has('error-message')) return `E.${message.replace(/[$#}*\n]/g, ' ')}`;
    const plain = `E${errno.toString(16).padStart(2, '0')}`;
    return this.errorStrings ? `${plain};${Buffer.from(message).toString('hex')}` : plain;
  }

  private reply(body: string | Buffer): void {
    if (!this.ended) this.link.send(body);
  }
}

/** Events on the way which a client that did not ask for them goes on from at once: who asks how things are is told that they stand. */
const PASSING: readonly StopEvent['reason'][] = ['syscall', 'fork', 'vfork', 'vforkdone', 'library', 'exec', 'attached'];

function standing(event: StopEvent): StopEvent {
  return PASSING.includes(event.reason) && 'thread' in event ? { reason: 'signal', thread: event.thread, signal: 0 } : event;
}
