/** RLIMIT_FSIZE: how far a write at `position` may go. */
import { Resource } from '../misc/limits.ts';
import { sendSignal } from '../signals/send.ts';
import { kernelInfo } from '../signals/signal-info.ts';
import { Signal } from '../signals/signal-numbers.ts';
import type { SyscallCall } from '../syscall.ts';

/**
 * Bytes which may be written from `position` on, at most up to `maximum`. 0 or less: none, and if the process's own limit
 * says so SIGXFSZ has been sent.
 */
export function writeAllowance(call: SyscallCall, position: number, maximum: number): number {
  const { thread } = call;
  const limit = Math.min(maximum, thread.process.limits.soft(Resource.FSIZE));
  if (position >= limit && limit < maximum) sendSignal(thread.kernel, thread, kernelInfo(Signal.XFSZ));
  return limit - position;
}
