/** The adapter as clients meet it: a socket, protocol messages, every one of them kept and checked against the schema. */
import { createServer, type Server } from 'node:net';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { SkasDebugSession } from '../../dap/session/skas-debug-session.ts';
import { ProtocolSchema } from './protocol-schema.ts';

const LONG = 30_000;
const schema = new ProtocolSchema();

type Message = DebugProtocol.ProtocolMessage & { readonly command?: string; readonly event?: string; readonly body?: unknown; readonly arguments?: unknown; readonly success?: boolean; readonly message?: string };

/** Notes what the session sends, as it sends it. */
class RecordedSession extends SkasDebugSession {
  readonly sent: Message[] = [];

  override sendResponse(response: DebugProtocol.Response): void {
    super.sendResponse(response);
    this.sent.push(structuredClone(response));
  }

  override sendEvent(event: DebugProtocol.Event): void {
    super.sendEvent(event);
    this.sent.push(structuredClone(event));
  }

  override sendRequest(command: string, args: object, timeout: number, callback: (response: DebugProtocol.Response) => void): void {
    super.sendRequest(command, args, timeout, callback);
  }
}

export class Adapter {
  readonly client: DebugClient;
  private readonly server: Server;
  private readonly sessions: RecordedSession[];

  private constructor(client: DebugClient, server: Server, sessions: RecordedSession[]) {
    this.client = client;
    this.server = server;
    this.sessions = sessions;
  }

  static async start(): Promise<Adapter> {
    const sessions: RecordedSession[] = [];
    const server = createServer((socket) => {
      const session = new RecordedSession();
      session.setRunAsServer(true);
      sessions.push(session);
      session.start(socket, socket);
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const client = new DebugClient('node', 'unused', 'skas');
    client.defaultTimeout = LONG;
    await client.start(port);
    return new Adapter(client, server, sessions);
  }

  /** All messages of the adapter so far. */
  get sent(): readonly Message[] {
    return this.sessions.flatMap(({ sent }) => sent);
  }

  /** Messages which are not as the protocol has them. */
  get schemaErrors(): string[] {
    return this.sent.flatMap((message) => schema.errors(message));
  }

  /** Initialises, launches or attaches, and stands before `configurationDone`. */
  async begin(request: 'launch' | 'attach', args: Readonly<Record<string, unknown>>): Promise<Promise<DebugProtocol.Response>> {
    await this.client.initializeRequest({ adapterID: 'skas', linesStartAt1: true, columnsStartAt1: true, pathFormat: 'path', supportsInvalidatedEvent: true, supportsMemoryEvent: true, supportsProgressReporting: true });
    const answered = this.client.customRequest(request, args);
    answered.catch(() => undefined);
    await Promise.race([this.client.waitForEvent('initialized', LONG), answered]);
    return answered;
  }

  /** Does something and waits for the stop it leads to. */
  async stopAfter(work: () => Promise<unknown>): Promise<DebugProtocol.StoppedEvent['body']> {
    const stopped = this.client.waitForEvent('stopped', LONG);
    stopped.catch(() => undefined);
    await work();
    const event = await stopped;
    return event.body;
  }

  /** `name file:line` of a thread's frames. */
  async stack(threadId: number, levels = 20): Promise<string[]> {
    const { body } = await this.client.stackTraceRequest({ threadId, levels });
    return body.stackFrames.map(({ name, source, line }) => `${name} ${source?.name ?? '?'}:${line}`);
  }

  async topFrame(threadId: number): Promise<number> {
    const { body } = await this.client.stackTraceRequest({ threadId, levels: 1 });
    return body.stackFrames[0].id;
  }

  /** Value of an expression, or the error in words. */
  async evaluate(expression: string, frameId: number, context = 'watch'): Promise<string> {
    try {
      const { body } = await this.client.evaluateRequest({ expression, frameId, context });
      return body.result;
    } catch (error) {
      return `error: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  async close(): Promise<void> {
    await this.client.disconnectRequest({ terminateDebuggee: true }).catch(() => undefined);
    await this.client.stop().catch(() => undefined);
    this.server.close();
  }
}
