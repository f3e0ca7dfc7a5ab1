/** process_vm_readv and process_vm_writev: copying between the memories of two processes. */
import { Errno } from '../errno.ts';
import { readVector, type GuestBuffer } from '../files/arguments.ts';
import { Capability, capable } from '../misc/credentials.ts';
import type { Process } from './process.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';

function transfer(call: SyscallCall, write: boolean): SyscallResult {
  const [, localAddress, localCount, remoteAddress, remoteCount] = call.args;
  if (call.args[5] !== 0) return -Errno.EINVAL;
  const local = readVector(call, localAddress, localCount);
  if (typeof local === 'number') return local;
  const remote = readVector(call, remoteAddress, remoteCount);
  if (typeof remote === 'number') return remote;
  const target = call.thread.kernel.threads.get(call.int(0));
  if (target === undefined || target.state.kind === 'dead') return -Errno.ESRCH;
  if (!mayReach(call.thread.process, target.process)) return -Errno.EPERM;
  const [source, destination] = write ? [call.thread.space, target.space] : [target.space, call.thread.space];
  const [from, to] = write ? [local, remote] : [remote, local];
  let done = 0;
  for (const piece of pieces(from, to)) {
    const bytes = new Uint8Array(piece.length);
    const count = source.readInto(piece.from, bytes);
    const written = destination.writeFrom(piece.to, bytes.subarray(0, count));
    done += written;
    if (written < piece.length) return done > 0 ? done : -Errno.EFAULT;
  }
  return done;
}

/** Its own user's processes, or all with CAP_SYS_PTRACE. */
function mayReach(process: Process, target: Process): boolean {
  const { fsuid, fsgid } = process.credentials;
  const other = target.credentials;
  if (capable(process.credentials, Capability.SYS_PTRACE)) return true;
  return [other.uid, other.euid, other.suid].every((id) => id === fsuid) && [other.gid, other.egid, other.sgid].every((id) => id === fsgid);
}

/** Cuts two vectors into pieces that are contiguous in both. */
function pieces(from: readonly GuestBuffer[], to: readonly GuestBuffer[]): { from: number; to: number; length: number }[] {
  const cut: { from: number; to: number; length: number }[] = [];
  let [i, j, iDone, jDone] = [0, 0, 0, 0];
  while (i < from.length && j < to.length) {
    const length = Math.min(from[i].length - iDone, to[j].length - jDone);
    if (length > 0) cut.push({ from: from[i].address + iDone, to: to[j].address + jDone, length });
    iDone += length;
    jDone += length;
    if (iDone === from[i].length) [i, iDone] = [i + 1, 0];
    if (jDone === to[j].length) [j, jDone] = [j + 1, 0];
  }
  return cut;
}

export const processVmSyscalls: readonly SyscallRow[] = [
  { name: 'process_vm_readv', args: ['pid', 'ptr', 'size', 'ptr', 'size', 'hex'], handler: (call) => transfer(call, false) },
  { name: 'process_vm_writev', args: ['pid', 'ptr', 'size', 'ptr', 'size', 'hex'], handler: (call) => transfer(call, true) },
];
