/** seccomp(2): strict mode and filters. Of several filters the most restrictive answer counts. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { ARGUMENT_REGISTERS } from '../process/syscall-dispatch.ts';
import type { Thread } from '../process/thread.ts';
import { forceSignal } from '../signals/send.ts';
import { kernelInfo, seccompInfo } from '../signals/signal-info.ts';
import { Signal } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { BPF_INSTRUCTION_BYTES, BPF_MAX_INSTRUCTIONS, type BpfInstruction, decodeProgram, isValidProgram, runProgram } from './classic-bpf.ts';
import { Capability, capable } from './credentials.ts';

/** Filters form a list; forked threads share its tail. `program` undefined: strict mode (read, write, exit, rt_sigreturn only). */
export interface SeccompFilter {
  readonly program: readonly BpfInstruction[] | undefined;
  readonly next: SeccompFilter | undefined;
  /** SECCOMP_FILTER_FLAG_LOG. */
  readonly log: boolean;
}

/** SECCOMP_RET_*: the upper half of what a filter returns, as a signed number: the smallest wins. */
const Action = { KILL_PROCESS: 0x80000000 | 0, KILL_THREAD: 0, TRAP: 0x30000, ERRNO: 0x50000, USER_NOTIF: 0x7fc00000, TRACE: 0x7ff00000, LOG: 0x7ffc0000, ALLOW: 0x7fff0000 } as const;
const ACTIONS: readonly number[] = Object.values(Action);
const ACTION_MASK = 0xffff0000 | 0;
const DATA_MASK = 0xffff;
const MAX_ERRNO = 4095;
export const AUDIT_ARCH = { 8: 0xc000003e, 4: 0x40000003 } as const;
/** struct seccomp_data: nr 0, arch 4, instruction_pointer 8, args[6] 16. */
const DATA_BYTES = 64;
const STRICT_CALLS: Readonly<Record<4 | 8, readonly number[]>> = { 8: [0, 1, 60, 15], 4: [3, 4, 1, 119] };

export const SeccompMode = { DISABLED: 0, STRICT: 1, FILTER: 2 } as const;
const Operation = { SET_MODE_STRICT: 0, SET_MODE_FILTER: 1, GET_ACTION_AVAIL: 2, GET_NOTIF_SIZES: 3 } as const;
const FilterFlag = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, NEW_LISTENER: 8, TSYNC_ESRCH: 16, WAIT_KILLABLE: 32 } as const;

export type SeccompVerdict =
  | { readonly kind: 'run' | 'skip' }
  /** The tracer decides; `refuse` makes the call fail with ENOSYS where there is none. */
  | { readonly kind: 'trace'; readonly data: number; refuse(): void };

/** Asks the thread's filters about the system call it stands before, and does what they say short of running it. */
export function runSeccomp(thread: Thread, number: number): SeccompVerdict {
  const { context, kernel } = thread;
  const filter = thread.signals.seccomp;
  const size = thread.callWordSize;
  if (filter === undefined) return { kind: 'run' };
  if (filter.program === undefined) {
    if (STRICT_CALLS[size].includes(number)) return { kind: 'run' };
    forceSignal(thread, kernelInfo(Signal.KILL));
    return { kind: 'skip' };
  }
  const data = new DataView(new ArrayBuffer(DATA_BYTES));
  data.setInt32(0, number, true);
  data.setUint32(4, AUDIT_ARCH[size], true);
  data.setBigUint64(8, BigInt(context.rip), true);
  ARGUMENT_REGISTERS[size].forEach((register, i) => data.setBigUint64(16 + i * 8, size === 8 ? context.gpr(register) : BigInt.asUintN(32, context.gpr(register)), true));
  let answer = Action.ALLOW as number;
  for (let each: SeccompFilter | undefined = filter; each?.program !== undefined; each = each.next) {
    const result = runProgram(each.program, data) | 0;
    if ((result & ACTION_MASK) < (answer & ACTION_MASK)) answer = result;
  }
  const value = answer & DATA_MASK;
  switch (answer & ACTION_MASK) {
    case Action.ALLOW:
    case Action.LOG:
      return { kind: 'run' };
    case Action.ERRNO:
      context.setGprNumber(Reg.rax, -Math.min(value, MAX_ERRNO));
      return { kind: 'skip' };
    case Action.TRAP:
      // The handler sees the call's number in rax, as before the call
      context.setGprNumber(Reg.rax, number);
      forceSignal(thread, seccompInfo(Signal.SYS, value, BigInt(context.rip), number, AUDIT_ARCH[size]));
      return { kind: 'skip' };
    case Action.TRACE:
      return { kind: 'trace', data: value, refuse: () => context.setGprNumber(Reg.rax, -Errno.ENOSYS) };
    case Action.USER_NOTIF:
      context.setGprNumber(Reg.rax, -Errno.ENOSYS);
      return { kind: 'skip' };
    default:
      kernel.exitGroup(thread.process, Signal.SYS);
      return { kind: 'skip' };
  }
}

/** Mode as prctl(PR_GET_SECCOMP) and /proc/<pid>/status show it. */
export function seccompMode(thread: Thread): number {
  const filter = thread.signals.seccomp;
  if (filter === undefined) return SeccompMode.DISABLED;
  return filter.program === undefined ? SeccompMode.STRICT : SeccompMode.FILTER;
}

export function setStrict(thread: Thread): number {
  if (seccompMode(thread) === SeccompMode.FILTER) return -Errno.EINVAL;
  thread.signals.seccomp = { program: undefined, next: undefined, log: false };
  return 0;
}

/** Installs a filter; `address` is of a struct sock_fprog { u16 len; sock_filter *filter }. */
export function setFilter(call: SyscallCall, flags: number, address: number): SyscallResult {
  const { thread } = call;
  const { space, signals, process } = thread;
  if ((flags & ~(FilterFlag.TSYNC | FilterFlag.LOG | FilterFlag.SPEC_ALLOW | FilterFlag.TSYNC_ESRCH)) !== 0) return -Errno.EINVAL;
  const length = space.readU16(address);
  const pointer = call.wordSize === 8 ? space.readU64(address + 8) : space.readU32(address + 4);
  if (length === undefined || pointer === undefined) return -Errno.EFAULT;
  if (length === 0 || length > BPF_MAX_INSTRUCTIONS) return -Errno.EINVAL;
  if (!signals.noNewPrivileges && !capable(process.credentials, Capability.SYS_ADMIN)) return -Errno.EACCES;
  const bytes = space.read(pointer, length * BPF_INSTRUCTION_BYTES);
  if (bytes === undefined) return -Errno.EFAULT;
  const program = decodeProgram(bytes);
  if (!isValidProgram(program, DATA_BYTES)) return -Errno.EINVAL;
  if (seccompMode(thread) === SeccompMode.STRICT) return -Errno.EINVAL;
  const others = (flags & FilterFlag.TSYNC) === 0 ? [] : [...process.threads].filter((other) => other !== thread && other.state.kind !== 'dead');
  const stranger = others.find((other) => !isTail(other.signals.seccomp, signals.seccomp));
  if (stranger !== undefined) return (flags & FilterFlag.TSYNC_ESRCH) !== 0 ? -Errno.ESRCH : stranger.tid;
  const filter: SeccompFilter = { program, next: signals.seccomp, log: (flags & FilterFlag.LOG) !== 0 };
  for (const each of [thread, ...others]) {
    each.signals.seccomp = filter;
    if (signals.noNewPrivileges) each.signals.noNewPrivileges = true;
  }
  return 0;
}

function isTail(tail: SeccompFilter | undefined, list: SeccompFilter | undefined): boolean {
  for (let each = list; each !== undefined; each = each.next) if (each === tail) return true;
  return tail === undefined;
}

function seccomp(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const operation = call.uint(0);
  const flags = call.uint(1);
  const address = call.args[2];
  switch (operation) {
    case Operation.SET_MODE_STRICT:
      return flags !== 0 || address !== 0 ? -Errno.EINVAL : setStrict(thread);
    case Operation.SET_MODE_FILTER:
      return setFilter(call, flags, address);
    case Operation.GET_ACTION_AVAIL: {
      if (flags !== 0) return -Errno.EINVAL;
      const action = thread.space.readU32(address);
      if (action === undefined) return -Errno.EFAULT;
      return ACTIONS.includes(action | 0) && (action | 0) !== Action.USER_NOTIF ? 0 : -Errno.EOPNOTSUPP;
    }
    default:
      return -Errno.EINVAL;
  }
}

export const seccompSyscalls: readonly SyscallRow[] = [{ name: 'seccomp', args: ['int', 'hex', 'ptr'], handler: seccomp }];
