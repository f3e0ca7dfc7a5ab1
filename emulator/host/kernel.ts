/** The host: puts its parts together and runs them in slices. All of a machine's state hangs here; there are no globals. */
import { CONTEXT_SIZE } from '../cpu/state.ts';
import { Cpu } from '../cpu/cpu.ts';
import { AddressSpaces } from '../memory/address-spaces.ts';
import { BlockPool, Frames } from '../memory/frames.ts';
import { LinearMemory } from '../memory/linear-memory.ts';
import { syscallNamesI386, syscallTableI386 } from './abi-i386.ts';
import { syscallNamesX86_64, syscallTableX86_64 } from './abi-x86-64.ts';
import { DebugHooks } from './debug-hooks.ts';
import { buildTree } from './files/machine-tree.ts';
import { Vfs } from './files/vfs.ts';
import { RandomSource } from './misc/random.ts';
import { endProcess } from './process/exit.ts';
import { FutexTable } from './process/futex-table.ts';
import type { Skas3Offer } from './proc-mm/offer.ts';
import type { Process } from './process/process.ts';
import { runThread } from './process/run-thread.ts';
import { Scheduler } from './process/scheduler.ts';
import { spawnProcess, type SpawnOptions } from './process/spawn.ts';
import type { Thread } from './process/thread.ts';
import { sendSignal } from './signals/send.ts';
import { SignalHooks } from './signals/signal-hooks.ts';
import { kernelInfo } from './signals/signal-info.ts';
import { Clock } from './time/clock.ts';
import { TimerQueue } from './time/timer-queue.ts';
import { Trace, type TraceChannel } from './trace.ts';

export interface KernelOptions {
  /** Room for page frames, bytes. */
  readonly memory: number;
  /** What there may be at a time. */
  readonly maximumSpaces: number;
  readonly maximumThreads: number;
  /** Seed of everything random. */
  readonly seed: bigint;
  /** CLOCK_REALTIME at the start, seconds since 1970; undefined: the clock's default. */
  readonly epoch: number | undefined;
  /** Idle time takes as long as it says, instead of being skipped. */
  readonly realtime: boolean;
  /** The CPU's second tier. */
  readonly regions: boolean;
  readonly trace: readonly TraceChannel[];
  /** Who is offered /proc/mm and its ptrace requests. */
  readonly skas3: Skas3Offer;
  /** User and group the first process runs as. */
  readonly uid: number;
  readonly gid: number;
}

export const DEFAULT_OPTIONS: KernelOptions = {
  memory: 1024 * 1024 * 1024, maximumSpaces: 1024, maximumThreads: 4096, seed: 0n, epoch: undefined, realtime: false, regions: true, trace: [], skas3: 'standard', uid: 0, gid: 0,
};

/** Highest process id (kernel.pid_max's default). */
const MAXIMUM_PID = 32768;
/** Process ids start here: 1 is who adopts orphans, which is the machine itself. */
const FIRST_PID = 2;

export type SliceResult =
  /** There is more to run. */
  | 'running'
  /** All threads sleep: for something from outside, or until `nextDeadline`. */
  | 'idle'
  /** No process is left. */
  | 'finished';

export class Kernel {
  readonly options: KernelOptions;
  readonly linear: LinearMemory;
  readonly frames: Frames;
  readonly spaces: AddressSpaces;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly timers = new TimerQueue();
  readonly scheduler = new Scheduler(this.timers);
  readonly vfs: Vfs;
  readonly random: RandomSource;
  readonly trace: Trace;
  readonly hooks = new DebugHooks();
  readonly signalHooks = new SignalHooks();
  readonly futexes = new FutexTable();
  /** By process id, in the order they were made; zombies included. */
  readonly processes = new Map<number, Process>();
  /** By thread id; a leader stays until its process is reaped. */
  readonly threads = new Map<number, Thread>();
  readonly contexts: BlockPool;
  /** System calls by the ABI's word size. */
  readonly abis = { 8: { table: syscallTableX86_64, names: syscallNamesX86_64 }, 4: { table: syscallTableI386, names: syscallNamesI386 } } as const;
  private stopping = false;
  private lastId = FIRST_PID - 1;
  private live = 0;

  constructor(options: Partial<KernelOptions> = {}, trace?: Trace) {
    this.options = { ...DEFAULT_OPTIONS, ...options };
    this.trace = trace ?? new Trace(this.options.trace);
    const { memory, maximumSpaces, maximumThreads } = this.options;
    this.linear = new LinearMemory(memory + AddressSpaces.tableBytes(maximumSpaces) + BlockPool.bytes(CONTEXT_SIZE, maximumThreads));
    this.frames = new Frames(this.linear, memory);
    this.spaces = new AddressSpaces(this.frames, maximumSpaces);
    this.contexts = new BlockPool(this.frames, CONTEXT_SIZE, maximumThreads);
    this.cpu = new Cpu(this.linear, { regions: this.options.regions });
    this.frames.watcher = this.cpu;
    this.clock = new Clock(this.options.epoch);
    // The time-stamp counter runs at the clock's rate, 1 GHz, and stands still with it.
    this.cpu.timestamp = (retiredInRun) => this.clock.monotonic + retiredInRun;
    this.random = new RandomSource(this.options.seed);
    this.vfs = new Vfs({ frames: this.frames, now: () => this.clock.realtime() });
    buildTree(this);
  }

  /**
   * Starts a program as a process of its own session.
   * @throws MachineSetupError when it cannot be started
   */
  spawn(path: string, argv: readonly string[], envp: readonly string[], options: SpawnOptions = {}): Process {
    return spawnProcess(this, path, argv, envp, options);
  }

  /** Runs threads for about so many milliseconds of real time, or until nothing can run or a stop was requested. */
  runSlice(maxMilliseconds: number): SliceResult {
    const end = performance.now() + maxMilliseconds;
    this.stopping = false;
    for (;;) {
      this.runTimers();
      const thread = this.scheduler.take();
      if (thread !== undefined) {
        runThread(this, thread, false);
        if (this.stopping || performance.now() >= end) return this.live === 0 ? 'finished' : 'running';
        continue;
      }
      if (this.live === 0) return 'finished';
      const { next } = this.timers;
      if (next === undefined || this.options.realtime) return 'idle';
      this.clock.skipTo(next);
      // A timer may fire for ever without waking anybody (its signal is blocked)
      if (performance.now() >= end) return 'running';
    }
  }

  /** CLOCK_MONOTONIC at which the next timer fires; undefined: none is set. */
  get nextDeadline(): number | undefined {
    return this.timers.next;
  }

  /** With `realtime`: so many nanoseconds have been slept through while all threads slept; at most up to the next timer. */
  passIdleTime(nanoseconds: number): void {
    const target = this.clock.monotonic + Math.floor(nanoseconds);
    this.clock.skipTo(this.timers.next === undefined ? target : Math.min(target, this.timers.next));
    this.runTimers();
  }

  /** Makes `runSlice` return at the next instruction boundary that is an exit; the thread that runs will be the next to go on. */
  requestStop(): void {
    this.stopping = true;
  }

  get stopRequested(): boolean {
    return this.stopping;
  }

  /**
   * Lets one thread execute one instruction (over a breakpoint at rip, too), with what the kernel does about it, and no other thread.
   * @returns false if the thread cannot run, or did not come back to user code: it sleeps, stopped or is gone
   */
  step(thread: Thread): boolean {
    this.stopping = false;
    if (thread.state.kind !== 'ready') return false;
    this.scheduler.remove(thread);
    if (thread.quantum <= 0) thread.quantum = 1;
    runThread(this, thread, true);
    return thread.state.kind === 'ready' && thread.phase === 'user';
  }

  runTimers(): void {
    const { next } = this.timers;
    if (next !== undefined && next <= this.clock.monotonic) this.timers.run(this.clock.monotonic);
  }

  /** Ends a sleep; threads which do not sleep are not bothered. */
  wake(thread: Thread): void {
    this.scheduler.wake(thread);
  }

  /** Ends a job-control or ptrace stop. */
  resume(thread: Thread): void {
    this.scheduler.resume(thread);
  }

  pause(thread: Thread, kind: 'stopped' | 'traced'): void {
    this.scheduler.pause(thread, kind);
  }

  /** Ends a process with all its threads. `status` is what wait4 gives. */
  exitGroup(process: Process, status: number): void {
    endProcess(process, status);
  }

  /** Sends a signal that says nothing but its number. */
  raiseSignal(target: Thread | Process, signal: number): void {
    sendSignal(this, target, kernelInfo(signal));
  }

  /** A fresh thread or process id; 0 when there are as many threads as there may be. */
  nextId(): number {
    if (this.threads.size >= this.options.maximumThreads) return 0;
    do {
      this.lastId = this.lastId >= MAXIMUM_PID ? FIRST_PID : this.lastId + 1;
    } while (this.threads.has(this.lastId) || this.isGroupInUse(this.lastId));
    return this.lastId;
  }

  /** For process/*: a process came to life, or its last thread went. */
  countLive(change: 1 | -1): void {
    this.live += change;
  }

  private isGroupInUse(id: number): boolean {
    for (const process of this.processes.values()) if (process.group === id || process.session.id === id) return true;
    return false;
  }
}
