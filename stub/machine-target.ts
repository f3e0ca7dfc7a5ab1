/** The machine as the RSP server sees it: translates between gdb's terms (bigint addresses, thread ids) and the debugger's. */
import { Prot } from '../emulator/memory/protection.ts';
import type { WatchRequest } from '../emulator/debug/debuggees.ts';
import type { Debugger } from '../emulator/debug/debugger.ts';
import type { HitFilter } from '../emulator/debug/hit-filters.ts';
import type { ExcursionGuard, ExcursionReport } from '../emulator/debug/excursion.ts';
import type { Orders, StepContext, Stop } from '../emulator/debug/stops.ts';
import type { Process } from '../emulator/host/process/process.ts';
import type { Thread } from '../emulator/host/process/thread.ts';
import { ordinaryStackPointer } from '../emulator/host/signals/signal-frame.ts';
import { infoBytes, parseInfo } from '../emulator/host/signals/signal-info-layout.ts';
import { SIGINFO_BYTES } from '../emulator/host/signals/signal-info.ts';
import { hitAgent } from './agent/hit-agent.ts';
import { ThreadPlace } from './agent/thread-place.ts';
import { AgentVariables } from './agent/variables.ts';
import { HostProcesses } from './host-processes.ts';
import { machineCommands, runMonitorCommand, type MonitorCommand } from './monitor-commands.ts';
import { ARCHITECTURES, type RegisterSet } from './registers.ts';
import { readThreadRegister, writeThreadRegister } from './thread-registers.ts';
import type { BreakpointRequest, MemoryRegion, ResumeAction, StopEvent, Target, TargetThread } from './target.ts';

/** First address that is not a user's. */
const USER_END = 1n << 47n;

/** Where guest files come from; undefined: there is none. */
export interface GuestFiles {
  readonly read: (path: string) => Uint8Array | undefined;
  readonly readLink: (path: string) => string | undefined;
}

/** An action that may be for one of the contexts of a thread only. */
export interface MachineAction extends ResumeAction {
  readonly context?: StepContext;
}

export class MachineTarget implements Target {
  private readonly debug: Debugger;
  private readonly files: GuestFiles;
  private readonly extras: readonly MonitorCommand[];
  private event: StopEvent | undefined;
  readonly agent = new AgentVariables();
  readonly nonStop = true;
  readonly processes: HostProcesses;
  private print: (text: string) => void = () => undefined;

  /** @param extras monitor commands of those who made the machine */
  constructor(debug: Debugger, files: GuestFiles, extras: readonly MonitorCommand[] = []) {
    this.debug = debug;
    this.files = files;
    this.extras = extras;
    this.processes = new HostProcesses({ debug, describe: (thread) => this.describe(thread), openFile: (path) => this.openFile(path), detach: () => this.detach(), changed: () => (this.event = undefined) });
  }

  /** The first debuggee's; another program may change it. */
  get architecture(): Target['architecture'] {
    return architectureOf(this.debug.threads()[0] ?? this.debug.machine.process.leader);
  }

  /** Of several processes' threads. */
  get architectureOf(): Target['architectureOf'] {
    if (this.debug.debuggees.all.length < 2) return undefined;
    return (tid) => {
      const thread = this.thread(tid);
      return thread === undefined ? this.architecture : architectureOf(thread);
    };
  }

  get executable(): string {
    return this.debug.machine.process.executable;
  }

  get stopped(): StopEvent | undefined {
    const { stopped } = this.debug;
    return stopped === undefined ? undefined : (this.event ??= this.translate(stopped));
  }

  threads(): readonly TargetThread[] {
    return this.debug.threads().map((thread) => this.describe(thread));
  }

  readRegister(tid: number, register: number): Uint8Array | undefined {
    const thread = this.thread(tid);
    return thread === undefined ? undefined : readThreadRegister(thread, registersOf(thread).registers[register].name, this.debug.calls);
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    const thread = this.thread(tid);
    return thread !== undefined && writeThreadRegister(thread, registersOf(thread).registers[register].name, value, this.debug.calls);
  }

  readMemory(tid: number, address: bigint, length: number): Uint8Array {
    const thread = this.thread(tid);
    if (thread === undefined || address >= USER_END) return new Uint8Array();
    const into = new Uint8Array(Number(BigInt(length) < USER_END - address ? BigInt(length) : USER_END - address));
    return into.subarray(0, thread.space.peekInto(Number(address), into));
  }

  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean {
    const thread = this.thread(tid);
    return thread !== undefined && address + BigInt(bytes.length) <= USER_END && thread.space.poke(Number(address), bytes);
  }

  insertBreakpoint(request: BreakpointRequest): boolean {
    const { kind, address, length } = request;
    const { debuggees } = this.debug;
    if (address + BigInt(length) > USER_END) return false;
    const thread = this.threadFor(request);
    if (thread === undefined) return false;
    const { process, space } = thread;
    const filter = this.filter(thread, request);
    if (kind === 'software' || kind === 'hardware') {
      // As with breakpoints written into memory, there must be memory: gdb counts on hearing that an address is nonsense.
      if (space.peek(Number(address), 1) === undefined) return false;
      debuggees.breakpoints.set(process, Number(address), { hardware: kind === 'hardware', ...(filter === undefined ? {} : { filter }) });
      return true;
    }
    if (length === 0) return false;
    const wanted: WatchRequest = { kind, address: Number(address), length, ...(filter === undefined ? {} : { filter }) };
    const before = debuggees.findWatchpoint(process, wanted);
    if (before !== undefined) debuggees.removeWatchpoint(before);
    debuggees.addWatchpoint(process, wanted);
    return true;
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    const { kind, address, length } = request;
    const { debuggees } = this.debug;
    const process = this.threadFor(request)?.process ?? this.debug.machine.process;
    if (kind === 'software' || kind === 'hardware') return debuggees.breakpoints.delete(process, Number(address));
    const id = debuggees.findWatchpoint(process, { kind, address: Number(address), length });
    return id !== undefined && debuggees.removeWatchpoint(id);
  }

  attach(onStop: (event: StopEvent) => void): void {
    this.event = undefined;
    this.debug.attach((stop) => onStop(this.translate(stop)));
  }

  resume(actions: readonly MachineAction[], onStop: (event: StopEvent) => void): void {
    const threads = new Map<Thread, Orders | undefined>();
    const processes = new Map<Process, Orders>();
    let others: Orders | undefined;
    for (const { kind, tid, pid, signal, range, context } of actions) {
      if (kind === 'stop') {
        const stays = tid === undefined ? undefined : this.thread(tid);
        if (stays !== undefined && !threads.has(stays)) threads.set(stays, undefined);
        continue;
      }
      const orders: Orders = {
        kind, signal, ...(range === undefined ? {} : { range: { start: Number(range.start), end: Number(range.end) } }), ...(context === undefined ? {} : { context }),
      };
      const thread = tid === undefined ? undefined : this.thread(tid);
      // The first action that fits a thread counts.
      if (thread !== undefined) {
        if (!threads.has(thread)) threads.set(thread, orders);
      } else if (tid === undefined && pid !== undefined && others === undefined) {
        const process = this.debug.debuggees.all.find((each) => each.pid === pid);
        if (process !== undefined && !processes.has(process)) processes.set(process, orders);
      } else if (tid === undefined) others ??= orders;
    }
    // A default to step means the selected thread; the others follow.
    if (others !== undefined && (others.kind === 'step' || others.signal !== 0)) {
      const [first] = this.selected();
      if (first !== undefined && !threads.has(first)) threads.set(first, others);
      others = { kind: 'continue', signal: 0 };
    }
    this.event = undefined;
    this.debug.resume({ threads, processes, others }, (stop) => onStop((this.event = this.translate(stop))));
  }

  interrupt(): void {
    this.debug.interrupt();
  }

  detach(): void {
    this.event = undefined;
    this.debug.detach();
  }

  kill(): void {
    this.event = undefined;
    this.debug.kill();
  }

  setPassSignals(signals: ReadonlySet<number>): void {
    this.debug.passed = signals;
  }

  setThreadEvents(wanted: boolean): void {
    this.debug.events.stopsForThreads = wanted;
  }

  setExecEvents(wanted: boolean): void {
    this.debug.events.stopsForExec = wanted;
  }

  memoryRegions(tid: number): readonly MemoryRegion[] | undefined {
    return this.thread(tid)?.space.regions().map(({ start, end, prot, name }) => ({
      start: BigInt(start), end: BigInt(end), name, permissions: `${prot & Prot.read ? 'r' : '-'}${prot & Prot.write ? 'w' : '-'}${prot & Prot.exec ? 'x' : '-'}`,
    }));
  }

  auxv(tid: number): Uint8Array {
    return this.thread(tid)?.space.auxv ?? new Uint8Array();
  }

  siginfo(tid: number): Uint8Array | undefined {
    const thread = this.thread(tid);
    return thread?.signals.held === undefined ? undefined : infoBytes(thread.signals.held, thread.wordSize);
  }

  writeSiginfo(tid: number, bytes: Uint8Array): boolean {
    const thread = this.thread(tid);
    if (thread?.signals.held === undefined || bytes.length !== SIGINFO_BYTES) return false;
    thread.signals.held = parseInfo(Uint8Array.from(bytes), thread.wordSize);
    return true;
  }

  openFile(path: string): Uint8Array | undefined {
    return this.files.read(path);
  }

  readLink(path: string): string | undefined {
    return this.files.readLink(path);
  }

  onOutput(print: (text: string) => void): void {
    this.print = print;
  }

  monitor(command: string): string | undefined {
    return runMonitorCommand(this.monitorCommands, command);
  }

  get monitorCommands(): readonly MonitorCommand[] {
    return [...machineCommands(this.debug), ...this.extras];
  }

  /** Stops before a user would hear of it when a range is written. Gives what ends it, which tells whether a stop was for that. */
  watch(address: number, length: number): (event: StopEvent) => boolean {
    const id = this.debug.debuggees.addWatchpoint(this.debug.machine.process, { kind: 'write', address, length });
    return () => {
      const { stopped } = this.debug;
      this.debug.removeWatchpoint(id);
      return stopped?.kind === 'watchpoint' && stopped.id === id;
    };
  }

  /** Takes a stopped thread elsewhere, until `endExcursion` (debugger.ts). @throws RangeError */
  beginExcursion(tid: number, guard: ExcursionGuard): void {
    const thread = this.thread(tid);
    if (thread === undefined) throw new Error(`no thread ${tid}`);
    this.debug.beginExcursion(thread, guard);
    this.event = undefined;
  }

  endExcursion(): ExcursionReport | undefined {
    this.event = undefined;
    return this.debug.endExcursion();
  }

  /** The next resume takes a thread over a breakpoint it stands at. */
  passBreakpoint(tid: number): void {
    const thread = this.thread(tid);
    if (thread !== undefined && this.debug.debuggees.breakpoints.get(thread.process, thread.context.rip) !== undefined) this.debug.pass(thread);
  }

  /** On an excursion: one step of what was there before, which is undone like all the rest. */
  stepAside(onStop: (event: StopEvent) => void): void {
    this.event = undefined;
    this.debug.stepAside((stop) => onStop((this.event = this.translate(stop))));
  }

  /** A register as it was before the excursion. */
  readRegisterBefore(tid: number, register: number): Uint8Array | undefined {
    return this.debug.asBefore(() => this.readRegister(tid, register));
  }

  /** Addresses of breakpoints that are set now. */
  get codeBreakpoints(): ReadonlySet<number> {
    return this.debug.debuggees.breakpoints.addresses(this.debug.machine.process);
  }

  /** Stack pointer of a thread, on its ordinary stack: below a signal handler on the alternate one. Undefined: it cannot be read. */
  stackPointer(tid: number): number | undefined {
    const thread = this.thread(tid);
    return thread === undefined ? undefined : ordinaryStackPointer(thread);
  }

  private filter(thread: Thread, request: BreakpointRequest): HitFilter | undefined {
    return hitAgent(request, { print: (text) => this.print(text), variables: this.agent })?.filter(new ThreadPlace(registersOf(thread), this.debug.calls));
  }

  /** A thread of the process a breakpoint is for. */
  private threadFor({ tid, pid }: BreakpointRequest): Thread | undefined {
    const threads = this.debug.threads();
    return threads.find((thread) => thread.tid === tid) ?? threads.find((thread) => pid === undefined || thread.process.pid === pid);
  }

  private thread(tid: number): Thread | undefined {
    return this.debug.threads().find((thread) => thread.tid === tid);
  }

  private selected(): Thread[] {
    const { stopped } = this.debug;
    return stopped !== undefined && 'thread' in stopped ? [stopped.thread] : this.debug.threads().slice(0, 1);
  }

  private describe(thread: Thread): TargetThread {
    return { pid: thread.process.pid, tid: thread.tid, name: thread.name, extra: this.activity(thread) };
  }

  /** What the thread does, for `info threads`. */
  private activity(thread: Thread): string {
    const { kind } = thread.state;
    if (kind !== 'sleeping') return kind === 'ready' ? '' : kind;
    return `sleeping in ${thread.kernel.abis[thread.callWordSize].names[thread.origRax] ?? `system call ${thread.origRax}`}`;
  }

  private translate(stop: Stop): StopEvent {
    if (stop.kind === 'ended') {
      const { pid } = stop.process;
      const signal = stop.status & 0x7f;
      return signal === 0 ? { reason: 'exited', pid, status: stop.status >> 8 } : { reason: 'killed', pid, signal };
    }
    const thread = this.describe(stop.thread);
    switch (stop.kind) {
      case 'breakpoint': {
        const breakpoint = this.debug.debuggees.breakpoints.get(stop.thread.process, stop.address);
        return { reason: 'breakpoint', thread, hardware: breakpoint?.hardware === true, ...trouble(breakpoint?.filter) };
      }
      case 'watchpoint': {
        const request = this.debug.debuggees.watch(stop.id)?.request;
        if (request === undefined) return { reason: 'step', thread };
        return { reason: 'watchpoint', thread, kind: request.kind, address: BigInt(request.address), ...trouble(request.filter) };
      }
      case 'exec':
        return { reason: 'exec', thread, path: stop.thread.process.executable };
      case 'fork': case 'vfork':
        return { reason: stop.kind, thread, child: this.describe(stop.child) };
      case 'vfork-done':
        return { reason: 'vforkdone', thread };
      case 'syscall':
        return { reason: 'syscall', thread, entry: stop.when === 'entry', number: stop.number };
      case 'thread-exited':
        return { reason: 'thread-exited', thread, tid: stop.tid, status: stop.status };
      case 'signal':
        return { reason: 'signal', thread, signal: stop.info.signal };
      case 'halted':
        return { reason: 'signal', thread, signal: 0, message: stop.message };
      case 'bystander':
        // Whoever asked for it says more.
        return { reason: 'interrupt', thread: this.describe(this.selected()[0]) };
      default:
        return { reason: stop.kind, thread };
    }
  }
}

function trouble(filter: HitFilter | undefined): { readonly message?: string } {
  const message = filter?.trouble?.();
  return message === undefined ? {} : { message };
}

const architectureOf = (thread: Thread): Target['architecture'] => (thread.wordSize === 4 ? 'i386' : 'x86-64');

const registersOf = (thread: Thread): RegisterSet => ARCHITECTURES[architectureOf(thread)].registers;
