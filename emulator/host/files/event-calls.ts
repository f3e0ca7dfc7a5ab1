/** To come. */
import type { SyscallRow } from '../syscall.ts';

export const eventSyscalls: readonly SyscallRow[] = [];
