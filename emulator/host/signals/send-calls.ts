/** System calls that send signals: kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo. */
import { Errno } from '../errno.ts';
import { Capability, capable } from '../misc/credentials.ts';
import type { Process } from '../process/process.ts';
import type { Thread } from '../process/thread.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { sendSignal } from './send.ts';
import { InfoOffset, type SignalInfo, userInfo } from './signal-info.ts';
import { Signal, SIGRTMAX, SiCode } from './signal-numbers.ts';
import { readInfo } from './signal-set-access.ts';

/** 0 or -EPERM: may the process send the signal to the other? */
function permission(from: Process, to: Process, signal: number): number {
  if (from === to) return 0;
  const { euid, uid } = from.credentials;
  const target = to.credentials;
  if (euid === target.suid || euid === target.uid || uid === target.suid || uid === target.uid) return 0;
  if (capable(from.credentials, Capability.KILL)) return 0;
  return signal === Signal.CONT && from.session === to.session ? 0 : -Errno.EPERM;
}

function isSignal(signal: number): boolean {
  return signal >= 0 && signal <= SIGRTMAX;
}

/** Checks and sends; signal 0 only checks. */
function send(from: Process, target: Process | Thread, info: SignalInfo): number {
  const process = 'tid' in target ? target.process : target;
  const allowed = permission(from, process, info.signal);
  if (allowed < 0 || info.signal === 0 || process.isZombie) return allowed;
  return sendSignal(from.kernel, target, info);
}

/** Sends to all of many: success if one got it, else the last error; -ESRCH if there was nobody. */
function sendMany(from: Process, targets: Iterable<Process>, info: SignalInfo): number {
  let result = -Errno.ESRCH as number;
  let delivered = false;
  for (const target of [...targets]) {
    const each = send(from, target, info);
    if (each === 0) delivered = true;
    result = each;
  }
  return delivered ? 0 : result;
}

function* membersOf(from: Process, group: number): Iterable<Process> {
  for (const process of from.kernel.processes.values()) if (process.group === group) yield process;
}

function* everybodyElse(from: Process): Iterable<Process> {
  for (const process of from.kernel.processes.values()) if (process !== from && process.pid > 1) yield process;
}

/** A process by the id of any of its threads, as kill finds it. */
function findProcess(from: Process, id: number): Process | undefined {
  return from.kernel.processes.get(id) ?? from.kernel.threads.get(id)?.process;
}

/** Sends to all processes of a group, as the terminal does for ^C; no permission is asked. */
export function sendToGroup(kernel: Process['kernel'], group: number, info: SignalInfo): void {
  for (const process of [...kernel.processes.values()]) if (process.group === group && !process.isZombie) sendSignal(kernel, process, info);
}

function kill(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const id = call.int(0);
  const signal = call.int(1);
  if (!isSignal(signal)) return -Errno.EINVAL;
  const info = userInfo(signal, SiCode.USER, process.pid, process.credentials.uid);
  if (id > 0) {
    const target = findProcess(process, id);
    return target === undefined ? -Errno.ESRCH : send(process, target, info);
  }
  if (id === -1) return sendMany(process, everybodyElse(process), info);
  return sendMany(process, membersOf(process, id === 0 ? process.group : -id), info);
}

function sendToThread(call: SyscallCall, group: number | undefined, id: number, info: SignalInfo): SyscallResult {
  const { process, kernel } = call.thread;
  if (id <= 0 || (group !== undefined && group <= 0)) return -Errno.EINVAL;
  const target = kernel.threads.get(id);
  if (target === undefined || (group !== undefined && target.process.pid !== group)) return -Errno.ESRCH;
  if (!isSignal(info.signal)) return -Errno.EINVAL;
  if (target.state.kind === 'dead') return info.signal === 0 ? 0 : target.process.isZombie ? 0 : -Errno.ESRCH;
  return send(process, target, info);
}

function threadInfo(call: SyscallCall, signal: number): SignalInfo {
  const { process } = call.thread;
  return userInfo(signal, SiCode.TKILL, process.pid, process.credentials.uid);
}

/** The siginfo a program gave, with the signal number put in; or an errno. A program may not pretend to be kill or the host. */
function givenInfo(call: SyscallCall, signal: number, address: number, receiver: number): SignalInfo | number {
  const info = readInfo(call.thread.space, address, call.wordSize);
  if (info === undefined) return -Errno.EFAULT;
  if ((info.code >= 0 || info.code === SiCode.TKILL) && receiver !== call.thread.process.pid) return -Errno.EPERM;
  info.setInt(InfoOffset.signo, signal);
  return info;
}

function rtSigqueueinfo(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const id = call.int(0);
  const info = givenInfo(call, call.int(1), call.args[2], id);
  if (typeof info === 'number') return info;
  const target = findProcess(process, id);
  if (!isSignal(info.signal)) return -Errno.EINVAL;
  return target === undefined ? -Errno.ESRCH : send(process, target, info);
}

function rtTgsigqueueinfo(call: SyscallCall): SyscallResult {
  const info = givenInfo(call, call.int(2), call.args[3], call.int(0));
  return typeof info === 'number' ? info : sendToThread(call, call.int(0), call.int(1), info);
}

export const signalSendSyscalls: readonly SyscallRow[] = [
  { name: 'kill', args: ['pid', 'signal'], handler: kill },
  { name: 'tkill', args: ['pid', 'signal'], handler: (call) => sendToThread(call, undefined, call.int(0), threadInfo(call, call.int(1))) },
  { name: 'tgkill', args: ['pid', 'pid', 'signal'], handler: (call) => sendToThread(call, call.int(0), call.int(1), threadInfo(call, call.int(2))) },
  { name: 'rt_sigqueueinfo', args: ['pid', 'signal', 'ptr'], handler: rtSigqueueinfo },
  { name: 'rt_tgsigqueueinfo', args: ['pid', 'pid', 'signal', 'ptr'], handler: rtTgsigqueueinfo },
];
