/**
 * A UML kernel as the RSP server sees it: its tasks are the threads. What runs is the machine's thread, what sleeps has the registers the
 * kernel has saved. Without debug information, before there are tasks, and when switched off, it is the machine's own threads.
 */
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import type { ElfFile } from '../../emulator/image/elf.ts';
import type { AgentVariables } from '../agent/variables.ts';
import type { HostProcesses } from '../host-processes.ts';
import type { MachineAction, MachineTarget } from '../machine-target.ts';
import { ARCHITECTURES, type RegisterSet } from '../registers.ts';
import { Refusal, type BreakpointRequest, type MemoryRegion, type ResumeAction, type StopEvent, type Target, type TargetThread } from '../target.ts';
import { runMonitorCommand, type MonitorCommand } from '../monitor-commands.ts';
import { DebuggeeKernel } from './debuggee-kernel.ts';
import { GuestDataError, LayoutError } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { StepInTask } from './step-in-task.ts';
import type { Task } from './task.ts';
import { taskCommands } from './task-commands.ts';
import { TaskSwitch, type Switched } from './task-switch.ts';
import { UserMemory } from './process-memory.ts';
import { FIRST_HOST, FIRST_IDLE, TaskView } from './task-view.ts';

export interface TaskTargetOptions {
  /** The debuggee is a kernel by what the user said: when it cannot be read, that is worth a word. */
  readonly expected: boolean;
  readonly registers: RegisterSet;
  /** Finds the file that an executable's debug information was split off into. */
  readonly separate?: (elf: ElfFile) => ElfFile | undefined;
}

/** What the machine's stop is reported as; undefined: as what it is. */
type Report = (event: StopEvent) => StopEvent | undefined;

const STACK_POINTERS = new Set(['rsp', 'esp']);

/** A range of code that is never left. */
const EVERYWHERE = { start: 0n, end: 1n << 47n };

export class TaskTarget implements Target {
  /** Whether tasks are threads. */
  enabled = true;
  readonly debuggee: DebuggeeKernel;
  /** `monitor` commands of those who build on this. */
  furtherCommands: readonly MonitorCommand[] = [];
  /** Names of loaded modules that debuggers see no symbols of, and why. */
  withoutSymbols: (kernel: KernelView) => ReadonlyMap<string, string> = () => new Map();
  private readonly machine: MachineTarget;
  private readonly helper: TaskSwitch;
  private readonly registers: RegisterSet;
  /** What was found out at this stop; undefined: nothing yet. */
  private known: { readonly view: TaskView | undefined; readonly trouble: string | undefined } | undefined;
  private event: { readonly from: StopEvent; readonly to: StopEvent } | undefined;
  /** What the stop is reported as, instead of what the machine says. */
  private verdict: StopEvent | undefined;

  constructor(machine: MachineTarget, { expected, registers, separate }: TaskTargetOptions) {
    this.machine = machine;
    this.registers = registers;
    this.helper = new TaskSwitch(machine, registers);
    this.debuggee = new DebuggeeKernel(machine, expected, separate);
  }

  get architecture(): Target['architecture'] {
    return this.machine.architecture;
  }

  get architectureOf(): Target['architectureOf'] {
    return this.machine.architectureOf;
  }

  get executable(): string {
    return this.machine.executable;
  }

  /** The machine's own processes, when the debuggee is no kernel; undefined: it is one, if perhaps one without symbols. */
  get hostProcesses(): HostProcesses | undefined {
    const { kernel, reason } = this.debuggee;
    return kernel === undefined && reason === undefined ? this.machine.processes : undefined;
  }

  // ── tasks ─────────────────────────────────────────────────────────────────────────────────────

  /** The tasks now; undefined when there are none to be seen, for the reason {@link trouble} gives. */
  get view(): TaskView | undefined {
    return this.look().view;
  }

  /** Why tasks are not to be seen, for the user; undefined when they are, or when that needs no explanation. */
  get trouble(): string | undefined {
    return this.look().trouble;
  }

  threads(): readonly TargetThread[] {
    const hosts = this.machine.threads();
    if (this.machine.stopped === undefined || !this.enabled) return hosts;
    const { view, trouble } = this.look();
    if (view !== undefined) {
      const aside = this.helper.current?.from.address;
      return aside === undefined ? view.threads : view.threads.map((thread) => (view.task(thread.tid)?.address === aside ? { pid: thread.pid, tid: thread.tid, name: thread.name, extra: 'set aside' } : thread));
    }
    if (trouble === undefined) return hosts;
    const told = hosts.map((thread) => ({ ...thread, extra: [thread.extra, `(${trouble})`].join(' ').trim() }));
    return this.debuggee.kernel === undefined ? told : told.map((thread, i) => ({ ...thread, tid: i === 0 ? FIRST_IDLE : FIRST_HOST + thread.tid }));
  }

  // ── registers and memory ──────────────────────────────────────────────────────────────────────

  readRegister(tid: number, register: number): Uint8Array | undefined {
    const sleeping = this.sleeping(tid);
    const switched = this.helper.current;
    if (switched !== undefined && sleeping?.address === switched.from.address) return this.machine.readRegisterBefore(switched.hostId, register);
    if (sleeping === undefined) return this.machine.readRegister(this.hostId(tid), register);
    return this.view?.saved(sleeping)?.read(this.registers.registers[register].name);
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    const sleeping = this.sleeping(tid);
    if (sleeping === undefined) {
      const done = this.machine.writeRegister(this.hostId(tid), register, value);
      // Which task runs shows in the stack pointer only.
      if (STACK_POINTERS.has(ARCHITECTURES[this.architectureOf?.(tid) ?? this.architecture].registers.registers[register].name)) this.changed();
      return done;
    }
    const { name } = this.registers.registers[register];
    const switched = this.helper.current;
    if (switched?.from.address === sleeping.address) throw new Refusal(`${sleeping.name} is set aside while the machine is switched to ${switched.task.name}: 'monitor det' first`);
    const saved = this.view?.saved(sleeping);
    if (saved === undefined) throw new Refusal(`${sleeping.name} has no saved registers`);
    const place = saved.places.get(name);
    if (place === undefined) {
      throw new Refusal(`${sleeping.name} does not run, and the kernel keeps only ${[...saved.places.keys()].join(' ')} of a task that does not: there is no place for ${name}`);
    }
    return this.writeMemory(tid, BigInt(place), value);
  }

  readMemory(tid: number, address: bigint, length: number): Uint8Array {
    const bytes = this.machine.readMemory(this.hostId(tid), address, length);
    return bytes.length > 0 || length === 0 ? bytes : this.readUserMemory(tid, address, length);
  }

  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean {
    const done = this.machine.writeMemory(this.hostId(tid), address, bytes);
    this.helper.note(bytes.length);
    this.changed();
    return done;
  }

  insertBreakpoint(request: BreakpointRequest): boolean {
    return this.machine.insertBreakpoint(request);
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    return this.machine.removeBreakpoint(request);
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  get stopped(): StopEvent | undefined {
    const { stopped } = this.machine;
    return stopped === undefined ? undefined : (this.verdict ?? this.translate(stopped));
  }

  attach(onStop: (event: StopEvent) => void): void {
    this.changed();
    this.machine.attach((event) => onStop(this.translate(event)));
  }

  resume(actions: readonly ResumeAction[], onStop: (event: StopEvent) => void): void {
    let wanted = actions;
    const { current } = this.helper;
    if (current !== undefined) {
      const [first] = actions.filter(({ kind }) => kind !== 'stop');
      const aside = first?.kind === 'step' && actions.length === 1 && first.tid !== undefined && this.view?.task(first.tid)?.address === current.from.address;
      if (aside) return this.stepAside(current.from, onStop);
      if (first !== undefined && this.staysSwitched(current, first)) return this.run([{ ...first, tid: current.hostId }], undefined, onStop);
      this.det();
      this.machine.passBreakpoint(current.hostId);
      // Signals for the task that was looked at mean nothing where the machine goes on; what it was stopped for does.
      const { stopped } = this;
      const signal = stopped?.reason === 'signal' ? stopped.signal : 0;
      wanted = actions.map((action) => ({ ...action, signal }));
    }
    const { view } = this;
    this.verdict = undefined;
    const plan = view === undefined ? { actions: wanted.map((action) => ({ ...action, ...this.asHost(action.tid) })), report: undefined } : this.plan(view, wanted);
    if (typeof plan === 'string') return this.stay(view, wanted, plan, onStop);
    this.run(plan.actions, plan.report, onStop);
  }

  interrupt(): void {
    this.machine.interrupt();
  }

  detach(): void {
    this.helper.end();
    this.changed();
    this.machine.detach();
  }

  kill(): void {
    this.helper.end();
    this.changed();
    this.machine.kill();
  }

  /** The machine has gone on a little without being resumed. */
  moved(): void {
    this.changed();
  }

  // ── the switch helper ─────────────────────────────────────────────────────────────────────────

  /** What the machine is switched to; undefined: nothing. */
  get switched(): Switched | undefined {
    return this.helper.current;
  }

  /** Takes the machine's thread to a task's stack. @throws Refusal */
  switchTo(task: Task): void {
    if (this.machine.stopped === undefined) throw new Refusal('the machine runs: stop it first');
    this.det();
    const { view, trouble } = this;
    const now = view?.tasks.get(task.address);
    if (view === undefined || now === undefined) throw new Refusal(trouble ?? `${task.name} is gone`);
    this.helper.begin(view, now);
    this.changed();
    const thread = this.threadOf(now);
    if (thread === undefined) throw new Error(`switched to ${task.name}, which is not there`);
    this.verdict = { reason: 'signal', thread, signal: 0 };
  }

  /** Goes back. Gives what to tell the user; undefined: it was not switched. */
  det(): string | undefined {
    if (this.machine.stopped === undefined) throw new Refusal('the machine runs: stop it first');
    const told = this.helper.end();
    if (told === undefined) return undefined;
    this.changed();
    this.verdict = undefined;
    this.event = undefined;
    return told;
  }

  private stepAside(task: Task, onStop: (event: StopEvent) => void): void {
    this.changed();
    this.verdict = undefined;
    this.machine.stepAside((event) => {
      this.changed();
      const thread = this.threadOf(task);
      this.verdict = thread === undefined || !('thread' in event) ? undefined : { ...event, thread };
      onStop(this.verdict ?? this.translate(event));
    });
  }

  /** Whether a resume is about the task the machine is switched to. */
  private staysSwitched({ task }: Switched, { kind, tid }: ResumeAction): boolean {
    const { view } = this;
    if (view === undefined || (tid !== undefined && view.task(tid)?.address !== task.address)) return false;
    return kind === 'step' || this.helper.awaitsReturn(view);
  }

  // ── the rest is the machine's ─────────────────────────────────────────────────────────────────

  setPassSignals(signals: ReadonlySet<number>): void {
    this.machine.setPassSignals(signals);
  }

  setCatchSyscalls(numbers: ReadonlySet<number> | undefined): void {
    this.machine.processes.setCatchSyscalls(this.machine.threads()[0]?.tid ?? 0, numbers);
  }

  setThreadEvents(wanted: boolean): void {
    this.machine.setThreadEvents(wanted);
  }

  setExecEvents(wanted: boolean): void {
    this.machine.setExecEvents(wanted);
  }

  memoryRegions(tid: number): readonly MemoryRegion[] | undefined {
    return this.machine.memoryRegions(this.hostId(tid));
  }

  auxv(tid: number): Uint8Array {
    return this.machine.auxv(this.hostId(tid));
  }

  siginfo(tid: number): Uint8Array | undefined {
    return this.sleeping(tid) === undefined ? this.machine.siginfo(this.hostId(tid)) : undefined;
  }

  writeSiginfo(tid: number, bytes: Uint8Array): boolean {
    return this.sleeping(tid) === undefined && this.machine.writeSiginfo(this.hostId(tid), bytes);
  }

  openFile(path: string): Uint8Array | undefined {
    return this.machine.openFile(path);
  }

  readLink(path: string): string | undefined {
    return this.machine.readLink(path);
  }

  /** Tasks share the threads that run them. */
  get nonStop(): boolean {
    return this.debuggee.kernel === undefined;
  }

  get agent(): AgentVariables {
    return this.machine.agent;
  }

  onOutput(print: (text: string) => void): void {
    this.machine.onOutput(print);
  }

  monitor(command: string): string | undefined | Promise<string | undefined> {
    // Without a kernel `ps` means the machine's processes.
    const kernel = this.debuggee.kernel !== undefined || this.trouble !== undefined;
    return runMonitorCommand([...taskCommands(this).filter(({ name }) => kernel || name !== 'ps'), ...this.furtherCommands, ...this.machine.monitorCommands], command);
  }

  // ── inside ────────────────────────────────────────────────────────────────────────────────────

  private run(actions: readonly MachineAction[], report: Report | undefined, onStop: (event: StopEvent) => void): void {
    this.changed();
    this.event = undefined;
    this.verdict = undefined;
    this.machine.resume(actions, (event) => {
      this.changed();
      this.verdict = report?.(event);
      onStop(this.verdict ?? this.translate(event));
    });
  }

  /** Memory or registers may have changed. */
  private changed(): void {
    this.known = undefined;
  }

  private look(): { readonly view: TaskView | undefined; readonly trouble: string | undefined } {
    // What runs is never the same twice.
    return this.machine.stopped === undefined ? this.find() : (this.known ??= this.find());
  }

  private find(): { readonly view: TaskView | undefined; readonly trouble: string | undefined } {
    if (!this.enabled) return { view: undefined, trouble: 'tasks are switched off (monitor tasks on)' };
    const { kernel, reason } = this.debuggee;
    if (kernel === undefined) return { view: undefined, trouble: reason };
    try {
      const hosts = this.machine.threads().map((thread) => ({ thread, stackPointer: this.machine.stackPointer(thread.tid) }));
      const view = TaskView.of(kernel, hosts);
      return { view, trouble: view === undefined ? 'the kernel has no tasks yet' : undefined };
    } catch (error) {
      if (error instanceof LayoutError || error instanceof GuestDataError || error instanceof DwarfError) return { view: undefined, trouble: `the kernel's tasks cannot be read: ${error.message}` };
      throw error;
    }
  }

  /** What the kernel's address space does not have: user memory of the task. */
  private readUserMemory(tid: number, address: bigint, length: number): Uint8Array {
    const { view } = this;
    try {
      const mm = view?.task(tid)?.object.follow('mm');
      if (view === undefined || mm === undefined) return new Uint8Array();
      return new UserMemory(view.kernel, () => false).read(mm, Number(address), length);
    } catch (error) {
      if (error instanceof LayoutError || error instanceof GuestDataError) return new Uint8Array();
      throw error;
    }
  }

  /** The task of an id, if it does not run. */
  private sleeping(tid: number): Task | undefined {
    const { view } = this;
    const task = view?.task(tid);
    return task === undefined || view?.hostOf(task) !== undefined ? undefined : task;
  }

  /** The host thread that stands for an id: the one that runs the task, or the first for all that is common to all. */
  private hostId(tid: number): number {
    const { view } = this;
    const task = view?.task(tid);
    const host = task === undefined ? undefined : view?.hostOf(task)?.thread.tid;
    if (host !== undefined) return host;
    if (tid >= FIRST_HOST) return tid - FIRST_HOST;
    const hosts = this.machine.threads();
    return task === undefined && hosts.some((thread) => thread.tid === tid) ? tid : (hosts[0]?.tid ?? tid);
  }

  private asHost(tid: number | undefined): { readonly tid: number | undefined } {
    return { tid: tid === undefined ? undefined : this.hostId(tid) };
  }

  /** What the machine is to do, and how its stop is to be reported; or why it must not move. */
  private plan(view: TaskView, actions: readonly ResumeAction[]): { actions: readonly MachineAction[]; report: Report | undefined } | string {
    const locked = actions.every(({ tid, kind }) => tid !== undefined || kind === 'stop');
    const planned: MachineAction[] = [];
    let report: Report | undefined;
    for (const action of actions) {
      const task = action.tid === undefined ? this.selected(view) : view.task(action.tid);
      if (task === undefined || action.kind === 'stop' || (action.tid === undefined && action.kind === 'continue')) {
        planned.push({ ...action, ...this.asHost(action.tid) });
        continue;
      }
      const host = view.hostOf(task);
      if (host === undefined && locked) {
        return `${task.name} does not run: it goes on when the kernel switches to it, which needs the other tasks to run (set scheduler-locking off)`;
      }
      if (host === undefined && action.signal !== 0) return `${task.name} does not run: a signal of the host can only go to the task that does`;
      // That a task which does not run shall continue is what the others' going on brings about.
      if (host === undefined && action.kind === 'continue') continue;
      const on = host ?? this.firstHost(view);
      const context = new StepInTask(view, task, on.cpu, () => this.machine.stackPointer(on.thread.tid), !locked);
      // Already on its way out the kernel would not tell us any more: only going step by step does.
      const leaving = locked && action.kind === 'continue' && context.leaving;
      if (leaving) planned.push({ ...action, kind: 'step', range: EVERYWHERE, tid: on.thread.tid, context });
      else if (action.kind === 'step') planned.push({ ...action, tid: on.thread.tid, context });
      else planned.push({ ...action, tid: on.thread.tid });
      if (leaving) report = (event) => (event.reason === 'step' ? this.switchedAway(task) : undefined);
      else if (locked) report = this.lock(view, task, context);
      else if (action.kind === 'step') report = (event) => (event.reason === 'step' ? { ...event, thread: this.threadOf(task) ?? event.thread } : undefined);
    }
    return { actions: planned, report };
  }

  /** Only one task is to run: sees to it that the kernel's switching to another is a stop. */
  private lock(view: TaskView, task: Task, context: StepInTask): Report {
    const unwatch = this.machine.watch(context.currentAt, view.kernel.image.wordSize);
    return (event) => {
      const switching = unwatch(event);
      if (switching) return this.switchedAway(task);
      const thread = this.threadOf(task);
      return event.reason === 'step' && thread !== undefined ? { ...event, thread } : undefined;
    };
  }

  private switchedAway(task: Task): StopEvent | undefined {
    const thread = this.threadOf(task);
    if (thread === undefined) return undefined;
    return { reason: 'signal', thread, signal: 0, message: `The kernel switches from ${task.name} to another task, which scheduler-locking does not let run.` };
  }

  private firstHost(view: TaskView): { readonly thread: TargetThread; readonly cpu: number } {
    const [host] = view.hosts.values();
    return host ?? { thread: this.machine.threads()[0], cpu: 0 };
  }

  /** The task the last stop was about. */
  private selected(view: TaskView): Task | undefined {
    const { stopped } = this;
    return stopped !== undefined && 'thread' in stopped ? view.task(stopped.thread.tid) : undefined;
  }

  /** Nothing moves: the stop is reported again, with the reason. */
  private stay(view: TaskView | undefined, actions: readonly ResumeAction[], message: string, onStop: (event: StopEvent) => void): void {
    const task = actions.map(({ tid }) => (tid === undefined ? undefined : view?.task(tid))).find((found) => found !== undefined);
    const thread = task === undefined ? undefined : this.threadOf(task);
    if (thread === undefined) throw new Error(`no thread for: ${message}`);
    this.verdict = { reason: 'signal', thread, signal: 0, message };
    const { verdict } = this;
    setImmediate(() => onStop(verdict));
  }

  private threadOf(task: Task): TargetThread | undefined {
    const { view } = this;
    const now = view?.tasks.get(task.address);
    return now === undefined ? undefined : view?.thread(now);
  }

  /** The machine's event, of the task that runs on its thread. */
  private translate(event: StopEvent): StopEvent {
    if (!('thread' in event)) return event;
    if (this.event?.from === event && this.known !== undefined) return this.event.to;
    const { view } = this;
    const task = view?.taskOn(event.thread.tid);
    let thread: TargetThread | undefined;
    if (view !== undefined) thread = task === undefined ? { ...event.thread, tid: FIRST_HOST + event.thread.tid } : view.thread(task);
    else thread = this.threads().find((_, i) => this.machine.threads()[i].tid === event.thread.tid);
    const to: StopEvent = thread === undefined ? event : { ...event, thread };
    this.event = { from: event, to };
    return to;
  }
}
