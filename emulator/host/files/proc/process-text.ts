/** The texts of /proc/<pid>: maps, stat, status, limits and so on. */
import { PAGE_SIZE } from '../../../cpu/state.ts';
import type { Region } from '../../../memory/address-space.ts';
import { Prot } from '../../../memory/protection.ts';
import { Resource } from '../../misc/limits.ts';
import { parentPid } from '../../process/ids.ts';
import type { Process } from '../../process/process.ts';
import type { Thread } from '../../process/thread.ts';
import { SIG_DFL, SIG_IGN, SIGRTMAX } from '../../signals/signal-numbers.ts';
import { SignalSet } from '../../signals/signal-set.ts';
import { deviceMajor, deviceMinor } from '../file-mode.ts';

const NAME_COLUMN = 73;
const TICKS = 100;
const NANOSECONDS = 1e9;

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

/** One line of /proc/<pid>/maps. */
export function mapsLine(region: Region): string {
  const { prot } = region;
  const letters = `${prot & Prot.read ? 'r' : '-'}${prot & Prot.write ? 'w' : '-'}${prot & Prot.exec ? 'x' : '-'}${region.shared ? 's' : 'p'}`;
  const device = `${hex(deviceMajor(region.device), 2)}:${hex(deviceMinor(region.device), 2)}`;
  const head = `${hex(region.start, 8)}-${hex(region.end, 8)} ${letters} ${hex(region.offset, 8)} ${device} ${region.inode} `;
  if (region.name === '') return `${head}\n`;
  return `${head.padEnd(NAME_COLUMN)}${region.name.replaceAll('\n', '\\012')}\n`;
}

/** Single letter of ps. */
function stateLetter(thread: Thread): string {
  switch (thread.state.kind) {
    case 'ready':
    case 'running':
      return 'R';
    case 'sleeping':
      return thread.state.wait.interruption === 'uninterruptible' ? 'D' : 'S';
    case 'stopped':
      return 'T';
    case 'traced':
      return 't';
    default:
      return 'Z';
  }
}

const STATE_NAMES: Readonly<Record<string, string>> = { R: 'running', S: 'sleeping', D: 'disk sleep', T: 'stopped', t: 'tracing stop', Z: 'zombie' };

function ticks(nanoseconds: number): number {
  return Math.floor((nanoseconds * TICKS) / NANOSECONDS);
}

/** Signals of which `test` holds, as the mask /proc prints. */
function actionMask(process: Process, test: (handler: number) => boolean): bigint {
  const set = new SignalSet();
  for (let signal = 1; signal <= SIGRTMAX; signal++) if (test(process.signals.actions[signal].handler)) set.add(signal);
  return set.toBig();
}

/** /proc/<pid>/stat; for a process (`whole`) or one of its threads. */
export function statText(thread: Thread, whole: boolean): string {
  const { process, space, signals } = thread;
  const zombie = thread.state.kind === 'dead';
  const terminal = process.session.terminal;
  const foreground = terminal !== undefined && 'foreground' in terminal && typeof terminal.foreground === 'number' ? terminal.foreground : -1;
  const used = whole ? process.timers.used : thread.retired;
  const low31 = (mask: bigint): string => String(mask & 0x7fffffffn);
  const size = zombie ? 0 : space.mappedBytes;
  const resident = zombie ? 0 : space.residentBytes / PAGE_SIZE;
  const limit = process.limits.soft(Resource.RSS);
  const fields: (number | string)[] = [
    thread.tid, `(${thread.name})`, stateLetter(thread), parentPid(process), process.group, process.session.id, terminal?.deviceNumber ?? 0, foreground,
    4194304, 0, 0, 0, 0, ticks(used), 0, ticks(process.timers.childrenUsed), 0, 20, 0, process.threads.size, 0, ticks(process.startTime),
    size, resident, limit === Infinity ? '18446744073709551615' : limit,
    zombie ? 0 : space.codeStart, zombie ? 0 : space.codeEnd, zombie ? 0 : space.stackStart, 0, 0,
    low31(signals.pending.set.toBig()), low31(signals.blocked.toBig()), low31(actionMask(process, (handler) => handler === SIG_IGN)),
    low31(actionMask(process, (handler) => handler !== SIG_IGN && handler !== SIG_DFL)), 0, 0, 0, process.exitSignal, 0, 0, 0, 0, 0, 0,
    zombie ? 0 : space.dataStart, zombie ? 0 : space.dataEnd, zombie ? 0 : space.heapStart, zombie ? 0 : space.argumentsStart, zombie ? 0 : space.argumentsEnd,
    zombie ? 0 : space.environmentStart, zombie ? 0 : space.environmentEnd, process.exitStatus ?? 0,
  ];
  return `${fields.join(' ')}\n`;
}

export function statmText(thread: Thread): string {
  const { space } = thread;
  if (thread.state.kind === 'dead') return '0 0 0 0 0 0 0\n';
  const text = Math.ceil((space.codeEnd - space.codeStart) / PAGE_SIZE);
  const size = space.mappedBytes / PAGE_SIZE;
  const resident = space.residentBytes / PAGE_SIZE;
  return `${size} ${resident} 0 ${text} 0 ${Math.max(0, size - text)} 0\n`;
}

function kib(bytes: number): string {
  return `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;
}

export function statusText(thread: Thread): string {
  const { process, signals } = thread;
  const { credentials } = process;
  const letter = stateLetter(thread);
  const mask = (value: bigint): string => value.toString(16).padStart(16, '0');
  const lines = [
    `Name:\t${thread.name}`, `Umask:\t${thread.fs.umask.toString(8).padStart(4, '0')}`, `State:\t${letter} (${STATE_NAMES[letter] ?? ''})`, `Tgid:\t${process.pid}`, 'Ngid:\t0',
    `Pid:\t${thread.tid}`, `PPid:\t${parentPid(process)}`, `TracerPid:\t${thread.ptrace?.tracer.process.pid ?? 0}`,
    `Uid:\t${credentials.uid}\t${credentials.euid}\t${credentials.suid}\t${credentials.fsuid}`, `Gid:\t${credentials.gid}\t${credentials.egid}\t${credentials.sgid}\t${credentials.fsgid}`,
    `FDSize:\t${thread.descriptors.capacity}`, `Groups:\t${credentials.groups.join(' ')} `, `NStgid:\t${process.pid}`, `NSpid:\t${thread.tid}`, `NSpgid:\t${process.group}`, `NSsid:\t${process.session.id}`,
  ];
  if (thread.state.kind !== 'dead') {
    const { space } = thread;
    const mapped = space.mappedBytes;
    const resident = space.residentBytes;
    const stack = space.regions().filter((region) => region.name === '[stack]').reduce((sum, region) => sum + region.end - region.start, 0);
    const sizes: readonly (readonly [string, number])[] = [
      ['VmPeak', mapped], ['VmSize', mapped], ['VmLck', 0], ['VmPin', 0], ['VmHWM', resident], ['VmRSS', resident], ['RssAnon', resident], ['RssFile', 0], ['RssShmem', 0],
      ['VmData', Math.max(0, mapped - stack - (space.codeEnd - space.codeStart))], ['VmStk', stack], ['VmExe', space.codeEnd - space.codeStart], ['VmLib', 0], ['VmPTE', space.tableBytes], ['VmSwap', 0],
    ];
    for (const [name, bytes] of sizes) lines.push(`${name}:\t${kib(bytes)}`);
  }
  lines.push(
    `Threads:\t${process.threads.size}`, `SigQ:\t${process.signals.pending.length}/${process.limits.soft(Resource.SIGPENDING)}`, `SigPnd:\t${mask(signals.pending.set.toBig())}`,
    `ShdPnd:\t${mask(process.signals.pending.set.toBig())}`, `SigBlk:\t${mask(signals.blocked.toBig())}`, `SigIgn:\t${mask(actionMask(process, (handler) => handler === SIG_IGN))}`,
    `SigCgt:\t${mask(actionMask(process, (handler) => handler !== SIG_IGN && handler !== SIG_DFL))}`, `CapInh:\t${mask(credentials.inheritable)}`, `CapPrm:\t${mask(credentials.permitted)}`,
    `CapEff:\t${mask(credentials.effective)}`, `CapBnd:\t${mask(credentials.bounding)}`, `CapAmb:\t${mask(0n)}`, 'NoNewPrivs:\t0', 'Seccomp:\t0', 'Seccomp_filters:\t0',
    'Cpus_allowed:\t1', 'Cpus_allowed_list:\t0', 'Mems_allowed:\t1', 'Mems_allowed_list:\t0',
    `voluntary_ctxt_switches:\t${process.voluntarySwitches}`, `nonvoluntary_ctxt_switches:\t${process.involuntarySwitches}`,
  );
  return `${lines.join('\n')}\n`;
}

/** Names and units in the order /proc/<pid>/limits prints. */
const LIMIT_ROWS: readonly (readonly [string, number, string])[] = [
  ['Max cpu time', Resource.CPU, 'seconds'], ['Max file size', Resource.FSIZE, 'bytes'], ['Max data size', Resource.DATA, 'bytes'], ['Max stack size', Resource.STACK, 'bytes'],
  ['Max core file size', Resource.CORE, 'bytes'], ['Max resident set', Resource.RSS, 'bytes'], ['Max processes', Resource.NPROC, 'processes'], ['Max open files', Resource.NOFILE, 'files'],
  ['Max locked memory', Resource.MEMLOCK, 'bytes'], ['Max address space', Resource.AS, 'bytes'], ['Max file locks', Resource.LOCKS, 'locks'],
  ['Max pending signals', Resource.SIGPENDING, 'signals'], ['Max msgqueue size', Resource.MSGQUEUE, 'bytes'], ['Max nice priority', Resource.NICE, ''],
  ['Max realtime priority', Resource.RTPRIO, ''], ['Max realtime timeout', Resource.RTTIME, 'us'],
];

export function limitsText(process: Process): string {
  const show = (value: number): string => (value === Infinity ? 'unlimited' : String(value)).padEnd(20);
  const rows = LIMIT_ROWS.map(([name, resource, unit]) => {
    const { soft, hard } = process.limits.get(resource);
    return `${name.padEnd(25)} ${show(soft)} ${show(hard)} ${unit === '' ? '' : unit.padEnd(10)}\n`;
  });
  return `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} ${'Units'.padEnd(10)}\n${rows.join('')}`;
}
