/** A system call on its way: reads number and arguments, runs the handler, puts the result into rax or the thread to sleep. */
import { GPR, Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { fatalPending, signalPending } from '../signals/send.ts';
import { KEEP_RAX, Wait, type AbiRow, type Interruption, type SyscallCall, type SyscallResult } from '../syscall.ts';
import type { TimeLayout } from '../time/time-values.ts';
import { highId } from '../misc/small-ids.ts';
import { SyscallTrace } from './syscall-trace.ts';
import type { Thread } from './thread.ts';

const INTERRUPTED: Record<Interruption, number> = {
  restart: -Errno.ERESTARTSYS, eintr: -Errno.EINTR, 'restart-nohand': -Errno.ERESTARTNOHAND, 'restart-block': -Errno.ERESTART_RESTARTBLOCK, uninterruptible: 0,
};

/** Registers of the arguments, by the ABI's word size. */
export const ARGUMENT_REGISTERS = {
  8: [Reg.rdi, Reg.rsi, Reg.rdx, Reg.r10, Reg.r8, Reg.r9],
  4: [Reg.rbx, Reg.rcx, Reg.rdx, Reg.rsi, Reg.rdi, Reg.rbp],
} as const;
const NO_HIGH_WORDS: readonly number[] = [0, 0, 0, 0, 0, 0];

/** The arguments' low and high words. `wide`: those which are 64-bit ones of i386, by bit. */
interface Words {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly wide: number;
}

class Call implements SyscallCall {
  readonly thread: Thread;
  readonly nr: number;
  readonly args: readonly number[];
  readonly row: AbiRow | undefined;
  readonly wordSize: 4 | 8;
  readonly timeLayout: TimeLayout;
  state: unknown = undefined;
  trace: SyscallTrace | undefined;
  private readonly words: Words;

  constructor(thread: Thread, nr: number, row: AbiRow | undefined, words: Words) {
    this.thread = thread;
    this.nr = nr;
    this.row = row;
    this.wordSize = thread.callWordSize;
    this.timeLayout = row?.timeLayout ?? this.wordSize;
    this.words = words;
    const { low, high } = words;
    this.args = [
      whole(high[0], low[0]), whole(high[1], low[1]), whole(high[2], low[2]), whole(high[3], low[3]), whole(high[4], low[4]), whole(high[5], low[5]),
    ];
  }

  int(i: number): number {
    return this.words.low[i];
  }

  uint(i: number): number {
    return this.words.low[i] >>> 0;
  }

  big(i: number): bigint {
    return (BigInt(this.words.high[i] >>> 0) << 32n) | BigInt(this.words.low[i] >>> 0);
  }

  signed(i: number): number {
    const { low, high, wide } = this.words;
    return this.wordSize === 8 || (wide & (1 << i)) !== 0 ? high[i] * 0x100000000 + (low[i] >>> 0) : low[i];
  }
}

function whole(high: number, low: number): number {
  return (high >>> 0) * 0x100000000 + (low >>> 0);
}

function registerWords(thread: Thread, which: 'low' | 'high'): number[] {
  const { i32 } = thread.kernel.linear;
  const at = (thread.context.at(GPR) >>> 2) + (which === 'high' ? 1 : 0);
  const registers = ARGUMENT_REGISTERS[thread.callWordSize];
  return [i32[at + registers[0] * 2], i32[at + registers[1] * 2], i32[at + registers[2] * 2], i32[at + registers[3] * 2], i32[at + registers[4] * 2], i32[at + registers[5] * 2]];
}

/** The call an i386 thread makes, with its arguments where the row says they are; or -errno when they cannot be read. */
function callOfI386(thread: Thread, nr: number, row: AbiRow | undefined): Call | number {
  const registers = registerWords(thread, 'low');
  const found = row?.demultiplex?.(thread, registers);
  if (typeof found === 'number') return found;
  if (found !== undefined) return new Call(thread, nr, found.row, { low: found.words, high: NO_HIGH_WORDS, wide: 0 });
  if (row?.inMemory !== undefined) {
    const bytes = thread.space.read(registers[0] >>> 0, row.inMemory * 4);
    if (bytes === undefined) return -Errno.EFAULT;
    return new Call(thread, nr, row, { low: [...new Int32Array(bytes.buffer), 0].slice(0, 6), high: NO_HIGH_WORDS, wide: 0 });
  }
  if (row?.words === undefined) return new Call(thread, nr, row, { low: registers, high: NO_HIGH_WORDS, wide: 0 });
  const low = [0, 0, 0, 0, 0, 0];
  const high = [0, 0, 0, 0, 0, 0];
  let wide = 0;
  row.words.forEach((word, i) => {
    if (typeof word === 'number') low[i] = registers[word];
    else if ('id16' in word) low[i] = highId(registers[word.id16]);
    else {
      [low[i], high[i]] = [registers[word[0]], registers[word[1]]];
      wide |= 1 << i;
    }
  });
  return new Call(thread, nr, row, { low, high, wide });
}

/** The thread's call with that number, its arguments read now; or -errno when they cannot be read. */
function makeCall(thread: Thread, nr: number): Call | number {
  const row = thread.kernel.abis[thread.callWordSize].table[nr];
  if (thread.callWordSize === 4) return callOfI386(thread, nr, row);
  return new Call(thread, nr, row, { low: registerWords(thread, 'low'), high: registerWords(thread, 'high'), wide: 0 });
}

/** For debuggers: makes one call as a thread, which stays what it is. A call that would sleep gives its Wait and has not happened. */
export function callOnce(thread: Thread, nr: number, wordSize: 4 | 8): SyscallResult {
  const before = thread.callWordSize;
  thread.callWordSize = wordSize;
  try {
    const call = makeCall(thread, nr);
    if (typeof call === 'number') return call;
    return call.row === undefined ? -Errno.ENOSYS : call.row.handler(call);
  } finally {
    thread.callWordSize = before;
  }
}

/** Starts or goes on with the thread's system call. True when it has a result (or the thread is gone), false when it sleeps. */
export function runSyscall(thread: Thread): boolean {
  const { kernel } = thread;
  let call = thread.call instanceof Call ? thread.call : undefined;
  if (call === undefined) {
    // Only the low half of rax counts
    const nr = thread.origRax | 0;
    if (nr < 0) return true;
    const { names } = kernel.abis[thread.callWordSize];
    const made = makeCall(thread, nr);
    if (typeof made === 'number') {
      thread.context.setGprNumber(Reg.rax, made);
      return true;
    }
    call = made;
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
