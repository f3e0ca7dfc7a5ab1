/** What the machine says of itself: uname, sysinfo, personality, getrandom, syslog, I/O priorities. */
import { PAGE_SIZE } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { NANOSECONDS } from '../time/clock.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { Capability, capable } from './credentials.ts';

/** What uname, /proc/version and /proc/sys/kernel show. */
export const MACHINE_NAME = {
  sysname: 'Linux', nodename: 'skas', release: '6.1.0', version: '#1 SMP PREEMPT_DYNAMIC skas', machine: 'x86_64', domainname: '(none)',
} as const;
const UTS_LENGTH = 65;
const encoder = new TextEncoder();

function uname(call: SyscallCall): SyscallResult {
  const { sysname, nodename, release, version, machine, domainname } = MACHINE_NAME;
  const names = [sysname, nodename, release, version, machine, domainname];
  const bytes = new Uint8Array(names.length * UTS_LENGTH);
  names.forEach((name, i) => encoder.encodeInto(name, bytes.subarray(i * UTS_LENGTH, (i + 1) * UTS_LENGTH - 1)));
  return call.thread.space.write(call.args[0], bytes) ? 0 : -Errno.EFAULT;
}

/** struct sysinfo, 64-bit (include/uapi/linux/sysinfo.h). */
const SYSINFO = { uptime: 0, totalRam: 32, freeRam: 40, processes: 80, unit: 104, bytes: 112 } as const;

function sysinfo(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const { kernel } = thread;
  const out = new Uint8Array(SYSINFO.bytes);
  const view = new DataView(out.buffer);
  view.setBigInt64(SYSINFO.uptime, BigInt(Math.floor(kernel.clock.monotonic / NANOSECONDS)), true);
  view.setBigUint64(SYSINFO.totalRam, BigInt(kernel.frames.total * PAGE_SIZE), true);
  view.setBigUint64(SYSINFO.freeRam, BigInt((kernel.frames.total - kernel.frames.inUse) * PAGE_SIZE), true);
  view.setUint16(SYSINFO.processes, kernel.threads.size, true);
  view.setUint32(SYSINFO.unit, 1, true);
  return thread.space.write(call.args[0], out) ? 0 : -Errno.EFAULT;
}

const PERSONALITY_QUERY = 0xffffffff;

function personality(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const old = thread.personality;
  const wanted = call.uint(0);
  if (wanted !== PERSONALITY_QUERY) thread.personality = wanted;
  return old;
}

const RandomFlag = { NONBLOCK: 1, RANDOM: 2, INSECURE: 4 } as const;
/** Bytes at a time; a request for more is answered with less, as a signal would cut it short. */
const RANDOM_CHUNK = 1 << 25;

function getrandom(call: SyscallCall): SyscallResult {
  const { thread } = call;
  const [address, length] = call.args;
  const flags = call.uint(2);
  if ((flags & ~(RandomFlag.NONBLOCK | RandomFlag.RANDOM | RandomFlag.INSECURE)) !== 0) return -Errno.EINVAL;
  if ((flags & RandomFlag.RANDOM) !== 0 && (flags & RandomFlag.INSECURE) !== 0) return -Errno.EINVAL;
  const bytes = new Uint8Array(Math.min(length, RANDOM_CHUNK));
  thread.kernel.random.fill(bytes);
  return thread.space.write(address, bytes) ? bytes.length : -Errno.EFAULT;
}

const SyslogAction = { CLOSE: 0, OPEN: 1, READ: 2, READ_ALL: 3, READ_CLEAR: 4, CLEAR: 5, CONSOLE_OFF: 6, CONSOLE_ON: 7, CONSOLE_LEVEL: 8, SIZE_UNREAD: 9, SIZE_BUFFER: 10 } as const;
const SYSLOG_BUFFER = 1 << 17;

/** The machine's kernel log is empty. */
function syslog(call: SyscallCall): SyscallResult {
  const action = call.int(0);
  if (action < SyslogAction.CLOSE || action > SyslogAction.SIZE_BUFFER) return -Errno.EINVAL;
  if (action === SyslogAction.SIZE_BUFFER) return SYSLOG_BUFFER;
  if (action !== SyslogAction.READ_ALL && !capable(call.thread.process.credentials, Capability.SYS_ADMIN)) return -Errno.EPERM;
  return 0;
}

const IOPRIO_WHO_USER = 3;
/** Class "none", level 4: what a thread has that never asked. */
const IOPRIO_DEFAULT = 4;

function ioprioGet(call: SyscallCall): SyscallResult {
  const which = call.int(0);
  return which < 1 || which > IOPRIO_WHO_USER ? -Errno.EINVAL : IOPRIO_DEFAULT;
}

function ioprioSet(call: SyscallCall): SyscallResult {
  const which = call.int(0);
  return which < 1 || which > IOPRIO_WHO_USER || call.int(2) >> 13 > 3 ? -Errno.EINVAL : 0;
}

/** Changing the machine itself is refused: to the privileged, too. */
function refused(): SyscallResult {
  return -Errno.EPERM;
}

export const machineSyscalls: readonly SyscallRow[] = [
  { name: 'uname', args: ['ptr'], handler: uname },
  { name: 'sysinfo', args: ['ptr'], handler: sysinfo },
  { name: 'personality', args: ['hex'], handler: personality },
  { name: 'getrandom', args: ['ptr', 'size', 'hex'], handler: getrandom },
  { name: 'syslog', args: ['int', 'ptr', 'int'], handler: syslog },
  { name: 'ioprio_get', args: ['int', 'int'], handler: ioprioGet },
  { name: 'ioprio_set', args: ['int', 'int', 'int'], handler: ioprioSet },
  { name: 'sethostname', args: ['str', 'size'], handler: refused },
  { name: 'setdomainname', args: ['str', 'size'], handler: refused },
  { name: 'reboot', args: ['hex', 'hex', 'hex', 'ptr'], handler: refused },
  { name: 'iopl', args: ['int'], handler: refused },
  { name: 'ioperm', args: ['hex', 'size', 'int'], handler: refused },
];
