/** Connection and life of the debuggee: acknowledgements, `?`, detach, kill. */
import { Parser } from 'binary-parser';
import { hexNumber, nothing, textAfterDelimiter } from '../fields.ts';
import { PacketErrno, PacketError, always, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';

const QStartNoAckMode = packet({
  prefix: 'QStartNoAckMode',
  needs: 'any',
  feature: always('QStartNoAckMode+'),
  parse: nothing,
  handle: (session) => {
    session.stopAcknowledging();
    return 'OK';
  },
});

/** Why the target is stopped. */
const why = packet({
  prefix: '?',
  needs: 'stopped',
  parse: nothing,
  handle: (session) => session.status(),
});

/** Extended mode: the connection outlives the debuggee. Ours always may. */
const extended = packet({ prefix: '!', needs: 'any', parse: nothing, handle: () => 'OK' });

/** 1: the debuggee was there before the debugger; so that `quit` in gdb detaches and the machine goes on. */
const qAttached = packet({ prefix: 'qAttached', needs: 'any', parse: () => undefined, handle: () => '1' });

function checkPid(session: Session, pid: number | undefined): void {
  if (pid !== undefined && !session.target.threads().some((thread) => thread.pid === pid)) throw new PacketError(PacketErrno.ESRCH, `no process ${pid}`);
}

/** `;PID` or nothing. */
const optionalPid = (rest: Buffer): number | undefined => (rest.length === 0 ? undefined : hexNumber(textAfterDelimiter(rest)));

const detach = packet({
  prefix: 'D',
  needs: 'stopped',
  parse: optionalPid,
  handle: (session, pid) => {
    checkPid(session, pid);
    const { processes } = session.target;
    // Who only looked just stops looking.
    if (!session.inControl) return 'OK';
    if (pid === undefined || processes === undefined) session.control.detach();
    else if (session.target.threads().every((thread) => thread.pid === pid)) session.control.detach();
    else if (!processes.detach(pid)) throw new PacketError(PacketErrno.ESRCH, `process ${pid} is not attached`);
    else session.nonStop?.forget(pid);
    return 'OK';
  },
});

/** `attach PID` of a process the target knows of. The answer is its first stop. */
const vAttach = packet({
  prefix: 'vAttach',
  needs: 'any',
  controls: true,
  parse: (rest) => hexNumber(textAfterDelimiter(rest)),
  handle: (session, pid) => {
    const { processes } = session.target;
    if (processes === undefined) throw new PacketError(PacketErrno.ENOSYS, 'this target has one process, and that is attached');
    if (!session.client.has('multiprocess')) throw new PacketError(PacketErrno.ENOSYS, 'attaching to further processes needs a client with the multiprocess extensions');
    // A machine that runs for nobody is stopped by it.
    if (session.nonStop === undefined && session.control.resumed) throw new PacketError(PacketErrno.EBUSY, 'the target is running');
    const thread = processes.attach(pid);
    session.applyWishes();
    if (session.nonStop !== undefined) {
      session.nonStop.attached(pid);
      return 'OK';
    }
    session.selection.selectGeneral({ pid, tid: thread.shown ?? thread.tid });
    return session.describe({ reason: 'attached', thread });
  },
});

/** `run`: the machine's program was started with it, and its processes start each other. */
const vRun = packet({
  prefix: 'vRun',
  needs: 'any',
  parse: () => undefined,
  handle: () => {
    throw new PacketError(PacketErrno.ENOSYS, 'programs are started on skas\'s command line and inside the guest, not by gdb\'s run');
  },
});

const kill = packet({
  prefix: 'k',
  needs: 'any',
  parse: () => undefined,
  handle: (session) => {
    if (session.inControl) session.control.kill();
    // gdb takes no answer to k, LLDB waits for one.
    if (session.lldb && session.inControl) return session.status();
    session.close();
    return undefined;
  },
});

const vKill = packet({
  prefix: 'vKill',
  needs: 'any',
  controls: true,
  parse: optionalPid,
  handle: (session, pid) => {
    checkPid(session, pid);
    if (pid === undefined || session.target.processes?.kill(pid) !== true) session.control.kill();
    else session.nonStop?.forget(pid);
    session.caughtUp();
    return 'OK';
  },
});

/** The symbol lookups a server may ask for; we need none. */
const qSymbol = packet({ prefix: 'qSymbol', needs: 'any', parse: () => undefined, handle: () => 'OK' });

const ET_DYN = 3;
const AT_ENTRY = 9n;
const elfHeader = new Parser().endianness('little').seek(16).uint16('type').seek(6).uint64('entry');
const auxvEntries = new Parser().endianness('little').array('entries', { type: new Parser().endianness('little').uint64('key').uint64('value'), readUntil: 'eof' });

/** How far the executable was loaded from where it was linked: 0 unless position-independent. */
const qOffsets = packet({
  prefix: 'qOffsets',
  needs: 'alive',
  parse: nothing,
  handle: (session) => {
    const file = session.target.openFile(session.target.executable);
    const auxv = session.target.auxv(session.generalThread().tid);
    if (file === undefined || file.length < 32 || auxv.length % 16 !== 0) return '';
    const header: { type: number; entry: bigint } = elfHeader.parse(file.subarray(0, 32));
    const { entries }: { entries: { key: bigint; value: bigint }[] } = auxvEntries.parse(auxv);
    const entry = entries.find(({ key }) => key === AT_ENTRY)?.value;
    const base = header.type === ET_DYN && entry !== undefined ? entry - header.entry : 0n;
    const text = base.toString(16);
    return `Text=${text};Data=${text};Bss=${text}`;
  },
});

export const connectionPackets: readonly PacketRow[] = [QStartNoAckMode, why, extended, qAttached, detach, vAttach, vRun, kill, vKill, qSymbol, qOffsets];
