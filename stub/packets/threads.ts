/** Threads: lists, the selected ones (`H`), liveness (`T`). */
import { nothing, text, textAfterDelimiter, threadId } from '../fields.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';

const select = packet({
  prefix: 'H',
  needs: 'stopped',
  parse: (rest) => ({ operation: text(rest.subarray(0, 1)), id: threadId(text(rest.subarray(1))) }),
  handle: (session, { operation, id }) => {
    if (operation === 'g') session.selection.selectGeneral(id);
    else if (operation === 'c') session.selection.selectContinue(id);
    else throw new PacketError(PacketErrno.EINVAL, `H${operation}?`);
    return 'OK';
  },
});

const alive = packet({
  prefix: 'T',
  needs: 'stopped',
  parse: (rest) => threadId(text(rest)),
  handle: (session, id) => {
    session.thread(id);
    return 'OK';
  },
});

const current = packet({
  prefix: 'qC',
  needs: 'alive',
  parse: nothing,
  handle: (session) => `QC${session.threadText(session.generalThread())}`,
});

const first = packet({
  prefix: 'qfThreadInfo',
  needs: 'stopped',
  parse: nothing,
  handle: (session) => {
    const threads = session.target.threads();
    return threads.length === 0 ? 'l' : `m${threads.map((thread) => session.threadText(thread)).join(',')}`;
  },
});

/** The first list was complete. */
const subsequent = packet({ prefix: 'qsThreadInfo', needs: 'stopped', parse: nothing, handle: () => 'l' });

const extra = packet({
  prefix: 'qThreadExtraInfo',
  needs: 'stopped',
  parse: (rest) => threadId(textAfterDelimiter(rest)),
  handle: (session, id) => {
    const thread = session.thread(id);
    return Buffer.from(thread.extra === '' ? thread.name : `${thread.name} ${thread.extra}`).toString('hex');
  },
});

export const threadPackets: readonly PacketRow[] = [select, alive, current, first, subsequent, extra];
