/** A machine from the command line's settings: what the guest sees, where its streams go, the stub, and how all of it ends. */
import { join } from 'node:path';
import { Debugger } from '../../emulator/debug/debugger.ts';
import { Machine, type Ending } from '../../emulator/debug/machine.ts';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { DEFAULT_OPTIONS, Kernel } from '../../emulator/host/kernel.ts';
import { stateHash } from '../../emulator/host/state-hash.ts';
import { Signal, signalName } from '../../emulator/host/signals/signal-numbers.ts';
import { ARCHITECTURES } from '../registers.ts';
import { DebuggeeKernel } from '../tasks/debuggee-kernel.ts';
import { GuestPrograms } from '../tasks/guest-programs.ts';
import { TaskTarget } from '../tasks/task-target.ts';
import { ModuleFiles } from '../libraries/module-files.ts';
import { MachineTarget, type GuestFiles } from '../machine-target.ts';
import { PROFILE_FORMATS, type FormatRow } from '../../emulator/profile/formats/table.ts';
import { gcovCommand } from '../gcov-command.ts';
import { watchKunit } from '../kunit-borders.ts';
import type { ProfileRequest } from '../profile-request.ts';
import { TestProfiles } from '../test-profiles.ts';
import { ProfileSession } from '../profile-session.ts';
import { Refusal } from '../target.ts';
import { RspServer } from '../server.ts';
import { UserTarget } from '../tasks/user-target.ts';
import { SKAS_VERSION } from '../version.ts';
import type { Command, Settings } from './command-line.ts';
import { readGuestFile, readGuestLink } from './guest-files.ts';
import { buildBootTree, buildRunTree } from './guest-tree.ts';
import { separateDebugFile } from './debug-file.ts';
import { HostTerminal } from './host-terminal.ts';
import { say } from './messages.ts';
import { GUEST_PATH, type ProgramFile } from './program-file.ts';
import { statistics } from './statistics.ts';
import { UserError } from './user-error.ts';

type Start = Extract<Command, { kind: 'boot' | 'run' }>;

const ENVIRONMENT = { HOME: '/root', PATH: GUEST_PATH };

function environment(settings: Settings): string[] {
  const variables = new Map<string, string>(Object.entries(ENVIRONMENT));
  variables.set('TERM', process.stdout.isTTY ? (process.env['TERM'] ?? 'linux') : 'dumb');
  for (const [name, value] of settings.environment) variables.set(name, value);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

function buildKernel(settings: Settings): Kernel {
  try {
    const { memory, maximumThreads, maximumSpaces } = settings;
    return new Kernel({
      realtime: true, seed: settings.seed, trace: settings.trace, skas3: settings.skas3, memory: memory ?? DEFAULT_OPTIONS.memory,
      maximumThreads: maximumThreads ?? DEFAULT_OPTIONS.maximumThreads, maximumSpaces: maximumSpaces ?? DEFAULT_OPTIONS.maximumSpaces,
    });
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`not enough memory for the machine: choose a smaller --memory (${error.message})`);
    throw error;
  }
}

/** Fewer free page frames than this, when the host kills a process, and memory is the reason. */
const FEW_FRAMES = 64;

/** Says so when the machine's memory is used up. */
function watchMemory(kernel: Kernel): void {
  kernel.signalHooks.onFatalSignal = (thread, info) => {
    const { frames } = kernel;
    if (info.signal !== Signal.KILL || frames.total - frames.inUse >= FEW_FRAMES) return;
    const megabytes = Math.floor(kernel.options.memory / 2 ** 20);
    kernel.trace.warn(`out of memory: ${thread.name} (pid ${thread.process.pid}) is killed; the machine has ${megabytes}M, give it more with --memory`);
  };
}

/** Quotes a word for a shell, if it needs it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Commands for gdb: att, det. */
const GDB_SCRIPT = join(import.meta.dirname, '..', '..', 'bin', 'skas.gdb');

const guestFiles = (machine: Machine): GuestFiles => ({ read: (path) => readGuestFile(machine, path), readLink: (path) => readGuestLink(machine, path) });

async function startServer(debug: Debugger, machine: Machine, { gdb, quiet, tracePackets, modules }: Settings, program: string, expected: boolean, profiling: ProfileSession): Promise<RspServer | undefined> {
  if (gdb === undefined) return undefined;
  const files = guestFiles(machine);
  const target = new MachineTarget(debug, files, [profiling.command, gcovCommand(debug, program, files.read)]);
  const { registers } = ARCHITECTURES[target.architecture];
  const server = new RspServer(new UserTarget(new TaskTarget(target, { expected, registers, separate: (elf) => separateDebugFile(elf, program) }), debug, new ModuleFiles(modules, program)), {
    ...gdb, version: SKAS_VERSION,
    onOutput: (text) => process.stderr.write(text),
    onRefused: () => say('a debugger was turned away: too many are connected'),
    onDisconnect: () => {
      if (!quiet && debug.stopped !== undefined && debug.stopped.kind !== 'ended') say('gdb is gone, the machine stays stopped until one connects again');
    },
    ...(tracePackets ? { log: (line: string): void => say(`rsp ${line}`) } : {}),
  });
  try {
    const { port } = await server.listen();
    const host = gdb.host === '127.0.0.1' ? '' : gdb.host.includes(':') ? `[${gdb.host}]` : gdb.host;
    if (!quiet || gdb.port === 0) say(`waiting for gdb: gdb ${expected ? `-x ${quoted(GDB_SCRIPT)} ` : ''}-ex 'target remote ${host}:${port}' ${quoted(program)}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'EADDRINUSE') throw new UserError(`--gdb: port ${gdb.port} is in use: choose another, or 0 for a free one`);
    if (code === 'EACCES') throw new UserError(`--gdb: port ${gdb.port} needs privileges: choose one above 1023`);
    throw new UserError(`--gdb: cannot listen on ${gdb.host}:${gdb.port} (${code})`);
  }
  return server;
}

function guestPrograms(debug: Debugger, machine: Machine, program: string): GuestPrograms {
  return new GuestPrograms(new DebuggeeKernel(new MachineTarget(debug, guestFiles(machine)), true, (elf) => separateDebugFile(elf, program)));
}

/** The exit status that stands for an ending. */
function exitStatus(ending: Ending, quit: number): number {
  if (ending.kind === 'quit') return quit;
  if (ending.kind === 'stuck') {
    say('all threads sleep and nothing can wake them; the machine ends');
    return 1;
  }
  const signal = ending.status & 0x7f;
  return signal === 0 ? ending.status >> 8 : 128 + signal;
}

const PER_TEST = 'profile-per-test';

function testProfiles(debug: Debugger, profiling: ProfileSession, request: ProfileRequest): TestProfiles {
  const made = new TestProfiles(profiling, request);
  made.exact = watchKunit(debug, (name) => profiling.addressOf(name), (name) => withProfiles(PER_TEST, () => made.border(name)));
  return made;
}

/** Does something with profiles; what cannot be done is the user's to know. */
function withProfiles<T>(option: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal || (error instanceof Error && 'code' in error)) throw new UserError(`--${option}: ${error.message}`);
    throw error;
  }
}

async function drain(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.writableEnded && !stream.destroyed) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

/** Builds and runs the machine; gives the exit status. */
export async function startMachine({ kind, program, args, settings }: Start, file: ProgramFile): Promise<number> {
  const folder = process.cwd();
  const kernel = buildKernel(settings);
  watchMemory(kernel);
  if (kind === 'boot') buildBootTree(kernel.vfs, file, args, settings.shares, folder);
  else buildRunTree(kernel.vfs, file, settings.shares, folder);

  const terminal = new HostTerminal();
  let perTest: TestProfiles | undefined;
  const io = new StandardIo(kernel, { terminal: terminal.terminal, onOutput: (fd, bytes) => {
    terminal.write(fd, bytes);
    if (perTest?.output(bytes) === true) kernel.requestStop();
  } });

  const child = kernel.spawn(file.path, [kind === 'run' ? program : file.path, ...args], environment(settings), { cwd: folder, stdio: io.files });
  io.attach(child);
  let finalState = '';
  if (settings.stats) kernel.hooks.onProcessEnding = (process) => {
    if (process === child) finalState = stateHash(kernel);
  };
  let server: RspServer | undefined;
  const machine = new Machine(kernel, child, {
    paced: () => settings.realtime || terminal.inputOpen,
    expecting: () => terminal.inputOpen || server !== undefined,
    ready: () => {
      withProfiles(PER_TEST, () => perTest?.settle());
      return terminal.ready() ?? server?.ready();
    },
    feed: (quiet) => terminal.feed(quiet),
  });
  const debug = new Debugger(machine);
  if (settings.wait) debug.holdAtStart();
  const profiling = new ProfileSession(debug, file.path, [program, ...args].join(' '), (path) => readGuestFile(machine, path), kind === 'boot' ? guestPrograms(debug, machine, file.path) : undefined);
  const { profilePerTest } = settings;
  const requested = [...settings.profile, ...(profilePerTest === undefined ? [] : [profilePerTest])];
  if (requested.length > 0) {
    const rows = requested.map(({ format }): FormatRow => PROFILE_FORMATS[format]);
    profiling.start({ trees: rows.some(({ trees }) => trees), tasks: settings.profileOnly.tasks !== undefined || rows.some(({ tasks }) => tasks === true), scope: settings.profileAll ? 'all' : 'debuggee' });
  }
  if (profilePerTest !== undefined) perTest = withProfiles(PER_TEST, () => testProfiles(debug, profiling, profilePerTest));
  server = await startServer(debug, machine, settings, file.path, kind === 'boot', profiling);
  if (terminal.interactive && !settings.quiet) say('Ctrl-] x ends the machine');
  let quit = 0;
  terminal.start(io, kind === 'boot', {
    onInput: () => machine.kick(),
    onEnd: (status) => {
      quit = status;
      machine.quit();
    },
  });
  const begin = performance.now();
  try {
    const ending = await machine.run();
    terminal.stop();
    await server?.close();
    const status = exitStatus(ending, quit);
    if (ending.kind === 'ended' && (ending.status & 0x7f) !== 0 && !settings.quiet) say(`${program} was ended by ${signalName(ending.status & 0x7f)}`);
    if (settings.profile.length > 0) {
      for (const line of withProfiles('profile', () => profiling.write(settings.profile, settings.profileOnly))) if (!settings.quiet) say(line);
    }
    withProfiles(PER_TEST, () => perTest?.finish());
    if (settings.stats) process.stderr.write(statistics(kernel, (performance.now() - begin) / 1000, finalState));
    await drain();
    return status;
  } finally {
    terminal.restore();
    kernel.cpu.close();
  }
}
