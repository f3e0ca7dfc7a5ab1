/** What the machine says of itself: uname, sysinfo, personality, getrandom, syslog, I/O priorities. */
import { PAGE_SIZE } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { NANOSECONDS } from '../time/clock.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { Capability, capable } from './credentials.ts';
import { Personality } from './personality.ts';

/** What uname, /proc/version and /proc/sys/kernel show. */
export const MACHINE_NAME = {
  sysname: 'Linux', nodename: 'skas', release: '6.1.0', version: '#1 SMP PREEMPT_DYNAMIC skas', machine: 'x86_64', domainname: '(none)',
} as const;
const UTS_LENGTH = 65;
const OLD_UTS_LENGTH = 9;
const encoder = new TextEncoder();

/** `fields` names of so many bytes each. */
function unameOf(call: SyscallCall, fields: number, length: number): SyscallResult {
  const { sysname, nodename, release, version, machine, domainname } = MACHINE_NAME;
  const shown = (call.thread.personality & Personality.systemMask) === Personality.linux32 ? 'i686' : machine;
  const names = [sysname, nodename, release, version, shown, domainname].slice(0, fields);
  const bytes = new Uint8Array(fields * length);
  names.forEach((name, i) => encoder.encodeInto(name, bytes.subarray(i * length, (i + 1) * length - 1)));
  return call.thread.space.write(call.args[0], bytes) ? 0 : -Errno.EFAULT;
}

/** struct sysinfo by word size (include/uapi/linux/sysinfo.h). */
const SYSINFO = {
  8: { uptime: 0, totalRam: 32, freeRam: 40, processes: 80, unit: 104, bytes: 112 },
  4: { uptime: 0, totalRam: 16, freeRam: 20, processes: 40, unit: 52, bytes: 64 },
} as const;

function sysinfo(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const { kernel } = thread;
  const layout = SYSINFO[wordSize];
  const out = new Uint8Array(layout.bytes);
  const view = new DataView(out.buffer);
  const put = (at: number, value: number): void => (wordSize === 8 ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true));
  // Sizes which do not fit are given in pages
  const unit = wordSize === 4 && kernel.frames.total * PAGE_SIZE > 0xffffffff ? PAGE_SIZE : 1;
  put(layout.uptime, Math.floor(kernel.clock.monotonic / NANOSECONDS));
  put(layout.totalRam, (kernel.frames.total * PAGE_SIZE) / unit);
  put(layout.freeRam, ((kernel.frames.total - kernel.frames.inUse) * PAGE_SIZE) / unit);
  view.setUint16(layout.processes, kernel.threads.size, true);
  view.setUint32(layout.unit, unit, true);
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

/** i386 only: the unames of before, and what never was on a 64-bit host. */
export const machineSyscalls32: readonly SyscallRow[] = [
  { name: 'olduname', args: ['ptr'], handler: (call) => unameOf(call, 5, UTS_LENGTH) },
  { name: 'oldolduname', args: ['ptr'], handler: (call) => unameOf(call, 5, OLD_UTS_LENGTH) },
  ...['vm86', 'vm86old'].map((name): SyscallRow => ({ name, args: ['hex', 'ptr'], handler: () => -Errno.ENOSYS })),
];

export const machineSyscalls: readonly SyscallRow[] = [
  { name: 'uname', args: ['ptr'], handler: (call) => unameOf(call, 6, UTS_LENGTH) },
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
