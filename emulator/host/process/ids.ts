/** Process, thread, group and session ids. */
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import type { Process } from './process.ts';
import { Session } from './session.ts';

function getppid(call: SyscallCall): SyscallResult {
  return parentPid(call.thread.process);
}

/** The parent's id; orphans' is 1, which is the machine. */
export function parentPid(process: Process): number {
  return process.parent?.pid ?? 1;
}

function setTidAddress(call: SyscallCall): SyscallResult {
  call.thread.clearChildTid = call.args[0];
  return call.thread.tid;
}

function setpgid(call: SyscallCall): SyscallResult {
  const { process, kernel } = call.thread;
  const pid = call.int(0) === 0 ? process.pid : call.int(0);
  const group = call.int(1) === 0 ? pid : call.int(1);
  if (group < 0) return -Errno.EINVAL;
  const target = kernel.processes.get(pid);
  if (target === undefined) return -Errno.ESRCH;
  if (target !== process) {
    if (target.parent !== process) return -Errno.ESRCH;
    if (target.session !== process.session) return -Errno.EPERM;
    if (target.execed) return -Errno.EACCES;
  }
  if (target.session.id === target.pid) return -Errno.EPERM;
  if (group !== pid && ![...kernel.processes.values()].some((other) => other.group === group && other.session === process.session)) return -Errno.EPERM;
  target.group = group;
  return 0;
}

function setsid(call: SyscallCall): SyscallResult {
  const { process, kernel } = call.thread;
  for (const other of kernel.processes.values()) if (other.group === process.pid) return -Errno.EPERM;
  process.session = new Session(process.pid);
  process.group = process.pid;
  return process.pid;
}

function ofProcess(call: SyscallCall, value: (process: Process) => number): SyscallResult {
  const pid = call.int(0);
  const target = pid === 0 ? call.thread.process : call.thread.kernel.processes.get(pid);
  return target === undefined ? -Errno.ESRCH : value(target);
}

export const idSyscalls: readonly SyscallRow[] = [
  { name: 'getpid', args: [], handler: (call) => call.thread.process.pid },
  { name: 'gettid', args: [], handler: (call) => call.thread.tid },
  { name: 'getppid', args: [], handler: getppid },
  { name: 'set_tid_address', args: ['ptr'], handler: setTidAddress },
  { name: 'setpgid', args: ['pid', 'pid'], handler: setpgid },
  { name: 'getpgid', args: ['pid'], handler: (call) => ofProcess(call, (process) => process.group) },
  { name: 'getpgrp', args: [], handler: (call) => call.thread.process.group },
  { name: 'setsid', args: [], handler: setsid },
  { name: 'getsid', args: ['pid'], handler: (call) => ofProcess(call, (process) => process.session.id) },
];
