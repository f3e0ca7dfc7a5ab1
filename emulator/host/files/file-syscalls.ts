/** All system calls of this directory, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { attributeSyscalls } from './attribute-calls.ts';
import { descriptorSyscalls } from './descriptor-calls.ts';
import { directorySyscalls, directorySyscalls32 } from './directory-calls.ts';
import { eventSyscalls } from './event-calls.ts';
import { openSyscalls } from './open-calls.ts';
import { pipeSyscalls } from './pipe-calls.ts';
import { placeSyscalls, placeSyscalls32 } from './place-calls.ts';
import { pollSyscalls } from './poll-calls.ts';
import { readWriteSyscalls, readWriteSyscalls32 } from './read-write-calls.ts';
import { socketSyscalls } from './sockets/socket-calls.ts';
import { statSyscalls, statSyscalls32 } from './stat-calls.ts';
import { transferSyscalls, transferSyscalls32 } from './transfer-calls.ts';

export const fileSyscalls: readonly SyscallRow[] = [
  ...openSyscalls, ...readWriteSyscalls, ...statSyscalls, ...directorySyscalls, ...attributeSyscalls, ...placeSyscalls, ...descriptorSyscalls,
  ...pipeSyscalls, ...pollSyscalls, ...eventSyscalls, ...transferSyscalls, ...socketSyscalls,
];

/** i386 only. */
export const fileSyscalls32: readonly SyscallRow[] = [...readWriteSyscalls32, ...statSyscalls32, ...directorySyscalls32, ...placeSyscalls32, ...transferSyscalls32];
