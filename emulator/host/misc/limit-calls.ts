/** getrlimit, setrlimit, prlimit64. In guest memory a limit is a long, all ones for "none". */
import { Errno } from '../errno.ts';
import type { Process } from '../process/process.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { Capability, capable } from './credentials.ts';
import { type Limit, Resource, RESOURCES } from './limits.ts';

const INFINITY_64 = 0xffffffffffffffffn;
const INFINITY_32 = 0xffffffffn;
const OLD_INFINITY = 0x7fffffff;
/** fs.nr_open: the most open files even root may ask for. */
const NR_OPEN = 1048576;

function readLimit(call: SyscallCall, address: number, size: 4 | 8): Limit | undefined {
  const read = (at: number) => {
    const value = size === 8 ? call.thread.space.readBigU64(at) : call.thread.space.readU32(at);
    if (value === undefined) return undefined;
    return BigInt(value) === (size === 8 ? INFINITY_64 : INFINITY_32) ? Infinity : Number(value);
  };
  const soft = read(address);
  const hard = read(address + size);
  return soft === undefined || hard === undefined ? undefined : { soft, hard };
}

function writeLimit(call: SyscallCall, address: number, { soft, hard }: Limit, size: 4 | 8): boolean {
  const { space } = call.thread;
  const write = (at: number, value: number) => {
    if (size === 8) return space.writeBigU64(at, value === Infinity ? INFINITY_64 : BigInt(value));
    return space.writeU32(at, value >= Number(INFINITY_32) ? Number(INFINITY_32) : value);
  };
  return write(address, soft) && write(address + size, hard);
}

function change(call: SyscallCall, process: Process, resource: number, limit: Limit): number {
  if (limit.soft > limit.hard) return -Errno.EINVAL;
  if (resource === Resource.NOFILE && limit.hard > NR_OPEN) return -Errno.EPERM;
  if (limit.hard > process.limits.get(resource).hard && !capable(call.thread.process.credentials, Capability.SYS_RESOURCE)) return -Errno.EPERM;
  process.limits.set(resource, limit);
  return 0;
}

function getrlimit(call: SyscallCall): SyscallResult {
  const resource = call.uint(0);
  if (resource >= RESOURCES) return -Errno.EINVAL;
  return writeLimit(call, call.args[1], call.thread.process.limits.get(resource), call.wordSize) ? 0 : -Errno.EFAULT;
}

/** The getrlimit of i386's first years: "none" is the largest positive long, and so is everything above it. */
function oldGetrlimit(call: SyscallCall): SyscallResult {
  const resource = call.uint(0);
  if (resource >= RESOURCES) return -Errno.EINVAL;
  const { soft, hard } = call.thread.process.limits.get(resource);
  return writeLimit(call, call.args[1], { soft: Math.min(soft, OLD_INFINITY), hard: Math.min(hard, OLD_INFINITY) }, 4) ? 0 : -Errno.EFAULT;
}

function setrlimit(call: SyscallCall): SyscallResult {
  const resource = call.uint(0);
  const limit = readLimit(call, call.args[1], call.wordSize);
  if (limit === undefined) return -Errno.EFAULT;
  return resource >= RESOURCES ? -Errno.EINVAL : change(call, call.thread.process, resource, limit);
}

function prlimit64(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const id = call.int(0);
  const resource = call.uint(1);
  const [, , newAddress, oldAddress] = call.args;
  const limit = newAddress === 0 ? undefined : readLimit(call, newAddress, 8);
  if (newAddress !== 0 && limit === undefined) return -Errno.EFAULT;
  const process = id === 0 ? thread.process : thread.kernel.threads.get(id)?.process;
  if (process === undefined) return -Errno.ESRCH;
  if (resource >= RESOURCES) return -Errno.EINVAL;
  if (process !== thread.process && !sameUser(thread.process, process)) return -Errno.EPERM;
  const old = process.limits.get(resource);
  const result = limit === undefined ? 0 : change(call, process, resource, limit);
  if (result < 0) return result;
  return oldAddress === 0 || writeLimit(call, oldAddress, old, 8) ? 0 : -Errno.EFAULT;
}

function sameUser(caller: Process, target: Process): boolean {
  if (capable(caller.credentials, Capability.SYS_RESOURCE)) return true;
  const { uid, gid } = caller.credentials;
  const other = target.credentials;
  return [other.uid, other.euid, other.suid].every((id) => id === uid) && [other.gid, other.egid, other.sgid].every((id) => id === gid);
}

/** i386 only; its `ugetrlimit` is the getrlimit below. */
export const limitSyscalls32: readonly SyscallRow[] = [
  { name: 'getrlimit', args: ['int', 'ptr'], handler: oldGetrlimit }, { name: 'ugetrlimit', args: ['int', 'ptr'], handler: getrlimit },
];

export const limitSyscalls: readonly SyscallRow[] = [
  { name: 'getrlimit', args: ['int', 'ptr'], handler: getrlimit },
  { name: 'setrlimit', args: ['int', 'ptr'], handler: setrlimit },
  { name: 'prlimit64', args: ['pid', 'int', 'ptr', 'ptr'], handler: prlimit64 },
];
