/**
 * Holds the machine for somebody: breakpoints, watchpoints, stops and steps of one process, the debuggee. It sits between the machine's
 * event loop and the kernel's slices; everything is decided at instruction boundaries. Breakpoints live in the CPU, never in
 * guest memory. A debugger that is not attached leaves the machine alone.
 */
import type { SliceResult } from '../host/kernel.ts';
import type { Thread } from '../host/process/thread.ts';
import type { SignalFate } from '../host/signals/signal-hooks.ts';
import { kernelInfo, type SignalInfo } from '../host/signals/signal-info.ts';
import { sendSignal } from '../host/signals/send.ts';
import type { Bystanders } from './bystanders.ts';
import { Excursion, type ExcursionGuard, type ExcursionReport } from './excursion.ts';
import { HitFilters, type HitFilter } from './hit-filters.ts';
import { InterruptedCalls } from './interrupted-calls.ts';
import type { Machine } from './machine.ts';
import { Probes, type Probe } from './probes.ts';
import { Stepper } from './stepper.ts';
import { Streak } from './streak.ts';
import type { Orders, ResumePlan, Stop } from './stops.ts';

export interface WatchRequest {
  readonly address: number;
  readonly length: number;
  readonly kind: 'write' | 'read' | 'access';
  readonly filter?: HitFilter;
}

const SIGKILL = 9;
/** What the kernel does for one page takes far less. */
const ASIDE_MS = 2000;

export class Debugger {
  readonly machine: Machine;
  readonly calls = new InterruptedCalls();
  /** Signals which do not stop the machine even if they are about to end the process. */
  passed: ReadonlySet<number> = new Set();
  /** Numbers of system calls of the debuggee to stop for; undefined: none, empty: all. */
  caught: ReadonlySet<number> | undefined;
  /** Whether to stop when the debuggee has called exec. */
  stopsForExec = false;
  /** Whether to stop when a thread of the debuggee is made or has ended. */
  stopsForThreads = false;
  /** Stops for signals so far, by number; handled ones are counted in `delivered`. */
  readonly delivered = new Map<number, number>();
  stopped: Stop | undefined;
  /** Decides about threads of other processes; without it they are left alone. */
  bystanders: Bystanders | undefined;
  private excursion: Excursion | undefined;
  private attached = false;
  private onStop: ((stop: Stop) => void) | undefined;
  /** Found during a slice, to be reported at its end. */
  private found: Stop | undefined;
  private stepper: Stepper | undefined;
  private plan: ResumePlan | undefined;
  private readonly breakpoints = new Map<number, HitFilter | undefined>();
  private readonly filters = new HitFilters();
  private readonly watched = new Map<number, WatchRequest>();
  private readonly foreign = new Map<number, WatchRequest>();
  private nextWatch = 1;
  private readonly probes: Probes;
  /** A thread at a breakpoint that is not for it, to be taken over it. */
  private passing: Thread | undefined;
  private last: Thread | undefined;
  /** Signals held back while threads were stepped. */
  private readonly kept = new Map<Thread, SignalInfo[]>();
  /** Signals which the debugger itself sends, and so does not stop for. */
  private readonly own = new Set<Thread>();
  private resting = false;
  private readonly streak = new Streak();

  constructor(machine: Machine) {
    this.machine = machine;
    const { kernel, process } = machine;
    this.probes = new Probes(kernel.cpu);
    machine.runSlice = (milliseconds) => this.slice(milliseconds);
    kernel.hooks.mayRun = (thread) => this.mayRun(thread);
    kernel.hooks.onBreakpoint = (thread) => this.atBreakpoint(thread);
    kernel.hooks.onWatchpoint = (thread, id) => this.atWatchpoint(thread, id);
    kernel.hooks.onExec = (thread) => {
      if (thread.process === process && this.stopsForExec) this.stopFor({ kind: 'exec', thread });
    };
    kernel.hooks.onClone = (_, child) => {
      if (child.process === process && this.stopsForThreads) this.stopFor({ kind: 'thread-created', thread: child });
    };
    kernel.hooks.onThreadExit = (thread) => {
      const [other] = this.threads();
      if (thread.process !== process || !this.stopsForThreads || process.groupExit !== undefined || other === undefined) return;
      this.stopFor({ kind: 'thread-exited', thread: other, tid: thread.tid, status: thread.exitStatus >> 8 });
    };
    kernel.hooks.onSyscall = (thread, when) => this.onSyscall(thread, when);
    kernel.hooks.onProcessExit = (ended, status) => {
      if (ended === process) this.stopFor({ kind: 'ended', status });
    };
    kernel.signalHooks.onSignal = (thread, info, fate) => this.onSignal(thread, info, fate);
    kernel.signalHooks.onSignalDelivered = (thread, info) => {
      this.delivered.set(info.signal, (this.delivered.get(info.signal) ?? 0) + 1);
      if (thread === this.stepper?.thread) this.stepper.handlerEntered();
    };
    kernel.cpu.breakpointFilter = (address, space) => {
      if (this.bystanders?.counts(address, space) === true) return true;
      const ours = kernel.scheduler.current?.process === process || [...process.threads].some((thread) => thread.space === space);
      return ours && !this.passesOver(address);
    };
  }

  /** Threads of the debuggee that are alive. */
  threads(): Thread[] {
    return [...this.machine.process.threads].filter((thread) => thread.state.kind !== 'dead');
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
      this.prepare(thread, orders);
      if (orders.kind === 'step' && this.stepper === undefined) this.stepper = new Stepper(this.machine.kernel, thread, orders);
    }
    this.go();
  }

  /**
   * Takes a thread of the stopped machine elsewhere: until `endExcursion` its registers and memory may be changed and `resume` runs it alone.
   * @throws RangeError when there is no room to keep its memory
   */
  beginExcursion(thread: Thread, guard: ExcursionGuard): void {
    if (this.stopped === undefined || this.excursion !== undefined) throw new Error('an excursion begins where the machine is stopped');
    this.excursion = new Excursion(thread, this.stopped, guard, this.nextWatch++);
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
    for (const address of [...this.breakpoints.keys()]) this.removeBreakpoint(address);
    for (const id of [...this.watched.keys()]) this.removeWatchpoint(id);
    this.passed = new Set();
    this.stopsForExec = false;
    this.stopsForThreads = false;
    this.caught = undefined;
    this.attached = false;
    this.plan = undefined;
    this.found = undefined;
    this.onStop = undefined;
    if (this.stopped === undefined) return this.endStep();
    for (const thread of this.threads()) this.prepare(thread, { kind: 'continue', signal: thread.signals.held?.signal ?? 0 });
    this.go();
  }

  /** Ends the debuggee, and with it the machine. */
  kill(): void {
    this.endExcursion();
    const { kernel, process } = this.machine;
    if (process.exitStatus === undefined) kernel.exitGroup(process, SIGKILL);
    this.endStep();
    this.found = undefined;
    this.stopped = { kind: 'ended', status: process.exitStatus ?? SIGKILL };
    this.machine.paused = false;
    this.machine.kick();
  }

  /** One that is already there gets the new filter. */
  addBreakpoint(address: number, filter?: HitFilter): void {
    if (!this.breakpoints.has(address)) this.machine.kernel.cpu.addBreakpoint(address);
    this.breakpoints.set(address, filter);
  }

  removeBreakpoint(address: number): void {
    if (this.breakpoints.delete(address)) this.machine.kernel.cpu.removeBreakpoint(address);
  }

  /** Gives the id that stops tell. */
  addWatchpoint(request: WatchRequest): number {
    const id = this.nextWatch++;
    this.watched.set(id, request);
    this.machine.kernel.cpu.addWatchpoint({ id, ...request });
    return id;
  }

  removeWatchpoint(id: number): void {
    if (this.watched.delete(id) || this.foreign.delete(id)) this.machine.kernel.cpu.removeWatchpoint(id);
  }

  watchpoint(id: number): WatchRequest | undefined {
    return this.watched.get(id);
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
    const id = this.nextWatch++;
    this.foreign.set(id, request);
    this.machine.kernel.cpu.addWatchpoint({ id, ...request });
    return id;
  }

  get breakpointCount(): number {
    return this.breakpoints.size;
  }

  get watchpointCount(): number {
    return this.watched.size;
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
    const filter = this.breakpoints.get(address);
    if (filter === undefined || this.probes.has(address) || this.stepper !== undefined) return false;
    const { cpu, scheduler } = this.machine.kernel;
    const thread = this.excursion?.thread ?? scheduler.current;
    if (thread === undefined || thread.process !== this.machine.process) return false;
    cpu.publish(thread.context);
    return this.filters.passes(filter, thread, thread.retired + cpu.retiredSoFar);
  }

  /** At an instruction boundary: whether a thread is at one of the breakpoints, and that counts. */
  private hits(thread: Thread): boolean {
    const { rip } = thread.context;
    // On an excursion nothing is counted as retired; halves tell its hits from all others.
    const retired = thread.retired + (this.excursion === undefined ? 0 : this.excursion.executed + 0.5);
    return this.breakpoints.has(rip) && !this.filters.passes(this.breakpoints.get(rip), thread, retired);
  }

  private mayRun(thread: Thread): boolean {
    if (thread.process !== this.machine.process) return this.bystanders?.mayRun(thread) ?? true;
    const { stepper } = this;
    if (stepper?.active === true) return true;
    if (this.plan !== undefined && this.ordersOf(thread) === undefined) return false;
    if (thread === stepper?.thread && !stepper.mayRun) {
      if (!this.resting) this.machine.kernel.requestStop();
      return false;
    }
    this.last = thread;
    return true;
  }

  private stopFor(stop: Stop): void {
    if (!this.attached) return;
    this.found ??= stop;
    this.machine.kernel.requestStop();
  }

  private atBreakpoint(thread: Thread): void {
    const { rip } = thread.context;
    const { stepper } = this;
    if (thread.process !== this.machine.process) {
      if (this.bystanders?.atBreakpoint(thread) === true) return;
    } else if (this.probe(thread)) return;
    if (thread === stepper?.thread && stepper.atBreakpoint()) this.machine.kernel.requestStop();
    else if (thread.process === this.machine.process && this.hits(thread)) this.stopFor({ kind: 'breakpoint', thread, address: rip });
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
    else if (thread.process === this.machine.process && !this.filters.passes(this.watched.get(id)?.filter, thread, thread.retired)) this.stopFor({ kind: 'watchpoint', thread, id });
  }

  private onSyscall(thread: Thread, when: 'entry' | 'return'): void {
    const { caught } = this;
    const number = thread.origRax;
    if (caught === undefined || number < 0 || thread.process !== this.machine.process || (caught.size > 0 && !caught.has(number)) || !this.attached) return;
    if (when === 'return') this.calls.leaveAlone(thread);
    this.stopFor({ kind: 'syscall', thread, when, number });
  }

  private onSignal(thread: Thread, info: SignalInfo, fate: SignalFate): 'deliver' | 'hold' {
    if (thread.process !== this.machine.process) return 'deliver';
    if (thread === this.stepper?.thread && this.stepper.holds(info, fate)) return 'hold';
    if (fate !== 'fatal' || !this.attached || this.own.delete(thread) || this.passed.has(info.signal)) return 'deliver';
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
    this.machine.paused = stop.kind !== 'ended';
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
    if (stepper.kept.length > 0) this.kept.set(stepper.thread, [...(this.kept.get(stepper.thread) ?? []), ...stepper.kept]);
  }

  private go(): void {
    this.stopped = undefined;
    this.machine.paused = false;
    this.machine.kick();
  }

  private ordersOf(thread: Thread): Orders | undefined {
    return this.plan?.threads.has(thread) === true ? this.plan.threads.get(thread) : this.plan?.others;
  }

  /** Settles what the stop left open: interrupted calls, the held signal, signals held back by steps, the one to deliver. */
  private prepare(thread: Thread, orders: Orders): void {
    const { signals } = thread;
    const { held } = signals;
    if (held !== undefined && orders.signal === held.signal) {
      thread.phase = 'return';
      return;
    }
    signals.held = undefined;
    this.calls.settle(thread);
    if (orders.signal !== 0) {
      if (thread.phase === 'user' || thread.phase === 'return') {
        signals.held = kernelInfo(orders.signal);
        thread.phase = 'return';
      } else {
        this.own.add(thread);
        sendSignal(this.machine.kernel, thread, kernelInfo(orders.signal));
      }
    }
    if (orders.kind === 'continue') this.giveBack(thread);
  }

  /** Signals held back by steps come now, in their order. */
  private giveBack(thread: Thread): void {
    const kept = this.kept.get(thread);
    if (kept === undefined) return;
    this.kept.delete(thread);
    for (const info of kept) thread.signals.pending.add(info);
    if (thread.phase === 'user') thread.phase = 'return';
  }

  /** The thread an interrupt is reported for: the one that ran last, or any. */
  private interrupted(): Thread | undefined {
    const threads = this.threads();
    return threads.find((thread) => thread === this.last) ?? threads[0];
  }
}
