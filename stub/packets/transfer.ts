/** qXfer: documents and objects read (and siginfo written) in pieces: one row per object. */
import { hexNumber, split, text, textAfterDelimiter } from '../fields.ts';
import { escapeBinary } from '../framing.ts';
import { PACKET_SIZE, PacketErrno, PacketError, packet, type PacketRow, type Reply } from '../packet.ts';
import type { Session } from '../session.ts';
import type { Target } from '../target.ts';
import { targetDescription } from '../target-description.ts';
import { MEMORY_MAP } from './memory.ts';

/** Escaping at worst doubles the bytes. */
const LARGEST_PIECE = (PACKET_SIZE >> 1) - 16;

const xmlText = (value: string): string => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function threadsDocument(session: Session): string {
  const lines = session.target.threads().map((thread) => {
    return `<thread id="${session.threadText(thread)}" core="0" name="${xmlText(thread.name)}">${xmlText(thread.extra)}</thread>`;
  });
  return `<?xml version="1.0"?>\n<threads>\n${lines.join('\n')}\n</threads>\n`;
}

function siginfo(session: Session): Uint8Array {
  const bytes = session.target.siginfo(session.generalThread().tid);
  if (bytes === undefined) throw new PacketError(PacketErrno.EINVAL, 'the thread did not stop for a signal');
  return bytes;
}

function features(session: Session, annex: string): string {
  if (annex !== 'target.xml') throw new PacketError(PacketErrno.ENOENT, `no document ${annex}`);
  return targetDescription(session.architecture.name, session.registers);
}

/** Of the process the annex names, or of the selected thread's. */
function executable(session: Session, annex: string): string {
  const pid = annex === '' ? session.generalThread().pid : hexNumber(annex);
  return session.target.processes?.executable(pid) ?? session.target.executable;
}

/** A table of `info os`. */
function tables({ target }: Session, annex: string): string {
  const found = target.osData?.(annex);
  if (found === undefined) throw new PacketError(PacketErrno.ENOENT, `no table '${annex}': 'info os' lists them`);
  return found;
}

const hasLibraries = (target: Target): boolean => target.libraries !== undefined;

function libraries(session: Session, kind: 'svr4' | 'sections'): string {
  return session.target.libraries?.(session.generalThread().tid, kind) ?? '';
}

/** Objects only some targets have, and whether this one does. */
const OPTIONAL: Readonly<Record<string, (target: Target) => boolean>> = { osdata: (target) => target.osData !== undefined, libraries: hasLibraries, 'libraries-svr4': hasLibraries };

/** Each object's whole contents. */
const OBJECTS: Readonly<Record<string, (session: Session, annex: string) => Uint8Array | string>> = {
  features,
  threads: threadsDocument,
  auxv: (session) => session.target.auxv(session.generalThread().tid),
  'exec-file': (session, annex) => executable(session, annex),
  'memory-map': () => MEMORY_MAP,
  siginfo,
  osdata: tables,
  libraries: (session) => libraries(session, 'sections'),
  'libraries-svr4': (session) => libraries(session, 'svr4'),
};

function piece(whole: Uint8Array, offset: number, length: number): Reply {
  if (offset > whole.length) throw new PacketError(PacketErrno.EINVAL, 'offset beyond the end');
  const end = Math.min(offset + Math.min(length, LARGEST_PIECE), whole.length);
  return Buffer.concat([Buffer.from(end < whole.length ? 'm' : 'l'), escapeBinary(whole.subarray(offset, end))]);
}

const readRows = Object.entries(OBJECTS).map(([name, contents]) => packet({
  prefix: `qXfer:${name}:read`,
  needs: name === 'features' || name === 'threads' || name === 'memory-map' ? 'stopped' : 'alive',
  feature: (target) => (OPTIONAL[name]?.(target) === false ? undefined : `qXfer:${name}:read+`),
  parse: (rest) => {
    const [annex, where] = split(textAfterDelimiter(rest), ':');
    const [offset, length] = split(where, ',');
    return { annex, offset: hexNumber(offset), length: hexNumber(length) };
  },
  handle: (session, { annex, offset, length }) => {
    const object = `${name}:${annex}`;
    if (offset === 0 || session.transfer?.object !== object) {
      const whole = contents(session, annex);
      session.transfer = { object, whole: typeof whole === 'string' ? Buffer.from(whole) : whole };
    }
    return piece(session.transfer.whole, offset, length);
  },
}));

const writeSiginfo = packet({
  prefix: 'qXfer:siginfo:write:',
  needs: 'alive',
  controls: true,
  feature: () => 'qXfer:siginfo:write+',
  parse: (rest) => {
    const first = rest.indexOf(':');
    const second = rest.indexOf(':', first + 1);
    if (first !== 0 || second < 0) throw new PacketError(PacketErrno.EINVAL, 'OFFSET:DATA expected');
    return { offset: hexNumber(text(rest.subarray(1, second))), data: rest.subarray(second + 1) };
  },
  handle: (session, { offset, data }) => {
    const whole = Buffer.from(siginfo(session));
    if (offset + data.length > whole.length) throw new PacketError(PacketErrno.EINVAL, 'beyond the end of siginfo');
    whole.set(data, offset);
    if (!session.target.writeSiginfo(session.generalThread().tid, whole)) throw new PacketError(PacketErrno.EIO, 'siginfo cannot be written');
    return data.length.toString(16);
  },
});

export const transferPackets: readonly PacketRow[] = [...readRows, writeSiginfo];
