/** qSupported: features of the client in, ours out. Ours come from the packets' rows and from the target. */
import { PACKET_SIZE, packet, type PacketRow } from '../packet.ts';
import { textAfterDelimiter } from '../fields.ts';
import { PACKETS } from './table.ts';

/** Features which are not packets: how replies look. Offered when the client has them. */
const MUTUAL = ['multiprocess', 'swbreak', 'hwbreak', 'exec-events', 'error-message'];
/** Those of targets which follow forks: where nothing comes of `catch fork`, gdb is to say so. */
const PROCESS_FEATURES = ['fork-events', 'vfork-events'];

const qSupported = packet({
  prefix: 'qSupported',
  needs: 'any',
  parse: (rest) => textAfterDelimiter(rest).split(';').filter((feature) => feature.endsWith('+')).map((feature) => feature.slice(0, -1)),
  handle: (session, features) => {
    session.client = new Set(features);
    session.applyWishes();
    const ours = [`PacketSize=${PACKET_SIZE.toString(16)}`];
    const { processes } = session.target;
    const mutual = processes?.followsForks() !== true ? MUTUAL : [...MUTUAL, ...PROCESS_FEATURES];
    for (const feature of mutual) if (session.client.has(feature)) ours.push(`${feature}+`);
    for (const row of PACKETS) {
      const text = row.feature?.(session.target, session.client);
      if (text !== undefined) ours.push(text);
    }
    return ours.join(';');
  },
});

/** Tests that unknown `v` packets are answered empty; so it must stay unknown. */
const vMustReplyEmpty = packet({ prefix: 'vMustReplyEmpty', needs: 'any', parse: () => undefined, handle: () => '' });

export const supportedPackets: readonly PacketRow[] = [qSupported, vMustReplyEmpty];
