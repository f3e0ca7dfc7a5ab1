/** QTDV and qTV: trace state variables, which conditions of breakpoints may count in. */
import { hexBigInt, hexNumber, textAfterDelimiter } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

/** Beside what gdb's manual has, conditions and commands of breakpoints may use getv and setv, and printf has `%q`. */
const FEATURE = 'skas-agent+';

const define = packet({
  prefix: 'QTDV',
  needs: 'alive',
  controls: true,
  feature: (target) => (target.agent === undefined ? undefined : FEATURE),
  // NUMBER:VALUE:BUILTIN:NAME; the name is for people.
  parse: (rest) => {
    const [number, value, builtin] = textAfterDelimiter(rest).split(':');
    if (value === undefined || (builtin !== undefined && builtin !== '0')) throw new PacketError(PacketErrno.EINVAL, 'NUMBER:VALUE:0:NAME expected');
    return { number: hexNumber(number), value: hexBigInt(value) };
  },
  handle: ({ target: { agent: variables } }, { number, value }) => {
    if (variables === undefined) return '';
    if (!variables.set(number, value)) throw new PacketError(PacketErrno.ENOSPC, 'there are too many variables');
    return 'OK';
  },
});

const read = packet({
  prefix: 'qTV',
  needs: 'any',
  parse: (rest) => hexNumber(textAfterDelimiter(rest)),
  handle: ({ target: { agent: variables } }, number) => {
    if (variables === undefined) return '';
    const value = variables.get(number);
    return value === undefined ? 'U' : `V${value.toString(16)}`;
  },
});

export const variablePackets: readonly PacketRow[] = [define, read];
