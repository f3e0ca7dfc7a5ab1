/**
 * The user side of UML: which of the host's threads runs which UML task now, and what stops the machine there. A task's user registers are in
 * the host thread while that runs the task's own code, and in the task's `thread.regs` while the task is in the kernel.
 */
import type { Bystanders } from '../../emulator/debug/bystanders.ts';
import type { Debugger } from '../../emulator/debug/debugger.ts';
import { HitFilters } from '../../emulator/debug/hit-filters.ts';
import type { PageAccess } from '../../emulator/memory/page-access.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { raiseWriteFault } from '../../emulator/host/signals/exceptions.ts';
import { ARCHITECTURES } from '../registers.ts';
import { littleEndian } from './guest-object.ts';
import { PAGE_BYTES } from './page-tables.ts';
import { currentPointer } from './task-list.ts';
import type { KernelView } from './kernel-view.ts';
import type { UserProcess } from './user-process.ts';
import { readSavedRegister } from './user-registers.ts';

/** A UML task of an attached process, by its task_struct, and its ids. */
export interface UserTask {
  readonly process: UserProcess;
  /** Address of its task_struct. */
  readonly address: number;
  readonly pid: number;
}

/** Why bystanders had the machine held. */
export type UserEvent =
  | { readonly kind: 'step' | 'exec' | 'entered-kernel'; readonly task: UserTask }
  | { readonly kind: 'breakpoint'; readonly task: UserTask; readonly address: number }
  | { readonly kind: 'watchpoint'; readonly task: UserTask; readonly id: number }
  | { readonly kind: 'syscall-entry' | 'syscall-return'; readonly task: UserTask; readonly number: number }
  | { readonly kind: 'fork' | 'vfork'; readonly task: UserTask; readonly child: number }
  | { readonly kind: 'vfork-done'; readonly task: UserTask }
  /** About to be delivered. `info`: address of its kernel_siginfo. */
  | { readonly kind: 'signal'; readonly task: UserTask; readonly signal: number; readonly info: number }
  | { readonly kind: 'ended'; readonly process: UserProcess; readonly status: number };

/** A step of one task that is under way. */
interface UserStep {
  readonly task: number;
  readonly range: { readonly start: number; readonly end: number } | undefined;
  /** Where it began; and whether the task has left user mode from there. */
  from: number;
  away: boolean;
  /** True while the instruction itself is executed. */
  active: boolean;
}

/** The task the CPU runs in user mode. */
export interface LiveTask extends UserTask {
  readonly thread: Thread;
}

export class UserSide implements Bystanders {
  readonly processes = new Map<number, UserProcess>();
  /** What held the machine, if it was us. */
  event: UserEvent | undefined;
  stopsForExec = false;
  /** A process has started another program: what was known of it is not true any more. */
  onExec: (process: UserProcess) => void = (process) => process.forget();
  private readonly debug: Debugger;
  private readonly kernel: KernelView;
  private readonly currentAt: number;
  private readonly processIdAt: number;
  private readonly taskIdAt: number;
  private readonly executionAt: number;
  private step: UserStep | undefined;
  /** Address of the task that is held as soon as it is about to run its own code again. */
  private awaited: number | undefined;
  private readonly filters = new HitFilters();
  /** System calls that will return: numbers by task. */
  private readonly inCalls = new Map<number, number>();

  /** @throws LayoutError */
  constructor(debug: Debugger, kernel: KernelView) {
    this.debug = debug;
    this.kernel = kernel;
    this.currentAt = currentPointer(kernel, 0).address;
    const task = kernel.variable('init_task');
    this.processIdAt = task.at('tgid').address - task.address;
    this.taskIdAt = task.at('pid').address - task.address;
    this.executionAt = task.at('self_exec_id').address - task.address;
  }

  /** The host thread which has a task's registers, when that task runs in user mode or has just left it and the kernel has not looked yet. */
  hostOf(task: number): Thread | undefined {
    if (this.current() !== task) return undefined;
    return this.tracees().find((thread) => isLive(thread));
  }

  /**
   * As {@link hostOf}, for the moment in which the kernel has already given the tracee the registers with this instruction pointer, but not let it go.
   * (Other registers it gives are those of its stub.)
   */
  hostGiven(task: number, pc: number): Thread | undefined {
    if (this.current() !== task) return undefined;
    return this.tracees().find((thread) => thread.ptrace?.registers === 'given' && thread.context.rip === pc);
  }

  /** Address of the task_struct of the task which the (first) CPU runs. */
  current(): number {
    return this.word(this.currentAt);
  }

  /** The task with the CPU in user mode, if its process is attached. */
  liveTask(): LiveTask | undefined {
    const thread = this.tracees().find((each) => isLive(each) && each.phase === 'user' && each.state.kind !== 'traced');
    return thread === undefined ? undefined : this.taskOn(thread);
  }

  /** The attached process's task the kernel runs or serves now. */
  currentTask(): UserTask | undefined {
    const address = this.current();
    const process = address === 0 ? undefined : this.processes.get(this.id(address + this.processIdAt));
    return process === undefined ? undefined : { process, address, pid: this.id(address + this.taskIdAt) };
  }

  /** Lets the machine go on; a task may be stepped. */
  go(step: { readonly task: number; readonly range: { readonly start: number; readonly end: number } | undefined } | undefined): void {
    // One that came while the machine was held has not been told yet.
    if (!this.debug.stoppingForBystander) this.event = undefined;
    const host = step === undefined ? undefined : this.hostOf(step.task);
    const away = host === undefined || host.phase !== 'user';
    this.step = step === undefined ? undefined : { ...step, from: away ? this.interruptedAt(step.task) : (host?.context.rip ?? -1), away, active: false };
  }

  /** Where a task that is in the kernel will begin an instruction anew (after a fault), which is then not made; -1: it has made its step when it comes back. */
  private interruptedAt(task: number): number {
    const architecture = ARCHITECTURES[this.kernel.image.wordSize === 8 ? 'x86-64' : 'i386'];
    const object = this.kernel.object('struct task_struct', task);
    const [call, pc] = [architecture.syscall, architecture.pc].map((register) => readSavedRegister(object, architecture, register));
    const faulted = call?.every((byte) => byte === 0xff) === true;
    return faulted && pc !== undefined ? Number(littleEndian(pc)) : -1;
  }

  /** The machine is held. */
  stopped(): void {
    this.step = undefined;
  }

  /**
   * Has the kernel do what it does when the process writes to a page it may write to but does not have to itself (shared copy-on-write, never touched): the fault is raised where
   * the process stands in its own code, and the kernel handles it as any. Gives why that cannot be done.
   */
  fetchForWrite(process: UserProcess, address: number): string | undefined {
    if (this.debug.stoppingForBystander) return 'something that came up meanwhile is to be told first: continue, then write again';
    const live = this.liveTask();
    const { excursion } = this.debug.machine;
    if (excursion || live?.process !== process || live.thread.state.kind !== 'ready' || this.kernelIsReady()) return 'only where the process is stopped in its own code can the kernel be had to give it one';
    const { thread } = live;
    if (!raiseWriteFault(thread, address)) return 'the kernel is not done with it';
    this.awaited = live.address;
    const { context } = thread;
    const from = context.rip;
    const back = this.debug.runAside(() => this.awaited === undefined);
    this.awaited = undefined;
    // In a signal's handler, that is.
    if (back && context.rip !== from) this.tell({ kind: 'step', task: live }, thread);
    return back ? undefined : 'the kernel has begun to give it one, but came to something else first: continue, then write again';
  }

  /** From the kernel's side: something about an attached task. False when something else has stopped the machine at the same time. */
  tell(event: UserEvent, thread: Thread): boolean {
    if (this.event !== undefined) return false;
    this.debug.stopForBystander(thread);
    if (!this.debug.stoppingForBystander) return false;
    this.event = event;
    return true;
  }

  /** Whether it is a single step of this task that is under way. */
  steps(task: UserTask): boolean {
    return this.step?.task === task.address && this.step.range === undefined;
  }

  /** A task has entered the kernel by a system call. */
  enteredCall(task: UserTask, number: number): void {
    this.inCalls.set(task.address, number);
  }

  // ── what the debugger asks ────────────────────────────────────────────────────────────────────

  counts(address: number, space: PageAccess): boolean {
    const live = this.liveTask();
    return live !== undefined && live.thread.space === space && live.process.breakpoints.has(address);
  }

  mayRun(thread: Thread): boolean {
    const { step } = this;
    if (step?.active === true || this.processes.size === 0 || !isLive(thread)) return true;
    const task = this.taskOn(thread);
    if (task === undefined) return true;
    const { process } = task;
    if (task.address === this.awaited) {
      this.awaited = undefined;
      this.debug.machine.kernel.requestStop();
      return false;
    }
    if (this.id(task.address + this.executionAt) !== process.execution) {
      this.onExec(process);
      this.inCalls.delete(task.address);
      if (this.stopsForExec && this.tell({ kind: 'exec', task }, thread)) return false;
    }
    if (process.vforking === task.address) {
      if (this.tell({ kind: 'vfork-done', task }, thread)) process.vforking = undefined;
      return false;
    }
    if (process.watchpoints.size > 0) this.watchAliases(process);
    const call = this.inCalls.get(task.address);
    if (call !== undefined) {
      if (process.syscalls === undefined) this.inCalls.delete(task.address);
      else {
        if (this.tell({ kind: 'syscall-return', task, number: call }, thread)) this.inCalls.delete(task.address);
        return false;
      }
    }
    if (step === undefined || step.task !== task.address) return true;
    // The debugger makes the step itself, unless the kernel has something to do first.
    if (!this.kernelIsReady()) this.debug.machine.kernel.requestStop();
    return false;
  }

  atBreakpoint(thread: Thread): boolean {
    const task = this.taskOn(thread);
    const address = thread.context.rip;
    if (task === undefined || !task.process.breakpoints.has(address) || this.filters.passes(task.process.filters.get(address), thread, thread.retired)) return false;
    return this.tell({ kind: 'breakpoint', task, address }, thread);
  }

  atWatchpoint(thread: Thread, id: number): void {
    const inKernel = thread.process === this.debug.machine.process;
    const live = inKernel ? this.currentTask() : this.taskOn(thread);
    for (const process of this.processes.values()) {
      const watch = [...process.watchpoints.values()].find((each) => (inKernel ? [...each.aliases.values()].includes(id) : each.id === id && live?.process === process));
      if (watch === undefined) continue;
      if (this.filters.passes(watch.request.filter, thread, thread.retired)) return;
      const task = live?.process === process ? live : this.anyTask(process);
      if (task !== undefined) this.tell({ kind: 'watchpoint', task, id: watch.id }, thread);
      return;
    }
  }

  /** The kernel writes to a process's memory by addresses of its own: those of the pages which are watched and there now are watched, too. */
  watchAliases(process: UserProcess): void {
    const { mm } = process;
    for (const { request, aliases } of process.watchpoints.values()) {
      const wanted = new Map<number, number>();
      const end = request.address + request.length;
      for (let at = request.address; at < end && mm !== undefined;) {
        const next = Math.min(end, at - (at % PAGE_BYTES) + PAGE_BYTES);
        const page = process.memory.tables.find(mm, at);
        if (page !== undefined) wanted.set(page.address + (at % PAGE_BYTES), next - at);
        at = next;
      }
      for (const [address, id] of aliases) {
        if (wanted.has(address)) continue;
        this.debug.removeWatchpoint(id);
        aliases.delete(address);
      }
      for (const [address, length] of wanted) {
        if (!aliases.has(address)) aliases.set(address, this.debug.addBystanderWatchpoint({ kind: request.kind, address, length }));
      }
    }
  }

  advance(): boolean {
    const { step } = this;
    if (step === undefined || this.kernelIsReady()) return false;
    const live = this.liveTask();
    if (live === undefined || live.address !== step.task || live.thread.state.kind !== 'ready') return false;
    const { context } = live.thread;
    if (step.away) {
      step.away = false;
      if (context.rip !== step.from) return this.madeStep(live, step);
    }
    step.from = context.rip;
    step.active = true;
    const back = this.debug.machine.kernel.step(live.thread);
    step.active = false;
    if (back) return this.madeStep(live, step);
    step.away = true;
    return true;
  }

  // ── private ───────────────────────────────────────────────────────────────────────────────────

  /** An instruction is done, or the task has come back from the kernel to another place. */
  private madeStep(live: LiveTask, { range }: UserStep): true {
    const { rip } = live.thread.context;
    if (range === undefined || rip < range.start || rip >= range.end) this.tell({ kind: 'step', task: live }, live.thread);
    else if (live.process.breakpoints.has(rip) && !this.filters.passes(live.process.filters.get(rip), live.thread, live.thread.retired)) this.tell({ kind: 'breakpoint', task: live, address: rip }, live.thread);
    return true;
  }

  private anyTask(process: UserProcess): UserTask | undefined {
    const [task] = process.tasks();
    return task === undefined ? undefined : { process, address: task.address, pid: task.pid };
  }

  private taskOn(thread: Thread): LiveTask | undefined {
    const task = isLive(thread) ? this.currentTask() : undefined;
    return task === undefined ? undefined : { ...task, thread };
  }

  private tracees(): Thread[] {
    return this.debug.threads().flatMap((thread) => [...thread.signals.tracees]);
  }

  /** Whether one of the kernel's host threads wants to run. */
  private kernelIsReady(): boolean {
    return this.debug.threads().some(({ state }) => state.kind === 'ready');
  }

  private word(address: number): number {
    const bytes = this.kernel.memory(address, this.kernel.image.wordSize);
    if (bytes === undefined) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return bytes.length === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
  }

  private id(address: number): number {
    const bytes = this.kernel.memory(address, 4);
    return bytes === undefined ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  }
}

const isLive = (thread: Thread): boolean => thread.ptrace?.registers === 'tracee' && thread.state.kind !== 'dead';
