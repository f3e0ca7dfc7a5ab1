/** Processes of the machine itself (without a UML kernel in it): children that are followed, and others that are attached. */
import type { Debugger } from '../emulator/debug/debugger.ts';
import type { Process } from '../emulator/host/process/process.ts';
import type { Thread } from '../emulator/host/process/thread.ts';
import { Refusal, type ProcessControl, type TargetThread } from './target.ts';

export interface HostProcessesHost {
  readonly debug: Debugger;
  describe(thread: Thread): TargetThread;
  openFile(path: string): Uint8Array | undefined;
  /** What the last stop was is not true any more. */
  changed(): void;
  /** All are let go: the machine runs without a debugger. */
  detach(): void;
}

export class HostProcesses implements ProcessControl {
  private readonly host: HostProcessesHost;

  constructor(host: HostProcessesHost) {
    this.host = host;
  }

  attach(pid: number): TargetThread {
    const thread = this.attachable(pid);
    this.host.debug.adopt(thread.process);
    this.host.changed();
    return this.host.describe(thread);
  }

  /** The first thread of a process that can be attached. @throws Refusal */
  attachable(pid: number): Thread {
    const { debug } = this.host;
    const process = debug.machine.kernel.processes.get(pid);
    const thread = process === undefined ? undefined : [...process.threads].find(({ state }) => state.kind !== 'dead');
    if (process === undefined || thread === undefined) throw new Refusal(`there is no process ${pid} in the machine ('info os processes' lists them)`);
    if (debug.attached && debug.debuggees.has(process)) throw new Refusal(`process ${pid} is already attached`);
    const tracer = process.leader.ptrace?.tracer.process.pid;
    if (tracer !== undefined) throw new Refusal(`process ${pid} is traced by process ${tracer}`);
    return thread;
  }

  detach(pid: number): boolean {
    const { debug } = this.host;
    const process = this.find(pid);
    if (process === undefined) return false;
    if (debug.debuggees.all.length === 1) this.host.detach();
    else debug.letGo(process);
    this.host.changed();
    return true;
  }

  kill(pid: number): boolean {
    const { debug } = this.host;
    const process = this.find(pid);
    if (process === undefined || debug.debuggees.all.length === 1) return false;
    debug.end(process);
    this.host.changed();
    return true;
  }

  detachAll(): void {
    const { debug } = this.host;
    debug.debuggees.add(debug.machine.process);
    for (const process of debug.debuggees.all) if (process !== debug.machine.process) debug.letGo(process);
  }

  executable(pid: number): string {
    return (this.find(pid) ?? this.host.debug.machine.process).executable;
  }

  openFile(_pid: number, path: string): Uint8Array | undefined {
    return this.host.openFile(path);
  }

  followsForks(): boolean {
    return true;
  }

  setForkEvents(forks: boolean, vforks: boolean): void {
    this.host.debug.events.followed = { forks, vforks };
  }

  setCatchSyscalls(tid: number, numbers: ReadonlySet<number> | undefined): void {
    const { debuggees } = this.host.debug;
    const process = debuggees.threads().find((thread) => thread.tid === tid)?.process;
    if (process === undefined) return;
    if (numbers === undefined) debuggees.caught.delete(process);
    else debuggees.caught.set(process, numbers);
  }

  private find(pid: number): Process | undefined {
    return this.host.debug.debuggees.all.find((process) => process.pid === pid);
  }
}
