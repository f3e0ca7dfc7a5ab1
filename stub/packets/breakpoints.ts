/** `Z` and `z`: breakpoints and watchpoints, of any number and length. */
import { hexBigInt, hexBytes, hexNumber, split, text } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';
import type { BreakpointKind, BreakpointRequest } from '../target.ts';

const KINDS: readonly BreakpointKind[] = ['software', 'hardware', 'write', 'read', 'access'];

/** `X LENGTH,BYTES` one after the other, as gdb writes them. */
function expressions(list: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < list.length) {
    const head = /^;?X([0-9a-fA-F]{1,4}),/.exec(list.slice(at, at + 8));
    if (head === null) throw new PacketError(PacketErrno.EINVAL, `'XLENGTH,BYTES' expected, got '${list.slice(at, at + 40)}'`);
    at += head[0].length;
    const length = hexNumber(head[1]);
    const bytes = hexBytes(list.slice(at, at + length * 2));
    if (bytes.length !== length) throw new PacketError(PacketErrno.EINVAL, `an expression of ${length} bytes has only ${bytes.length}`);
    found.push(bytes);
    at += length * 2;
  }
  return found;
}

/** `,ADDRESS,KIND`, then `;X…` for conditions and `;cmds:PERSIST,X…` for commands. */
function request(kind: BreakpointKind, rest: Buffer): BreakpointRequest {
  const body = text(rest);
  const end = body.indexOf(';');
  const head = end < 0 ? body : body.slice(0, end);
  const [conditions, commands] = (end < 0 ? '' : body.slice(end)).split(/;cmds:/, 2);
  const [separator, address, length, ...more] = head.split(',');
  if (separator !== '' || address === undefined || length === undefined || more.length > 0) throw new PacketError(PacketErrno.EINVAL, 'ADDRESS,KIND expected');
  return {
    kind, address: hexBigInt(address), length: hexNumber(length),
    ...(conditions === '' ? {} : { conditions: expressions(conditions === ';' ? '' : conditions) }),
    ...(commands === undefined ? {} : { commands: expressions(split(commands, ',')[1]) }),
  };
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
    // Taking them silently would stop where the user said not to.
    if (session.target.agent === undefined && (wanted.conditions ?? wanted.commands) !== undefined) throw new PacketError(PacketErrno.EINVAL, 'breakpoint conditions are not supported here');
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

/** What the target makes of conditions and commands. */
const AGENT_FEATURES = ['ConditionalBreakpoints+', 'BreakpointCommands+'];

/** Clients find the packets by trying; only the rest is said beforehand. */
const insertSoftware: PacketRow = { ...insert('software', 0), feature: (target) => (target.agent !== undefined ? AGENT_FEATURES.join(';') : undefined) };

export const breakpointPackets: readonly PacketRow[] = KINDS.flatMap((kind, type) => [type === 0 ? insertSoftware : insert(kind, type), remove(kind, type)]);
