/** All system calls of this directory, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { attributeSyscalls } from './attribute-calls.ts';
import { descriptorSyscalls } from './descriptor-calls.ts';
import { directorySyscalls } from './directory-calls.ts';
import { eventSyscalls } from './event-calls.ts';
import { openSyscalls } from './open-calls.ts';
import { pipeSyscalls } from './pipe-calls.ts';
import { placeSyscalls } from './place-calls.ts';
import { pollSyscalls } from './poll-calls.ts';
import { readWriteSyscalls } from './read-write-calls.ts';
import { socketSyscalls } from './sockets/socket-calls.ts';
import { statSyscalls } from './stat-calls.ts';
import { transferSyscalls } from './transfer-calls.ts';

export const fileSyscalls: readonly SyscallRow[] = [
  ...openSyscalls, ...readWriteSyscalls, ...statSyscalls, ...directorySyscalls, ...attributeSyscalls, ...placeSyscalls, ...descriptorSyscalls,
  ...pipeSyscalls, ...pollSyscalls, ...eventSyscalls, ...transferSyscalls, ...socketSyscalls,
];
