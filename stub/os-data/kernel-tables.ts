/** The tables of a UML kernel, read from its memory as it is now, and those of the host. */
import type { Kernel } from '../../emulator/host/kernel.ts';
import { processRows, spaceRows } from '../../emulator/host/host-view.ts';
import { kernelLog } from '../tasks/kernel-log.ts';
import type { KernelView } from '../tasks/kernel-view.ts';
import { listModules } from '../tasks/module-list.ts';
import type { Task } from '../tasks/task.ts';
import { orRefuse } from '../tasks/refusing.ts';
import { waitsIn } from '../tasks/task-commands.ts';
import type { TaskTarget } from '../tasks/task-target.ts';
import { hostProcessOf } from '../tasks/user-memory.ts';
import { Refusal } from '../target.ts';
import { interrupts } from './interrupts.ts';
import { mounts } from './mounts.ts';
import { openFiles } from './open-files.ts';
import type { OsRow, OsTable } from './table.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;
const kilobytes = (bytes: number): number => Math.ceil(bytes / 1024);

/** All tables; those of the host are there for any program. */
export function kernelTables(target: TaskTarget, machine: Kernel): readonly OsTable[] {
  const spaces: OsTable = {
    type: 'spaces', title: 'Address spaces', description: 'Address spaces of the host, and who runs in them', rows: () => addressSpaces(target, machine),
  };
  if (target.debuggee.kernel === undefined) {
    return target.hostProcesses === undefined ? [spaces] : [{ type: 'processes', title: 'Processes', description: 'Processes of the machine: attach PID', rows: () => hostProcesses(machine) }, spaces];
  }
  const table = (type: string, title: string, description: string, rows: (kernel: KernelView, rest: string) => readonly OsRow[]): OsTable => ({
    type, title, description, rows: (rest) => reading(target, (kernel) => rows(kernel, rest)),
  });
  return [
    table('processes', 'Processes', 'Processes of the guest: attach PID', () => processes(target)),
    table('threads', 'Threads', 'All tasks of the guest, and where they wait', () => threads(target)),
    table('files', 'Open files', 'Open files of all processes; of one: files PID', (kernel, rest) => openFiles(kernel, chosen(target, rest))),
    table('modules', 'Modules', 'Loaded modules', (kernel) => modules(kernel)),
    table('mounts', 'Mounts', 'Mounted file systems', mounts),
    table('interrupts', 'Interrupts', 'Interrupts that are handled', interrupts),
    table('dmesg', 'Kernel log', 'Messages of the kernel', (kernel) => log(kernel)),
    spaces,
  ];
}

function reading<Result>(target: TaskTarget, look: (kernel: KernelView) => Result): Result {
  const { kernel, reason } = target.debuggee;
  if (kernel === undefined) throw new Refusal(reason ?? 'the program is not a kernel');
  return orRefuse(() => look(kernel));
}

function tasksOf(target: TaskTarget): Task[] {
  const { view } = target;
  if (view === undefined) throw new Refusal(target.trouble ?? 'there are no tasks');
  return [...view.tasks.values()];
}

/** The machine's own, of which an ordinary program's debugger may attach any. */
function hostProcesses(machine: Kernel): OsRow[] {
  return processRows(machine).map(({ pid, parent, name, threads: all }) => ({ pid, parent, state: all[0]?.state ?? 'zombie', command: name, threads: all.length, cores: 0 }));
}

/** Those with user memory, by their first threads. */
function userTasks(target: TaskTarget): Task[] {
  return tasksOf(target).filter((task) => task.pid !== 0 && task.process === task.pid);
}

function chosen(target: TaskTarget, rest: string): Task[] {
  if (rest === '') return userTasks(target);
  const found = tasksOf(target).filter(({ pid }) => String(pid) === rest);
  if (found.length === 0) throw new Refusal(`the guest has no process ${rest}`);
  return found;
}

function stateOf(target: TaskTarget, task: Task): string {
  return target.view?.hostOf(task) === undefined ? task.state : 'running';
}

function processes(target: TaskTarget): OsRow[] {
  return userTasks(target).map((task) => ({
    pid: task.pid,
    parent: task.parent ?? 0,
    user: task.object.first('cred')?.follow()?.first('uid.val', 'uid')?.number() ?? task.object.first('uid')?.number() ?? 0,
    state: stateOf(target, task),
    command: task.isKernelThread ? `[${task.comm}]` : task.comm,
    cores: 0,
  }));
}

function threads(target: TaskTarget): OsRow[] {
  return tasksOf(target).map((task) => ({
    pid: task.process, tid: task.pid, command: task.comm, state: stateOf(target, task), task: hex(task.address),
    place: target.view === undefined || target.view.hostOf(task) !== undefined ? '' : waitsIn(target.view, task),
  }));
}

function modules(kernel: KernelView): OsRow[] {
  return (listModules(kernel) ?? []).map(({ name, state, address, size }) => ({ name, state, address: hex(address), size }));
}

function log(kernel: KernelView): OsRow[] {
  return kernelLog(kernel).trimEnd().split('\n').map((line) => {
    const [, time = '', message = line] = /^\[ *([\d.]+)\] (.*)$/.exec(line) ?? [];
    return { time, message };
  });
}

function addressSpaces(target: TaskTarget, machine: Kernel): OsRow[] {
  // Of whom the kernel would say that they run in a host process.
  const guests = new Map<number, string[]>();
  if (target.view !== undefined) reading(target, () => {
    for (const task of userTasks(target)) {
      const host = hostProcessOf(task);
      if (host !== undefined) guests.set(host, [...(guests.get(host) ?? []), `${task.comm} [${task.pid}]`]);
    }
  });
  return spaceRows(machine).map(({ id, inside, areas, mapped, resident, own, pageTables }) => ({
    mm: id, host: inside.join(' '), guest: inside.flatMap((tid) => guests.get(tid) ?? []).join(', '), areas,
    mapped: `${kilobytes(mapped)}K`, resident: `${kilobytes(resident)}K`, own: `${kilobytes(own)}K`, tables: `${kilobytes(pageTables)}K`,
  }));
}
