/** To come. */
import type { SyscallRow } from '../syscall.ts';

export const socketSyscalls: readonly SyscallRow[] = [];
