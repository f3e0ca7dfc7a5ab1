/** All rows of the process family. */
import { Errno } from '../errno.ts';
import type { SyscallRow } from '../syscall.ts';
import { cloneSyscalls } from './clone.ts';
import { execSyscalls } from './exec-calls.ts';
import { exitSyscalls } from './exit.ts';
import { futexSyscalls } from './futex.ts';
import { idSyscalls } from './ids.ts';
import { processVmSyscalls } from './process-vm.ts';
import { segmentSyscalls, threadAreaSyscalls } from './segments.ts';
import { schedSyscalls, schedSyscalls32 } from './sched-calls.ts';
import { usageSyscalls } from './usage.ts';
import { waitSyscalls, waitSyscalls32 } from './wait.ts';

/** Restartable sequences are refused on purpose: a forked UML stub that unmaps its registered area would be killed, as it is natively. */
const refusedSyscalls: readonly SyscallRow[] = [{ name: 'rseq', args: ['ptr', 'uint', 'hex', 'hex'], handler: () => -Errno.ENOSYS }];

export const processSyscalls: readonly SyscallRow[] = [
  ...cloneSyscalls, ...execSyscalls, ...exitSyscalls, ...futexSyscalls, ...idSyscalls, ...processVmSyscalls, ...schedSyscalls, ...usageSyscalls, ...waitSyscalls,
  ...segmentSyscalls, ...refusedSyscalls,
];

/** i386 only. */
export const processSyscalls32: readonly SyscallRow[] = [...schedSyscalls32, ...waitSyscalls32, ...threadAreaSyscalls];
