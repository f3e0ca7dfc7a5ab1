/** The calls that belong to no other family, for the ABI tables. */
import type { SyscallRow } from '../syscall.ts';
import { archPrctlSyscalls } from './arch-prctl.ts';
import { capabilitySyscalls } from './capability-calls.ts';
import { identitySyscalls, identitySyscalls16 } from './identity-calls.ts';
import { limitSyscalls, limitSyscalls32 } from './limit-calls.ts';
import { machineSyscalls, machineSyscalls32 } from './machine-calls.ts';
import { prctlSyscalls } from './prctl.ts';
import { seccompSyscalls } from './seccomp.ts';

export const miscSyscalls: readonly SyscallRow[] = [
  ...archPrctlSyscalls, ...capabilitySyscalls, ...identitySyscalls, ...limitSyscalls, ...machineSyscalls, ...prctlSyscalls, ...seccompSyscalls,
];

/** i386 only. */
export const miscSyscalls32: readonly SyscallRow[] = [...identitySyscalls16, ...limitSyscalls32, ...machineSyscalls32];
