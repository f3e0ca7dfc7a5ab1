/** All rows of the process family. */
import type { SyscallRow } from '../syscall.ts';
import { cloneSyscalls } from './clone.ts';
import { execSyscalls } from './exec-calls.ts';
import { exitSyscalls } from './exit.ts';
import { futexSyscalls } from './futex.ts';
import { idSyscalls } from './ids.ts';
import { processVmSyscalls } from './process-vm.ts';
import { schedSyscalls } from './sched-calls.ts';
import { usageSyscalls } from './usage.ts';
import { waitSyscalls } from './wait.ts';

export const processSyscalls: readonly SyscallRow[] = [
  ...cloneSyscalls, ...execSyscalls, ...exitSyscalls, ...futexSyscalls, ...idSyscalls, ...processVmSyscalls, ...schedSyscalls, ...usageSyscalls, ...waitSyscalls,
];
