/** `monitor …`: what the machine itself can tell, one row per command. */
import { cpus } from 'node:os';
import type { Debugger } from '../emulator/debug/debugger.ts';
import { mapsLine } from '../emulator/host/files/proc/process-text.ts';
import { hostText } from '../emulator/host/host-view.ts';
import { signalName } from '../emulator/host/signals/signal-numbers.ts';
import { stateHash } from '../emulator/host/state-hash.ts';
import { TRACE_CHANNELS } from '../emulator/host/trace.ts';
import { Refusal } from './target.ts';
import { SKAS_VERSION } from './version.ts';

export interface MonitorCommand {
  readonly name: string;
  /** What may follow the name, for `help`; undefined: nothing. */
  readonly arguments?: string;
  readonly help: string;
  /** Text to show. @throws Refusal */
  readonly run: (rest: string) => string;
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
    ['breakpoints, watchpoints', `${debug.debuggees.breakpoints.size}, ${debug.debuggees.watchCount}`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(32)}${value}\n`).join('');
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

function trace(debug: Debugger, rest: string): string {
  const { trace: channels } = debug.machine.kernel;
  const [word = '', names] = rest.split(' ', 2);
  if (word !== 'on' && word !== 'off') throw new Refusal('trace on or off, and of what: ' + TRACE_CHANNELS.join(','));
  const wanted = names === undefined ? (word === 'on' ? ['syscall'] : TRACE_CHANNELS) : names.split(',');
  for (const name of wanted) {
    const channel = TRACE_CHANNELS.find((each) => each === name);
    if (channel === undefined) throw new Refusal(`nothing to trace is called '${name}': ${TRACE_CHANNELS.join(',')}`);
    channels.set(channel, word === 'on');
  }
  const on = TRACE_CHANNELS.filter((channel) => channels.on(channel));
  return on.length === 0 ? 'Nothing is traced.\n' : `Traced, on the machine's standard error: ${on.join(', ')}.\n`;
}

/** What every machine can be told. */
export function machineCommands(debug: Debugger): readonly MonitorCommand[] {
  return [
    { name: 'stats', help: 'time, instructions, translations', run: () => stats(debug) },
    { name: 'processes', help: 'processes and address spaces of the host, and what each holds', run: () => hostText(debug.machine.kernel) },
    { name: 'signals', help: 'which signals stop gdb, and how many handlers ran', run: () => signals(debug) },
    { name: 'maps', help: 'memory map of the debuggee', run: () => maps(debug) },
    { name: 'trace', arguments: 'on|off [WHAT,…]', help: `what the machine tells on standard error: ${TRACE_CHANNELS.join(',')}`, run: (rest) => trace(debug, rest) },
    { name: 'hash', help: 'fingerprint of registers, memory and clock: equal states have equal ones', run: () => `${stateHash(debug.machine.kernel)}\n` },
    { name: 'info version', help: 'version of skas (version)', run: version },
    { name: 'quit', help: 'end the machine (exit)', run: () => quit(debug) },
  ];
}

const ALIASES: Readonly<Record<string, string>> = { ps: 'processes', version: 'info version', exit: 'quit', '?': 'help', '': 'help' };

/** Text to show, or undefined for an unknown command. Unambiguous beginnings of a name will do. @throws Refusal */
export function runMonitorCommand(commands: readonly MonitorCommand[], line: string): string | undefined {
  const wanted = line.replace(/\s+/g, ' ').trim();
  const all: readonly MonitorCommand[] = [{ name: 'help', help: 'this list', run: () => helpText(all) }, ...commands];
  const alias = all.some(({ name }) => name === wanted) ? wanted : (ALIASES[wanted] ?? wanted);
  const exact = all.find(({ name, arguments: more }) => alias === name || (more !== undefined && alias.startsWith(`${name} `)));
  if (exact !== undefined) return exact.run(alias.slice(exact.name.length + 1));
  const space = alias.indexOf(' ');
  const first = space < 0 ? alias : alias.slice(0, space);
  const started = all.filter(({ name, arguments: more }) => name.startsWith(alias) || (more !== undefined && name.startsWith(first)));
  return started.length === 1 ? started[0].run(started[0].name.startsWith(alias) ? '' : alias.slice(first.length + 1)) : undefined;
}

function helpText(commands: readonly MonitorCommand[]): string {
  const heads = commands.map(({ name, arguments: more = '' }) => `${name} ${more}`.trim());
  const width = Math.max(...heads.map(({ length }) => length)) + 2;
  return commands.map(({ help }, i) => `${heads[i].padEnd(width)}${help}\n`).join('');
}
