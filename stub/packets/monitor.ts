/** qRcmd: `monitor …`. */
import { hexBytes, textAfterDelimiter } from '../fields.ts';
import type { Session } from '../session.ts';
import { Refusal } from '../target.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

/** Text goes in pieces of this many bytes, which the packet size allows as hexadecimal. */
const PIECE = 4096;

/** Every client shows what a command prints, few why it failed. */
async function attempt(session: Session, command: string): Promise<string | undefined> {
  try {
    return await session.target.monitor(command);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!session.client.has('error-message')) session.console(`${error.message}\n`);
    throw new PacketError(PacketErrno.EINVAL, error.message);
  }
}

const qRcmd = packet({
  prefix: 'qRcmd',
  needs: 'any',
  parse: (rest) => hexBytes(textAfterDelimiter(rest)).toString().trim(),
  handle: async (session, command) => {
    const output = await attempt(session, command);
    const shown = output ?? `Unknown monitor command '${command}'; 'monitor help' lists them.\n`;
    for (let at = 0; at < shown.length; at += PIECE) session.console(shown.slice(at, at + PIECE));
    if (output === undefined) throw new PacketError(PacketErrno.EINVAL, 'unknown monitor command');
    return 'OK';
  },
});

export const monitorPackets: readonly PacketRow[] = [qRcmd];
