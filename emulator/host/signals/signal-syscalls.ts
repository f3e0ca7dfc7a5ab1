/** The signal family, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { signalActionSyscalls } from './action-calls.ts';
import { alternateStackSyscalls } from './alternate-stack.ts';
import { signalSendSyscalls } from './send-calls.ts';
import { signalWaitSyscalls } from './wait-calls.ts';

export const signalSyscalls: readonly SyscallRow[] = [...signalActionSyscalls, ...alternateStackSyscalls, ...signalSendSyscalls, ...signalWaitSyscalls];
