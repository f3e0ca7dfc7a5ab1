/**
 * The user side of a UML kernel's tasks, as a stub shows it that can attach the guest's processes (multiprocess extensions): a task's user registers, its process's memory, and
 * symbols of the files it has mapped, out of the guest's page cache. A process stays attached until the target runs.
 */
import { ElfType } from '../../emulator/image/elf.ts';
import { RspError } from '../rsp/rsp-error.ts';
import type { Stub } from '../rsp/stub.ts';
import type { PhysicalFrame } from '../symbols/physical-frame.ts';
import { SymbolFile, SymbolFileError } from '../symbols/symbol-file.ts';
import { littleEndian } from '../values/value.ts';
import { Inspector } from './inspector.ts';

/** Auxiliary vector (include/uapi/linux/auxvec.h): the program's entry point. */
const AT_ENTRY = 9n;
/** By these many bytes two files of one name are told apart: program headers and build id lie in them. */
const BEGINNING = 4096;

export interface UserSide {
  /** The program and its process id. */
  readonly title: string;
  readonly inspector: Inspector;
  readonly thread: string;
  readonly innermost: PhysicalFrame | undefined;
}

interface Process {
  readonly inspector: Inspector;
  readonly title: string;
}

interface KnownFile {
  readonly beginning: Buffer;
  readonly bytes: Buffer;
  readonly placed: Map<number, SymbolFile>;
}

export class UserProcesses {
  private readonly stub: Stub;
  private readonly kernel: Inspector;
  /** By process id, at this stop. */
  private readonly processes = new Map<number, Process>();
  private owners: ReadonlyMap<number, number> | undefined;
  private readonly files = new Map<string, KnownFile>();

  constructor(stub: Stub, kernel: Inspector) {
    this.stub = stub;
    this.kernel = kernel;
  }

  /** The target has run. */
  forget(): void {
    this.processes.clear();
    this.owners = undefined;
  }

  /** Something was written. */
  changed(): void {
    for (const { inspector } of this.processes.values()) inspector.forget();
  }

  /** Whether a thread may have a user side: what can be said without asking the stub about it. */
  possible(thread: string): boolean {
    return this.stub.process !== undefined && this.kernel.hasSymbol('linux_main') && taskId(thread) !== undefined;
  }

  /** The user side of a thread; undefined: it has none (a kernel thread, or the stub shows none). A string says why it cannot be had. */
  async of(thread: string): Promise<UserSide | string | undefined> {
    const task = taskId(thread);
    if (task === undefined || !this.possible(thread)) return undefined;
    const pid = (await this.ownersOfTasks()).get(task);
    if (pid === undefined) return undefined;
    try {
      const process = this.processes.get(pid) ?? await this.attach(pid);
      if (process === undefined) return undefined;
      const id = `p${pid.toString(16)}.${task.toString(16)}`;
      return { title: process.title, inspector: process.inspector, thread: id, innermost: await process.inspector.innermost(id) };
    } catch (error) {
      if (error instanceof RspError && !this.stub.client.closed) return error.message;
      throw error;
    }
  }

  /** Process ids by task ids. */
  private async ownersOfTasks(): Promise<ReadonlyMap<number, number>> {
    if (this.owners === undefined) {
      const rows = await this.stub.osData('threads') ?? [];
      this.owners = new Map(rows.map((row) => [Number(row.get('tid')), Number(row.get('pid'))]));
    }
    return this.owners;
  }

  private async attach(pid: number): Promise<Process | undefined> {
    // Other stubs would attach a process of their own system.
    const attachable = await this.stub.monitor(`attachable ${pid}`).catch(() => undefined);
    if (attachable === undefined || !attachable.startsWith('yes')) return undefined;
    const thread = await this.stub.attachProcess(pid);
    const inspector = new Inspector(this.stub, this.kernel);
    inspector.useThread(thread);
    const program = await this.stub.executableOf(pid);
    const auxv = await this.auxiliary(thread, inspector.map.wordSize);
    const missing: string[] = [];
    if (program !== undefined) {
      const main = await this.add(inspector, pid, program, (file) => (file.elf.header.type === ElfType.shared ? inspector.address((auxv.get(AT_ENTRY) ?? 0n) - BigInt(file.elf.header.entry)) : 0));
      if (main === undefined) missing.push(program);
      for (const { name, base } of await this.stub.linkedLibraries(thread)) {
        if (await this.add(inspector, pid, name, () => inspector.address(base)) === undefined) missing.push(name);
      }
    }
    const process = { inspector, title: `${program ?? 'process'} (${pid})${missing.length === 0 ? '' : `, no symbols of ${missing.join(', ')}`}` };
    this.processes.set(pid, process);
    return process;
  }

  private async auxiliary(thread: string, wordSize: 4 | 8): Promise<ReadonlyMap<bigint, bigint>> {
    const bytes = await this.stub.auxiliaryVector(thread) ?? Buffer.alloc(0);
    const words = Array.from({ length: Math.floor(bytes.length / wordSize) }, (_, i) => littleEndian(bytes.subarray(i * wordSize, (i + 1) * wordSize)));
    return new Map(words.flatMap((key, i) => (i % 2 === 0 && i + 1 < words.length ? [[key, words[i + 1]] as const] : [])));
  }

  /** A file the process has mapped; undefined: it cannot be had whole, or is none we can read. */
  private async add(inspector: Inspector, pid: number, path: string, offsetOf: (file: SymbolFile) => number): Promise<SymbolFile | undefined> {
    const known = await this.contents(pid, path);
    if (known === undefined) return undefined;
    try {
      const unplaced = known.placed.get(0) ?? SymbolFile.ofBytes(path, known.bytes, 0);
      known.placed.set(0, unplaced);
      const offset = offsetOf(unplaced);
      const file = known.placed.get(offset) ?? SymbolFile.ofBytes(path, known.bytes, offset);
      known.placed.set(offset, file);
      inspector.addFile(file);
      return file;
    } catch (error) {
      if (error instanceof SymbolFileError) return undefined;
      throw error;
    }
  }

  private async contents(pid: number, path: string): Promise<KnownFile | undefined> {
    const known = this.files.get(path);
    const beginning = await this.stub.readFile(path, { process: pid, most: BEGINNING });
    if (beginning === undefined) return undefined;
    if (known?.beginning.equals(beginning) === true) return known;
    const bytes = await this.stub.readFile(path, { process: pid });
    if (bytes === undefined) return undefined;
    const file = { beginning, bytes, placed: new Map<number, SymbolFile>() };
    this.files.set(path, file);
    return file;
  }
}

/** The task a thread id (`pPROCESS.TASK`, hexadecimal) names; undefined: ids of idle tasks and host threads are beyond those of tasks. */
function taskId(thread: string): number | undefined {
  const [, digits] = /^p[0-9a-f]+\.([0-9a-f]+)$/i.exec(thread) ?? [];
  const id = digits === undefined ? 0 : parseInt(digits, 16);
  return id > 0 && id < 1 << 22 ? id : undefined;
}
