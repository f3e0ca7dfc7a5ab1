/** QNonStop, vStopped and QThreadEvents: threads that stop one by one, and are told of when they come and go. */
import { nothing, text } from '../fields.ts';
import { nonStop } from '../non-stop.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

const switchMode = packet({
  prefix: 'QNonStop:',
  needs: 'stopped',
  feature: (target) => (target.nonStop === true ? 'QNonStop+' : undefined),
  parse: (rest) => {
    const mode = text(rest);
    if (mode !== '0' && mode !== '1') throw new PacketError(PacketErrno.EINVAL, '0 or 1 expected');
    return mode === '1';
  },
  handle: (session, wanted) => {
    if (session.target.nonStop === undefined) return '';
    if (wanted && !session.inControl) throw new PacketError(PacketErrno.EPERM, 'another debugger controls this machine: only that can let threads go one by one');
    session.nonStop = wanted ? nonStop(session) : undefined;
    return 'OK';
  },
});

const fetch = packet({
  prefix: 'vStopped',
  needs: 'any',
  parse: nothing,
  handle: (session) => session.nonStop?.next() ?? 'OK',
});

const threadEvents = packet({
  prefix: 'QThreadEvents:',
  needs: 'any',
  controls: true,
  // The tasks of a kernel, which are all in one of its threads, come and go without.
  feature: (target) => (target.nonStop === true && target.setThreadEvents !== undefined ? 'QThreadEvents+' : undefined),
  parse: (rest) => {
    const mode = text(rest);
    if (mode !== '0' && mode !== '1') throw new PacketError(PacketErrno.EINVAL, '0 or 1 expected');
    return mode === '1';
  },
  handle: (session, wanted) => {
    if (session.target.setThreadEvents === undefined || session.target.nonStop !== true) return '';
    session.target.setThreadEvents(wanted);
    return 'OK';
  },
});

export const nonStopPackets: readonly PacketRow[] = [switchMode, fetch, threadEvents];
