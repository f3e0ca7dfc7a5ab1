/** User and group ids and capabilities of a process (credentials(7)). Immutable: every change makes a new one. */

export interface Credentials {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  /** Capability sets, bit n is capability n. */
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
}

/** Bits CAP_CHOWN … CAP_CHECKPOINT_RESTORE (include/uapi/linux/capability.h). */
export const ALL_CAPABILITIES = (1n << 41n) - 1n;
export const Capability = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8, SYS_PTRACE: 19, SYS_ADMIN: 21, SYS_NICE: 23, SYS_RESOURCE: 24, SYS_TIME: 25 } as const;

/** What a process of the given user has; uid 0 holds all capabilities. */
export function userCredentials(uid: number, gid: number): Credentials {
  const capabilities = uid === 0 ? ALL_CAPABILITIES : 0n;
  return {
    uid, euid: uid, suid: uid, fsuid: uid, gid, egid: gid, sgid: gid, fsgid: gid, groups: [gid],
    permitted: capabilities, effective: capabilities, inheritable: 0n, bounding: ALL_CAPABILITIES,
  };
}

export function capable(credentials: Credentials, capability: number): boolean {
  return ((credentials.effective >> BigInt(capability)) & 1n) === 1n;
}
