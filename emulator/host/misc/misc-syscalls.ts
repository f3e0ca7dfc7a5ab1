/** The calls that belong to no other family, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { archPrctlSyscalls } from './arch-prctl.ts';
import { capabilitySyscalls } from './capability-calls.ts';
import { identitySyscalls } from './identity-calls.ts';
import { limitSyscalls } from './limit-calls.ts';
import { machineSyscalls } from './machine-calls.ts';
import { prctlSyscalls } from './prctl.ts';
import { seccompSyscalls } from './seccomp.ts';

export const miscSyscalls: readonly SyscallRow[] = [
  ...archPrctlSyscalls, ...capabilitySyscalls, ...identitySyscalls, ...limitSyscalls, ...machineSyscalls, ...prctlSyscalls, ...seccompSyscalls,
];
