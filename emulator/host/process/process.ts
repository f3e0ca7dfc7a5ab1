/** A process: a group of threads with what they share (Linux's signal_struct and what hangs on the group leader). */
import type { Dentry } from '../files/dentry.ts';
import type { Kernel } from '../kernel.ts';
import type { Credentials } from '../misc/credentials.ts';
import { Resource, type Limits } from '../misc/limits.ts';
import type { SpaceLimits } from '../../memory/mapped-pages.ts';
import { ProcessSignals } from '../signals/process-signals.ts';
import { ProcessTimers } from '../time/process-timers.ts';
import { WaitQueue } from '../wait-queue.ts';
import type { Session } from './session.ts';
import type { Thread } from './thread.ts';

/** A program file that is being run. */
export interface RunningFile {
  readonly dentry: Dentry;
  retain(): void;
  release(): void;
}

export class Process {
  readonly pid: number;
  readonly kernel: Kernel;
  /** Undefined for processes the machine itself started. */
  parent: Process | undefined;
  readonly children = new Set<Process>();
  /** The thread that made it: who traces it when it asks for that. */
  readonly maker: Thread | undefined;
  /** In the order they were made; dead ones leave, except a leader. */
  readonly threads = new Set<Thread>();
  leader!: Thread;
  readonly signals = new ProcessSignals();
  /** Process group id. */
  group: number;
  session: Session;
  limits: Limits;
  credentials: Credentials;
  readonly timers = new ProcessTimers();
  /** Path of the program as /proc/<pid>/exe shows it. */
  executable = '';
  executableFile: RunningFile | undefined;
  /** Signal the parent gets at exit; 0: none, -1 never used here. */
  exitSignal: number;
  /** All threads are gone: the wait4 status; undefined while it lives. */
  exitStatus: number | undefined;
  /** exit_group or a fatal signal has settled how the process ends. */
  groupExit: number | undefined;
  /** CLOCK_MONOTONIC at its start, ns. */
  readonly startTime: number;
  /** prctl(PR_SET_DUMPABLE). */
  dumpable = 1;
  /** Has called execve since it was forked (setpgid's EACCES). */
  execed = false;
  /** prctl(PR_SET_CHILD_SUBREAPER). */
  subreaper = false;
  /** setpriority: -20 … 19. */
  nice = 0;
  /** prctl(PR_SET_PDEATHSIG). */
  parentDeathSignal = 0;
  /** Woken whenever wait4 of one of the threads may have something new: exits, stops, ptrace stops. */
  readonly childEvents = new WaitQueue();
  /** Page faults and the like are not counted; voluntary and other switches are (getrusage). */
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  /** The limits that bind its address space, read through at each use. */
  readonly spaceLimits: SpaceLimits;

  constructor(kernel: Kernel, pid: number, inherited: ProcessInheritance) {
    this.kernel = kernel;
    this.pid = pid;
    this.parent = inherited.parent;
    this.maker = inherited.maker;
    this.group = inherited.group;
    this.session = inherited.session;
    this.limits = inherited.limits;
    this.credentials = inherited.credentials;
    this.exitSignal = inherited.exitSignal;
    this.startTime = kernel.clock.monotonic;
    const process = this;
    this.spaceLimits = {
      get stack() {
        return process.limits.soft(Resource.STACK);
      },
      get addressSpace() {
        return process.limits.soft(Resource.AS);
      },
      get data() {
        return process.limits.soft(Resource.DATA);
      },
    };
  }

  /** True once no thread runs any more: it waits to be reaped. */
  get isZombie(): boolean {
    return this.exitStatus !== undefined;
  }

  get name(): string {
    return this.leader.name;
  }
}

export interface ProcessInheritance {
  readonly parent: Process | undefined;
  readonly maker: Thread | undefined;
  readonly group: number;
  readonly session: Session;
  readonly limits: Limits;
  readonly credentials: Credentials;
  readonly exitSignal: number;
}
