/** wait4 and waitid: exits, stops and continuings of children, and everything of tracees, which need not be children. */
import { Errno } from '../errno.ts';
import { forgetTracee } from '../ptrace/hooks.ts';
import { reportStop, reportTrace, stoppedSignal } from '../ptrace/wait-status.ts';
import { childInfo, exitInfo, SIGINFO_BYTES, type SignalInfo } from '../signals/signal-info.ts';
import { infoBytes } from '../signals/signal-info-layout.ts';
import { ChildCode, Signal } from '../signals/signal-numbers.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../syscall.ts';
import { announceExit, forgetThread, reap } from './exit.ts';
import type { Process } from './process.ts';
import { writeUsage } from './usage.ts';
import type { Thread } from './thread.ts';

const WaitOption = {
  noHang: 1, untraced: 2, exited: 4, continued: 8, noWait: 0x01000000, noThread: 0x20000000, all: 0x40000000, clone: 0x80000000,
} as const;
const WAIT4_OPTIONS = WaitOption.noHang | WaitOption.untraced | WaitOption.continued | WaitOption.noThread | WaitOption.all | WaitOption.clone;
const WAITID_OPTIONS = WAIT4_OPTIONS | WaitOption.exited | WaitOption.noWait;
const IdType = { all: 0, pid: 1, group: 2, pidfd: 3 } as const;
const STOPPED = 0x7f;
const CONTINUED = 0xffff;

interface Selection {
  readonly kind: 'any' | 'pid' | 'group';
  readonly id: number;
  readonly options: number;
}

/** Something to report. */
interface Event {
  /** Thread id of the tracee or process id of the child. */
  readonly id: number;
  readonly uid: number;
  readonly status: number;
  /** Instructions it has retired, for rusage. */
  readonly used: number;
  /** The stop is a tracee's: waitid says CLD_TRAPPED. */
  readonly trapped: boolean;
}

/** Looks for an event; undefined: nothing now, but there is somebody to wait for; 'none': nobody (ECHILD). */
function findEvent(waiter: Thread, selection: Selection): Event | undefined | 'none' {
  const { options } = selection;
  const consume = (options & WaitOption.noWait) === 0;
  const wantsStops = (options & WaitOption.untraced) !== 0;
  let candidates = false;
  for (const thread of waitersOf(waiter, options)) {
    for (const tracee of thread.signals.tracees) {
      if (!selects(selection, tracee.tid, tracee.process.group)) continue;
      candidates = true;
      const event = traceeEvent(tracee, options, consume);
      if (event !== undefined) return event;
    }
  }
  for (const child of waiter.process.children) {
    if (!selects(selection, child.pid, child.group) || !isKind(child, options)) continue;
    const traced = child.leader.ptrace !== undefined;
    const tracedByUs = traced && child.leader.ptrace?.tracer.process === waiter.process;
    candidates = true;
    if (tracedByUs) continue;
    if (child.isZombie) {
      if (traced || (options & WaitOption.exited) === 0) continue;
      return exitEvent(child, consume);
    }
    if (traced) continue;
    const status = reportStop(child, { stopped: wantsStops, continued: (options & WaitOption.continued) !== 0 }, consume);
    if (status !== undefined) return { id: child.pid, uid: child.credentials.uid, status, used: child.timers.used, trapped: false };
  }
  return candidates ? undefined : 'none';
}

/** With __WNOTHREAD only what the calling thread itself traces counts. */
function waitersOf(waiter: Thread, options: number): Iterable<Thread> {
  return (options & WaitOption.noThread) !== 0 ? [waiter] : waiter.process.threads;
}

function traceeEvent(tracee: Thread, options: number, consume: boolean): Event | undefined {
  const { process } = tracee;
  if (tracee.state.kind === 'dead') {
    if ((options & WaitOption.exited) === 0) return undefined;
    if (tracee.isLeader) return process.isZombie ? exitEvent(process, consume) : undefined;
    const event = { id: tracee.tid, uid: process.credentials.uid, status: tracee.exitStatus, used: tracee.retired, trapped: false };
    if (consume) forgetThread(tracee);
    return event;
  }
  const stop = reportTrace(tracee, consume);
  if (stop !== undefined) return { id: tracee.tid, uid: process.credentials.uid, status: stop, used: process.timers.used, trapped: true };
  if ((options & WaitOption.continued) === 0 || !tracee.isLeader) return undefined;
  const status = reportStop(process, { stopped: false, continued: true }, consume);
  return status === undefined ? undefined : { id: tracee.tid, uid: process.credentials.uid, status, used: process.timers.used, trapped: false };
}

/** Takes a zombie's status. A tracer that is not the parent leaves the zombie to the parent. */
function exitEvent(process: Process, consume: boolean): Event {
  const event = {
    id: process.pid, uid: process.credentials.uid, status: process.exitStatus ?? 0, used: process.timers.used + process.timers.childrenUsed, trapped: false,
  };
  if (!consume) return event;
  const tracer = process.leader.ptrace?.tracer.process;
  if (tracer !== undefined && tracer !== process.parent) {
    forgetTracee(process.leader);
    announceExit(process);
  } else {
    reap(process);
  }
  return event;
}

function selects(selection: Selection, pid: number, group: number): boolean {
  return selection.kind === 'any' || (selection.kind === 'pid' ? pid === selection.id : group === selection.id);
}

/** "Clone children" are those which do not signal SIGCHLD. */
function isKind(child: Process, options: number): boolean {
  if ((options & WaitOption.all) !== 0 || child.leader.ptrace !== undefined) return true;
  return (child.exitSignal !== Signal.CHLD) === ((options & WaitOption.clone) !== 0);
}

function wait4(call: SyscallCall, hasUsage: boolean): SyscallResult {
  const { thread } = call;
  const pid = call.int(0);
  const options = call.uint(2);
  if ((options & ~WAIT4_OPTIONS) !== 0) return -Errno.EINVAL;
  if (pid === -0x80000000) return -Errno.ESRCH;
  const selection: Selection = {
    kind: pid === -1 ? 'any' : pid > 0 ? 'pid' : 'group', id: pid > 0 ? pid : pid === 0 ? thread.process.group : -pid, options: options | WaitOption.exited,
  };
  const event = findEvent(thread, selection);
  if (event === 'none') return -Errno.ECHILD;
  if (event === undefined) return (options & WaitOption.noHang) !== 0 ? 0 : new Wait([thread.process.childEvents]);
  if (call.args[1] !== 0 && !thread.space.writeU32(call.args[1], event.status)) return -Errno.EFAULT;
  if (hasUsage && call.args[3] !== 0 && !writeUsage(call, call.args[3], event.used)) return -Errno.EFAULT;
  return event.id;
}

function waitid(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const type = call.int(0);
  const options = call.uint(3);
  if ((options & ~WAITID_OPTIONS) !== 0 || (options & (WaitOption.exited | WaitOption.untraced | WaitOption.continued)) === 0) return -Errno.EINVAL;
  if (type === IdType.pidfd) return -Errno.EBADF;
  if (type !== IdType.all && type !== IdType.pid && type !== IdType.group) return -Errno.EINVAL;
  const id = call.int(1);
  if ((type === IdType.pid && id <= 0) || (type === IdType.group && id < 0)) return -Errno.EINVAL;
  const selection: Selection = {
    kind: type === IdType.all ? 'any' : type === IdType.pid ? 'pid' : 'group', id: type === IdType.group && id === 0 ? thread.process.group : id, options,
  };
  const event = findEvent(thread, selection);
  if (event === 'none') return -Errno.ECHILD;
  if (event === undefined && (options & WaitOption.noHang) === 0) return new Wait([thread.process.childEvents]);
  const bytes = event === undefined ? new Uint8Array(SIGINFO_BYTES) : infoBytes(eventInfo(event), call.wordSize);
  if (call.args[2] !== 0 && !thread.space.write(call.args[2], bytes)) return -Errno.EFAULT;
  if (event !== undefined && call.args[4] !== 0 && !writeUsage(call, call.args[4], event.used)) return -Errno.EFAULT;
  return 0;
}

function eventInfo(event: Event): SignalInfo {
  const { status, id, uid } = event;
  if (status === CONTINUED) return childInfo(Signal.CHLD, ChildCode.CONTINUED, id, uid, Signal.CONT);
  if ((status & 0xff) !== STOPPED) return exitInfo(Signal.CHLD, id, uid, status);
  return childInfo(Signal.CHLD, event.trapped ? ChildCode.TRAPPED : ChildCode.STOPPED, id, uid, stoppedSignal(status));
}

export const waitSyscalls: readonly SyscallRow[] = [
  { name: 'wait4', args: ['pid', 'ptr', 'hex', 'ptr'], handler: (call) => wait4(call, true) },
  { name: 'waitid', args: ['int', 'pid', 'ptr', 'hex', 'ptr'], handler: waitid },
];

/** i386 only. */
export const waitSyscalls32: readonly SyscallRow[] = [{ name: 'waitpid', args: ['pid', 'ptr', 'hex'], handler: (call) => wait4(call, false) }];
