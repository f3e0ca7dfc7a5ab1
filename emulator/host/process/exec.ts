/** execve: finds the program (through `#!` lines and PT_INTERP), makes its memory, and turns the thread into it. */
import { cpuid } from '../../cpu/cpuid.ts';
import { Reg, Segment, USER_CS_32, USER_CS_64, USER_DS } from '../../cpu/state.ts';
import { ElfError } from '../../image/elf.ts';
import { Errno } from '../errno.ts';
import { byteString } from '../files/arguments.ts';
import type { Dentry } from '../files/dentry.ts';
import type { ExecutableFile } from '../files/vfs.ts';
import { Resource } from '../misc/limits.ts';
import { Personality } from '../misc/personality.ts';
import { onExec } from '../ptrace/hooks.ts';
import { deletePosixTimers } from '../time/posix-timers.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { exitThread, leaveMemory } from './exit.ts';
import { byteArray, expectsExecutableData, interpreterPath, layoutFor, loadProgram, readProgram, type Program, type StartState } from './program.ts';
import { setSegment } from './segments.ts';
import type { Thread } from './thread.ts';

/** How many `#!` lines may lead to each other. */
const SCRIPT_DEPTH = 5;
/** Bytes of a script the kernel looks at. */
const SCRIPT_HEAD = 256;
const COMM_LENGTH = 15;

/** A program to run; execveat may give the file itself (`dentry`) rather than a path. */
export interface ExecRequest {
  /** Path as given (a byte string, as all paths), which also goes to AT_EXECFN. */
  readonly path: string;
  readonly argv: readonly Uint8Array[];
  readonly envp: readonly Uint8Array[];
  /** Path to look up from `base`, if that is another than `path`. */
  readonly lookup?: string;
  /** Where relative paths start; undefined: the working directory. */
  readonly base?: Dentry;
  /** The file itself (fexecve). */
  readonly file?: Dentry;
}

interface Found {
  readonly file: ExecutableFile;
  readonly program: Program;
  readonly interpreter: Program | undefined;
  readonly argv: readonly Uint8Array[];
  readonly name: string;
}

/** Replaces the thread's program. Returns 0, or -errno with nothing changed. */
export function execute(thread: Thread, request: ExecRequest): number {
  const found = findProgram(thread, request);
  if (typeof found === 'number') return found;
  const { kernel, process } = thread;
  const { wordSize } = found.program.header;
  const personality = personalityFor(thread, found.program);
  const space = kernel.spaces.create(layoutFor(wordSize, process.limits.soft(Resource.STACK), personality), process.spaceLimits);
  if (space === undefined) return -Errno.ENOMEM;
  const random = new Uint8Array(16);
  kernel.random.fill(random);
  const { uid, euid, gid, egid } = process.credentials;
  const hwcap = cpuid(1, 0)[3] >>> 0;
  const strings = { execfn: request.path, argv: found.argv, envp: request.envp };
  const start = loadProgram(space, found.program, found.interpreter, strings, {
    uid, euid, gid, egid, hwcap, random, readImpliesExec: (personality & Personality.readImpliesExec) !== 0,
  });
  if (start === undefined) {
    space.release();
    found.file.release();
    return -Errno.ENOMEM;
  }
  thread.personality = personality;
  become(thread, space, start, found);
  return 0;
}

function personalityFor(thread: Thread, program: Program): number {
  if (program.header.wordSize === 8) return (thread.personality & ~Personality.readImpliesExec) >>> 0;
  return expectsExecutableData(program) ? (thread.personality | Personality.readImpliesExec) >>> 0 : thread.personality;
}

function findProgram(thread: Thread, request: ExecRequest): Found | number {
  const { vfs } = thread.kernel;
  let argv = request.argv;
  let path = request.path;
  let file = request.file === undefined ? vfs.readFile(thread, request.lookup ?? path, request.base) : vfs.executable(thread, request.file);
  for (let depth = 0; ; depth++) {
    if (typeof file === 'number') return file;
    const head = new Uint8Array(SCRIPT_HEAD);
    const length = Math.max(file.read(0, head), 0);
    if (head[0] !== 0x23 || head[1] !== 0x21) break;
    if (depth === SCRIPT_DEPTH) return -Errno.ELOOP;
    const line = scriptLine(head.subarray(2, length));
    if (line === undefined) return -Errno.ENOEXEC;
    argv = [byteArray(line.interpreter), ...(line.argument === undefined ? [] : [byteArray(line.argument)]), byteArray(path), ...argv.slice(1)];
    path = line.interpreter;
    file = vfs.readFile(thread, path);
  }
  file.retain();
  const programs = readPrograms(thread, file, path);
  if (typeof programs === 'number') {
    file.release();
    return programs;
  }
  return { file, ...programs, argv, name: path };
}

function readPrograms(thread: Thread, file: ExecutableFile, path: string): { program: Program; interpreter: Program | undefined } | number {
  try {
    const program = readProgram(file, path);
    const loader = interpreterPath(program);
    if (loader === undefined) return { program, interpreter: undefined };
    const loaderFile = thread.kernel.vfs.readFile(thread, loader);
    if (typeof loaderFile === 'number') return loaderFile;
    const interpreter = readProgram(loaderFile, loader);
    if (interpreter.header.wordSize !== program.header.wordSize) throw new ElfError(`${path}: its interpreter ${loader} is of the other word size`);
    return { program, interpreter };
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    thread.kernel.trace.line('exec', `[${thread.tid}] execve: ${error.message}`);
    return -Errno.ENOEXEC;
  }
}

function scriptLine(bytes: Uint8Array): { interpreter: string; argument: string | undefined } | undefined {
  const end = bytes.indexOf(0x0a);
  const text = byteString(end < 0 ? bytes : bytes.subarray(0, end)).replace(/\0.*$/s, '').trim();
  const match = /^(\S+)(?:[ \t]+(.*))?$/s.exec(text);
  if (match === null) return undefined;
  return { interpreter: match[1], argument: match[2] };
}

/** The point of no return: the old program goes, the new one is in its place. */
function become(thread: Thread, space: AddressSpace, start: StartState, found: Found): void {
  const { kernel, process } = thread;
  const formerTid = thread.tid;
  for (const other of [...process.threads]) if (other !== thread) exitThread(other, 0);
  if (!thread.isLeader) takeOverLeadership(thread);
  leaveMemory(thread);
  thread.space = space;
  if (thread.descriptors.shared) {
    const own = thread.descriptors.clone();
    thread.descriptors.release();
    thread.descriptors = own;
  }
  thread.descriptors.closeOnExec();
  thread.signals.exec();
  process.signals.exec();
  deletePosixTimers(process);
  process.execed = true;
  process.dumpable = 1;
  process.executableFile?.release();
  process.executableFile = found.file;
  process.executable = found.file.dentry.path;
  thread.name = commandName(found.name);
  resetRegisters(thread, start, found.program.header.wordSize);
  kernel.trace.line('exec', `[${thread.tid}] ${process.executable} entry 0x${start.entry.toString(16)} stack 0x${start.stack.toString(16)}`);
  onExec(thread, formerTid);
  kernel.hooks.onExec?.(thread);
}

/** A thread other than the leader has called exec: it becomes the leader, with the process's id. */
function takeOverLeadership(thread: Thread): void {
  const { kernel, process } = thread;
  const old = process.leader;
  process.threads.delete(old);
  kernel.threads.delete(thread.tid);
  kernel.threads.delete(old.tid);
  kernel.contexts.give(old.context.slot);
  thread.tid = process.pid;
  process.leader = thread;
  kernel.threads.set(thread.tid, thread);
}

function resetRegisters(thread: Thread, start: StartState, wordSize: 4 | 8): void {
  const { context, kernel } = thread;
  kernel.cpu.initialise(context);
  for (let register = 0; register < 16; register++) context.setGpr(register, 0n);
  for (const segment of Object.values(Segment)) context.setSegmentBase(segment, 0n);
  context.setSelector(Segment.cs, wordSize === 8 ? USER_CS_64 : USER_CS_32);
  context.setSelector(Segment.ss, USER_DS);
  for (const segment of [Segment.es, Segment.ds]) context.setSelector(segment, wordSize === 8 ? 0 : USER_DS);
  for (const segment of [Segment.fs, Segment.gs]) setSegment(thread, segment, 0);
  context.setGprNumber(Reg.rsp, start.stack);
  context.rip = start.entry;
}

export function commandName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).slice(0, COMM_LENGTH);
}
