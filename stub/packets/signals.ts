/** QPassSignals (not to stop for) and QProgramSignals (only a hint, taken and not needed). */
import { hexNumber, textAfterDelimiter } from '../fields.ts';
import { linuxSignal } from '../gdb-signals.ts';
import { always, packet, type PacketRow } from '../packet.ts';

/** gdb signal numbers separated by `;`, as Linux's; those Linux does not have fall away. */
function signals(rest: Buffer): ReadonlySet<number> {
  const fields = textAfterDelimiter(rest).split(';').filter((field) => field !== '');
  return new Set(fields.map((field) => linuxSignal(hexNumber(field))).filter((signal) => signal !== undefined));
}

const pass = packet({
  prefix: 'QPassSignals',
  needs: 'any',
  feature: always('QPassSignals+'),
  parse: signals,
  handle: (session, set) => {
    session.passedSignals = set;
    session.applyWishes();
    return 'OK';
  },
});

const program = packet({ prefix: 'QProgramSignals', needs: 'any', feature: always('QProgramSignals+'), parse: signals, handle: () => 'OK' });

export const signalPackets: readonly PacketRow[] = [pass, program];
