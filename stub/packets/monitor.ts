/** qRcmd: `monitor …`. */
import { hexBytes, textAfterDelimiter } from '../fields.ts';
import type { Session } from '../session.ts';
import { Refusal } from '../target.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

/** Text goes in pieces of this many bytes, which the packet size allows as hexadecimal. */
const PIECE = 4096;

/** What a client that is not in control may ask. */
const HARMLESS = /^(help|stats|processes|ps|tasks|modules|signals|maps|hash|info version|version|dmesg( .*)?)?$/;

function clients(session: Session): string {
  const lines = session.control.clients.map((client, i) => `${i + 1} ${client.inControl ? 'controls' : 'observes'}${client === session ? ' (this one)' : ''}\n`);
  return lines.join('');
}

async function control(session: Session): Promise<string> {
  if (session.inControl) return 'You are in control.\n';
  const ran = session.control.running;
  await session.control.take(session);
  return `You are in control${ran ? ', and the machine is stopped: the next continue or step shows where' : ''}.\n`;
}

function why(session: Session): string {
  return session.refused === undefined ? 'Nothing was refused.\n' : `${session.refused}\n`;
}

/** Commands about the clients themselves. */
const CLIENT_COMMANDS: readonly { readonly name: string; readonly help: string; readonly run: (session: Session) => string | Promise<string> }[] = [
  { name: 'clients', help: 'the debuggers connected to this machine', run: clients },
  { name: 'control', help: 'be the one that controls it, instead of another debugger', run: control },
  { name: 'why', help: 'the reason of the last refusal: gdb shows few of them', run: why },
];

/** Every client shows what a command prints, few why it failed. */
async function attempt(session: Session, command: string): Promise<string | undefined> {
  try {
    const own = CLIENT_COMMANDS.find(({ name }) => name === command);
    if (own !== undefined) return await own.run(session);
    if (!session.inControl && session.control.clients.includes(session) && !HARMLESS.test(command)) {
      throw new Refusal("another debugger controls this machine; 'monitor control' takes it over");
    }
    const output = await session.target.monitor(command);
    return command === 'help' && output !== undefined ? output + CLIENT_COMMANDS.map(({ name, help }) => `${name.padEnd(12)}${help}\n`).join('') : output;
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
