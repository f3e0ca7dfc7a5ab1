/** QPassSignals (not to stop for) and QProgramSignals (only a hint, taken and not needed). */
import { hexNumber, textAfterDelimiter } from '../fields.ts';
import { linuxSignal } from '../gdb-signals.ts';
import { always, packet, type PacketRow } from '../packet.ts';

/** Signal numbers separated by `;`. */
function signals(rest: Buffer): readonly number[] {
  const fields = textAfterDelimiter(rest).split(';').filter((field) => field !== '');
  return fields.map(hexNumber);
}

const pass = packet({
  prefix: 'QPassSignals',
  needs: 'any',
  feature: always('QPassSignals+'),
  parse: signals,
  handle: (session, set) => {
    // gdb's numbers, or LLDB's, which are Linux's; those Linux does not have fall away.
    session.passedSignals = new Set(set.map((number) => (session.lldb ? number : linuxSignal(number))).filter((signal) => signal !== undefined));
    session.applyWishes();
    return 'OK';
  },
});

const program = packet({ prefix: 'QProgramSignals', needs: 'any', feature: always('QProgramSignals+'), parse: signals, handle: () => 'OK' });

export const signalPackets: readonly PacketRow[] = [pass, program];
