/**
 * A UML kernel as the RSP server sees it: its tasks are the threads. What runs is the machine's thread, what sleeps has the registers the
 * kernel has saved. Without debug information, before there are tasks, and when switched off, it is the machine's own threads.
 */
import type { MachineAction, MachineTarget } from '../machine-target.ts';
import type { RegisterSet } from '../registers.ts';
import { Refusal, type BreakpointRequest, type ResumeAction, type StopEvent, type Target, type TargetThread } from '../target.ts';
import { DebuggeeKernel } from './debuggee-kernel.ts';
import { GuestDataError, LayoutError } from './guest-object.ts';
import { StepInTask } from './step-in-task.ts';
import type { Task } from './task.ts';
import { FIRST_HOST, FIRST_IDLE, TaskView } from './task-view.ts';

export interface TaskTargetOptions {
  /** The debuggee is a kernel by what the user said: when it cannot be read, that is worth a word. */
  readonly expected: boolean;
  readonly registers: RegisterSet;
}

/** A range of code that is never left. */
const EVERYWHERE = { start: 0n, end: 1n << 47n };

export class TaskTarget implements Target {
  readonly architecture: Target['architecture'];
  /** Whether tasks are threads. */
  enabled = true;
  readonly debuggee: DebuggeeKernel;
  private readonly machine: MachineTarget;
  private readonly registers: RegisterSet;
  /** What was found out at this stop; undefined: nothing yet. */
  private known: { readonly view: TaskView | undefined; readonly trouble: string | undefined } | undefined;
  private event: { readonly from: StopEvent; readonly to: StopEvent } | undefined;
  /** What the stop is reported as, instead of what the machine says. */
  private verdict: StopEvent | undefined;

  constructor(machine: MachineTarget, { expected, registers }: TaskTargetOptions) {
    this.machine = machine;
    this.registers = registers;
    this.architecture = machine.architecture;
    this.debuggee = new DebuggeeKernel(machine, expected);
  }

  get executable(): string {
    return this.machine.executable;
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
    if (view !== undefined) return view.threads;
    if (this.debuggee.kernel === undefined) return trouble === undefined ? hosts : hosts.map((thread) => ({ ...thread, extra: [thread.extra, `(${trouble})`].join(' ').trim() }));
    return hosts.map((thread, i) => ({ ...thread, tid: i === 0 ? FIRST_IDLE : FIRST_HOST + thread.tid }));
  }

  // ── registers and memory ──────────────────────────────────────────────────────────────────────

  readRegister(tid: number, register: number): Uint8Array | undefined {
    const sleeping = this.sleeping(tid);
    if (sleeping === undefined) return this.machine.readRegister(this.hostId(tid), register);
    return this.view?.saved(sleeping)?.read(this.registers.registers[register].name);
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    const sleeping = this.sleeping(tid);
    if (sleeping === undefined) {
      const done = this.machine.writeRegister(this.hostId(tid), register, value);
      this.changed();
      return done;
    }
    const { name } = this.registers.registers[register];
    const saved = this.view?.saved(sleeping);
    if (saved === undefined) throw new Refusal(`${sleeping.name} has no saved registers`);
    const place = saved.places.get(name);
    if (place === undefined) {
      throw new Refusal(`${sleeping.name} does not run, and the kernel keeps only ${[...saved.places.keys()].join(' ')} of a task that does not: there is no place for ${name}`);
    }
    return this.writeMemory(tid, BigInt(place), value);
  }

  readMemory(tid: number, address: bigint, length: number): Uint8Array {
    return this.machine.readMemory(this.hostId(tid), address, length);
  }

  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean {
    const done = this.machine.writeMemory(this.hostId(tid), address, bytes);
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
    const { view } = this;
    this.verdict = undefined;
    const plan = view === undefined ? { actions: actions.map((action) => ({ ...action, ...this.asHost(action.tid) })), report: undefined } : this.plan(view, actions);
    if (typeof plan === 'string') return this.stay(view, actions, plan, onStop);
    this.changed();
    this.event = undefined;
    this.machine.resume(plan.actions, (event) => {
      this.changed();
      this.verdict = plan.report?.(event);
      onStop(this.verdict ?? this.translate(event));
    });
  }

  interrupt(): void {
    this.machine.interrupt();
  }

  detach(): void {
    this.changed();
    this.machine.detach();
  }

  kill(): void {
    this.changed();
    this.machine.kill();
  }

  // ── the rest is the machine's ─────────────────────────────────────────────────────────────────

  setPassSignals(signals: ReadonlySet<number>): void {
    this.machine.setPassSignals(signals);
  }

  setExecEvents(wanted: boolean): void {
    this.machine.setExecEvents(wanted);
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

  monitor(command: string): string | undefined | Promise<string | undefined> {
    return this.machine.monitor(command);
  }

  // ── inside ────────────────────────────────────────────────────────────────────────────────────

  /** Memory or registers may have changed. */
  private changed(): void {
    this.known = undefined;
  }

  private look(): { readonly view: TaskView | undefined; readonly trouble: string | undefined } {
    return (this.known ??= this.find());
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
      if (error instanceof LayoutError || error instanceof GuestDataError) return { view: undefined, trouble: `the kernel's tasks cannot be read: ${error.message}` };
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
  private plan(view: TaskView, actions: readonly ResumeAction[]): { actions: readonly MachineAction[]; report: ((event: StopEvent) => StopEvent | undefined) | undefined } | string {
    const locked = actions.every(({ tid, kind }) => tid !== undefined || kind === 'stop');
    const planned: MachineAction[] = [];
    let report: ((event: StopEvent) => StopEvent | undefined) | undefined;
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
      // That a task which does not run shall continue is what the others' going on brings about.
      if (host === undefined && action.kind === 'continue') continue;
      const on = host ?? this.firstHost(view);
      const context = new StepInTask(view, task, () => this.machine.stackPointer(on.thread.tid), !locked);
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
  private lock(view: TaskView, task: Task, context: StepInTask): (event: StopEvent) => StopEvent | undefined {
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

  private firstHost(view: TaskView): { readonly thread: TargetThread } {
    const [host] = view.hosts.values();
    return host ?? { thread: this.machine.threads()[0] };
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
