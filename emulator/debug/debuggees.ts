/** The processes a debugger holds, and what is set in each: breakpoints, watchpoints, system calls to stop for. */
import type { Cpu } from '../cpu/cpu.ts';
import type { Process } from '../host/process/process.ts';
import type { Thread } from '../host/process/thread.ts';
import type { PageAccess } from '../memory/page-access.ts';
import type { HitFilter } from './hit-filters.ts';
import { ProcessBreakpoints } from './process-breakpoints.ts';

export interface WatchRequest {
  readonly address: number;
  readonly length: number;
  readonly kind: 'write' | 'read' | 'access';
  readonly filter?: HitFilter;
}

/** Watched for one process. */
export interface Watch {
  readonly process: Process;
  readonly request: WatchRequest;
}

export class Debuggees {
  readonly breakpoints: ProcessBreakpoints;
  /** Numbers of system calls to stop for; no entry: none, empty: all. */
  readonly caught = new Map<Process, ReadonlySet<number>>();
  private readonly cpu: Cpu;
  private readonly members: Set<Process>;
  private readonly watched = new Map<number, Watch>();
  private nextWatch = 1;

  constructor(cpu: Cpu, first: Process) {
    this.cpu = cpu;
    this.members = new Set([first]);
    this.breakpoints = new ProcessBreakpoints(cpu);
  }

  get all(): readonly Process[] {
    return [...this.members];
  }

  has(process: Process): boolean {
    return this.members.has(process);
  }

  add(process: Process): void {
    this.members.add(process);
  }

  /** Lets go of one, with all that was set in it. */
  delete(process: Process): void {
    this.members.delete(process);
    this.clear(process);
    this.caught.delete(process);
  }

  /** Removes all breakpoints and watchpoints of one. */
  clear(process: Process): void {
    this.breakpoints.clear(process);
    for (const [id, watch] of this.watched) if (watch.process === process) this.removeWatchpoint(id);
  }

  /** A child becomes one, with what its parent has: the memory it has a copy of would have breakpoints in it. */
  addChild(parent: Process, child: Process): void {
    this.members.add(child);
    this.breakpoints.inherit(parent, child);
    for (const { process, request } of [...this.watched.values()]) if (process === parent) this.addWatchpoint(child, request);
    const caught = this.caught.get(parent);
    if (caught !== undefined) this.caught.set(child, caught);
  }

  /** Threads that are alive. */
  threads(): Thread[] {
    return this.all.flatMap((process) => [...process.threads]).filter((thread) => thread.state.kind !== 'dead');
  }

  /** The one that executes in an address space; `current`: the thread that does, if there is one. */
  executingIn(space: PageAccess, current: Thread | undefined): Process | undefined {
    if (current !== undefined && this.members.has(current.process)) return current.process;
    return this.all.find((process) => [...process.threads].some((thread) => thread.space === space));
  }

  /** An id nobody else watches with. */
  newWatchId(): number {
    return this.nextWatch++;
  }

  /** Gives the id that stops tell. */
  addWatchpoint(process: Process, request: WatchRequest): number {
    const id = this.newWatchId();
    this.watched.set(id, { process, request });
    this.cpu.addWatchpoint({ id, ...request });
    return id;
  }

  /** False if there was none. */
  removeWatchpoint(id: number): boolean {
    if (!this.watched.delete(id)) return false;
    this.cpu.removeWatchpoint(id);
    return true;
  }

  watch(id: number): Watch | undefined {
    return this.watched.get(id);
  }

  /** The id of the one a process has that is exactly so. */
  findWatchpoint(wanted: Process, { kind, address, length }: WatchRequest): number | undefined {
    for (const [id, { process, request }] of this.watched) if (process === wanted && request.kind === kind && request.address === address && request.length === length) return id;
    return undefined;
  }

  get watchCount(): number {
    return this.watched.size;
  }
}
