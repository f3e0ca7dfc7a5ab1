/** The command line: what is ours, what is the guest's. */
import { parseArgs } from 'node:util';
import type { Skas3Offer } from '../../emulator/host/proc-mm/offer.ts';
import { TRACE_CHANNELS, type TraceChannel } from '../../emulator/host/trace.ts';
import type { ProfileFilter } from '../../emulator/profile/filter.ts';
import { isFilterWord, parseProfileFilter, parseProfileRequest, type ProfileRequest } from '../profile-request.ts';
import { Refusal } from '../target.ts';
import { OPTIONS, type OptionRow } from './option-table.ts';
import { usageError } from './user-error.ts';

export interface ShareRequest {
  readonly path: string;
  readonly writable: boolean;
}

export interface Settings {
  readonly gdb: { readonly host: string; readonly port: number } | undefined;
  readonly wait: boolean;
  /** Folder of the kernel's modules, for gdb. */
  readonly modules: string | undefined;
  readonly shares: readonly ShareRequest[];
  /** Bytes; undefined: the kernel's default. */
  readonly memory: number | undefined;
  /** Undefined: the kernel's defaults. */
  readonly maximumThreads: number | undefined;
  readonly maximumSpaces: number | undefined;
  readonly skas3: Skas3Offer;
  readonly environment: readonly (readonly [string, string])[];
  readonly seed: bigint;
  readonly realtime: boolean;
  readonly trace: readonly TraceChannel[];
  readonly tracePackets: boolean;
  readonly profile: readonly ProfileRequest[];
  readonly profileAll: boolean;
  readonly profileOnly: ProfileFilter;
  /** A format and a folder. */
  readonly profilePerTest: ProfileRequest | undefined;
  readonly stats: boolean;
  readonly quiet: boolean;
}

export type Command =
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'ps'; readonly address: { readonly host: string; readonly port: number } }
  | { readonly kind: 'boot' | 'run'; readonly program: string; readonly args: readonly string[]; readonly settings: Settings };

type Values = Map<string, string[]>;

const ROWS: readonly OptionRow[] = OPTIONS;
const PARSER_OPTIONS = Object.fromEntries(ROWS.map(({ name, value }) => [name, { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple: true }]));

/** Splits words into options of ours, in `values`, and the rest. */
function sort(words: readonly string[], kind: 'boot' | 'run'): { values: Values; rest: string[] } {
  const { tokens } = parseArgs({ args: [...words], options: PARSER_OPTIONS, allowPositionals: true, strict: false, tokens: true });
  const values: Values = new Map();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option-terminator') return { values, rest: [...rest, ...words.slice(token.index + 1)] };
    if (token.kind === 'positional') {
      if (kind === 'run') return { values, rest: [...words.slice(token.index)] };
      rest.push(token.value);
      continue;
    }
    const row = ROWS.find(({ name }) => token.rawName === `--${name}`);
    if (row === undefined) {
      // Behind KERNEL, what we do not know is the kernel's.
      if (rest.length === 0) throw usageError(`no option ${token.rawName}`);
      rest.push(words[token.index]);
      continue;
    }
    if (row.value !== undefined && (token.value === undefined || token.value === '')) throw usageError(`${token.rawName} needs ${row.value}`);
    if (row.value === undefined && token.value !== undefined) throw usageError(`${token.rawName} takes no value`);
    const list = values.get(row.name) ?? [];
    if (list.length > 0 && row.value !== undefined && row.multiple !== true) throw usageError(`${token.rawName} is given twice`);
    values.set(row.name, [...list, token.value ?? '']);
  }
  return { values, rest };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
const LEAST_MEMORY = 16 * 2 ** 20;
/** A WebAssembly memory can address 4 GiB; the engine's tables need some. */
const MOST_MEMORY = 3584 * 2 ** 20;

function memorySize(text: string): number {
  const [, digits, unit] = /^(\d+)([kmg]?)i?b?$/i.exec(text) ?? [];
  if (digits === undefined) throw usageError(`--memory ${text}: not a size such as 512M`);
  const size = Number(digits) * UNITS[unit.toLowerCase()];
  if (size < LEAST_MEMORY || size > MOST_MEMORY) throw usageError(`--memory ${text}: between 16M and 3584M are possible`);
  return size;
}

function gdbAddress(text: string, what = '--gdb'): { host: string; port: number } {
  const [, host = '', digits] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) throw usageError(`${what} ${text}: not a port, or host and port, such as :1234`);
  return { host: host === '' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'), port };
}

function shareRequest(text: string): ShareRequest {
  const writable = text.endsWith(':rw');
  return { path: text.replace(/:r[ow]$/, ''), writable };
}

function environmentEntry(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`--env ${text}: NAME=VALUE expected`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function seedNumber(text: string): bigint {
  if (!/^(\d+|0x[\da-f]+)$/i.test(text)) throw usageError(`--seed ${text}: not a number`);
  return BigInt(text);
}

/** Each address space takes 32 KiB of tables; process ids end at 32768. */
const MOST = 32000;

function limit(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > MOST) throw usageError(`--${name} ${text}: between 1 and ${MOST} are possible`);
    return value;
  };
}

function skas3Offer(values: Values): Skas3Offer {
  if (values.has('no-skas3') && values.has('skas3-for-all')) throw usageError('--no-skas3 and --skas3-for-all: one of them');
  return values.has('no-skas3') ? 'nobody' : values.has('skas3-for-all') ? 'everyone' : 'standard';
}

function profileRequest(text: string): ProfileRequest {
  try {
    return parseProfileRequest(text);
  } catch (error) {
    if (error instanceof Refusal) throw usageError(`--${error.message}`);
    throw error;
  }
}

function profileFilter(words: readonly string[]): ProfileFilter {
  const other = words.find((word) => !isFilterWord(word));
  if (other !== undefined) throw usageError(`--profile-only ${other}: functions=REGEX, files=REGEX or tasks=REGEX expected`);
  try {
    return parseProfileFilter(words);
  } catch (error) {
    if (error instanceof Refusal) throw usageError(`--profile-only: ${error.message}`);
    throw error;
  }
}

const PACKETS = 'rsp';

function traceChannels(lists: readonly string[]): { trace: TraceChannel[]; tracePackets: boolean } {
  const words = lists.flatMap((list) => list.split(',')).filter((word) => word !== '');
  const unknown = words.find((word) => word !== PACKETS && !TRACE_CHANNELS.some((channel) => channel === word));
  if (unknown !== undefined) throw usageError(`--trace ${unknown}: choose from ${[...TRACE_CHANNELS, PACKETS].join(', ')}`);
  return { trace: TRACE_CHANNELS.filter((channel) => words.includes(channel)), tracePackets: words.includes(PACKETS) };
}

function settings(values: Values): Settings {
  const one = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = values.get(name)?.[0];
    return text === undefined ? undefined : parse(text);
  };
  const gdb = one('gdb', gdbAddress);
  if (values.has('profile') && values.has('profile-per-test')) throw usageError('--profile and --profile-per-test: one of them');
  if (values.has('wait') && gdb === undefined) throw usageError('--wait needs --gdb: nobody else could say go');
  return {
    gdb,
    wait: values.has('wait'),
    modules: one('modules', (folder) => folder),
    shares: (values.get('share') ?? []).map(shareRequest),
    memory: one('memory', memorySize),
    maximumThreads: one('max-processes', limit('max-processes')),
    maximumSpaces: one('max-address-spaces', limit('max-address-spaces')),
    skas3: skas3Offer(values),
    environment: (values.get('env') ?? []).map(environmentEntry),
    seed: one('seed', seedNumber) ?? 0n,
    realtime: values.has('realtime'),
    ...traceChannels(values.get('trace') ?? []),
    profile: (values.get('profile') ?? []).flatMap((list) => list.split(',')).map(profileRequest),
    profileAll: values.has('profile-all'),
    profilePerTest: one('profile-per-test', profileRequest),
    profileOnly: profileFilter(values.get('profile-only') ?? []),
    stats: values.has('stats'),
    quiet: values.has('quiet'),
  };
}

/** What the user asks for. Throws UserError. */
export function parseCommandLine(words: readonly string[]): Command {
  const [command, ...others] = words;
  if (command === undefined || command === '--help' || command === 'help' || command === '-h') return { kind: 'help' };
  if (command === '--version' || command === 'version') return { kind: 'version' };
  if (command === 'ps') {
    const [address, more] = others;
    if (address === undefined || more !== undefined) throw usageError('ps needs the --gdb address of the machine, such as :1234');
    return address === '--help' ? { kind: 'help' } : { kind: 'ps', address: gdbAddress(address, 'ps') };
  }
  if (command !== 'boot' && command !== 'run') {
    throw usageError(command.startsWith('-') ? `no option ${command} before the command` : `no command '${command}': boot, run or ps expected`);
  }
  const { values, rest } = sort(others, command);
  if (values.has('help')) return { kind: 'help' };
  if (values.has('version')) return { kind: 'version' };
  const [program, ...args] = rest;
  if (program === undefined) throw usageError(command === 'boot' ? 'which kernel?' : 'which program?');
  return { kind: command, program, args, settings: settings(values) };
}
