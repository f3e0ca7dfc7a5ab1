/** User and group ids: getuid … setresgid, getgroups, setgroups (credentials(7)). An id of -1 means "leave it". */
import { Errno } from '../errno.ts';
import type { Process } from '../process/process.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { ALL_CAPABILITIES, Capability, capable, type Credentials } from './credentials.ts';
import { highId, lowId } from './small-ids.ts';

const KEEP = 0xffffffff;
const NGROUPS_MAX = 65536;

interface UserIds {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
}

interface GroupIds {
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
}

/** Sets user ids; the file system's follows the effective one, and capabilities go and come with uid 0. */
function changeUser(process: Process, ids: UserIds): number {
  const old = process.credentials;
  const next: Credentials = { ...old, ...ids, fsuid: ids.euid };
  process.credentials = { ...next, ...capabilitiesAfter(old, next) };
  return 0;
}

function capabilitiesAfter(old: Credentials, next: Credentials): Pick<Credentials, 'permitted' | 'effective'> {
  const hadRoot = old.uid === 0 || old.euid === 0 || old.suid === 0;
  const hasRoot = next.uid === 0 || next.euid === 0 || next.suid === 0;
  if (hadRoot && !hasRoot) return { permitted: 0n, effective: 0n };
  if (old.euid === 0 && next.euid !== 0) return { permitted: old.permitted, effective: 0n };
  if (old.euid !== 0 && next.euid === 0) return { permitted: old.permitted, effective: old.permitted & ALL_CAPABILITIES };
  return { permitted: old.permitted, effective: old.effective };
}

function changeGroup(process: Process, ids: GroupIds): number {
  process.credentials = { ...process.credentials, ...ids, fsgid: ids.egid };
  return 0;
}

/** May each id be set? Without privilege only to one of those the process has. */
function allowed(privileged: boolean, ids: readonly number[], own: readonly number[]): boolean {
  return privileged || ids.every((id) => id === KEEP || own.includes(id));
}

function pick(id: number, old: number): number {
  return id === KEEP ? old : id;
}

function setuid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { uid, suid } = process.credentials;
  const id = call.uint(0);
  if (id === KEEP) return -Errno.EINVAL;
  if (capable(process.credentials, Capability.SETUID)) return changeUser(process, { uid: id, euid: id, suid: id });
  return id === uid || id === suid ? changeUser(process, { uid, euid: id, suid }) : -Errno.EPERM;
}

function setreuid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { uid, euid, suid } = process.credentials;
  const [real, effective] = [call.uint(0), call.uint(1)];
  const privileged = capable(process.credentials, Capability.SETUID);
  if (!allowed(privileged, [real], [uid, euid]) || !allowed(privileged, [effective], [uid, euid, suid])) return -Errno.EPERM;
  const next = { uid: pick(real, uid), euid: pick(effective, euid) };
  const saved = real !== KEEP || (effective !== KEEP && next.euid !== uid) ? next.euid : suid;
  return changeUser(process, { ...next, suid: saved });
}

function setresuid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { uid, euid, suid } = process.credentials;
  const ids = [call.uint(0), call.uint(1), call.uint(2)];
  if (!allowed(capable(process.credentials, Capability.SETUID), ids, [uid, euid, suid])) return -Errno.EPERM;
  return changeUser(process, { uid: pick(ids[0], uid), euid: pick(ids[1], euid), suid: pick(ids[2], suid) });
}

function setgid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { gid, sgid } = process.credentials;
  const id = call.uint(0);
  if (id === KEEP) return -Errno.EINVAL;
  if (capable(process.credentials, Capability.SETGID)) return changeGroup(process, { gid: id, egid: id, sgid: id });
  return id === gid || id === sgid ? changeGroup(process, { gid, egid: id, sgid }) : -Errno.EPERM;
}

function setregid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { gid, egid, sgid } = process.credentials;
  const [real, effective] = [call.uint(0), call.uint(1)];
  const privileged = capable(process.credentials, Capability.SETGID);
  if (!allowed(privileged, [real], [gid, egid]) || !allowed(privileged, [effective], [gid, egid, sgid])) return -Errno.EPERM;
  const next = { gid: pick(real, gid), egid: pick(effective, egid) };
  const saved = real !== KEEP || (effective !== KEEP && next.egid !== gid) ? next.egid : sgid;
  return changeGroup(process, { ...next, sgid: saved });
}

function setresgid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { gid, egid, sgid } = process.credentials;
  const ids = [call.uint(0), call.uint(1), call.uint(2)];
  if (!allowed(capable(process.credentials, Capability.SETGID), ids, [gid, egid, sgid])) return -Errno.EPERM;
  return changeGroup(process, { gid: pick(ids[0], gid), egid: pick(ids[1], egid), sgid: pick(ids[2], sgid) });
}

/** Returns the former id whether or not it changed anything. */
function setfsuid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { uid, euid, suid, fsuid } = process.credentials;
  const id = call.uint(0);
  if (id !== KEEP && allowed(capable(process.credentials, Capability.SETUID), [id], [uid, euid, suid, fsuid])) process.credentials = { ...process.credentials, fsuid: id };
  return fsuid;
}

function setfsgid(call: SyscallCall): SyscallResult {
  const { process } = call.thread;
  const { gid, egid, sgid, fsgid } = process.credentials;
  const id = call.uint(0);
  if (id !== KEEP && allowed(capable(process.credentials, Capability.SETGID), [id], [gid, egid, sgid, fsgid])) process.credentials = { ...process.credentials, fsgid: id };
  return fsgid;
}

/** Width of ids in memory: two bytes in i386's first calls. */
type IdBytes = 2 | 4;

function writeIds(call: SyscallCall, ids: readonly number[], width: IdBytes): SyscallResult {
  const { space } = call.thread;
  return ids.every((id, i) => (width === 4 ? space.writeU32(call.args[i], id) : space.writeU16(call.args[i], lowId(id)))) ? 0 : -Errno.EFAULT;
}

function getresuid(call: SyscallCall, width: IdBytes): SyscallResult {
  const { uid, euid, suid } = call.thread.process.credentials;
  return writeIds(call, [uid, euid, suid], width);
}

function getresgid(call: SyscallCall, width: IdBytes): SyscallResult {
  const { gid, egid, sgid } = call.thread.process.credentials;
  return writeIds(call, [gid, egid, sgid], width);
}

function getgroups(call: SyscallCall, width: IdBytes): SyscallResult {
  const { process, space } = call.thread;
  const { groups } = process.credentials;
  const room = call.int(0);
  if (room < 0) return -Errno.EINVAL;
  if (room === 0) return groups.length;
  if (room < groups.length) return -Errno.EINVAL;
  const ids = width === 4 ? Uint32Array.from(groups) : Uint16Array.from(groups, lowId);
  return space.write(call.args[1], new Uint8Array(ids.buffer)) ? groups.length : -Errno.EFAULT;
}

function setgroups(call: SyscallCall, width: IdBytes): SyscallResult {
  const { process, space } = call.thread;
  const count = call.uint(0);
  if (!capable(process.credentials, Capability.SETGID)) return -Errno.EPERM;
  if (count > NGROUPS_MAX) return -Errno.EINVAL;
  const bytes = space.read(call.args[1], count * width);
  if (bytes === undefined) return -Errno.EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = Array.from({ length: count }, (_, i) => (width === 4 ? view.getUint32(i * 4, true) : highId(view.getUint16(i * 2, true)) >>> 0)).sort((a, b) => a - b);
  process.credentials = { ...process.credentials, groups };
  return 0;
}

export const identitySyscalls: readonly SyscallRow[] = [
  { name: 'getuid', args: [], handler: ({ thread }) => thread.process.credentials.uid },
  { name: 'geteuid', args: [], handler: ({ thread }) => thread.process.credentials.euid },
  { name: 'getgid', args: [], handler: ({ thread }) => thread.process.credentials.gid },
  { name: 'getegid', args: [], handler: ({ thread }) => thread.process.credentials.egid },
  { name: 'getresuid', args: ['ptr', 'ptr', 'ptr'], handler: (call) => getresuid(call, 4) },
  { name: 'getresgid', args: ['ptr', 'ptr', 'ptr'], handler: (call) => getresgid(call, 4) },
  { name: 'setuid', args: ['int'], handler: setuid },
  { name: 'setgid', args: ['int'], handler: setgid },
  { name: 'setreuid', args: ['int', 'int'], handler: setreuid },
  { name: 'setregid', args: ['int', 'int'], handler: setregid },
  { name: 'setresuid', args: ['int', 'int', 'int'], handler: setresuid },
  { name: 'setresgid', args: ['int', 'int', 'int'], handler: setresgid },
  { name: 'setfsuid', args: ['int'], handler: setfsuid },
  { name: 'setfsgid', args: ['int'], handler: setfsgid },
  { name: 'getgroups', args: ['int', 'ptr'], handler: (call) => getgroups(call, 4) },
  { name: 'setgroups', args: ['int', 'ptr'], handler: (call) => setgroups(call, 4) },
];

/** i386's calls with 16-bit ids which hold them in memory or return them. Those that only take them are the above, with other arguments. */
export const identitySyscalls16: readonly SyscallRow[] = [
  { name: 'getuid', args: [], handler: ({ thread }) => lowId(thread.process.credentials.uid) },
  { name: 'geteuid', args: [], handler: ({ thread }) => lowId(thread.process.credentials.euid) },
  { name: 'getgid', args: [], handler: ({ thread }) => lowId(thread.process.credentials.gid) },
  { name: 'getegid', args: [], handler: ({ thread }) => lowId(thread.process.credentials.egid) },
  { name: 'getresuid', args: ['ptr', 'ptr', 'ptr'], handler: (call) => getresuid(call, 2) },
  { name: 'getresgid', args: ['ptr', 'ptr', 'ptr'], handler: (call) => getresgid(call, 2) },
  { name: 'getgroups', args: ['int', 'ptr'], handler: (call) => getgroups(call, 2) },
  { name: 'setgroups', args: ['int', 'ptr'], handler: (call) => setgroups(call, 2) },
];
