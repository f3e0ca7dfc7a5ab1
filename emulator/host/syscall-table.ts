/** What the system call tables of the ABIs have in common. */
import type { AbiRow } from './syscall.ts';

/** Names from number 424 on, where all architectures have the same. */
export const COMMON_NAMES = `
  pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick
  pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd
  landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack
  futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal
`;
export const COMMON_START = 424;

/** One ABI's calls by number; undefined: not implemented. */
export type SyscallTable = readonly (AbiRow | undefined)[];
/** Names of all numbers of an ABI, implemented or not. */
export type SyscallNames = readonly (string | undefined)[];

/** @param parts names in order from a number on; `-`: not used */
export function numberNames(parts: readonly (readonly [start: number, names: string])[]): SyscallNames {
  const names: (string | undefined)[] = [];
  for (const [start, text] of parts) text.trim().split(/\s+/).forEach((name, i) => (names[start + i] = name === '-' ? undefined : name));
  return Array.from(names, (name) => name);
}

/** Puts rows at their names' numbers; every row must have one, and no two the same. */
export function joinTable(abi: string, names: SyscallNames, rows: readonly AbiRow[]): SyscallTable {
  const byName = new Map<string, AbiRow>();
  for (const row of rows) {
    if (byName.has(row.name)) throw new Error(`${abi}: two handlers for system call ${row.name}`);
    if (!names.includes(row.name)) throw new Error(`${abi} has no system call ${row.name}`);
    byName.set(row.name, row);
  }
  return names.map((name) => (name === undefined ? undefined : byName.get(name)));
}
