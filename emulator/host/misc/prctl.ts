/** prctl(2). Options about things the machine does not have answer EINVAL, as a kernel built without them does. */
import { Errno } from '../errno.ts';
import type { Thread } from '../process/thread.ts';
import { SIGRTMAX } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { ALL_CAPABILITIES, Capability, capable } from './credentials.ts';
import { SeccompMode, seccompMode, setFilter, setStrict } from './seccomp.ts';

const Option = {
  SET_PDEATHSIG: 1, GET_PDEATHSIG: 2, GET_DUMPABLE: 3, SET_DUMPABLE: 4, GET_KEEPCAPS: 7, SET_KEEPCAPS: 8, GET_TIMING: 13, SET_TIMING: 14, SET_NAME: 15, GET_NAME: 16,
  GET_SECCOMP: 21, SET_SECCOMP: 22, CAPBSET_READ: 23, CAPBSET_DROP: 24, GET_TSC: 25, SET_TSC: 26, GET_SECUREBITS: 27, SET_TIMERSLACK: 29, GET_TIMERSLACK: 30,
  SET_CHILD_SUBREAPER: 36, GET_CHILD_SUBREAPER: 37, SET_NO_NEW_PRIVS: 38, GET_NO_NEW_PRIVS: 39, GET_TID_ADDRESS: 40, SET_THP_DISABLE: 41, GET_THP_DISABLE: 42,
  CAP_AMBIENT: 47, SET_PTRACER: 0x59616d61, SET_VMA: 0x53564d41,
} as const;
/** Length of a thread's name with its NUL. */
const NAME_BYTES = 16;
const TSC_ENABLE = 1;
const DEFAULT_TIMER_SLACK = 50_000;
const AmbientCode = { IS_SET: 1, CLEAR_ALL: 4 } as const;
const decoder = new TextDecoder('latin1');

type Handler = (call: SyscallCall, thread: Thread) => SyscallResult;

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [Option.SET_NAME, setName], [Option.GET_NAME, getName],
  [Option.SET_PDEATHSIG, setParentDeathSignal],
  [Option.GET_PDEATHSIG, (call, { process }) => writeInt(call, process.parentDeathSignal)],
  [Option.GET_DUMPABLE, (_, { process }) => process.dumpable], [Option.SET_DUMPABLE, setDumpable],
  [Option.GET_KEEPCAPS, () => 0], [Option.GET_TIMING, () => 0], [Option.SET_TIMING, (call) => (call.args[1] === 0 ? 0 : -Errno.EINVAL)],
  [Option.GET_SECCOMP, (_, thread) => seccompMode(thread)], [Option.SET_SECCOMP, setSeccomp],
  [Option.CAPBSET_READ, readBounding], [Option.CAPBSET_DROP, dropBounding], [Option.GET_SECUREBITS, () => 0],
  [Option.GET_TSC, (call) => writeInt(call, TSC_ENABLE)], [Option.SET_TSC, (call) => (call.args[1] === TSC_ENABLE ? 0 : -Errno.EINVAL)],
  [Option.GET_TIMERSLACK, () => DEFAULT_TIMER_SLACK], [Option.SET_TIMERSLACK, () => 0],
  [Option.SET_CHILD_SUBREAPER, (call, { process }) => { process.subreaper = call.args[1] !== 0; return 0; }],
  [Option.GET_CHILD_SUBREAPER, (call, { process }) => writeInt(call, process.subreaper ? 1 : 0)],
  [Option.SET_NO_NEW_PRIVS, setNoNewPrivileges],
  [Option.GET_NO_NEW_PRIVS, (call, { signals }) => (call.args.slice(1, 5).some((argument) => argument !== 0) ? -Errno.EINVAL : signals.noNewPrivileges ? 1 : 0)],
  [Option.GET_TID_ADDRESS, (call, thread) => (thread.space.writeWord(call.args[1], thread.clearChildTid, call.wordSize) ? 0 : -Errno.EFAULT)],
  [Option.SET_THP_DISABLE, () => 0], [Option.GET_THP_DISABLE, () => 0],
  // Without Yama anybody who may trace by the usual rules may
  [Option.SET_PTRACER, () => -Errno.EINVAL],
  [Option.CAP_AMBIENT, (call) => (call.args[1] === AmbientCode.IS_SET || call.args[1] === AmbientCode.CLEAR_ALL ? 0 : -Errno.EPERM)],
]);

function prctl(call: SyscallCall): SyscallResult {
  return HANDLERS.get(call.int(0))?.(call, call.thread) ?? -Errno.EINVAL;
}

function writeInt(call: SyscallCall, value: number): SyscallResult {
  return call.thread.space.writeU32(call.args[1], value) ? 0 : -Errno.EFAULT;
}

function setName(call: SyscallCall, thread: Thread): SyscallResult {
  const bytes = thread.space.readStringBytes(call.args[1], NAME_BYTES - 1);
  if (bytes === undefined) return -Errno.EFAULT;
  thread.name = decoder.decode(bytes);
  return 0;
}

function getName(call: SyscallCall, thread: Thread): SyscallResult {
  const bytes = new Uint8Array(NAME_BYTES);
  for (let i = 0; i < thread.name.length && i < NAME_BYTES - 1; i++) bytes[i] = thread.name.charCodeAt(i);
  return thread.space.write(call.args[1], bytes) ? 0 : -Errno.EFAULT;
}

function setParentDeathSignal(call: SyscallCall, { process }: Thread): SyscallResult {
  const [, signal] = call.args;
  if (signal > SIGRTMAX) return -Errno.EINVAL;
  process.parentDeathSignal = signal;
  return 0;
}

function setDumpable(call: SyscallCall, { process }: Thread): SyscallResult {
  const [, value] = call.args;
  if (value !== 0 && value !== 1) return -Errno.EINVAL;
  process.dumpable = value;
  return 0;
}

function setSeccomp(call: SyscallCall, thread: Thread): SyscallResult {
  const [, mode, address] = call.args;
  if (mode === SeccompMode.STRICT) return setStrict(thread);
  return mode === SeccompMode.FILTER ? setFilter(call, 0, address) : -Errno.EINVAL;
}

function readBounding(call: SyscallCall, { process }: Thread): SyscallResult {
  const capability = call.big(1);
  if (capability > 63n || ((ALL_CAPABILITIES >> capability) & 1n) === 0n) return -Errno.EINVAL;
  return Number((process.credentials.bounding >> capability) & 1n);
}

function dropBounding(call: SyscallCall, { process }: Thread): SyscallResult {
  const capability = call.big(1);
  if (!capable(process.credentials, Capability.SETPCAP)) return -Errno.EPERM;
  if (capability > 63n || ((ALL_CAPABILITIES >> capability) & 1n) === 0n) return -Errno.EINVAL;
  process.credentials = { ...process.credentials, bounding: process.credentials.bounding & ~(1n << capability) };
  return 0;
}

function setNoNewPrivileges(call: SyscallCall, { signals }: Thread): SyscallResult {
  const [, value, ...rest] = call.args;
  if (value !== 1 || rest.slice(0, 3).some((argument) => argument !== 0)) return -Errno.EINVAL;
  signals.noNewPrivileges = true;
  return 0;
}

export const prctlSyscalls: readonly SyscallRow[] = [{ name: 'prctl', args: ['int', 'hex', 'hex', 'hex', 'hex'], handler: prctl }];
