/** A system call on its way: reads number and arguments, runs the handler, puts the result into rax or the thread to sleep. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { fatalPending, signalPending } from '../signals/send.ts';
import { KEEP_RAX, Wait, type Interruption, type SyscallCall, type SyscallRow } from '../syscall.ts';
import { SyscallTrace } from './syscall-trace.ts';
import type { Thread } from './thread.ts';

/** One ABI's calls by number. */
export type SyscallTable = readonly (SyscallRow | undefined)[];

/** Names of all numbers of an ABI, implemented or not. */
export type SyscallNames = readonly (string | undefined)[];

const ARGUMENTS_64 = [Reg.rdi, Reg.rsi, Reg.rdx, Reg.r10, Reg.r8, Reg.r9] as const;

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
  private readonly raw: readonly bigint[];

  constructor(thread: Thread, nr: number, row: SyscallRow | undefined) {
    this.thread = thread;
    this.nr = nr;
    this.row = row;
    const { context } = thread;
    this.raw = ARGUMENTS_64.map((register) => context.gpr(register));
    this.args = ARGUMENTS_64.map((register) => context.gprNumber(register));
  }

  int(i: number): number {
    return Number(BigInt.asIntN(32, this.raw[i]));
  }

  uint(i: number): number {
    return Number(BigInt.asUintN(32, this.raw[i]));
  }

  big(i: number): bigint {
    return this.raw[i];
  }
}

/** Starts or goes on with the thread's system call. True when it has a result (or the thread is gone), false when it sleeps. */
export function runSyscall(thread: Thread, table: SyscallTable, names: SyscallNames): boolean {
  const { kernel } = thread;
  let call = thread.call instanceof Call ? thread.call : undefined;
  if (call === undefined) {
    const nr = thread.origRax;
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
