/** Resuming: vCont and the older `c C s S`. They are answered by the stop reply. */
import { hexBigInt, hexNumber, nothing, split, text, threadId, type ThreadId } from '../fields.ts';
import { linuxSignal } from '../gdb-signals.ts';
import { PacketErrno, PacketError, always, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';
import type { ResumeAction, ResumeKind } from '../target.ts';

const vContQuery = packet({
  prefix: 'vCont?',
  needs: 'any',
  feature: always('vContSupported+'),
  parse: nothing,
  handle: () => 'vCont;c;C;s;S;t;r',
});

const LAST_SIGNAL = 64;

/** `signal` is the client's number. */
interface ParsedAction extends Omit<ResumeAction, 'tid'> {
  readonly thread: ThreadId | undefined;
}

/** Linux's number for a client's, which is gdb's own unless it is LLDB; 0 for those Linux does not have. */
const signalOf = (session: Session, number: number): number => (session.lldb ? (number <= LAST_SIGNAL ? number : 0) : (linuxSignal(number) ?? 0));

const ACTIONS: Readonly<Record<string, ResumeKind>> = { c: 'continue', C: 'continue', s: 'step', S: 'step', r: 'step', t: 'stop' };

function parseAction(field: string): ParsedAction {
  const colon = field.indexOf(':');
  const thread = colon < 0 ? undefined : threadId(field.slice(colon + 1));
  const action = colon < 0 ? field : field.slice(0, colon);
  const letter = action.slice(0, 1);
  const rest = action.slice(1);
  const kind = ACTIONS[letter];
  if (kind === undefined) throw new PacketError(PacketErrno.EINVAL, `no action '${letter}'`);
  if (letter === 'C' || letter === 'S') return { kind, signal: hexNumber(rest), thread };
  if (letter === 'r') {
    const [start, end] = split(rest, ',');
    return { kind, signal: 0, thread, range: { start: hexBigInt(start), end: hexBigInt(end) } };
  }
  if (rest !== '') throw new PacketError(PacketErrno.EINVAL, `'${letter}' takes no argument`);
  return { kind, signal: 0, thread };
}

/** Names the threads of a parsed action. */
function bind(session: Session, { thread, ...action }: ParsedAction): ResumeAction {
  if (thread === undefined || thread.tid === undefined) {
    const of = thread?.pid === undefined || thread.pid === 0 ? {} : { pid: session.selection.first(thread.pid).pid };
    return { ...action, signal: signalOf(session, action.signal), tid: undefined, ...of };
  }
  return { ...action, signal: signalOf(session, action.signal), tid: thread.tid === 0 ? session.generalThread().tid : session.thread(thread).tid };
}

const vCont = packet({
  prefix: 'vCont;',
  needs: 'resumable',
  parse: (rest) => text(rest).split(';').map(parseAction),
  handle: (session, parsed) => {
    const actions = parsed.map((action) => bind(session, action));
    if (session.nonStop !== undefined) {
      session.nonStop.resume(actions);
      return 'OK';
    }
    if (actions.every((action) => action.kind === 'stop')) throw new PacketError(PacketErrno.EINVAL, 'nothing to resume');
    session.resume(actions);
    return undefined;
  },
});

/** `c [ADDR]` and its like: the continue thread steps, everything else continues. */
function resumeOld(session: Session, kind: ResumeKind, signalNumber: number, address: bigint | undefined): undefined {
  if (address !== undefined) {
    const { pc, wordSize } = session.architecture;
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(address);
    session.target.writeRegister(session.generalThread().tid, pc, value.subarray(0, wordSize));
  }
  const tid = session.selection.continuing ?? session.generalThread().tid;
  session.resume(kind === 'continue' && signalNumber === 0 ? [{ kind, tid: undefined, signal: 0 }] : [{ kind, tid, signal: signalNumber }, { kind: 'continue', tid: undefined, signal: 0 }]);
  return undefined;
}

const optionalAddress = (field: string): bigint | undefined => (field === '' ? undefined : hexBigInt(field));

function plain(prefix: string, kind: ResumeKind): PacketRow {
  return packet({ prefix, needs: 'resumable', parse: (rest) => optionalAddress(text(rest)), handle: (session, address) => resumeOld(session, kind, 0, address) });
}

/** `C SIGNAL[;ADDR]`. */
function withSignal(prefix: string, kind: ResumeKind): PacketRow {
  return packet({
    prefix,
    needs: 'resumable',
    parse: (rest) => {
      const [number, address = ''] = text(rest).split(';', 2);
      return { signal: hexNumber(number), address: optionalAddress(address) };
    },
    handle: (session, args) => resumeOld(session, kind, signalOf(session, args.signal), args.address),
  });
}

/** Stops a running target, as the interrupt byte does. */
const vCtrlC = packet({
  prefix: 'vCtrlC',
  needs: 'any',
  parse: nothing,
  handle: (session) => {
    if (session.inControl) session.target.interrupt();
    return 'OK';
  },
});

export const resumePackets: readonly PacketRow[] = [
  vContQuery, vCont, plain('c', 'continue'), plain('s', 'step'), withSignal('C', 'continue'), withSignal('S', 'step'), vCtrlC,
];
