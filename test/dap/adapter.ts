/** A client of the debug adapter, in this process, and what tests ask of it. */
import { DebugClient } from "@vscode/debugadapter-testsupport";
import type { DebugProtocol } from '@vscode/debugprotocol';
import { createServer, type Server } from 'node:net';
import { SkasDebugSession } from '../../dap/session/skas-debug-session.ts';

export interface Adapter {
  readonly client: DebugClient;
  /** All messages in order, as they were seen. */
  readonly transcript: DebugProtocol.ProtocolMessage[];
  close(): Promise<void>;
}

/** A session on a socket of its own. */
export async function startAdapter(): Promise<Adapter> {
  const transcript: DebugProtocol.ProtocolMessage[] = [];
  const server: Server = createServer((socket) => {
    const session = new SkasDebugSession();
    session.setRunAsServer(true);
    session.start(socket, socket);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const client = new DebugClient('node', 'unused', 'skas');
  client.defaultTimeout = 60_000;
  await client.start(port);
  return {
    client, transcript,
    close: async () => {
      await client.stop().catch(() => undefined);
      server.close();
    },
  };
}
