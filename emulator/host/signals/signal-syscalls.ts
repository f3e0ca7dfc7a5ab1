/** The signal family, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { signalActionSyscalls, signalActionSyscalls32 } from './action-calls.ts';
import { alternateStackSyscalls } from './alternate-stack.ts';
import { signalSendSyscalls } from './send-calls.ts';
import { signalWaitSyscalls, signalWaitSyscalls32 } from './wait-calls.ts';

export const signalSyscalls: readonly SyscallRow[] = [...signalActionSyscalls, ...alternateStackSyscalls, ...signalSendSyscalls, ...signalWaitSyscalls];

/** i386 only. */
export const signalSyscalls32: readonly SyscallRow[] = [...signalActionSyscalls32, ...signalWaitSyscalls32];
