/** futex(2): waiting and waking at words of memory. The priority-inheriting operations are not there (ENOSYS). */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { FutexWaiter, futexKey, type FutexKey } from './futex-table.ts';
import { readTimespec } from '../time/time-values.ts';
import type { Thread } from './thread.ts';

const Operation = { wait: 0, wake: 1, requeue: 3, cmpRequeue: 4, wakeOp: 5, waitBitset: 9, wakeBitset: 10 } as const;
const PRIVATE = 128;
const CLOCK_REALTIME = 256;
const ALL_BITS = -1;
/** Members of struct robust_list_head: list, futex_offset, list_op_pending. */
const ROBUST_HEAD_WORDS = 3;
const ROBUST_LIST_LIMIT = 2048;
const FUTEX_WAITERS = 0x80000000;
const FUTEX_OWNER_DIED = 0x40000000;
const FUTEX_TID_MASK = 0x3fffffff;

/** A futex wait in progress, kept in the call's state. */
interface Waiting {
  readonly waiter: FutexWaiter;
  readonly deadline: number | undefined;
}

function futex(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const [address, , , , address2] = call.args;
  const operation = call.uint(1) & 0x7f;
  const isPrivate = (call.uint(1) & PRIVATE) !== 0;
  const value = call.uint(2);
  switch (operation) {
    case Operation.wait:
      return wait(call, address, isPrivate, value, ALL_BITS, false);
    case Operation.waitBitset:
      return wait(call, address, isPrivate, value, call.int(5), true);
    case Operation.wake:
    case Operation.wakeBitset: {
      const bitset = operation === Operation.wake ? ALL_BITS : call.int(5);
      if (address % 4 !== 0 || bitset === 0) return -Errno.EINVAL;
      const key = futexKey(thread.space, address, isPrivate);
      return key === undefined ? -Errno.EFAULT : thread.kernel.futexes.wake(key, call.int(2), bitset);
    }
    case Operation.requeue:
    case Operation.cmpRequeue: {
      if (address % 4 !== 0 || address2 % 4 !== 0 || call.int(2) < 0 || call.int(3) < 0) return -Errno.EINVAL;
      const from = futexKey(thread.space, address, isPrivate);
      const to = futexKey(thread.space, address2, isPrivate);
      if (from === undefined || to === undefined) return -Errno.EFAULT;
      if (operation === Operation.cmpRequeue) {
        const current = thread.space.readU32(address);
        if (current === undefined) return -Errno.EFAULT;
        if (current !== call.uint(5)) return -Errno.EAGAIN;
      }
      const woken = thread.kernel.futexes.wake(from, call.int(2));
      const moved = thread.kernel.futexes.requeue(from, to, call.int(3));
      return operation === Operation.cmpRequeue ? woken + moved : woken;
    }
    case Operation.wakeOp:
      return wakeOp(call, address, address2, isPrivate);
    default:
      return -Errno.ENOSYS;
  }
}

function wait(call: SyscallCall, address: number, isPrivate: boolean, expected: number, bitset: number, absolute: boolean): SyscallResult {
  const { thread } = call;
  const { clock } = thread.kernel;
  let waiting = isWaiting(call.state) ? call.state : undefined;
  if (waiting === undefined) {
    if (address % 4 !== 0 || bitset === 0) return -Errno.EINVAL;
    let deadline: number | undefined;
    if (call.args[3] !== 0) {
      const time = readTimespec(thread.space, call.args[3], call.timeLayout);
      if (typeof time === 'number') return time;
      const length = time.seconds * 1_000_000_000 + time.nanoseconds;
      deadline = !absolute ? clock.monotonic + length : (call.uint(1) & CLOCK_REALTIME) !== 0 ? clock.monotonicAt(time) : length;
    }
    return startWaiting(call, address, isPrivate, expected, bitset, deadline);
  }
  if (waiting.waiter.woken) return 0;
  if (waiting.deadline !== undefined && clock.monotonic >= waiting.deadline) {
    thread.kernel.futexes.remove(waiting.waiter);
    return -Errno.ETIMEDOUT;
  }
  return sleep(call, waiting, address, isPrivate, expected, bitset);
}

function startWaiting(call: SyscallCall, address: number, isPrivate: boolean, expected: number, bitset: number, deadline: number | undefined): SyscallResult {
  const { thread } = call;
  const current = thread.space.readU32(address);
  const key = futexKey(thread.space, address, isPrivate);
  if (current === undefined || key === undefined) return -Errno.EFAULT;
  if (current !== expected) return -Errno.EAGAIN;
  const waiting = { waiter: new FutexWaiter(key, bitset), deadline };
  thread.kernel.futexes.add(waiting.waiter);
  call.state = waiting;
  return sleep(call, waiting, address, isPrivate, expected, bitset);
}

function sleep(call: SyscallCall, waiting: Waiting, address: number, isPrivate: boolean, expected: number, bitset: number): SyscallResult {
  const { thread } = call;
  const { deadline, waiter } = waiting;
  return new Wait([waiter.queue], deadline === undefined ? 'restart' : 'restart-block', deadline, () => {
    thread.kernel.futexes.remove(waiter);
    if (deadline !== undefined) {
      thread.signals.restartBlock = (again) =>
        isWaiting(again.state) ? wait(again, address, isPrivate, expected, bitset, true) : startWaiting(again, address, isPrivate, expected, bitset, deadline);
    }
    return undefined;
  });
}

function isWaiting(state: unknown): state is Waiting {
  return typeof state === 'object' && state !== null && 'waiter' in state;
}

/** FUTEX_WAKE_OP: changes the second word, wakes at the first, and at the second if its old value compares as asked. */
function wakeOp(call: SyscallCall, address: number, address2: number, isPrivate: boolean): SyscallResult {
  const { space, kernel } = call.thread;
  if (address % 4 !== 0 || address2 % 4 !== 0) return -Errno.EINVAL;
  const first = futexKey(space, address, isPrivate);
  const second = futexKey(space, address2, isPrivate);
  const old = space.readU32(address2);
  if (first === undefined || second === undefined || old === undefined) return -Errno.EFAULT;
  const encoded = call.int(5);
  const rawOperand = (encoded << 8) >> 20;
  const operand = encoded < 0 ? 1 << (rawOperand & 31) : rawOperand;
  const changed = operate((encoded >>> 28) & 7, old, operand);
  const compared = compare((encoded >>> 24) & 15, old | 0, (encoded << 20) >> 20);
  if (changed === undefined || compared === undefined) return -Errno.ENOSYS;
  if (!space.writeU32(address2, changed >>> 0)) return -Errno.EFAULT;
  const woken = kernel.futexes.wake(first, call.int(2));
  return compared ? woken + kernel.futexes.wake(second, call.int(3)) : woken;
}

function operate(operation: number, old: number, operand: number): number | undefined {
  switch (operation) {
    case 0:
      return operand;
    case 1:
      return old + operand;
    case 2:
      return old | operand;
    case 3:
      return old & ~operand;
    case 4:
      return old ^ operand;
    default:
      return undefined;
  }
}

function compare(comparison: number, old: number, operand: number): boolean | undefined {
  switch (comparison) {
    case 0:
      return old === operand;
    case 1:
      return old !== operand;
    case 2:
      return old < operand;
    case 3:
      return old <= operand;
    case 4:
      return old > operand;
    case 5:
      return old >= operand;
    default:
      return undefined;
  }
}

function setRobustList(call: SyscallCall): SyscallResult {
  const length = ROBUST_HEAD_WORDS * call.wordSize;
  if (call.args[1] !== length) return -Errno.EINVAL;
  call.thread.robustList = call.args[0];
  call.thread.robustListLength = length;
  return 0;
}

function getRobustList(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const tid = call.int(0);
  const target = tid === 0 ? thread : thread.kernel.threads.get(tid);
  if (target === undefined) return -Errno.ESRCH;
  const { space } = thread;
  const written = space.writeWord(call.args[1], target.robustList, wordSize) && space.writeWord(call.args[2], ROBUST_HEAD_WORDS * wordSize, wordSize);
  return written ? 0 : -Errno.EFAULT;
}

/** What a thread that leaves its memory owes to others that wait at futexes: robust locks are marked, its tid word is cleared. */
export function leaveFutexes(thread: Thread): void {
  if (thread.robustList !== 0) releaseRobustList(thread);
  thread.robustList = 0;
  const address = thread.clearChildTid;
  thread.clearChildTid = 0;
  if (address === 0 || !thread.space.isShared) return;
  if (thread.space.writeU32(address, 0)) wakeShared(thread, address, 1);
}

function releaseRobustList(thread: Thread): void {
  const { space } = thread;
  const word = thread.robustListLength === ROBUST_HEAD_WORDS * 8 ? 8 : 4;
  const head = thread.robustList;
  const offset = word === 8 ? space.readBigU64(head + word) : space.readU32(head + word);
  const pending = space.readWord(head + 2 * word, word);
  let entry = space.readWord(head, word);
  if (offset === undefined || pending === undefined) return;
  const shift = Number(BigInt.asIntN(word * 8, BigInt(offset)));
  for (let i = 0; i < ROBUST_LIST_LIMIT && entry !== undefined && entry - (entry % 2) !== head; i++) {
    const element: number = entry - (entry % 2);
    const next = space.readWord(element, word);
    if (entry !== pending) releaseRobustLock(thread, element + shift);
    entry = next;
  }
  if (pending !== 0) releaseRobustLock(thread, pending - (pending % 2) + shift);
}

function releaseRobustLock(thread: Thread, address: number): void {
  const value = thread.space.readU32(address);
  if (value === undefined || (value & FUTEX_TID_MASK) !== thread.tid) return;
  thread.space.writeU32(address, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
  if ((value & FUTEX_WAITERS) !== 0) wakeShared(thread, address, 1);
}

function wakeShared(thread: Thread, address: number, count: number): void {
  const key: FutexKey | undefined = futexKey(thread.space, address, false);
  if (key !== undefined) thread.kernel.futexes.wake(key, count);
}

export const futexSyscalls: readonly SyscallRow[] = [
  { name: 'futex', args: ['ptr', 'hex', 'uint', 'ptr', 'ptr', 'hex'], handler: futex },
  { name: 'set_robust_list', args: ['ptr', 'size'], handler: setRobustList },
  { name: 'get_robust_list', args: ['pid', 'ptr', 'ptr'], handler: getRobustList },
];
