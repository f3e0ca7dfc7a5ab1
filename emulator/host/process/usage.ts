/** struct rusage: processor time only, one nanosecond for each instruction; what is not kept is zero. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import type { Thread } from './thread.ts';

const RUSAGE_BYTES = 144;
const Field = { userSeconds: 0, userMicroseconds: 8, maxResident: 32, voluntary: 128, involuntary: 136 } as const;
const Who = { self: 0, children: -1, thread: 1 } as const;

/** Writes a rusage to the thread's memory; false: EFAULT. */
export function writeUsage(thread: Thread, address: number, instructions: number, residentKib = 0, switches: readonly [number, number] = [0, 0]): boolean {
  const bytes = new Uint8Array(RUSAGE_BYTES);
  const view = new DataView(bytes.buffer);
  const microseconds = Math.floor(instructions / 1000);
  view.setBigUint64(Field.userSeconds, BigInt(Math.floor(microseconds / 1_000_000)), true);
  view.setBigUint64(Field.userMicroseconds, BigInt(microseconds % 1_000_000), true);
  view.setBigUint64(Field.maxResident, BigInt(residentKib), true);
  view.setBigUint64(Field.voluntary, BigInt(switches[0]), true);
  view.setBigUint64(Field.involuntary, BigInt(switches[1]), true);
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
      written = writeUsage(thread, call.args[1], process.timers.used, resident, switches);
      break;
    case Who.children:
      written = writeUsage(thread, call.args[1], process.timers.childrenUsed);
      break;
    case Who.thread:
      written = writeUsage(thread, call.args[1], thread.retired, resident, switches);
      break;
    default:
      return -Errno.EINVAL;
  }
  return written ? 0 : -Errno.EFAULT;
}

export const usageSyscalls: readonly SyscallRow[] = [{ name: 'getrusage', args: ['int', 'ptr'], handler: getrusage }];
