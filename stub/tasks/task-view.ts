/**
 * Tasks at one stop: which there are, which of them run on a thread of the host, and the ids debuggers know them by. Made
 * anew when anything may have changed.
 */
import type { TargetThread } from '../target.ts';
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { onStackOf, SavedContext } from './saved-context.ts';
import { currentTasks, listTasks } from './task-list.ts';
import { Task } from './task.ts';

/** Ids above all process ids (PID_MAX_LIMIT, 2^22): idle tasks, all of which have process id 0, by CPU. The first also names the host's first thread before there are tasks. */
export const FIRST_IDLE = 1 << 22;
/** Ids of host threads that run no task: this and the host's id. */
export const FIRST_HOST = 1 << 23;

/** Ids of tasks whose process ids are nonsense. */
const FIRST_SPARE = 3 << 22;

/** What is known of a thread of the host. */
export interface HostThread {
  readonly thread: TargetThread;
  /** On its ordinary stack, below signal handlers; undefined when that cannot be told. */
  readonly stackPointer: number | undefined;
}

/** A host thread that runs a task, and the CPU the kernel takes it for. */
export interface RunningThread extends HostThread {
  readonly cpu: number;
}

/** The task whose code runs where the stack pointer says, given what its CPU says: between set_current and the change of stacks in __switch_to it is still the previous one. */
export function taskOnStack(kernel: KernelView, current: GuestObject, stackPointer: number): Task | undefined {
  const task = new Task(current);
  if (onStackOf(kernel, task, stackPointer)) return task;
  const previous = current.find('thread.prev_sched')?.follow();
  if (previous === undefined || previous.memory(previous.address, 1) === undefined) return undefined;
  const before = new Task(previous.as(current.type));
  return onStackOf(kernel, before, stackPointer) ? before : undefined;
}

/** A task as a debugger sees it; what only lists show is read when it is asked for. */
class TaskThread implements TargetThread {
  readonly pid: number;
  readonly tid: number;
  private readonly task: Task;
  private readonly running: boolean;
  private text: { readonly name: string; readonly extra: string } | undefined;

  constructor(task: Task, pid: number, tid: number, running: boolean) {
    this.task = task;
    this.pid = pid;
    this.tid = tid;
    this.running = running;
  }

  get name(): string {
    return this.show().name;
  }

  get extra(): string {
    return this.show().extra;
  }

  private show(): { readonly name: string; readonly extra: string } {
    return (this.text ??= { name: this.task.name, extra: this.running ? 'running' : this.task.state });
  }
}

export class TaskView {
  readonly kernel: KernelView;
  readonly tasks: ReadonlyMap<number, Task>;
  readonly threads: readonly TargetThread[];
  /** Host threads by the address of the task they run, and back. */
  readonly hosts: ReadonlyMap<number, RunningThread>;
  private readonly byId = new Map<number, Task>();
  private readonly ids = new Map<number, number>();
  private readonly contexts = new Map<number, SavedContext | undefined>();

  private constructor(kernel: KernelView, tasks: ReadonlyMap<number, Task>, hosts: ReadonlyMap<number, RunningThread>, all: readonly HostThread[]) {
    this.kernel = kernel;
    this.tasks = tasks;
    this.hosts = hosts;
    let idle = FIRST_IDLE;
    let spare = FIRST_SPARE;
    for (const task of tasks.values()) {
      let id = task.pid === 0 ? idle++ : task.pid;
      if (id < 0 || this.byId.has(id) || (task.pid !== 0 && id >= FIRST_IDLE)) id = spare++;
      this.byId.set(id, task);
      this.ids.set(task.address, id);
    }
    const [{ thread: first }] = all;
    const busy = new Set([...hosts.values()].map(({ thread }) => thread.tid));
    this.threads = [
      ...[...tasks.values()].map((task) => new TaskThread(task, first.pid, this.idOf(task), hosts.has(task.address))),
      ...all.filter(({ thread }) => !busy.has(thread.tid)).map(({ thread }) => ({ ...thread, tid: FIRST_HOST + thread.tid })),
    ];
  }

  /**
   * Undefined before there are tasks.
   * @throws LayoutError @throws GuestDataError
   */
  static of(kernel: KernelView, all: readonly HostThread[]): TaskView | undefined {
    const tasks = all.length === 0 ? undefined : listTasks(kernel);
    if (tasks === undefined) return undefined;
    const hosts = new Map<number, RunningThread>();
    const left = new Set(all);
    const runs = (task: Task, host: HostThread, cpu: number): void => {
      if (!tasks.has(task.address)) tasks.set(task.address, task);
      hosts.set(task.address, { ...host, cpu });
      left.delete(host);
    };
    let unclaimed = currentTasks(kernel).flatMap((object, cpu) => (object === undefined ? [] : [{ object, cpu }]));
    // Whose stack it is, first; then whose it still is.
    for (const own of [true, false]) {
      unclaimed = unclaimed.filter(({ object, cpu }) => {
        for (const host of left) {
          const task = host.stackPointer === undefined ? undefined : taskOnStack(kernel, object, host.stackPointer);
          if (task === undefined || (own && task.address !== object.address)) continue;
          runs(task, host, cpu);
          return false;
        }
        return true;
      });
    }
    // On a stack that is nobody's (the one the program began on, that of a crash) the first thread is where the first CPU is.
    const [host] = left;
    if (host !== undefined && host === all[0] && unclaimed.length > 0) runs(new Task(unclaimed[0].object), host, unclaimed[0].cpu);
    return new TaskView(kernel, tasks, hosts, all);
  }

  task(id: number): Task | undefined {
    return this.byId.get(id);
  }

  idOf(task: Task): number {
    const id = this.ids.get(task.address);
    if (id === undefined) throw new Error(`task ${task.name} is not in the list`);
    return id;
  }

  /** The host thread that runs a task now; undefined: the task does not run. */
  hostOf(task: Task): RunningThread | undefined {
    return this.hosts.get(task.address);
  }

  /** The task a host thread runs. */
  taskOn(hostId: number): Task | undefined {
    for (const [address, { thread }] of this.hosts) if (thread.tid === hostId) return this.tasks.get(address);
    return undefined;
  }

  /** Registers of a task that does not run; undefined when they are lost. */
  saved(task: Task): SavedContext | undefined {
    if (!this.contexts.has(task.address)) this.contexts.set(task.address, SavedContext.of(this.kernel, task));
    return this.contexts.get(task.address);
  }

  /** How a debugger sees a task. */
  thread(task: Task): TargetThread {
    const id = this.idOf(task);
    const found = this.threads.find(({ tid }) => tid === id);
    if (found === undefined) throw new Error(`task ${task.name} is not in the list`);
    return found;
  }
}
