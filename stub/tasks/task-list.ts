/**
 * All tasks of a kernel. The lists are walked as the kernel walks them under RCU, so they can be read between any two instructions.
 * (include/linux/sched/signal.h: for_each_process, for_each_thread)
 */
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { Task } from './task.ts';

/** enum pid_type of the kernels (2.6.9) that link threads through their ids. */
const PIDTYPE_TGID = 1;

/** The other threads of a process, given its first. */
function* threads(leader: GuestObject): Generator<GuestObject, void> {
  const { type } = leader;
  const heads = leader.has('thread_node') ? leader.follow('signal')?.find('thread_head') : undefined;
  if (heads !== undefined) yield* heads.list(type, 'thread_node');
  else if (leader.has('thread_group')) yield* leader.at('thread_group').list(type, 'thread_group');
  else {
    const path = `pids[${PIDTYPE_TGID}].pid_list`;
    if (leader.has(path)) yield* leader.at(path).list(type, path);
  }
}

/** What `cpu_tasks` says each CPU runs; undefined for one that runs nothing yet. (arch/um: struct cpu_task, later a task_struct pointer.) */
export function currentTasks(kernel: KernelView): (GuestObject | undefined)[] {
  const cpus = kernel.variable('cpu_tasks');
  return Array.from({ length: cpus.length ?? 1 }, (_, cpu) => {
    const entry = cpus.element(cpu);
    const address = (entry.find('task') ?? entry).number();
    return address === 0 ? undefined : kernel.object('struct task_struct', address);
  });
}

/** Where the kernel keeps what a CPU runs. */
export function currentPointer(kernel: KernelView, cpu: number): GuestObject {
  const entry = kernel.variable('cpu_tasks').element(cpu);
  return entry.find('task') ?? entry;
}

/**
 * All tasks by address: idle tasks first, then by process id. Undefined before the kernel has begun to have tasks.
 * @throws LayoutError @throws GuestDataError when the lists cannot be read
 */
export function listTasks(kernel: KernelView): Map<number, Task> | undefined {
  const current = currentTasks(kernel).filter((task) => task !== undefined);
  if (current.length === 0) return undefined;
  const found = new Map<number, Task>();
  const add = (object: GuestObject): void => {
    if (!found.has(object.address)) found.set(object.address, new Task(object));
  };
  const init = kernel.variable('init_task');
  add(init);
  // Other CPUs' idle tasks are in no list, nor is a task that is just being buried.
  current.forEach(add);
  for (const leader of init.at('tasks').list(init.type, 'tasks')) {
    add(leader);
    for (const thread of threads(leader)) add(thread);
  }
  return new Map([...found].sort(([, a], [, b]) => a.pid - b.pid));
}
