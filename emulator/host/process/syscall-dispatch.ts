/** A system call on its way: reads number and arguments, runs the handler, puts the result into rax or the thread to sleep. */
import { GPR, Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { fatalPending, signalPending } from '../signals/send.ts';
import { KEEP_RAX, Wait, type Interruption, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { SyscallTrace } from './syscall-trace.ts';
import type { Thread } from './thread.ts';

/** One ABI's calls by number. */
export type SyscallTable = readonly (SyscallRow | undefined)[];

/** Names of all numbers of an ABI, implemented or not. */
export type SyscallNames = readonly (string | undefined)[];

const INTERRUPTED: Record<Interruption, number> = {
  restart: -Errno.ERESTARTSYS, eintr: -Errno.EINTR, 'restart-nohand': -Errno.ERESTARTNOHAND, 'restart-block': -Errno.ERESTART_RESTARTBLOCK, uninterruptible: 0,
};

class Call implements SyscallCall {
  readonly thread: Thread;
  readonly nr: number;
  readonly args: readonly number[];
  readonly row: SyscallRow | undefined;
  readonly wordSize = 8;
  state: unknown = undefined;
  trace: SyscallTrace | undefined;
  /** The arguments' low and high words. */
  private readonly low: readonly number[];
  private readonly high: readonly number[];

  constructor(thread: Thread, nr: number, row: SyscallRow | undefined) {
    this.thread = thread;
    this.nr = nr;
    this.row = row;
    const { i32 } = thread.kernel.linear;
    const at = thread.context.at(GPR) >>> 2;
    const low = [i32[at + Reg.rdi * 2], i32[at + Reg.rsi * 2], i32[at + Reg.rdx * 2], i32[at + Reg.r10 * 2], i32[at + Reg.r8 * 2], i32[at + Reg.r9 * 2]];
    const high = [
      i32[at + Reg.rdi * 2 + 1], i32[at + Reg.rsi * 2 + 1], i32[at + Reg.rdx * 2 + 1], i32[at + Reg.r10 * 2 + 1], i32[at + Reg.r8 * 2 + 1], i32[at + Reg.r9 * 2 + 1],
    ];
    this.low = low;
    this.high = high;
    this.args = [
      whole(high[0], low[0]), whole(high[1], low[1]), whole(high[2], low[2]), whole(high[3], low[3]), whole(high[4], low[4]), whole(high[5], low[5]),
    ];
  }

  int(i: number): number {
    return this.low[i];
  }

  uint(i: number): number {
    return this.low[i] >>> 0;
  }

  big(i: number): bigint {
    return (BigInt(this.high[i] >>> 0) << 32n) | BigInt(this.low[i] >>> 0);
  }
}

function whole(high: number, low: number): number {
  return (high >>> 0) * 0x100000000 + (low >>> 0);
}

/** For debuggers: makes one call as a thread, which stays what it is. A call that would sleep gives its Wait and has not happened. */
export function callOnce(thread: Thread, nr: number, table: SyscallTable): SyscallResult {
  const row = table[nr];
  return row === undefined ? -Errno.ENOSYS : row.handler(new Call(thread, nr, row));
}

/** Starts or goes on with the thread's system call. True when it has a result (or the thread is gone), false when it sleeps. */
export function runSyscall(thread: Thread, table: SyscallTable, names: SyscallNames): boolean {
  const { kernel } = thread;
  let call = thread.call instanceof Call ? thread.call : undefined;
  if (call === undefined) {
    // Only the low half of rax counts
    const nr = thread.origRax | 0;
    if (nr < 0) return true;
    call = new Call(thread, nr, table[nr]);
    thread.call = call;
    if (kernel.trace.on('syscall')) call.trace = new SyscallTrace(call, names[nr], call.row);
    if (call.row === undefined) kernel.trace.warn(`system call ${nr} (${names[nr] ?? 'no such number'}) is missing: ENOSYS (${thread.name}, pid ${thread.process.pid})`);
  }
  let result = call.row === undefined ? -Errno.ENOSYS : call.row.handler(call);
  if (thread.state.kind === 'dead') {
    call.trace?.finish(undefined);
    return true;
  }
  // It stopped for its tracer in the middle (PTRACE_EVENT_EXIT): the handler runs again when it goes on
  if (thread.state.kind !== 'running') return false;
  if (result instanceof Wait) {
    if (!(result.interruption === 'uninterruptible' ? fatalPending : signalPending)(thread)) {
      kernel.scheduler.sleep(thread, result);
      return false;
    }
    result = result.interrupted?.() ?? INTERRUPTED[result.interruption];
  }
  thread.call = undefined;
  call.trace?.finish(result);
  if (result !== KEEP_RAX) thread.context.setGprNumber(Reg.rax, result);
  return true;
}
