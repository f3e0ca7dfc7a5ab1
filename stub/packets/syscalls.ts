/** QCatchSyscalls: for the process of the selected thread. */
import { hexNumber, text, textAfterDelimiter } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

function wanted(rest: Buffer): ReadonlySet<number> | undefined {
  const [on, ...numbers] = textAfterDelimiter(rest).split(';');
  if (on !== '0' && on !== '1') throw new PacketError(PacketErrno.EINVAL, `QCatchSyscalls:0 or :1 expected, got '${text(rest).slice(0, 20)}'`);
  return on === '0' ? undefined : new Set(numbers.map(hexNumber));
}

const catchSyscalls = packet({
  prefix: 'QCatchSyscalls',
  needs: 'alive',
  controls: true,
  feature: (target) => (target.processes === undefined ? undefined : 'QCatchSyscalls+'),
  parse: wanted,
  handle: (session, numbers) => {
    if (session.target.processes === undefined) return '';
    session.target.processes.setCatchSyscalls(session.generalThread().tid, numbers);
    return 'OK';
  },
});

export const syscallPackets: readonly PacketRow[] = [catchSyscalls];
