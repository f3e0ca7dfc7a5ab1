/** `Z` and `z`: breakpoints and watchpoints, of any number and length. */
import { hexBigInt, hexNumber, text } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';
import type { BreakpointKind, BreakpointRequest } from '../target.ts';

const KINDS: readonly BreakpointKind[] = ['software', 'hardware', 'write', 'read', 'access'];

function request(kind: BreakpointKind, rest: Buffer): BreakpointRequest {
  const [head, ...conditions] = text(rest).split(';');
  // Conditions and commands are not offered in qSupported; taking them silently would stop where the user said not to.
  if (conditions.some((condition) => condition !== '')) throw new PacketError(PacketErrno.EINVAL, 'breakpoint conditions are not supported here');
  const [separator, address, length, ...more] = head.split(',');
  if (separator !== '' || address === undefined || length === undefined || more.length > 0) throw new PacketError(PacketErrno.EINVAL, 'ADDRESS,KIND expected');
  return { kind, address: hexBigInt(address), length: hexNumber(length) };
}

/** Process the packet is for: that of the selected thread. */
function place(session: Session): Pick<BreakpointRequest, 'tid' | 'pid'> {
  if (session.target.threads().length === 0) return {};
  const { tid, pid } = session.generalThread();
  return { tid, pid };
}

const insert = (kind: BreakpointKind, type: number): PacketRow => packet({
  prefix: `Z${type}`,
  needs: 'alive',
  parse: (rest) => request(kind, rest),
  handle: (session, wanted) => {
    if (!session.insertBreakpoint({ ...wanted, ...place(session) })) throw new PacketError(PacketErrno.EFAULT, `cannot set a breakpoint at 0x${wanted.address.toString(16)}`);
    return 'OK';
  },
});

const remove = (kind: BreakpointKind, type: number): PacketRow => packet({
  prefix: `z${type}`,
  needs: 'stopped',
  parse: (rest) => request(kind, rest),
  handle: (session, wanted) => {
    if (!session.removeBreakpoint({ ...wanted, ...place(session) })) throw new PacketError(PacketErrno.ENOENT, `no breakpoint at 0x${wanted.address.toString(16)}`);
    return 'OK';
  },
});

export const breakpointPackets: readonly PacketRow[] = KINDS.flatMap((kind, type) => [insert(kind, type), remove(kind, type)]);
