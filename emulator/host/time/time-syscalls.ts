/** The time family, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { clockSyscalls, clockSyscalls32 } from './clock-calls.ts';
import { intervalTimerSyscalls } from './interval-timers.ts';
import { posixTimerSyscalls } from './posix-timers.ts';

export const timeSyscalls: readonly SyscallRow[] = [...clockSyscalls, ...intervalTimerSyscalls, ...posixTimerSyscalls];

/** i386 only. */
export const timeSyscalls32: readonly SyscallRow[] = clockSyscalls32;
