/** A UML process that is debugged as a process of its own: what the guest kernel knows about it. */
import type { WatchRequest } from '../../emulator/debug/debuggees.ts';
import type { HitFilter } from '../../emulator/debug/hit-filters.ts';
import { GuestDataError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { memoryAreas } from './memory-areas.ts';
import { cachedFile } from './page-cache.ts';
import { fileInode, filePath } from './paths.ts';
import { listTasks } from './task-list.ts';
import type { Task } from './task.ts';
import type { UserMemory } from './process-memory.ts';

/** A watchpoint of a process. */
export interface UserWatch {
  readonly request: WatchRequest;
  /** Id of the one at the process's own address. */
  readonly id: number;
  /** Ids of those at the addresses where the kernel sees the same memory. */
  readonly aliases: Map<number, number>;
}

export class UserProcess {
  /** Process id in the guest (tgid). */
  readonly pid: number;
  readonly kernel: KernelView;
  readonly memory: UserMemory;
  /** Software and hardware breakpoints by address: true for hardware. */
  readonly breakpoints = new Map<number, boolean>();
  /** What decides about their hits. */
  readonly filters = new Map<number, HitFilter>();
  /** By kind, address and length. */
  readonly watchpoints = new Map<string, UserWatch>();
  /** System calls to stop for; undefined: none, empty: all. */
  syscalls: ReadonlySet<number> | undefined;
  /** Address of the task_struct of the task that waits for the child it has made by vfork. */
  vforking: number | undefined;
  /** self_exec_id when last looked at. */
  execution: number;
  private first: GuestObject | undefined;
  private readonly files = new Map<string, Uint8Array>();

  constructor(pid: number, kernel: KernelView, memory: UserMemory) {
    this.pid = pid;
    this.kernel = kernel;
    this.memory = memory;
    this.execution = this.executions();
  }

  /** Its tasks that have not ended, the leader first. */
  tasks(): Task[] {
    return [...(listTasks(this.kernel)?.values() ?? [])].filter((task) => task.process === this.pid && !task.ended && task.object.number('mm') !== 0);
  }

  /** `struct mm_struct`; undefined when the process has ended. */
  get mm(): GuestObject | undefined {
    // Asked at every turn of a process with watchpoints: its first task is still the same one nearly always. (One that has ended has no mm.)
    const { first } = this;
    if (first === undefined || first.number('tgid') !== this.pid || first.number('mm') === 0) this.first = this.tasks()[0]?.object;
    return this.first?.follow('mm');
  }

  /** How many programs it has started so far. */
  executions(): number {
    return this.tasks()[0]?.object.find('self_exec_id')?.number() ?? 0;
  }

  get auxv(): Uint8Array {
    const saved = this.mm?.find('saved_auxv')?.read();
    if (saved === undefined) return new Uint8Array();
    const view = new DataView(saved.buffer, saved.byteOffset, saved.byteLength);
    const { wordSize } = this.kernel.image;
    for (let at = 0; at + 2 * wordSize <= saved.length; at += 2 * wordSize) {
      // AT_NULL ends it.
      if (view.getUint32(at, true) === 0) return saved.subarray(0, at + 2 * wordSize);
    }
    return saved;
  }

  /** Path of the program, in the guest. */
  get executable(): string | undefined {
    const file = this.executableFile();
    return file === undefined ? undefined : filePath(this.kernel, file);
  }

  /** A file the process has mapped, by its path in the guest; undefined: it has none of this name. @throws GuestDataError when it is not wholly in the guest's memory */
  openFile(path: string): Uint8Array | undefined {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    const file = this.mappedFiles().get(path);
    if (file === undefined) return undefined;
    const mapping = file.follow('f_mapping');
    const size = fileInode(file)?.number('i_size');
    if (mapping === undefined || size === undefined) throw new GuestDataError(`${path} has no contents in the guest's memory`);
    const contents = cachedFile(this.kernel, this.memory.tables, mapping, size);
    this.files.set(path, contents);
    return contents;
  }

  /** What was read before an exec is not true any more. */
  forget(): void {
    this.files.clear();
    this.execution = this.executions();
  }

  private executableFile(): GuestObject | undefined {
    const { mm } = this;
    if (mm === undefined) return undefined;
    if (mm.has('exe_file')) return mm.follow('exe_file');
    return memoryAreas(this.kernel, mm).find(({ file }) => file !== undefined)?.file;
  }

  private mappedFiles(): Map<string, GuestObject> {
    const { mm } = this;
    const files = new Map<string, GuestObject>();
    const add = (file: GuestObject | undefined): void => {
      if (file !== undefined) files.set(filePath(this.kernel, file), file);
    };
    add(this.executableFile());
    if (mm !== undefined) for (const { file } of memoryAreas(this.kernel, mm)) add(file);
    return files;
  }
}
