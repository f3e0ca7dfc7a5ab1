/** The sched_* family: one CPU, one policy that is really there (SCHED_OTHER); what was set is remembered where Linux would show it. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { writePair } from '../time/time-values.ts';
import type { Thread } from './thread.ts';

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
const SCHED_IDLE = 5;
const REALTIME_PRIORITIES = { lowest: 1, highest: 99 } as const;
/** Bytes of the affinity mask the kernel keeps. */
const AFFINITY_BYTES = 8;
const PRIO_PROCESS = 0;
const PRIO_USER = 2;

function target(call: SyscallCall): Thread | undefined {
  const tid = call.int(0);
  return tid === 0 ? call.thread : call.thread.kernel.threads.get(tid);
}

function isPolicy(policy: number): boolean {
  return policy === SCHED_OTHER || policy === SCHED_FIFO || policy === SCHED_RR || policy === SCHED_BATCH || policy === SCHED_IDLE;
}

function priorityLimit(call: SyscallCall, realtime: number): SyscallResult {
  const policy = call.int(0);
  if (!isPolicy(policy)) return -Errno.EINVAL;
  return policy === SCHED_FIFO || policy === SCHED_RR ? realtime : 0;
}

/** Only policies without real-time priority can be had, as for a user without RLIMIT_RTPRIO. */
function setPolicy(call: SyscallCall, policy: number, parameter: number): SyscallResult {
  if (target(call) === undefined) return -Errno.ESRCH;
  const priority = call.thread.space.readU32(parameter);
  if (priority === undefined) return -Errno.EFAULT;
  if (!isPolicy(policy)) return -Errno.EINVAL;
  if (policy === SCHED_FIFO || policy === SCHED_RR) return -Errno.EPERM;
  return priority === 0 ? 0 : -Errno.EINVAL;
}

function getParameter(call: SyscallCall): SyscallResult {
  if (target(call) === undefined) return -Errno.ESRCH;
  return call.thread.space.writeU32(call.args[1], 0) ? 0 : -Errno.EFAULT;
}

function getAffinity(call: SyscallCall): SyscallResult {
  if (call.uint(1) < call.wordSize || call.uint(1) % call.wordSize !== 0) return -Errno.EINVAL;
  if (target(call) === undefined) return -Errno.ESRCH;
  const length = Math.min(call.uint(1), AFFINITY_BYTES);
  return call.thread.space.write(call.args[2], Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0).subarray(0, length)) ? length : -Errno.EFAULT;
}

function setAffinity(call: SyscallCall): SyscallResult {
  if (target(call) === undefined) return -Errno.ESRCH;
  if (call.uint(1) === 0) return -Errno.EINVAL;
  const mask = call.thread.space.readU8(call.args[2]);
  if (mask === undefined) return -Errno.EFAULT;
  return (mask & 1) !== 0 ? 0 : -Errno.EINVAL;
}

function rrInterval(call: SyscallCall): SyscallResult {
  if (target(call) === undefined) return -Errno.ESRCH;
  return writePair(call.thread.space, call.args[1], 0, 0, call.timeLayout) ? 0 : -Errno.EFAULT;
}

function getPriority(call: SyscallCall): SyscallResult {
  const which = call.int(0);
  if (which < PRIO_PROCESS || which > PRIO_USER) return -Errno.EINVAL;
  return 20 - call.thread.process.nice;
}

function setPriority(call: SyscallCall): SyscallResult {
  const which = call.int(0);
  if (which < PRIO_PROCESS || which > PRIO_USER) return -Errno.EINVAL;
  return setNice(call, call.int(2), -Errno.EACCES);
}

function setNice(call: SyscallCall, wanted: number, refused: number): SyscallResult {
  const { process } = call.thread;
  const nice = Math.min(Math.max(wanted, -20), 19);
  if (nice < process.nice && process.credentials.euid !== 0) return refused;
  process.nice = nice;
  return 0;
}

/** i386 only. */
export const schedSyscalls32: readonly SyscallRow[] = [
  { name: 'nice', args: ['int'], handler: (call) => setNice(call, call.thread.process.nice + Math.min(Math.max(call.int(0), -40), 40), -Errno.EPERM) },
];

/** The caller goes to the end of the queue. */
function yieldCpu(call: SyscallCall): SyscallResult {
  call.thread.quantum = 0;
  return 0;
}

function getcpu(call: SyscallCall): SyscallResult {
  for (const address of call.args.slice(0, 2)) if (address !== 0 && !call.thread.space.writeU32(address, 0)) return -Errno.EFAULT;
  return 0;
}

export const schedSyscalls: readonly SyscallRow[] = [
  { name: 'sched_yield', args: [], handler: yieldCpu },
  { name: 'sched_setscheduler', args: ['pid', 'int', 'ptr'], handler: (call) => setPolicy(call, call.int(1), call.args[2]) },
  { name: 'sched_getscheduler', args: ['pid'], handler: (call) => (target(call) === undefined ? -Errno.ESRCH : SCHED_OTHER) },
  { name: 'sched_setparam', args: ['pid', 'ptr'], handler: (call) => setPolicy(call, SCHED_OTHER, call.args[1]) },
  { name: 'sched_getparam', args: ['pid', 'ptr'], handler: getParameter },
  { name: 'sched_get_priority_max', args: ['int'], handler: (call) => priorityLimit(call, REALTIME_PRIORITIES.highest) },
  { name: 'sched_get_priority_min', args: ['int'], handler: (call) => priorityLimit(call, REALTIME_PRIORITIES.lowest) },
  { name: 'sched_rr_get_interval', args: ['pid', 'ptr'], handler: rrInterval },
  { name: 'sched_getaffinity', args: ['pid', 'size', 'ptr'], handler: getAffinity },
  { name: 'sched_setaffinity', args: ['pid', 'size', 'ptr'], handler: setAffinity },
  { name: 'getpriority', args: ['int', 'pid'], handler: getPriority },
  { name: 'setpriority', args: ['int', 'pid', 'int'], handler: setPriority },
  { name: 'getcpu', args: ['ptr', 'ptr', 'ptr'], handler: getcpu },
];
