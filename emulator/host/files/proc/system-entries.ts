/** /proc outside the processes: the machine as a whole. */
import { cpuid } from '../../../cpu/cpuid.ts';
import { PAGE_SIZE } from '../../../cpu/state.ts';
import type { Kernel } from '../../kernel.ts';
import { MACHINE_NAME } from '../../misc/machine-calls.ts';
import { mmEntries, mmPart, miscText } from '../../proc-mm/mm-entries.ts';
import { isOffered } from '../../proc-mm/offer.ts';
import { processTable } from './process-entries.ts';
import { fixedTable, textFile, type ProcContext, type ProcDirectoryTable, type ProcEntry } from './proc-file-system.ts';
import { systemSettings } from './settings.ts';

/** Names /proc/cpuinfo gives CPUID bits, in its order: leaf 1 edx, leaf 0x80000001 edx, leaf 1 ecx, leaf 0x80000001 ecx. */
const FLAGS: readonly (readonly [number, 2 | 3, readonly (readonly [number, string])[]])[] = [
  [1, 3, [
    [0, 'fpu'], [1, 'vme'], [2, 'de'], [3, 'pse'], [4, 'tsc'], [5, 'msr'], [6, 'pae'], [7, 'mce'], [8, 'cx8'], [9, 'apic'], [11, 'sep'], [12, 'mtrr'], [13, 'pge'], [14, 'mca'], [15, 'cmov'],
    [16, 'pat'], [17, 'pse36'], [19, 'clflush'], [23, 'mmx'], [24, 'fxsr'], [25, 'sse'], [26, 'sse2'], [28, 'ht'],
  ]],
  [0x80000001, 3, [[11, 'syscall'], [20, 'nx'], [26, 'pdpe1gb'], [27, 'rdtscp'], [29, 'lm']]],
  [1, 2, [
    [0, 'pni'], [1, 'pclmulqdq'], [3, 'monitor'], [9, 'ssse3'], [12, 'fma'], [13, 'cx16'], [19, 'sse4_1'], [20, 'sse4_2'], [21, 'x2apic'], [22, 'movbe'], [23, 'popcnt'], [25, 'aes'],
    [26, 'xsave'], [28, 'avx'], [29, 'f16c'], [30, 'rdrand'], [31, 'hypervisor'],
  ]],
  [0x80000001, 2, [[0, 'lahf_lm'], [5, 'abm']]],
];

function registerText(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeInt32LE(value | 0, i * 4));
  return bytes.toString('latin1').replace(/\0.*$/s, '').trim();
}

function cpuinfoText(): string {
  const [, ebx, ecx, edx] = cpuid(0, 0);
  const signature = cpuid(1, 0)[0];
  const model = ((signature >>> 4) & 0xf) | ((signature >>> 12) & 0xf0);
  const flags = FLAGS.flatMap(([leaf, register, names]) => names.filter(([bit]) => ((cpuid(leaf, 0)[register] >>> bit) & 1) !== 0).map(([, name]) => name));
  const brand = registerText([0x80000002, 0x80000003, 0x80000004].flatMap((leaf) => [...cpuid(leaf, 0)]));
  const lines: readonly (readonly [string, string | number])[] = [
    ['processor', 0], ['vendor_id', registerText([ebx, edx, ecx])], ['cpu family', (signature >>> 8) & 0xf], ['model', model], ['model name', brand], ['stepping', signature & 0xf],
    ['cpu MHz', '1000.000'], ['cache size', '256 KB'], ['physical id', 0], ['siblings', 1], ['core id', 0], ['cpu cores', 1], ['apicid', 0], ['initial apicid', 0], ['fpu', 'yes'],
    ['fpu_exception', 'yes'], ['cpuid level', cpuid(0, 0)[0]], ['wp', 'yes'], ['flags', flags.join(' ')], ['bugs', ''], ['bogomips', '2000.00'], ['clflush size', 64], ['cache_alignment', 64],
    ['address sizes', '40 bits physical, 48 bits virtual'], ['power management', ''],
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(name.length > 7 ? 15 : 8).trimEnd()}${name.length > 7 ? '\t' : '\t\t'}: ${value}\n`).join('')}\n`;
}

function meminfoText({ kernel: { frames } }: ProcContext): string {
  const total = (frames.total * PAGE_SIZE) / 1024;
  const free = Math.max(0, Math.floor(((frames.total - frames.inUse) * PAGE_SIZE - frames.tableBytes) / 1024));
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', total], ['MemFree', free], ['MemAvailable', free], ['Buffers', 0], ['Cached', 0], ['SwapCached', 0], ['Active', total - free], ['Inactive', 0], ['SwapTotal', 0], ['SwapFree', 0],
    ['Dirty', 0], ['Writeback', 0], ['AnonPages', total - free], ['Mapped', 0], ['Shmem', 0], ['Slab', 0], ['PageTables', Math.ceil(frames.tableBytes / 1024)], ['CommitLimit', total], ['Committed_AS', total - free],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(15)} ${String(value).padStart(8)} kB\n`).join('');
}

function statText({ kernel }: ProcContext): string {
  const { clock } = kernel;
  const busy = Math.floor((clock.monotonic - clock.idle) / 1e7);
  const idle = Math.floor(clock.idle / 1e7);
  const boot = clock.realtime().seconds - Math.floor(clock.monotonic / 1e9);
  const running = [...kernel.threads.values()].filter((thread) => thread.state.kind === 'ready' || thread.state.kind === 'running').length;
  const cpu = `${busy} 0 0 ${idle} 0 0 0 0 0 0`;
  return `cpu  ${cpu}\ncpu0 ${cpu}\nintr 0\nctxt 0\nbtime ${boot}\nprocesses ${kernel.processes.size}\nprocs_running ${running}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

function uptimeText({ kernel: { clock } }: ProcContext): string {
  return `${(clock.monotonic / 1e9).toFixed(2)} ${(clock.idle / 1e9).toFixed(2)}\n`;
}

function loadavgText({ kernel }: ProcContext): string {
  const running = [...kernel.threads.values()].filter((thread) => thread.state.kind === 'ready' || thread.state.kind === 'running').length;
  const newest = Math.max(0, ...kernel.processes.keys());
  return `0.00 0.00 0.00 ${running}/${kernel.threads.size} ${newest}\n`;
}

const FILE_SYSTEMS = 'nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tpipefs\nnodev\tsockfs\nnodev\tdevpts\nnodev\toverlay\n\text4\n';

const fixed: Readonly<Record<string, ProcEntry>> = {
  self: { kind: 'link', target: (_context, reader) => String(reader.process.pid) },
  'thread-self': { kind: 'link', target: (_context, reader) => `${reader.process.pid}/task/${reader.tid}` },
  cmdline: textFile(() => 'skas\n'),
  cpuinfo: textFile(cpuinfoText),
  devices: textFile(() => 'Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n 10 misc\n136 pts\n\nBlock devices:\n'),
  filesystems: textFile(() => FILE_SYSTEMS),
  loadavg: textFile(loadavgText),
  meminfo: textFile(meminfoText),
  misc: textFile(miscText),
  mounts: { kind: 'link', target: () => 'self/mounts' },
  stat: textFile(statText),
  swaps: textFile(() => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'),
  sys: { kind: 'directory', entries: systemSettings },
  uptime: textFile(uptimeText),
  version: textFile(() => `${MACHINE_NAME.sysname} version ${MACHINE_NAME.release} (skas) ${MACHINE_NAME.version}\n`),
};

/** The root of /proc: processes by number after the fixed entries. */
export const rootTable: ProcDirectoryTable = {
  names: ({ kernel }) => [...Object.keys(fixed), ...Object.keys(mmEntries), ...[...kernel.processes.keys()].sort((a, b) => a - b).map(String)],
  find: (context, name, reader) => {
    if (Object.hasOwn(fixed, name)) return fixedTable(fixed).find(context, name, reader);
    if (Object.hasOwn(mmEntries, name)) {
      const offered = isOffered(context.kernel.options.skas3, mmPart(name), reader?.wordSize ?? 8);
      return offered ? { entry: mmEntries[name], context } : undefined;
    }
    const subject = processThread(context.kernel, name);
    return subject === undefined ? undefined : { entry: { kind: 'directory', entries: processTable }, context: { kernel: context.kernel, subject } };
  },
};

/** The thread /proc/<name> is about: a process's leader, or any thread (which is not listed, but found). */
function processThread(kernel: Kernel, name: string): ProcContext['subject'] {
  if (!/^[1-9]\d*$/.test(name)) return undefined;
  const id = Number(name);
  return kernel.processes.get(id)?.leader ?? kernel.threads.get(id);
}
