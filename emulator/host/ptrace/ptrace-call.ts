/** ptrace(2): finding the tracee, checking that it may be asked, and one small function per request. */
import { Reg, Segment } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { Capability, capable } from '../misc/credentials.ts';
import { AUDIT_ARCH } from '../misc/seccomp.ts';
import type { Process } from '../process/process.ts';
import { getThreadArea, setThreadArea } from '../process/segments.ts';
import { ARGUMENT_REGISTERS } from '../process/syscall-dispatch.ts';
import type { Thread } from '../process/thread.ts';
import { notice, sendSignal } from '../signals/send.ts';
import { infoBytes } from '../signals/signal-info-layout.ts';
import { kernelInfo, SIGINFO_BYTES } from '../signals/signal-info.ts';
import { Signal, SIGRTMAX } from '../signals/signal-numbers.ts';
import { readBlockable, readInfo, SIGSET_BYTES, writeSignalSet } from '../signals/signal-set-access.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { attach, detach, resumeTracee } from './attach.ts';
import { traceRequest } from './ptrace-trace.ts';
import { peekUser, pokeUser, registerBytes } from './register-file.ts';
import { peekUser32, pokeUser32, registerBytes32 } from './register-file-32.ts';
import { EXTENDED_FLOATING, FLOATING, GENERAL, regset, type RegisterSet } from './register-sets.ts';
import { Request, TraceEvent, TraceOption } from './requests.ts';
import { SKAS3_REQUESTS } from './skas3-requests.ts';
import { stopInfo } from './stop.ts';
import type { TraceMode } from './trace-state.ts';

/** A request on a stopped tracee; `address` and `data` are ptrace's last two arguments. */
export interface TraceCall {
  readonly call: SyscallCall;
  readonly tracer: Thread;
  readonly tracee: Thread;
  readonly address: number;
  readonly data: number;
}
export type TraceHandler = (request: TraceCall) => number;

const ArchPrctl = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004 } as const;
const USER_SPACE_END = 0x7ffffffff000;

/** Requests on stopped tracees. Those not listed answer EIO. */
const REQUESTS: ReadonlyMap<number, TraceHandler> = new Map<number, TraceHandler>([
  [Request.PEEKTEXT, peekData], [Request.PEEKDATA, peekData], [Request.PEEKUSER, peekUserWord],
  [Request.POKETEXT, pokeData], [Request.POKEDATA, pokeData], [Request.POKEUSER, pokeUserWord],
  [Request.CONT, (request) => proceed(request, 'cont')], [Request.SYSCALL, (request) => proceed(request, 'syscall')],
  [Request.SINGLESTEP, (request) => proceed(request, 'singlestep')], [Request.SYSEMU, (request) => proceed(request, 'sysemu')],
  [Request.SYSEMU_SINGLESTEP, (request) => proceed(request, 'sysemu-singlestep')],
  [Request.GETREGS, (request) => getSet(request, GENERAL[request.call.wordSize])],
  [Request.SETREGS, (request) => setSet(request, GENERAL[request.call.wordSize])],
  [Request.GETFPREGS, (request) => getSet(request, FLOATING[request.call.wordSize])],
  [Request.SETFPREGS, (request) => setSet(request, FLOATING[request.call.wordSize])],
  [Request.GETFPXREGS, narrow((request) => getSet(request, EXTENDED_FLOATING))],
  [Request.SETFPXREGS, narrow((request) => setSet(request, EXTENDED_FLOATING))],
  [Request.GET_THREAD_AREA, ({ call, tracer, tracee, data }) => (call.int(2) < 0 ? -Errno.EIO : getThreadArea(tracee, tracer, data, call.int(2)))],
  [Request.SET_THREAD_AREA, ({ call, tracer, tracee, data }) => (call.int(2) < 0 ? -Errno.EIO : setThreadArea(tracee, tracer, data, call.int(2), false))],
  [Request.GETREGSET, ({ call, tracer, tracee, address, data }) => regset(tracer, call.wordSize, tracee, address, data, false)],
  [Request.SETREGSET, ({ call, tracer, tracee, address, data }) => regset(tracer, call.wordSize, tracee, address, data, true)],
  [Request.DETACH, detachTracee], [Request.OLDSETOPTIONS, setOptions], [Request.SETOPTIONS, setOptions],
  [Request.GETEVENTMSG, getEventMessage], [Request.GETSIGINFO, getSignalInfo], [Request.SETSIGINFO, setSignalInfo], [Request.PEEKSIGINFO, peekSignalInfo],
  [Request.GETSIGMASK, getMask], [Request.SETSIGMASK, setMask], [Request.ARCH_PRCTL, archPrctl], [Request.LISTEN, listen],
  [Request.GET_SYSCALL_INFO, getSyscallInfo],
  ...SKAS3_REQUESTS,
]);

function ptrace(call: SyscallCall): SyscallResult {
  const result = answer(call);
  traceRequest(call, result);
  return result;
}

function answer(call: SyscallCall): number {
  const { thread } = call;
  const [request, , address, data] = call.args;
  if (request === Request.TRACEME) return traceMe(thread);
  const tracee = thread.kernel.threads.get(call.int(1));
  if (tracee === undefined) return -Errno.ESRCH;
  if (request === Request.ATTACH || request === Request.SEIZE) return attachTo(thread, tracee, request === Request.SEIZE, address, data);
  // The thread itself, not just its process
  if (tracee.ptrace?.tracer !== thread) return -Errno.ESRCH;
  if (request === Request.KILL) {
    if (tracee.state.kind !== 'dead') sendSignal(thread.kernel, tracee, kernelInfo(Signal.KILL));
    return 0;
  }
  if (request === Request.INTERRUPT) return interrupt(tracee);
  const stop = tracee.signals.traceStop;
  if (tracee.state.kind !== 'traced' || stop === undefined || stop.listening) return -Errno.ESRCH;
  return REQUESTS.get(request)?.({ call, tracer: thread, tracee, address, data }) ?? -Errno.EIO;
}

function traceMe(thread: Thread): number {
  const { parent } = thread.process;
  if (thread.ptrace !== undefined) return -Errno.EPERM;
  if (parent !== undefined && !parent.isZombie) attach(thread, livingMaker(thread.process, parent), false, 0);
  return 0;
}

/** The parent's thread that made the process, or another of its threads once that one is gone. */
function livingMaker(process: Process, parent: Process): Thread {
  const { maker } = process;
  if (maker !== undefined && maker.process === parent && maker.state.kind !== 'dead') return maker;
  return [...parent.threads].find(({ state }) => state.kind !== 'dead') ?? parent.leader;
}

function attachTo(tracer: Thread, tracee: Thread, seize: boolean, address: number, options: number): number {
  if (seize && (address !== 0 || hasUnknownOptions(options))) return -Errno.EIO;
  if (tracee.process === tracer.process || !mayTrace(tracer, tracee)) return -Errno.EPERM;
  if (tracee.state.kind === 'dead' || tracee.ptrace !== undefined) return -Errno.EPERM;
  attach(tracee, tracer, seize, seize ? options : 0);
  if (!seize) sendSignal(tracer.kernel, tracee, kernelInfo(Signal.STOP));
  if (tracee.state.kind === 'stopped') {
    // From a job-control stop straight into the trace stop that shows it
    tracee.signals.stopPending = tracee.process.signals.stopSignal;
    tracer.kernel.resume(tracee);
  }
  return 0;
}

function mayTrace(tracer: Thread, tracee: Thread): boolean {
  const mine = tracer.process.credentials;
  const other = tracee.process.credentials;
  if (capable(mine, Capability.SYS_PTRACE)) return true;
  const sameUser = mine.uid === other.euid && mine.uid === other.suid && mine.uid === other.uid;
  const sameGroup = mine.gid === other.egid && mine.gid === other.sgid && mine.gid === other.gid;
  return sameUser && sameGroup && tracee.process.dumpable === 1;
}

function interrupt(tracee: Thread): number {
  if (tracee.ptrace?.seized !== true) return -Errno.EIO;
  tracee.signals.trapPending = true;
  if (tracee.signals.traceStop?.listening === true) tracee.kernel.resume(tracee);
  else notice(tracee.kernel, tracee, false);
  return 0;
}

function proceed({ call, tracee }: TraceCall, mode: TraceMode): number {
  const signal = call.big(3);
  if (signal > BigInt(SIGRTMAX)) return -Errno.EIO;
  resumeTracee(tracee, mode, Number(signal));
  return 0;
}

function detachTracee({ tracee, data }: TraceCall): number {
  if (data > SIGRTMAX) return -Errno.EIO;
  detach(tracee, data);
  return 0;
}

function getSet({ tracer, tracee, data }: TraceCall, set: RegisterSet): number {
  return set.get(tracer, tracee, data, set.bytes);
}

function setSet({ tracer, tracee, data }: TraceCall, set: RegisterSet): number {
  return set.set(tracer, tracee, data, set.bytes);
}

/** A request that 64-bit tracers do not have. */
function narrow(handler: TraceHandler): TraceHandler {
  return (request) => (request.call.wordSize === 4 ? handler(request) : -Errno.EIO);
}

function peekData({ call, tracer, tracee, address, data }: TraceCall): number {
  const word = tracee.space.peek(address, call.wordSize);
  if (word === undefined) return -Errno.EIO;
  return tracer.space.write(data, word) ? 0 : -Errno.EFAULT;
}

function pokeData({ call, tracee, address }: TraceCall): number {
  const word = new Uint8Array(8);
  new DataView(word.buffer).setBigUint64(0, call.big(3), true);
  if (call.wordSize === 4) return tracee.space.poke(address, word.subarray(0, 4)) ? 0 : -Errno.EIO;
  return tracee.space.poke(address, word) ? 0 : -Errno.EIO;
}

function peekUserWord({ call, tracer, tracee, address, data }: TraceCall): number {
  const wide = call.wordSize === 8;
  const result = wide ? peekUser(tracee, address) : peekUser32(tracee, address);
  if (result < 0) return result;
  return tracer.space.write(data, (wide ? registerBytes : registerBytes32).subarray(0, call.wordSize)) ? 0 : -Errno.EFAULT;
}

function pokeUserWord({ call, tracee, address }: TraceCall): number {
  return call.wordSize === 8 ? pokeUser(tracee, address, call.big(3)) : pokeUser32(tracee, address, call.uint(3));
}

function hasUnknownOptions(options: number): boolean {
  return options > TraceOption.MASK || (options & ~TraceOption.MASK) !== 0;
}

function setOptions({ tracee, data }: TraceCall): number {
  if (hasUnknownOptions(data)) return -Errno.EINVAL;
  if (tracee.ptrace !== undefined) tracee.ptrace.options = data;
  return 0;
}

function getEventMessage({ call, tracer, tracee, data }: TraceCall): number {
  return tracer.space.writeWord(data, tracee.ptrace?.eventMessage ?? 0, call.wordSize) ? 0 : -Errno.EFAULT;
}

function getSignalInfo({ call, tracer, tracee, data }: TraceCall): number {
  const { traceStop } = tracee.signals;
  const info = traceStop === undefined ? undefined : stopInfo(tracee, traceStop);
  if (info === undefined) return -Errno.EINVAL;
  return tracer.space.write(data, infoBytes(info, call.wordSize)) ? 0 : -Errno.EFAULT;
}

function setSignalInfo({ call, tracer, tracee, data }: TraceCall): number {
  const { traceStop } = tracee.signals;
  const info = readInfo(tracer.space, data, call.wordSize);
  if (info === undefined) return -Errno.EFAULT;
  if (traceStop === undefined || stopInfo(tracee, traceStop) === undefined) return -Errno.EINVAL;
  traceStop.info = info;
  return 0;
}

/** struct ptrace_peeksiginfo_args: u64 offset, u32 flags (1: the process's queue), s32 how many. */
function peekSignalInfo({ call, tracer, tracee, address, data }: TraceCall): number {
  const { space } = tracer;
  const offset = space.readU64(address);
  const flags = space.readU32(address + 8);
  const wanted = space.readU32(address + 12);
  if (offset === undefined || flags === undefined || wanted === undefined) return -Errno.EFAULT;
  if ((flags & ~1) !== 0 || (wanted | 0) < 0) return -Errno.EINVAL;
  const queue = (flags & 1) !== 0 ? tracee.process.signals.pending : tracee.signals.pending;
  const found = queue.entries().slice(offset, offset + wanted);
  for (let i = 0; i < found.length; i++) {
    if (!space.write(data + i * SIGINFO_BYTES, infoBytes(found[i], call.wordSize))) return i === 0 ? -Errno.EFAULT : i;
  }
  return found.length;
}

function getMask({ tracer, tracee, address, data }: TraceCall): number {
  if (address !== SIGSET_BYTES) return -Errno.EINVAL;
  return writeSignalSet(tracer.space, data, tracee.signals.savedMask ?? tracee.signals.blocked) ? 0 : -Errno.EFAULT;
}

function setMask({ tracer, tracee, address, data }: TraceCall): number {
  if (address !== SIGSET_BYTES) return -Errno.EINVAL;
  const mask = readBlockable(tracer.space, data);
  if (mask === undefined) return -Errno.EFAULT;
  tracee.signals.savedMask = undefined;
  tracee.signals.blocked.set(mask);
  return 0;
}

/** Here the code is in `data` and the value or pointer in `address`. */
function archPrctl({ call, tracer, tracee, address, data }: TraceCall): number {
  if (call.wordSize === 4) return -Errno.EIO;
  const { context } = tracee;
  switch (data) {
    case ArchPrctl.SET_FS:
    case ArchPrctl.SET_GS: {
      if (address >= USER_SPACE_END) return -Errno.EPERM;
      const segment = data === ArchPrctl.SET_FS ? Segment.fs : Segment.gs;
      context.setSelector(segment, 0);
      context.setSegmentBase(segment, call.big(2));
      return 0;
    }
    case ArchPrctl.GET_FS:
    case ArchPrctl.GET_GS:
      return tracer.space.writeBigU64(address, context.segmentBase(data === ArchPrctl.GET_FS ? Segment.fs : Segment.gs)) ? 0 : -Errno.EFAULT;
    default:
      return -Errno.EINVAL;
  }
}

function listen({ tracee }: TraceCall): number {
  const { traceStop } = tracee.signals;
  if (tracee.ptrace?.seized !== true || traceStop?.kind !== 'group' || traceStop.code >> 8 !== TraceEvent.STOP) return -Errno.EIO;
  traceStop.listening = true;
  return 0;
}

/** struct ptrace_syscall_info; `address` is the room there is, the answer what the kind of stop has to say. */
const INFO = { op: 0, arch: 4, ip: 8, sp: 16, nr: 24, args: 32, data: 80, rval: 24, isError: 32, bytes: 88 } as const;
const InfoOp = { NONE: 0, ENTRY: 1, EXIT: 2, SECCOMP: 3 } as const;
const INFO_LENGTH = [24, 80, 33, 84] as const;
const MAX_ERRNO = 4095n;

function getSyscallInfo({ tracer, tracee, address, data }: TraceCall): number {
  const { context, callWordSize } = tracee;
  const mask = callWordSize === 8 ? 64 : 32;
  const bytes = new Uint8Array(INFO.bytes);
  const view = new DataView(bytes.buffer);
  const op = syscallInfoOp(tracee);
  view.setUint8(INFO.op, op);
  view.setUint32(INFO.arch, AUDIT_ARCH[callWordSize], true);
  view.setBigUint64(INFO.ip, BigInt(context.rip), true);
  view.setBigUint64(INFO.sp, context.gpr(Reg.rsp), true);
  if (op === InfoOp.EXIT) {
    const value = BigInt.asIntN(mask, context.gpr(Reg.rax));
    view.setBigInt64(INFO.rval, value, true);
    view.setUint8(INFO.isError, value < 0n && value >= -MAX_ERRNO ? 1 : 0);
  } else if (op !== InfoOp.NONE) {
    view.setBigInt64(INFO.nr, BigInt(tracee.origRax), true);
    ARGUMENT_REGISTERS[callWordSize].forEach((register, i) => view.setBigUint64(INFO.args + i * 8, BigInt.asUintN(mask, context.gpr(register)), true));
    if (op === InfoOp.SECCOMP) view.setUint32(INFO.data, tracee.ptrace?.eventMessage ?? 0, true);
  }
  const length = INFO_LENGTH[op];
  return tracer.space.write(data, bytes.subarray(0, Math.min(length, address))) ? length : -Errno.EFAULT;
}

function syscallInfoOp(tracee: Thread): 0 | 1 | 2 | 3 {
  const { traceStop } = tracee.signals;
  if (traceStop === undefined) return InfoOp.NONE;
  if (traceStop.code === (Signal.TRAP | (TraceEvent.SECCOMP << 8))) return InfoOp.SECCOMP;
  if (traceStop.code !== (Signal.TRAP | 0x80)) return InfoOp.NONE;
  return traceStop.kind === 'syscall-entry' ? InfoOp.ENTRY : InfoOp.EXIT;
}

export const ptraceSyscalls: readonly SyscallRow[] = [{ name: 'ptrace', args: ['int', 'pid', 'ptr', 'hex'], handler: ptrace }];
