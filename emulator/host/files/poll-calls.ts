/** poll, ppoll, select, pselect6. */
import { Errno } from '../errno.ts';
import { Resource } from '../misc/limits.ts';
import { SignalSet } from '../signals/signal-set.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { readPair, readTimespec, writePair, type TimeLayout } from '../time/time-values.ts';
import type { WaitQueue } from '../wait-queue.ts';
import { Poll, type OpenFile } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';

const NANOSECONDS = 1e9;
const POLLFD_BYTES = 8;
const FD_SETSIZE_MAX = 65536;
const READ_EVENTS = Poll.in | Poll.rdnorm | Poll.rdband | Poll.hup | Poll.err;
const WRITE_EVENTS = Poll.out | Poll.wrnorm | Poll.wrband | Poll.err;
const EXCEPT_EVENTS = Poll.pri;

/** What a call that waits keeps between its tries. */
export class TimedWait {
  /** CLOCK_MONOTONIC nanoseconds; undefined: for ever. */
  readonly deadline: number | undefined;
  /** select: its descriptor sets, read once. */
  sets: SelectSets | undefined;

  constructor(deadline: number | undefined) {
    this.deadline = deadline;
  }
}

/** Readiness of a file now; O_PATH descriptors have none. */
function pollFile(file: OpenFile): number {
  return (file.flags & OpenFlag.path) !== 0 ? Poll.nval : file.poll();
}

/** Installs a temporary signal mask from guest memory (once per call); -errno or 0. `address` 0: none. */
export function useMask(call: SyscallCall, address: number, size: number): number {
  if (address === 0) return 0;
  if (size !== 8) return -Errno.EINVAL;
  const lo = call.thread.space.readU32(address);
  const hi = call.thread.space.readU32(address + 4);
  if (lo === undefined || hi === undefined) return -Errno.EFAULT;
  const mask = new SignalSet(lo, hi);
  mask.delete(9);
  mask.delete(19);
  call.thread.signals.useTemporaryMask(mask);
  return 0;
}

/** The deadline that a struct timespec at `address` gives; 0: never; -errno as `error`. */
function timespecDeadline(call: SyscallCall, address: number): { readonly deadline: number | undefined } | number {
  if (address === 0) return { deadline: undefined };
  const { space, kernel } = call.thread;
  const time = readTimespec(space, address, call.timeLayout);
  if (typeof time === 'number') return time;
  const { seconds, nanoseconds } = time;
  return { deadline: Math.min(kernel.clock.monotonic + seconds * NANOSECONDS + nanoseconds, Number.MAX_SAFE_INTEGER) };
}

/** Stores what is left of a timeout, as the raw ppoll, select and pselect6 do. */
function storeRemaining(call: SyscallCall, address: number, unit: number, layout: TimeLayout, deadline: number | undefined): void {
  if (address === 0 || deadline === undefined) return;
  const left = Math.max(0, deadline - call.thread.kernel.clock.monotonic);
  writePair(call.thread.space, address, Math.floor(left / NANOSECONDS), Math.floor((left % NANOSECONDS) / unit), layout);
}

/** One try of poll(2). */
function pollOnce(call: SyscallCall, wait: TimedWait): SyscallResult {
  const { space, descriptors, kernel } = call.thread;
  const count = call.uint(1);
  const bytes = space.read(call.args[0], count * POLLFD_BYTES);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const queues = new Set<WaitQueue>();
  let ready = 0;
  for (let i = 0; i < count; i++) {
    const fd = view.getInt32(i * POLLFD_BYTES, true);
    const wanted = view.getUint16(i * POLLFD_BYTES + 4, true);
    let events = 0;
    if (fd >= 0) {
      const file = descriptors.get(fd);
      if (file === undefined) events = Poll.nval;
      else {
        events = pollFile(file) & (wanted | Poll.err | Poll.hup | Poll.nval);
        if (file.readiness !== undefined) queues.add(file.readiness);
      }
    }
    view.setUint16(i * POLLFD_BYTES + 6, events, true);
    if (events !== 0) ready++;
  }
  const expired = wait.deadline !== undefined && kernel.clock.monotonic >= wait.deadline;
  if (ready === 0 && !expired) return new Wait([...queues], 'restart-nohand', wait.deadline);
  return space.write(call.args[0], bytes) ? ready : -Errno.EFAULT;
}

function poll(call: SyscallCall): SyscallResult {
  if (call.uint(1) > call.thread.process.limits.soft(Resource.NOFILE)) return -Errno.EINVAL;
  if (!(call.state instanceof TimedWait)) {
    const milliseconds = call.int(2);
    call.state = new TimedWait(milliseconds < 0 ? undefined : call.thread.kernel.clock.monotonic + milliseconds * 1e6);
  }
  const wait = call.state instanceof TimedWait ? call.state : new TimedWait(undefined);
  const result = pollOnce(call, wait);
  if (!(result instanceof Wait)) return result;
  // A signal without a handler lets it go on with the time that is left.
  return new Wait(result.queues, 'restart-block', result.deadline, () => {
    call.thread.signals.restartBlock = (again) => {
      again.state ??= wait;
      return pollRestarted(again, call);
    };
    return undefined;
  });
}

/** restart_syscall for poll: the arguments are those of the call that was interrupted. */
function pollRestarted(call: SyscallCall, original: SyscallCall): SyscallResult {
  original.state = call.state;
  return poll(original);
}

function ppoll(call: SyscallCall): SyscallResult {
  if (call.uint(1) > call.thread.process.limits.soft(Resource.NOFILE)) return -Errno.EINVAL;
  if (!(call.state instanceof TimedWait)) {
    const timeout = timespecDeadline(call, call.args[2]);
    if (typeof timeout === 'number') return timeout;
    const masked = useMask(call, call.args[3], call.args[4]);
    if (masked !== 0) return masked;
    call.state = new TimedWait(timeout.deadline);
  }
  const wait = call.state instanceof TimedWait ? call.state : new TimedWait(undefined);
  const result = pollOnce(call, wait);
  return finishTimed(call, result, call.args[2], 1, wait);
}

/** Restores the mask and reports the time left when the call ends; when it sleeps, sees to the latter on interruption. */
function finishTimed(call: SyscallCall, result: SyscallResult, timeAddress: number, unit: number, wait: TimedWait): SyscallResult {
  // Microseconds are select's, whose struct timeval is of the ABI
  const layout = unit === 1 ? call.timeLayout : call.wordSize;
  if (result instanceof Wait) {
    return new Wait(result.queues, result.interruption, result.deadline, () => {
      storeRemaining(call, timeAddress, unit, layout, wait.deadline);
      return undefined;
    });
  }
  call.thread.signals.restoreMask();
  storeRemaining(call, timeAddress, unit, layout, wait.deadline);
  return result;
}

interface SelectSets {
  readonly count: number;
  /** Wanted descriptors for reading, writing, exceptions; undefined where none was given. */
  readonly wanted: readonly (Uint8Array | undefined)[];
}

function readSets(call: SyscallCall): SelectSets | number {
  const asked = call.int(0);
  if (asked < 0) return -Errno.EINVAL;
  const count = Math.min(asked, Math.max(call.thread.descriptors.capacity, 64), FD_SETSIZE_MAX);
  const bytes = Math.ceil(count / (call.wordSize * 8)) * call.wordSize;
  const wanted: (Uint8Array | undefined)[] = [];
  for (const address of [call.args[1], call.args[2], call.args[3]]) {
    if (address === 0) {
      wanted.push(undefined);
      continue;
    }
    const set = call.thread.space.read(address, bytes);
    if (set === undefined) return -Errno.EFAULT;
    wanted.push(set);
  }
  return { count, wanted };
}

function selectOnce(call: SyscallCall, wait: TimedWait): SyscallResult {
  const { descriptors, kernel, space } = call.thread;
  if (wait.sets === undefined) {
    const sets = readSets(call);
    if (typeof sets === 'number') return sets;
    wait.sets = sets;
  }
  const { count, wanted } = wait.sets;
  const found = wanted.map((set) => (set === undefined ? undefined : new Uint8Array(set.length)));
  const queues = new Set<WaitQueue>();
  let ready = 0;
  for (let fd = 0; fd < count; fd++) {
    const bit = 1 << (fd & 7);
    if (!wanted.some((set) => set !== undefined && ((set[fd >> 3]) & bit) !== 0)) continue;
    const file = descriptors.get(fd);
    if (file === undefined) return -Errno.EBADF;
    const events = pollFile(file);
    if (file.readiness !== undefined) queues.add(file.readiness);
    [READ_EVENTS, WRITE_EVENTS, EXCEPT_EVENTS].forEach((mask, i) => {
      const set = wanted[i];
      const out = found[i];
      if (set === undefined || out === undefined || (set[fd >> 3] & bit) === 0 || (events & mask) === 0) return;
      out[fd >> 3] |= bit;
      ready++;
    });
  }
  const expired = wait.deadline !== undefined && kernel.clock.monotonic >= wait.deadline;
  if (ready === 0 && !expired) return new Wait([...queues], 'restart-nohand', wait.deadline);
  for (let i = 0; i < found.length; i++) {
    const set = found[i];
    if (set !== undefined && !space.write(call.args[i + 1], set)) return -Errno.EFAULT;
  }
  return ready;
}

function select(call: SyscallCall): SyscallResult {
  if (!(call.state instanceof TimedWait)) {
    let deadline: number | undefined;
    if (call.args[4] !== 0) {
      const pair = readPair(call.thread.space, call.args[4], call.wordSize);
      if (pair === undefined) return -Errno.EFAULT;
      const { seconds, fraction: microseconds } = pair;
      if (seconds < 0 || microseconds < 0) return -Errno.EINVAL;
      deadline = Math.min(call.thread.kernel.clock.monotonic + seconds * NANOSECONDS + microseconds * 1000, Number.MAX_SAFE_INTEGER);
    }
    call.state = new TimedWait(deadline);
  }
  const wait = call.state instanceof TimedWait ? call.state : new TimedWait(undefined);
  return finishTimed(call, selectOnce(call, wait), call.args[4], 1000, wait);
}

function pselect6(call: SyscallCall): SyscallResult {
  if (!(call.state instanceof TimedWait)) {
    const timeout = timespecDeadline(call, call.args[4]);
    if (typeof timeout === 'number') return timeout;
    if (call.args[5] !== 0) {
      const address = call.thread.space.readWord(call.args[5], call.wordSize);
      const size = call.thread.space.readWord(call.args[5] + call.wordSize, call.wordSize);
      if (address === undefined || size === undefined) return -Errno.EFAULT;
      const masked = useMask(call, address, size);
      if (masked !== 0) return masked;
    }
    call.state = new TimedWait(timeout.deadline);
  }
  const wait = call.state instanceof TimedWait ? call.state : new TimedWait(undefined);
  return finishTimed(call, selectOnce(call, wait), call.args[4], 1, wait);
}

export const pollSyscalls: readonly SyscallRow[] = [
  { name: 'poll', args: ['ptr', 'uint', 'int'], handler: poll },
  { name: 'ppoll', args: ['ptr', 'uint', 'ptr', 'ptr', 'size'], handler: ppoll },
  { name: 'select', args: ['int', 'ptr', 'ptr', 'ptr', 'ptr'], handler: select },
  { name: 'pselect6', args: ['int', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'], handler: pselect6 },
];
