/**
 * Holds the machine for somebody: breakpoints, watchpoints, stops and steps of the debuggees: the machine's first process, and others that it makes
 * or that are attached. It sits between the machine's
 * event loop and the kernel's slices; everything is decided at instruction boundaries. Breakpoints live in the CPU, never in
 * guest memory. A debugger that is not attached leaves the machine alone.
 */
import type { SliceResult } from '../host/kernel.ts';
import type { Process } from '../host/process/process.ts';
import type { Thread } from '../host/process/thread.ts';
import type { SignalFate } from '../host/signals/signal-hooks.ts';
import type { SignalInfo } from '../host/signals/signal-info.ts';
import { fatalPending } from '../host/signals/send.ts';
import type { Bystanders } from './bystanders.ts';
import { Debuggees, type WatchRequest } from './debuggees.ts';
import { Excursion, type ExcursionGuard, type ExcursionReport } from './excursion.ts';
import { HeldSignals } from './held-signals.ts';
import { HitFilters } from './hit-filters.ts';
import { InterruptedCalls } from './interrupted-calls.ts';
import type { Machine } from './machine.ts';
import { Probes, type Probe } from './probes.ts';
import { ProcessEvents } from './process-events.ts';
import { Stepper } from './stepper.ts';
import { Streak } from './streak.ts';
import type { Orders, ResumePlan, Stop } from './stops.ts';

const SIGKILL = 9;
/** What the kernel does for one page takes far less. */
const ASIDE_MS = 2000;

export class Debugger {
  readonly machine: Machine;
  readonly calls = new InterruptedCalls();
  /** Signals which do not stop the machine even if they are about to end the process. */
  passed: ReadonlySet<number> = new Set();
  readonly debuggees: Debuggees;
  readonly events: ProcessEvents;
  /** Stops for signals so far, by number; handled ones are counted in `delivered`. */
  readonly delivered = new Map<number, number>();
  stopped: Stop | undefined;
  /** Decides about threads of other processes; without it they are left alone. */
  bystanders: Bystanders | undefined;
  private excursion: Excursion | undefined;
  /** Whether somebody debugs. */
  attached = false;
  private onStop: ((stop: Stop) => void) | undefined;
  /** Found during a slice, to be reported at its end. */
  private found: Stop | undefined;
  /** Found in the same moment: told at once when the machine is resumed. */
  private further: Stop[] = [];
  private stepper: Stepper | undefined;
  private plan: ResumePlan | undefined;
  private readonly filters = new HitFilters();
  private readonly foreign = new Map<number, WatchRequest>();
  private readonly probes: Probes;
  /** A thread at a breakpoint that is not for it, to be taken over it. */
  private passing: Thread | undefined;
  private last: Thread | undefined;
  private readonly open: HeldSignals;
  private resting = false;
  private readonly streak = new Streak();

  constructor(machine: Machine) {
    this.machine = machine;
    const { kernel, process } = machine;
    this.debuggees = new Debuggees(kernel.cpu, process);
    this.events = new ProcessEvents(kernel, this.debuggees, (stop) => this.stopFor(stop));
    this.open = new HeldSignals(kernel, this.calls);
    this.probes = new Probes(kernel.cpu);
    // Whoever is debugged outlives the machine's first process.
    machine.lingers = () => this.attached && this.debuggees.all.length > 0;
    machine.runSlice = (milliseconds) => this.slice(milliseconds);
    kernel.hooks.holds = (thread) => this.holds(thread);
    kernel.hooks.mayRun = (thread) => this.mayRun(thread);
    kernel.hooks.onBreakpoint = (thread) => this.atBreakpoint(thread);
    kernel.hooks.onWatchpoint = (thread, id) => this.atWatchpoint(thread, id);
    kernel.hooks.onSyscall = (thread, when) => this.onSyscall(thread, when);
    kernel.signalHooks.onSignal = (thread, info, fate) => this.onSignal(thread, info, fate);
    kernel.signalHooks.onSignalDelivered = (thread, info) => {
      this.delivered.set(info.signal, (this.delivered.get(info.signal) ?? 0) + 1);
      if (thread === this.stepper?.thread) this.stepper.handlerEntered();
    };
    kernel.cpu.breakpointFilter = (address, space) => {
      if (this.bystanders?.counts(address, space) === true) return true;
      const process = this.debuggees.executingIn(space, kernel.scheduler.current);
      return process !== undefined && this.concerns(process, address) && !this.passesOver(address);
    };
  }

  /** Threads of the debuggees that are alive. */
  threads(): Thread[] {
    return this.debuggees.threads();
  }

  /** A process becomes a debuggee. Where nothing is being debugged, that is the machine's stop. */
  adopt(process: Process): void {
    if (!this.attached) for (const each of this.debuggees.all) this.debuggees.delete(each);
    this.attached = true;
    this.debuggees.add(process);
    const { stopped } = this;
    if (stopped === undefined ? this.debuggees.all.length > 1 : stopped.kind !== 'ended') return;
    this.stopped = { kind: 'interrupt', thread: process.leader };
    this.machine.paused = true;
    this.machine.kick();
  }

  /** Lets one of several debuggees go, with what was set in it; it runs when the machine does. */
  letGo(process: Process): void {
    for (const thread of process.threads) if (thread.state.kind !== 'dead') this.open.settle(thread, { kind: 'continue', signal: thread.signals.held?.signal ?? 0 });
    this.debuggees.delete(process);
    this.machine.kernel.scheduler.unpark();
    this.stopElsewhere(process);
  }

  /** Ends one of several debuggees. */
  end(process: Process): void {
    this.debuggees.delete(process);
    if (process.exitStatus === undefined) this.machine.kernel.exitGroup(process, SIGKILL);
    this.stopElsewhere(process);
  }

  /** A stop of a process that is no debuggee any more becomes one of another; what else was to be told of it is not. */
  private stopElsewhere(process: Process): void {
    this.further = this.further.filter((stop) => (stop.kind === 'ended' ? stop.process : stop.thread.process) !== process);
    const { stopped } = this;
    const [other] = this.threads();
    if (other !== undefined && stopped !== undefined && stopped.kind !== 'ended' && stopped.thread.process === process) this.stopped = { kind: 'interrupt', thread: other };
  }

  /** Holds the machine before its first instruction. */
  holdAtStart(): void {
    this.attached = true;
    this.stopped = { kind: 'entry', thread: this.machine.process.leader };
    this.machine.paused = true;
  }

  /** Stops a running machine for a debugger that has come. */
  attach(onStop: (stop: Stop) => void): void {
    this.attached = true;
    this.onStop = onStop;
    this.interrupt();
  }

  /** Stops a running machine; a stopped one stays so. */
  interrupt(): void {
    if (this.stopped !== undefined || !this.attached) return;
    const thread = this.interrupted();
    if (thread === undefined) return;
    this.found ??= { kind: 'interrupt', thread };
    this.report();
  }

  /** Goes on. `onStop` is called once, when the machine is stopped again. */
  resume(plan: ResumePlan, onStop: (stop: Stop) => void): void {
    this.attached = true;
    this.onStop = onStop;
    this.plan = plan;
    if (this.excursion !== undefined) {
      this.excursion.resume(this.ordersOf(this.excursion.thread) ?? { kind: 'continue', signal: 0 });
      return this.go();
    }
    for (const thread of this.threads()) {
      const orders = this.ordersOf(thread);
      if (orders === undefined) continue;
      this.open.settle(thread, orders);
      if (orders.kind === 'step' && this.stepper === undefined) this.stepper = new Stepper(this.machine.kernel, thread, orders);
    }
    this.found ??= this.further.shift();
    this.go();
  }

  /**
   * Takes a thread of the stopped machine elsewhere: until `endExcursion` its registers and memory may be changed and `resume` runs it alone.
   * @throws RangeError when there is no room to keep its memory
   */
  beginExcursion(thread: Thread, guard: ExcursionGuard): void {
    if (this.stopped === undefined || this.excursion !== undefined) throw new Error('an excursion begins where the machine is stopped');
    this.excursion = new Excursion(thread, this.stopped, guard, this.debuggees.newWatchId());
    this.calls.elsewhere = thread;
    this.machine.excursion = true;
    this.stopped = { kind: 'interrupt', thread };
  }

  /** Puts everything back as it was; the machine is stopped. Undefined: there was no excursion. */
  endExcursion(): ExcursionReport | undefined {
    const { excursion } = this;
    if (excursion === undefined) return undefined;
    const report = excursion.end();
    this.excursion = undefined;
    this.calls.elsewhere = undefined;
    this.machine.excursion = false;
    this.stopped = excursion.before;
    this.machine.paused = true;
    return report;
  }

  /** Lets the stopped machine go on until something its debugger needs is done. False when it came to a stop first, which is reported as soon as the machine is resumed, or took long. */
  runAside(done: () => boolean): boolean {
    const end = performance.now() + ASIDE_MS;
    this.machine.kernel.scheduler.unpark();
    while (this.found === undefined && this.excursion === undefined && !done() && performance.now() < end) if (this.advance(ASIDE_MS) !== 'running') break;
    return done();
  }

  /** The next resume takes a thread over the breakpoint it stands at. */
  pass(thread: Thread): void {
    this.passing = thread;
  }

  /** On an excursion: steps the thread as it was before, instead of resuming. */
  stepAside(onStop: (stop: Stop) => void): void {
    this.onStop = onStop;
    this.excursion?.stepAside();
    this.go();
  }

  /** On an excursion: looks at the thread as it was before. */
  asBefore<T>(look: () => T): T {
    const { calls, excursion } = this;
    if (excursion === undefined) return look();
    calls.elsewhere = undefined;
    try {
      return excursion.asBefore(look);
    } finally {
      calls.elsewhere = excursion.thread;
    }
  }

  /** Lets the machine run on without a debugger; what was set is removed. */
  detach(): void {
    this.endExcursion();
    const { stopped } = this;
    if (stopped === undefined) this.endStep();
    for (const process of this.debuggees.all) {
      if (stopped === undefined) this.debuggees.delete(process);
      else this.letGo(process);
    }
    this.debuggees.add(this.machine.process);
    this.passed = new Set();
    this.events.reset();
    this.attached = false;
    this.plan = undefined;
    this.found = undefined;
    this.further = [];
    this.onStop = undefined;
    if (stopped !== undefined) this.go();
    else this.machine.kernel.scheduler.unpark();
  }

  /** Ends the debuggees, and with the first process the machine. */
  kill(): void {
    this.endExcursion();
    const { process } = this.machine;
    this.endStep();
    this.found = undefined;
    const [first = process] = this.debuggees.all;
    for (const each of this.debuggees.all) this.end(each);
    this.stopped = { kind: 'ended', process: first, status: first.exitStatus ?? SIGKILL };
    this.machine.paused = false;
    this.machine.kernel.scheduler.unpark();
    this.machine.kick();
  }

  /** Of a debuggee or for bystanders. */
  removeWatchpoint(id: number): void {
    if (!this.debuggees.removeWatchpoint(id) && this.foreign.delete(id)) this.machine.kernel.cpu.removeWatchpoint(id);
  }

  /** Has `probe` called, and the machine go on, when a thread of the debuggee is about to execute the instruction at an address. Gives what ends it. */
  addProbe(address: number, probe: Probe): () => void {
    return this.probes.add(address, probe);
  }

  /** For bystanders and probes: holds the machine at the next instruction boundary. */
  stopForBystander(thread: Thread): void {
    this.stopFor({ kind: 'bystander', thread });
  }

  /** Whether that, and nothing before it, is what the machine will be held for. */
  get stoppingForBystander(): boolean {
    return this.found?.kind === 'bystander';
  }

  /** A watchpoint whose hits bystanders are told of; removed by {@link removeWatchpoint}. Gives its id. */
  addBystanderWatchpoint(request: WatchRequest): number {
    const id = this.debuggees.newWatchId();
    this.foreign.set(id, request);
    this.machine.kernel.cpu.addWatchpoint({ id, ...request });
    return id;
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  private slice(milliseconds: number): SliceResult {
    const end = performance.now() + milliseconds;
    let result: SliceResult;
    do {
      result = this.found === undefined ? this.advance(Math.max(end - performance.now(), 0)) : 'running';
      if (this.found !== undefined) {
        this.report();
        return 'running';
      }
    } while (result === 'running' && performance.now() < end);
    return result;
  }

  private advance(milliseconds: number): SliceResult {
    if (this.excursion !== undefined) {
      this.found ??= this.excursion.advance(milliseconds, () => this.excursion !== undefined && this.hits(this.excursion.thread));
      return 'running';
    }
    const { kernel } = this.machine;
    const { passing, stepper } = this;
    if (passing === undefined && this.bystanders?.advance() === true) return 'running';
    if (passing !== undefined) {
      this.passing = undefined;
      kernel.step(passing);
      this.passing = undefined;
      return 'running';
    }
    if (stepper === undefined) return kernel.runSlice(milliseconds);
    if (stepper.thread.phase === 'user' && this.probe(stepper.thread)) return 'running';
    switch (stepper.advance()) {
      case 'done':
        this.found ??= { kind: 'step', thread: stepper.thread };
        return 'running';
      case 'more': {
        const { rip } = stepper.thread.context;
        if (!stepper.mayRun && this.hits(stepper.thread)) this.found ??= { kind: 'breakpoint', thread: stepper.thread, address: rip };
        return 'running';
      }
      case 'others':
        this.resting = true;
        kernel.runSlice(0);
        this.resting = false;
        return 'running';
      case 'run':
        return this.found === undefined ? kernel.runSlice(milliseconds) : 'running';
    }
  }

  /** In the middle of a run: whether the thread goes on over a breakpoint because of its filter. */
  private passesOver(address: number): boolean {
    if (this.probes.has(address) || this.stepper !== undefined) return false;
    const { cpu, scheduler } = this.machine.kernel;
    const thread = this.excursion?.thread ?? scheduler.current;
    const filter = thread === undefined ? undefined : this.debuggees.breakpoints.get(thread.process, address)?.filter;
    if (thread === undefined || filter === undefined) return false;
    cpu.publish(thread.context);
    return this.filters.passes(filter, thread, thread.retired + cpu.retiredSoFar);
  }

  /** At an instruction boundary: whether a thread is at one of the breakpoints, and that counts. */
  private hits(thread: Thread): boolean {
    const { rip } = thread.context;
    // On an excursion nothing is counted as retired; halves tell its hits from all others.
    const retired = thread.retired + (this.excursion === undefined ? 0 : this.excursion.executed + 0.5);
    const breakpoint = this.debuggees.breakpoints.get(thread.process, rip);
    return breakpoint !== undefined && !this.filters.passes(breakpoint.filter, thread, retired);
  }

  /** Whether somebody wants to know when a debuggee comes to an address: it has a breakpoint there, or a step may end there. */
  private concerns(process: Process, address: number): boolean {
    return this.stepper !== undefined || this.probes.has(address) || this.debuggees.breakpoints.get(process, address) !== undefined;
  }

  /** A debuggee's thread which the resume did not mean stays where it is, also in the kernel; only SIGKILL moves it. */
  private holds(thread: Thread): boolean {
    if (this.plan === undefined || this.excursion !== undefined || this.stepper?.active === true || !this.debuggees.has(thread.process)) return false;
    return this.ordersOf(thread) === undefined && !fatalPending(thread);
  }

  private mayRun(thread: Thread): boolean {
    if (!this.debuggees.has(thread.process)) return this.bystanders?.mayRun(thread) ?? true;
    const { stepper } = this;
    if (stepper?.active === true) return true;
    if (thread === stepper?.thread && !stepper.mayRun) {
      if (!this.resting) this.machine.kernel.requestStop();
      return false;
    }
    this.last = thread;
    return true;
  }

  private stopFor(stop: Stop): void {
    if (!this.attached) return;
    if (this.found === undefined) this.found = stop;
    else if (stop.kind === 'ended' || stop.kind === 'fork' || stop.kind === 'vfork' || stop.kind === 'exec') this.further.push(stop);
    this.machine.kernel.requestStop();
  }

  private atBreakpoint(thread: Thread): void {
    const { rip } = thread.context;
    const { stepper } = this;
    if (!this.debuggees.has(thread.process)) {
      if (this.bystanders?.atBreakpoint(thread) === true) return;
    } else if (this.probe(thread)) return;
    if (thread === stepper?.thread && stepper.atBreakpoint()) this.machine.kernel.requestStop();
    else if (this.debuggees.has(thread.process) && this.hits(thread)) this.stopFor({ kind: 'breakpoint', thread, address: rip });
    else {
      this.passing = thread;
      this.machine.kernel.requestStop();
    }
  }

  /** Calls the probes at rip, once each time the thread comes there. True if one wants the machine held. */
  private probe(thread: Thread): boolean {
    return this.probes.call(thread) && this.found?.kind === 'bystander';
  }

  private atWatchpoint(thread: Thread, id: number): void {
    if (this.foreign.has(id)) this.bystanders?.atWatchpoint(thread, id);
    else {
      const watch = this.debuggees.watch(id);
      if (watch?.process === thread.process && !this.filters.passes(watch.request.filter, thread, thread.retired)) this.stopFor({ kind: 'watchpoint', thread, id });
    }
  }

  private onSyscall(thread: Thread, when: 'entry' | 'return'): void {
    const caught = this.debuggees.caught.get(thread.process);
    const number = thread.origRax;
    if (caught === undefined || number < 0 || (caught.size > 0 && !caught.has(number)) || !this.attached) return;
    if (when === 'return') this.calls.leaveAlone(thread);
    this.stopFor({ kind: 'syscall', thread, when, number });
  }

  private onSignal(thread: Thread, info: SignalInfo, fate: SignalFate): 'deliver' | 'hold' {
    if (!this.debuggees.has(thread.process)) return 'deliver';
    if (thread === this.stepper?.thread && this.stepper.holds(info, fate)) return 'hold';
    if (fate !== 'fatal' || !this.attached || this.open.takeOwn(thread) || this.passed.has(info.signal)) return 'deliver';
    this.stopFor({ kind: 'signal', thread, info });
    return 'hold';
  }

  /** The machine is at a slice boundary and something was found. */
  private report(): void {
    const stop = this.found;
    if (stop === undefined) return;
    this.found = undefined;
    this.passing = undefined;
    if (this.excursion === undefined && (stop.kind === 'breakpoint' || stop.kind === 'watchpoint')) this.streak.count(stop.thread);
    this.endStep();
    this.plan = undefined;
    this.stopped = stop;
    // With the last debuggee's end the machine is its own.
    this.machine.paused = stop.kind !== 'ended' || this.debuggees.all.length > 0;
    // An idle machine must not take the time it is held for time it slept.
    this.machine.kick();
    // Outside of a system call there is no number of one, whatever the last was.
    for (const thread of this.threads()) if (thread.phase === 'user' && thread.signals.held === undefined) thread.origRax = -1;
    const tell = this.onStop;
    this.onStop = undefined;
    tell?.(stop);
  }

  private endStep(): void {
    const { stepper } = this;
    if (stepper === undefined) return;
    this.stepper = undefined;
    stepper.end();
    this.open.keep(stepper.thread, stepper.kept);
  }

  private go(): void {
    this.stopped = undefined;
    this.machine.paused = false;
    this.machine.kernel.scheduler.unpark();
    this.machine.kick();
  }

  private ordersOf(thread: Thread): Orders | undefined {
    return this.plan?.threads.has(thread) === true ? this.plan.threads.get(thread) : (this.plan?.processes?.get(thread.process) ?? this.plan?.others);
  }

  /** The thread an interrupt is reported for: the one that ran last, or any that may run. */
  private interrupted(): Thread | undefined {
    const threads = this.threads();
    const free = threads.filter((thread) => this.plan === undefined || this.ordersOf(thread) !== undefined);
    return free.find((thread) => thread === this.last) ?? free[0] ?? threads[0];
  }
}
