/**
 * LLDB's additions to the protocol (facts from its "GDB Remote Protocol Extensions"): it names the thread in the packet itself, wants all threads in
 * a stop reply, and asks about host, process and memory regions. A client that asks for the first two is taken for LLDB.
 */
import { hexBigInt, nothing, text, textAfterDelimiter, threadId } from '../fields.ts';
import { escapeBinary } from '../framing.ts';
import { PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';
import { reasonName, signalOf } from '../stop-reply.ts';
import { suffixedThread } from '../thread-suffix.ts';

const hexText = (value: string): string => Buffer.from(value).toString('hex');

const threadSuffix = packet({
  prefix: 'QThreadSuffixSupported',
  needs: 'any',
  parse: nothing,
  handle: (session) => {
    session.lldb = true;
    return 'OK';
  },
});

const listThreads = packet({
  prefix: 'QListThreadsInStopReply',
  needs: 'any',
  parse: nothing,
  handle: (session) => {
    session.lldb = true;
    session.listsThreads = true;
    return 'OK';
  },
});

const errorStrings = packet({
  prefix: 'QEnableErrorStrings',
  needs: 'any',
  parse: nothing,
  handle: (session) => {
    session.errorStrings = true;
    return 'OK';
  },
});

/** What both say of the machine. */
function machine(session: Session): string {
  const { wordSize } = session.architecture;
  const triple = `${wordSize === 8 ? 'x86_64' : 'i386'}-pc-linux-gnu`;
  return `triple:${hexText(triple)};ptrsize:${wordSize};endian:little;ostype:linux;`;
}

const hostInfo = packet({
  prefix: 'qHostInfo',
  needs: 'any',
  parse: nothing,
  handle: (session) => `${machine(session)}vendor:pc;watchpoint_exceptions_received:after;hostname:${hexText('skas')};`,
});

const processInfo = packet({
  prefix: 'qProcessInfo',
  needs: 'alive',
  parse: nothing,
  handle: (session) => `pid:${session.generalThread().pid.toString(16)};${machine(session)}`,
});

/** More than anybody sets. */
const WATCHPOINTS = 1024;
const watchpointSupport = packet({ prefix: 'qWatchpointSupportInfo', needs: 'any', parse: () => undefined, handle: () => `num:${WATCHPOINTS};` });

const memoryRegion = packet({
  prefix: 'qMemoryRegionInfo',
  needs: 'alive',
  parse: (rest) => (rest.length === 0 ? undefined : hexBigInt(textAfterDelimiter(rest))),
  handle: (session, address) => {
    const regions = session.target.memoryRegions?.(session.generalThread().tid);
    if (regions === undefined) return '';
    // Without an address: whether there are answers.
    if (address === undefined) return 'OK';
    const here = regions.find(({ start, end }) => address >= start && address < end);
    if (here !== undefined) {
      const { start, end, permissions, name } = here;
      const size = (end - start).toString(16);
      return `start:${start.toString(16)};size:${size};permissions:${permissions.replace(/[^rwx]/g, '')};${name === '' ? '' : `name:${hexText(name)};`}`;
    }
    let from = 0n;
    let to = 1n << BigInt(session.architecture.wordSize * 8);
    for (const { start, end } of regions) {
      if (end <= address && end > from) from = end;
      if (start > address && start < to) to = start;
    }
    return `start:${from.toString(16)};size:${(to - from).toString(16)};`;
  },
});

const threadsInfo = packet({
  prefix: 'jThreadsInfo',
  needs: 'stopped',
  parse: nothing,
  handle: (session) => {
    const { stopped } = session.target;
    const { expedited } = session.architecture;
    const list = session.target.threads().map((thread) => {
      const own = stopped !== undefined && 'thread' in stopped && stopped.thread.tid === thread.tid ? stopped : undefined;
      const values = expedited.flatMap((register) => {
        const value = session.target.readRegister(thread.tid, register);
        return value === undefined ? [] : [[String(register), Buffer.from(value).toString('hex')]];
      });
      return {
        tid: thread.shown ?? thread.tid, name: thread.name, registers: Object.fromEntries(values),
        ...(own === undefined ? {} : { reason: reasonName(own), signal: signalOf(own) }),
      };
    });
    return escapeBinary(Buffer.from(JSON.stringify(list)));
  },
});

/** The stop reply of one thread. */
const threadStop = packet({
  prefix: 'qThreadStopInfo',
  needs: 'alive',
  parse: (rest) => threadId(text(rest)),
  handle: (session, id) => {
    const thread = session.thread(id);
    const { stopped } = session.target;
    const own = stopped !== undefined && 'thread' in stopped && stopped.thread.tid === thread.tid ? stopped : undefined;
    return session.describe(own ?? { reason: 'signal', thread, signal: 0 });
  },
});

const MOST_STATES = 64;

const saveRegisters = packet({
  prefix: 'QSaveRegisterState',
  needs: 'alive',
  parse: text,
  handle: (session, suffix) => {
    const tid = suffixedThread(session, suffix);
    const id = session.nextState++;
    session.savedStates.set(id, session.registers.registers.map((_, register) => session.target.readRegister(tid, register)));
    for (const old of session.savedStates.keys()) {
      if (session.savedStates.size <= MOST_STATES) break;
      session.savedStates.delete(old);
    }
    return String(id);
  },
});

const restoreRegisters = packet({
  prefix: 'QRestoreRegisterState',
  needs: 'alive',
  controls: true,
  parse: (rest) => {
    const [, id, suffix = ''] = /^:(\d{1,9})(;.*)?$/.exec(text(rest)) ?? [];
    if (id === undefined) throw new PacketError(PacketErrno.EINVAL, "':ID' expected");
    return { id: Number(id), suffix };
  },
  handle: (session, { id, suffix }) => {
    const tid = suffixedThread(session, suffix);
    const state = session.savedStates.get(id);
    if (state === undefined) throw new PacketError(PacketErrno.ENOENT, `no saved registers ${id}`);
    session.savedStates.delete(id);
    state.forEach((value, register) => {
      if (value === undefined) return;
      const now = session.target.readRegister(tid, register);
      if (now !== undefined && Buffer.compare(now, value) !== 0 && !session.target.writeRegister(tid, register, value)) {
        throw new PacketError(PacketErrno.EIO, `register ${session.registers.registers[register].name} cannot be written`);
      }
    });
    return 'OK';
  },
});

export const lldbPackets: readonly PacketRow[] = [
  threadSuffix, listThreads, errorStrings, hostInfo, processInfo, watchpointSupport, memoryRegion, threadsInfo, threadStop, saveRegisters, restoreRegisters,
];
