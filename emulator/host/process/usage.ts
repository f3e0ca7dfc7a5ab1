/** struct rusage: processor time only, one nanosecond for each instruction; what is not kept is zero. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';

/** Longs of struct rusage, and which of them are kept: two timevals come first, then counts. */
const RUSAGE_WORDS = 18;
const Field = { userSeconds: 0, userMicroseconds: 1, maxResident: 4, voluntary: 16, involuntary: 17 } as const;
const Who = { self: 0, children: -1, thread: 1 } as const;

/** Writes a rusage to the caller's memory; false: EFAULT. */
export function writeUsage(call: SyscallCall, address: number, instructions: number, residentKib = 0, switches: readonly [number, number] = [0, 0]): boolean {
  const { thread, wordSize } = call;
  const bytes = new Uint8Array(RUSAGE_WORDS * wordSize);
  const view = new DataView(bytes.buffer);
  const put = (field: number, value: number): void => {
    if (wordSize === 8) view.setBigUint64(field * 8, BigInt(value), true);
    else view.setUint32(field * 4, value, true);
  };
  const microseconds = Math.floor(instructions / 1000);
  put(Field.userSeconds, Math.floor(microseconds / 1_000_000));
  put(Field.userMicroseconds, microseconds % 1_000_000);
  put(Field.maxResident, residentKib);
  put(Field.voluntary, switches[0]);
  put(Field.involuntary, switches[1]);
  return thread.space.write(address, bytes);
}

function getrusage(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const { process } = thread;
  const switches = [process.voluntarySwitches, process.involuntarySwitches] as const;
  const resident = Math.floor(thread.space.residentBytes / 1024);
  let written: boolean;
  switch (call.int(0)) {
    case Who.self:
      written = writeUsage(call, call.args[1], process.timers.used, resident, switches);
      break;
    case Who.children:
      written = writeUsage(call, call.args[1], process.timers.childrenUsed);
      break;
    case Who.thread:
      written = writeUsage(call, call.args[1], thread.retired, resident, switches);
      break;
    default:
      return -Errno.EINVAL;
  }
  return written ? 0 : -Errno.EFAULT;
}

export const usageSyscalls: readonly SyscallRow[] = [{ name: 'getrusage', args: ['int', 'ptr'], handler: getrusage }];
