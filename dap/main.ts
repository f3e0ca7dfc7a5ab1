/** The debug adapter as a program: one session on stdin and stdout, or `--server=PORT` for many, one after the other or at once. */
import { createServer } from 'node:net';
import { SkasDebugSession } from './session/skas-debug-session.ts';

const [, port] = /^--server=(\d+)$/.exec(process.argv[2] ?? '') ?? [];

if (port === undefined) {
  const session = new SkasDebugSession();
  process.on('SIGTERM', () => session.shutdown());
  session.start(process.stdin, process.stdout);
} else {
  const server = createServer((socket) => {
    const session = new SkasDebugSession();
    session.setRunAsServer(true);
    session.start(socket, socket);
  });
  server.listen(Number(port), '127.0.0.1', () => {
    const address = server.address();
    process.stderr.write(`skas debug adapter: listening on ${typeof address === 'object' && address !== null ? address.port : port}\n`);
  });
}
