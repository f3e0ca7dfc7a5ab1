/**
 * siginfo_t in the layouts of both ABIs. Inside the host it is kept as x86-64 has it; i386's structure has other places for the members, and which
 * members there are depends on signal and code (kernel/signal.c: siginfo_layout).
 */
import { InfoOffset, SIGINFO_BYTES, SignalInfo } from './signal-info.ts';
import { PollCode, Signal, SiCode } from './signal-numbers.ts';

type Kind = 'kill' | 'timer' | 'poll' | 'fault' | 'child' | 'queued' | 'syscall';
/** A member: where it is in x86-64's and in i386's structure; whether it is a long. */
type Member = readonly [wide: number, narrow: number, width: 'int' | 'long'];

const MEMBERS: Readonly<Record<Kind, readonly Member[]>> = {
  kill: [[InfoOffset.pid, 12, 'int'], [InfoOffset.uid, 16, 'int']],
  timer: [[InfoOffset.timerId, 12, 'int'], [InfoOffset.overrun, 16, 'int'], [InfoOffset.value, 20, 'long']],
  poll: [[InfoOffset.band, 12, 'long'], [InfoOffset.fd, 16, 'int']],
  fault: [[InfoOffset.address, 12, 'long']],
  child: [[InfoOffset.pid, 12, 'int'], [InfoOffset.uid, 16, 'int'], [InfoOffset.status, 20, 'int'], [InfoOffset.utime, 24, 'long'], [InfoOffset.stime, 28, 'long']],
  queued: [[InfoOffset.pid, 12, 'int'], [InfoOffset.uid, 16, 'int'], [InfoOffset.value, 20, 'long']],
  syscall: [[InfoOffset.callAddress, 12, 'long'], [InfoOffset.syscall, 16, 'int'], [InfoOffset.arch, 20, 'int']],
};
/** Signals with members of their own for the kernel's codes 1 … last. */
const OF_SIGNAL: ReadonlyMap<number, readonly [kind: Kind, lastCode: number]> = new Map<number, readonly [Kind, number]>([
  [Signal.ILL, ['fault', 11]], [Signal.FPE, ['fault', 15]], [Signal.SEGV, ['fault', 10]], [Signal.BUS, ['fault', 5]], [Signal.TRAP, ['fault', 6]],
  [Signal.CHLD, ['child', 6]], [Signal.IO, ['poll', 6]], [Signal.SYS, ['syscall', 2]],
]);
const COMMON_BYTES = 12;

function kindOf(signal: number, code: number): Kind {
  if (code > SiCode.USER && code < SiCode.KERNEL) {
    const own = OF_SIGNAL.get(signal);
    if (own !== undefined && code <= own[1]) return own[0];
    return code <= PollCode.HUP ? 'poll' : 'kill';
  }
  if (code === SiCode.TIMER) return 'timer';
  if (code === SiCode.SIGIO) return 'poll';
  return code < 0 ? 'queued' : 'kill';
}

/** The structure as a program of that word size sees it. */
export function infoBytes(info: SignalInfo, wordSize: 4 | 8): Uint8Array {
  if (wordSize === 8) return info.bytes;
  const out = new Uint8Array(SIGINFO_BYTES);
  out.set(info.bytes.subarray(0, COMMON_BYTES));
  for (const [wide, narrow] of MEMBERS[kindOf(info.signal, info.code)]) out.set(info.bytes.subarray(wide, wide + 4), narrow);
  return out;
}

/** The info of a program's structure. Longs are zero-extended, as pointers are; processor times are small. */
export function parseInfo(bytes: Uint8Array, wordSize: 4 | 8): SignalInfo {
  if (wordSize === 8) return new SignalInfo(bytes);
  const info = new SignalInfo();
  info.bytes.set(bytes.subarray(0, COMMON_BYTES));
  for (const [wide, narrow] of MEMBERS[kindOf(info.signal, info.code)]) info.bytes.set(bytes.subarray(narrow, narrow + 4), wide);
  return info;
}
