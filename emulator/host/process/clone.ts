/** clone, clone3, fork and vfork: new threads and processes, and what they share with their maker. */
import { Reg, Segment } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { Capability, capable } from '../misc/credentials.ts';
import { Resource } from '../misc/limits.ts';
import { Signal } from '../signals/signal-numbers.ts';
import { onClone, onVforkDone, stopForEvent } from '../ptrace/hooks.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { WaitQueue } from '../wait-queue.ts';
import { Process } from './process.ts';
import { setThreadArea } from './segments.ts';
import { ThreadContext } from './thread-context.ts';
import { Thread } from './thread.ts';

/** Bits of clone's flags (include/uapi/linux/sched.h); the low byte is the exit signal. */
export const CloneFlag = {
  exitSignal: 0xff, vm: 0x100, fs: 0x200, files: 0x400, sighand: 0x800, pidfd: 0x1000, ptrace: 0x2000, vfork: 0x4000, parent: 0x8000, thread: 0x10000,
  newNamespace: 0x20000, sysvsem: 0x40000, settls: 0x80000, parentSettid: 0x100000, childCleartid: 0x200000, detached: 0x400000, untraced: 0x800000,
  childSettid: 0x1000000,
} as const;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACES = 0x20000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
/** struct clone_args of clone3: its first version's size, and the size with all fields known here. */
const CLONE_ARGS_VER0 = 64;
const CLONE_ARGS_MAX = 88;

export interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  /** Initial stack pointer; 0: as the maker's. */
  readonly stack: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: bigint;
}

/** A vfork in progress, in the call's state. */
interface Vforking {
  readonly child: number;
  readonly queue: WaitQueue;
  done: boolean;
}

function start(call: SyscallCall, request: CloneRequest): SyscallResult {
  const { thread } = call;
  if (isVforking(call.state)) return continueVfork(thread, call.state);
  const child = cloneThread(thread, request);
  if (typeof child === 'number') return child;
  if ((request.flags & CloneFlag.vfork) === 0) return child.tid;
  const queue = new WaitQueue();
  const vforking: Vforking = { child: child.tid, queue, done: false };
  queue.add({ wake: () => (vforking.done = true) });
  child.vforkDone = queue;
  call.state = vforking;
  return continueVfork(thread, vforking);
}

/** A tracer hears of the child before the wait. The thread is woken when the child is through, or by a signal, which only ends the wait if it is SIGKILL. */
function continueVfork(thread: Thread, vforking: Vforking): SyscallResult {
  if (stopForEvent(thread)) return 0;
  if (!vforking.done) return new Wait([vforking.queue], 'uninterruptible');
  onVforkDone(thread, vforking.child);
  thread.kernel.hooks.onVforkDone?.(thread);
  return vforking.child;
}

function isVforking(state: unknown): state is Vforking {
  return typeof state === 'object' && state !== null && 'child' in state;
}

/** Makes the new thread and queues it; -errno. */
export function cloneThread(parent: Thread, request: CloneRequest): Thread | number {
  const { flags } = request;
  const { kernel } = parent;
  const shares = (flag: number): boolean => (flags & flag) !== 0;
  if (shares(CloneFlag.sighand) && !shares(CloneFlag.vm)) return -Errno.EINVAL;
  if (shares(CloneFlag.thread) && !shares(CloneFlag.sighand)) return -Errno.EINVAL;
  if (shares(CloneFlag.pidfd)) return -Errno.EINVAL;
  if ((flags & NAMESPACES) !== 0) return -Errno.EPERM;
  if (exceedsProcessLimit(parent)) return -Errno.EAGAIN;
  const tid = kernel.nextId();
  if (tid === 0) return -Errno.EAGAIN;
  const slot = kernel.contexts.take();
  if (slot === 0) return -Errno.ENOMEM;
  const process = shares(CloneFlag.thread) ? parent.process : childProcess(parent, tid, request);
  const space = shares(CloneFlag.vm) ? parent.space.retain() : parent.space.clone(process.spaceLimits);
  if (space === undefined) {
    kernel.contexts.give(slot);
    process.executableFile?.release();
    return -Errno.ENOMEM;
  }
  const child = new Thread(kernel, {
    tid, process, context: new ThreadContext(kernel.linear, slot), space,
    descriptors: shares(CloneFlag.files) ? parent.descriptors.retain() : parent.descriptors.clone(),
    fs: shares(CloneFlag.fs) ? parent.fs : parent.fs.clone(),
  });
  child.name = parent.name;
  child.personality = parent.personality;
  child.signals.cloneFrom(parent.signals, shares(CloneFlag.vm), shares(CloneFlag.vfork));
  child.context.copyFrom(parent.context);
  child.context.setGprNumber(Reg.rax, 0);
  if (request.stack !== 0) child.context.setGprNumber(Reg.rsp, request.stack);
  if (shares(CloneFlag.settls)) {
    const failed = parent.callWordSize === 8 ? setThreadPointer(child, request.tls) : setThreadArea(child, parent, Number(request.tls), undefined, false);
    if (failed < 0) return abandon(parent, child, failed);
  }
  child.phase = 'return';
  if (shares(CloneFlag.parentSettid)) parent.space.writeU32(request.parentTid, tid);
  if (shares(CloneFlag.childSettid)) child.space.writeU32(request.childTid, tid);
  if (shares(CloneFlag.childCleartid)) child.clearChildTid = request.childTid;
  if (!shares(CloneFlag.thread)) {
    process.leader = child;
    process.parent?.children.add(process);
    kernel.processes.set(tid, process);
    kernel.countLive(1);
  }
  process.threads.add(child);
  kernel.threads.set(tid, child);
  onClone(parent, child, flags | request.exitSignal);
  kernel.hooks.onClone?.(parent, child, shares(CloneFlag.vfork));
  kernel.scheduler.enqueue(child);
  return child;
}

function setThreadPointer(thread: Thread, base: bigint): number {
  thread.context.setSegmentBase(Segment.fs, base);
  return 0;
}

/** The child cannot be after all: lets go of what it was given. */
function abandon(maker: Thread, child: Thread, error: number): number {
  child.space.release();
  child.descriptors.release();
  child.kernel.contexts.give(child.context.slot);
  if (child.process !== maker.process) child.process.executableFile?.release();
  return error;
}

function childProcess(parent: Thread, pid: number, request: CloneRequest): Process {
  const maker = parent.process;
  const sibling = (request.flags & CloneFlag.parent) !== 0;
  const process = new Process(parent.kernel, pid, {
    parent: sibling ? maker.parent : maker, maker: sibling ? maker.maker : parent, group: maker.group, session: maker.session, limits: maker.limits.copy(), credentials: maker.credentials,
    exitSignal: sibling ? maker.exitSignal : request.exitSignal,
  });
  process.signals.forkFrom(maker.signals);
  process.executable = maker.executable;
  const file = maker.executableFile;
  file?.retain();
  process.executableFile = file;
  process.dumpable = maker.dumpable;
  process.nice = maker.nice;
  return process;
}

/** RLIMIT_NPROC, which counts the threads of all the user's processes and does not bind root or the privileged. */
function exceedsProcessLimit({ kernel, process }: Thread): boolean {
  const { uid } = process.credentials;
  const limit = process.limits.soft(Resource.NPROC);
  if (limit === Infinity || uid === 0 || capable(process.credentials, Capability.SYS_RESOURCE) || capable(process.credentials, Capability.SYS_ADMIN)) return false;
  let count = 0;
  for (const other of kernel.processes.values()) if (other.credentials.uid === uid) count += Math.max(other.threads.size, 1);
  return count >= limit;
}

function clone(call: SyscallCall): SyscallResult {
  const flags = call.uint(0);
  return start(call, {
    flags: (flags & ~CloneFlag.exitSignal) >>> 0, exitSignal: flags & CloneFlag.exitSignal, stack: call.args[1], parentTid: call.args[2], childTid: call.args[3], tls: call.big(4),
  });
}

function clone3(call: SyscallCall): SyscallResult {
  const [address, size] = call.args;
  const { space } = call.thread;
  if (size < CLONE_ARGS_VER0) return -Errno.EINVAL;
  if (size > CLONE_ARGS_MAX) return -Errno.E2BIG;
  const bytes = space.read(address, size);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer);
  const field = (i: number): bigint => (i * 8 + 8 <= size ? view.getBigUint64(i * 8, true) : 0n);
  const [flags, , childTid, parentTid, exitSignal, stack, stackSize, tls, setTid, , cgroup] = Array.from({ length: 11 }, (_, i) => field(i));
  if (flags > 0xffffffffn || (flags & BigInt(CloneFlag.detached | CloneFlag.exitSignal)) !== 0n || setTid !== 0n || cgroup !== 0n) return -Errno.EINVAL;
  if (exitSignal > 64n || ((flags & BigInt(CloneFlag.thread | CloneFlag.parent)) !== 0n && exitSignal !== 0n)) return -Errno.EINVAL;
  if ((stack === 0n) !== (stackSize === 0n)) return -Errno.EINVAL;
  return start(call, {
    flags: Number(flags), exitSignal: Number(exitSignal), stack: Number(stack + stackSize), parentTid: Number(parentTid), childTid: Number(childTid), tls,
  });
}

const NO_CLONE_ARGUMENTS = { stack: 0, parentTid: 0, childTid: 0, tls: 0n } as const;

function fork(call: SyscallCall): SyscallResult {
  return start(call, { ...NO_CLONE_ARGUMENTS, flags: 0, exitSignal: Signal.CHLD });
}

function vfork(call: SyscallCall): SyscallResult {
  return start(call, { ...NO_CLONE_ARGUMENTS, flags: CloneFlag.vfork | CloneFlag.vm, exitSignal: Signal.CHLD });
}

export const cloneSyscalls: readonly SyscallRow[] = [
  { name: 'clone', args: ['hex', 'ptr', 'ptr', 'ptr', 'hex'], handler: clone },
  { name: 'clone3', args: ['ptr', 'size'], handler: clone3 },
  { name: 'fork', args: [], handler: fork },
  { name: 'vfork', args: [], handler: vfork },
];
