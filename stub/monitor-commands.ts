/** `monitor …`: what the machine itself can tell, one row per command. */
import { cpus } from 'node:os';
import type { Debugger } from '../emulator/debug/debugger.ts';
import { mapsLine } from '../emulator/host/files/proc/process-text.ts';
import type { Process } from '../emulator/host/process/process.ts';
import { signalName } from '../emulator/host/signals/signal-numbers.ts';
import { SKAS_VERSION } from './version.ts';

interface MonitorCommand {
  readonly name: string;
  readonly help: string;
  readonly run: (debug: Debugger) => string;
}

/** Reads `12345678` as `12 345 678`. */
const grouped = (value: number): string => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ');

function stats(debug: Debugger): string {
  const { kernel } = debug.machine;
  const { clock, cpu, processes, threads } = kernel;
  let retired = 0;
  for (const thread of threads.values()) retired += thread.retired;
  const rows: [string, string][] = [
    ['virtual time', `${(clock.monotonic / 1e9).toFixed(6)} s`],
    ['instructions of living threads', grouped(retired)],
    ...Object.entries(cpu.stats).map(([name, value]): [string, string] => [name, grouped(Number(value))]),
    ['processes, threads', `${processes.size}, ${threads.size}`],
    ['breakpoints, watchpoints', `${debug.breakpointCount}, ${debug.watchpointCount}`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(32)}${value}\n`).join('');
}

function processLine(process: Process): string {
  const threads = [...process.threads].map((thread) => `${thread.tid}:${thread.isLeader && process.isZombie ? 'zombie' : thread.state.kind}`).join(' ');
  const parent = process.parent?.pid ?? 0;
  return `${String(process.pid).padStart(6)} ${String(parent).padStart(6)}  ${process.name.padEnd(16)} ${threads}\n`;
}

function processes(debug: Debugger): string {
  const list = [...debug.machine.kernel.processes.values()];
  return `   pid parent  name             threads\n${list.map(processLine).join('')}`;
}

function signals(debug: Debugger): string {
  const passed = [...debug.passed].sort((a, b) => a - b).map(signalName);
  const delivered = [...debug.delivered].sort(([a], [b]) => a - b).map(([signal, count]) => `${signalName(signal).padEnd(12)}${grouped(count)}\n`);
  return [
    'Signals with a handler, ignored or blocked never stop gdb; one that would end the process does, before it does.\n',
    `Passed without stopping on gdb's word: ${passed.length === 0 ? 'none' : passed.join(' ')}\n`,
    delivered.length === 0 ? 'No handlers have run so far.\n' : `Handlers run so far:\n${delivered.join('')}`,
  ].join('');
}

function maps(debug: Debugger): string {
  const [thread] = debug.threads();
  if (thread === undefined) return 'The process has ended.\n';
  return thread.space.regions().map(mapsLine).join('');
}

function version(): string {
  return `skas ${SKAS_VERSION}, Node ${process.version}, ${cpus().length} host CPUs\n`;
}

function quit(debug: Debugger): string {
  debug.machine.quit();
  return 'The machine ends.\n';
}

const COMMANDS: readonly MonitorCommand[] = [
  { name: 'help', help: 'this list', run: () => COMMANDS.map(({ name, help }) => `${name.padEnd(14)}${help}\n`).join('') },
  { name: 'stats', help: 'time, instructions, translations', run: stats },
  { name: 'processes', help: 'processes of the host in the machine (ps)', run: processes },
  { name: 'signals', help: 'which signals stop gdb, and how many handlers ran', run: signals },
  { name: 'maps', help: 'memory map of the debuggee', run: maps },
  { name: 'info version', help: 'version of skas (version)', run: version },
  { name: 'quit', help: 'end the machine (exit)', run: quit },
];
const ALIASES: Readonly<Record<string, string>> = { ps: 'processes', version: 'info version', exit: 'quit', '?': 'help', '': 'help' };

/** Text to show, or undefined for an unknown command. Unambiguous beginnings will do. */
export function runMonitorCommand(debug: Debugger, line: string): string | undefined {
  const wanted = line.replace(/\s+/g, ' ').trim();
  const name = ALIASES[wanted] ?? wanted;
  const exact = COMMANDS.find((command) => command.name === name);
  const started = COMMANDS.filter((command) => command.name.startsWith(name));
  const command = exact ?? (started.length === 1 ? started[0] : undefined);
  return command?.run(debug);
}
