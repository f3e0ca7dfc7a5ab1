/** `skas ps`: asks a running machine through its gdb port, without stopping it. */
import { connect } from 'node:net';
import { encodePacket, PacketReader } from '../framing.ts';
import { PACKET_SIZE } from '../packet.ts';
import { PS_PACKET } from '../session.ts';
import { UserError } from './user-error.ts';

const PATIENCE_MS = 10_000;

/** The text `monitor processes` gives. Rejects with UserError when there is no machine at the address, or it does not answer. */
export function askPs({ host, port }: { readonly host: string; readonly port: number }): Promise<string> {
  const where = `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const reader = new PacketReader(PACKET_SIZE);
    let text = '';
    const fail = (why: string): void => {
      socket.destroy();
      reject(new UserError(why));
    };
    socket.setTimeout(PATIENCE_MS, () => fail(`no answer from ${where} in ${PATIENCE_MS / 1000} s`));
    socket.on('error', (error) => fail(`no machine at ${where}: start it with --gdb :${port} (${error.message})`));
    socket.on('close', () => fail(text === '' ? `${where} hung up` : text.trimEnd().replace(/^skas: /, '')));
    socket.on('connect', () => socket.write(encodePacket(PS_PACKET)));
    socket.on('data', (chunk) => {
      for (const event of reader.feed(chunk)) {
        if (event.type !== 'packet') continue;
        socket.write('+');
        const body = event.body.toString('latin1');
        if (body.startsWith('O') && body !== 'OK') text += Buffer.from(body.slice(1), 'hex').toString();
        else if (body === 'OK') {
          socket.removeAllListeners('close');
          socket.end();
          resolve(text);
        } else fail(`${where} does not know 'ps': is it a skas machine?`);
      }
    });
  });
}
