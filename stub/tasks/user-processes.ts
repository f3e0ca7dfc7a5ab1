/** The guest processes that are attached: beginning and ending that, their tasks as threads, and what is set in them. */
import type { WatchRequest } from '../../emulator/debug/debuggees.ts';
import type { Debugger } from '../../emulator/debug/debugger.ts';
import type { HitFilter } from '../../emulator/debug/hit-filters.ts';
import type { AgentVariables } from '../agent/variables.ts';
import { Refusal, type BreakpointRequest, type TargetThread } from '../target.ts';
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { UserMemory } from './process-memory.ts';
import { orRefuse } from './refusing.ts';
import { listTasks } from './task-list.ts';
import type { Task } from './task.ts';
import { userFilter } from './user-filter.ts';
import { UserProbes, type ProbeWishes } from './user-probes.ts';
import { UserProcess, type UserWatch } from './user-process.ts';
import { UserSide, type UserTask } from './user-side.ts';

/** Thread ids of user tasks begin here, beyond those of the host's threads; clients see the task's pid. */
export const FIRST_USER_TID = 2 ** 33;

/** What there is while at least one process is attached. */
interface Open {
  readonly side: UserSide;
  readonly memory: UserMemory;
  readonly probes: UserProbes;
}

export class UserProcesses {
  wishes: ProbeWishes = { forks: false, vforks: false, stepsIntoCalls: false, passed: new Set() };
  /** Takes what commands of breakpoints print. */
  print: (text: string) => void = () => undefined;
  private readonly debug: Debugger;
  private readonly variables: AgentVariables;
  private open: Open | undefined;
  private execEvents = false;
  /** Tasks by process, as they are at this stop. */
  private readonly known = new Map<UserProcess, readonly Task[]>();

  constructor(debug: Debugger, variables: AgentVariables) {
    this.debug = debug;
    this.variables = variables;
  }

  get side(): UserSide | undefined {
    return this.open?.side;
  }

  get all(): ReadonlyMap<number, UserProcess> {
    return this.open?.side.processes ?? new Map<number, UserProcess>();
  }

  setExecEvents(wanted: boolean): void {
    this.execEvents = wanted;
    if (this.open !== undefined) this.open.side.stopsForExec = wanted;
  }

  /** The guest has run, or its memory was changed. */
  changed(): void {
    this.known.clear();
  }

  // ── threads ───────────────────────────────────────────────────────────────────────────────────

  threads(): TargetThread[] {
    return [...this.all.values()].flatMap((process) => this.tasksOf(process).map((task) => this.describe(process, task)));
  }

  /** The task of a thread id; undefined: it is none of theirs. */
  task(tid: number | undefined): UserTask | undefined {
    if (tid === undefined || tid < FIRST_USER_TID) return undefined;
    const pid = tid - FIRST_USER_TID;
    for (const process of this.all.values()) {
      const task = this.tasksOf(process).find((each) => each.pid === pid);
      if (task !== undefined) return { process, address: task.address, pid };
    }
    return undefined;
  }

  thread(task: UserTask): TargetThread | undefined {
    const found = this.tasksOf(task.process).find(({ address }) => address === task.address);
    return found === undefined ? undefined : this.describe(task.process, found);
  }

  private tasksOf(process: UserProcess): readonly Task[] {
    let tasks = this.known.get(process);
    if (tasks === undefined) {
      try {
        tasks = process.tasks();
      } catch {
        // The kernel's lists cannot be read (it has ended, or has destroyed them): then there are no threads to show.
        tasks = [];
      }
      this.known.set(process, tasks);
    }
    return tasks;
  }

  private describe(process: UserProcess, task: Task): TargetThread {
    const live = this.open?.side.hostOf(task.address) !== undefined;
    return { pid: process.pid, tid: FIRST_USER_TID + task.pid, shown: task.pid, name: task.comm, extra: live ? 'user mode' : `in the kernel, ${task.state}` };
  }

  // ── beginning and ending ──────────────────────────────────────────────────────────────────────

  /** @throws Refusal saying why not */
  attach(kernel: KernelView, pid: number): TargetThread {
    const { process, first } = this.check(kernel, pid);
    orRefuse(() => this.begin(kernel, process.memory).side.processes.set(pid, process));
    return this.describe(process, first);
  }

  /** What attaching would find. @throws Refusal saying why it cannot be done */
  check(kernel: KernelView, pid: number): { readonly process: UserProcess; readonly first: Task } {
    if (this.all.has(pid)) throw new Refusal(`process ${pid} is already attached`);
    return orRefuse(() => {
      const memory = this.open?.memory ?? new UserMemory(kernel, (address, bytes) => this.writeKernel(address, bytes));
      const process = new UserProcess(pid, kernel, memory);
      const [first] = process.tasks();
      if (first === undefined) throw new Refusal(whyNot(kernel, pid));
      return { process, first };
    });
  }

  /** Forgets a process and what was set in it; false if there is none of this id. */
  drop(pid: number): boolean {
    const process = this.all.get(pid);
    if (process === undefined || this.open === undefined) return false;
    this.clear(process);
    this.known.delete(process);
    this.open.side.processes.delete(pid);
    if (this.all.size > 0) return true;
    this.open.probes.remove();
    this.debug.bystanders = undefined;
    this.open = undefined;
    return true;
  }

  dropAll(): void {
    for (const pid of [...this.all.keys()]) this.drop(pid);
  }

  /** A child was made: it is attached with its parent's breakpoints, as its memory has what its parent's has. */
  adopt(parent: UserProcess, pid: number): TargetThread | undefined {
    const child = new UserProcess(pid, parent.kernel, parent.memory);
    const [first] = child.tasks();
    if (first === undefined || this.open === undefined) return undefined;
    for (const [address, hardware] of parent.breakpoints) this.setBreakpoint(child, address, hardware, parent.filters.get(address));
    this.open.side.processes.set(pid, child);
    return this.describe(child, first);
  }

  private begin(kernel: KernelView, memory: UserMemory): Open {
    if (this.open !== undefined) return this.open;
    const side = new UserSide(this.debug, kernel);
    side.stopsForExec = this.execEvents;
    // Another program: breakpoints of the old one are gone with its memory.
    side.onExec = (process) => this.clear(process);
    this.open = { side, memory, probes: new UserProbes(this.debug, kernel, side, () => this.wishes) };
    this.debug.bystanders = side;
    return this.open;
  }

  private clear(process: UserProcess): void {
    for (const address of process.breakpoints.keys()) this.debug.machine.kernel.cpu.removeBreakpoint(address);
    process.breakpoints.clear();
    process.filters.clear();
    for (const key of [...process.watchpoints.keys()]) this.removeWatch(process, key);
    process.forget();
  }

  // ── what is set ───────────────────────────────────────────────────────────────────────────────

  /** False when the address is not mapped. */
  insert({ process }: UserTask, wanted: BreakpointRequest): boolean {
    const { kind, address, length } = wanted;
    const at = Number(address);
    const mm = process.mm;
    if (mm === undefined || !orRefuse(() => process.memory.mapped(mm, at))) return false;
    const filter = userFilter(process, wanted, { print: (text) => this.print(text), variables: this.variables });
    if (kind === 'software' || kind === 'hardware') {
      this.setBreakpoint(process, at, kind === 'hardware', filter);
      return true;
    }
    if (length === 0) return false;
    const key = watchKey(kind, address, length);
    this.removeWatch(process, key);
    const request: WatchRequest = { kind, address: at, length, ...(filter === undefined ? {} : { filter }) };
    process.watchpoints.set(key, { request, id: this.debug.addBystanderWatchpoint(request), aliases: new Map() });
    orRefuse(() => this.open?.side.watchAliases(process));
    return true;
  }

  /** False when there is no such one. */
  remove({ process }: UserTask, { kind, address, length }: BreakpointRequest): boolean {
    if (kind !== 'software' && kind !== 'hardware') return this.removeWatch(process, watchKey(kind, address, length));
    if (!process.breakpoints.delete(Number(address))) return false;
    process.filters.delete(Number(address));
    this.debug.machine.kernel.cpu.removeBreakpoint(Number(address));
    return true;
  }

  private setBreakpoint(process: UserProcess, address: number, hardware: boolean, filter: HitFilter | undefined): void {
    if (!process.breakpoints.has(address)) this.debug.machine.kernel.cpu.addBreakpoint(address);
    process.breakpoints.set(address, hardware);
    if (filter === undefined) process.filters.delete(address);
    else process.filters.set(address, filter);
  }

  private removeWatch(process: UserProcess, key: string): boolean {
    const watch: UserWatch | undefined = process.watchpoints.get(key);
    if (watch === undefined) return false;
    process.watchpoints.delete(key);
    for (const id of [watch.id, ...watch.aliases.values()]) this.debug.removeWatchpoint(id);
    return true;
  }

  /** Writes into the kernel's memory. */
  writeKernel(address: number, bytes: Uint8Array): boolean {
    return this.debug.machine.process.leader.space.poke(address, bytes);
  }

  /** The task's task_struct. */
  object({ process, address }: UserTask): GuestObject {
    return process.kernel.object('struct task_struct', address);
  }
}

const watchKey = (kind: string, address: bigint, length: number): string => `${kind} ${address} ${length}`;

function whyNot(kernel: KernelView, pid: number): string {
  const task = [...(listTasks(kernel)?.values() ?? [])].find((each) => each.pid === pid);
  if (task === undefined) return `the guest has no process ${pid}`;
  if (task.process !== pid) return `${pid} is a thread of process ${task.process}: attach that`;
  return task.ended ? `${task.name} has ended` : `${task.name} is a kernel thread: it has no user side`;
}
