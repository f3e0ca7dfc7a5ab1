/** qRcmd: `monitor …`. */
import { hexBytes, textAfterDelimiter } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

/** Text goes in pieces of this many bytes, which the packet size allows as hexadecimal. */
const PIECE = 4096;

const qRcmd = packet({
  prefix: 'qRcmd',
  needs: 'any',
  parse: (rest) => hexBytes(textAfterDelimiter(rest)).toString().trim(),
  handle: async (session, command) => {
    const output = await session.target.monitor(command);
    const shown = output ?? `Unknown monitor command '${command}'; 'monitor help' lists them.\n`;
    for (let at = 0; at < shown.length; at += PIECE) session.console(shown.slice(at, at + PIECE));
    if (output === undefined) throw new PacketError(PacketErrno.EINVAL, 'unknown monitor command');
    return 'OK';
  },
});

export const monitorPackets: readonly PacketRow[] = [qRcmd];
