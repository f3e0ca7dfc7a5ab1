/** To come. */
import type { SyscallRow } from '../syscall.ts';

export const transferSyscalls: readonly SyscallRow[] = [];
