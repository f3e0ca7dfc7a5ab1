/**
 * The debuggee and, when it is a UML kernel, its user processes, each attached by its process id in the guest. All run in one machine: resuming any
 * of them resumes all, and a stop of one holds all.
 */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import { Reg } from '../../emulator/cpu/state.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { ARCHITECTURES } from '../registers.ts';
import { svr4Document, sectionsDocument } from '../libraries/library-documents.ts';
import { readLinkMap } from '../libraries/link-map.ts';
import type { ModuleFiles } from '../libraries/module-files.ts';
import { kernelTables } from '../os-data/kernel-tables.ts';
import { osData } from '../os-data/table.ts';
import { Refusal, type BreakpointRequest, type ProcessControl, type ResumeAction, type StopEvent, type Target, type TargetThread } from '../target.ts';
import { readThreadRegister, writeThreadRegister } from '../thread-registers.ts';
import { GuestDataError, LayoutError, type GuestObject } from './guest-object.ts';
import { KernelModules } from './kernel-modules.ts';
import type { KernelView } from './kernel-view.ts';
import { listTasks } from './task-list.ts';
import type { TaskTarget } from './task-target.ts';
import type { Task } from './task.ts';
import { UserMemory } from './process-memory.ts';
import { processFile, processLink } from './process-files.ts';
import { UserProbes } from './user-probes.ts';
import { UserProcess } from './user-process.ts';
import { readSavedRegister, savedRegisterWrite } from './user-registers.ts';
import { UserSide, type UserEvent, type UserTask } from './user-side.ts';

/** Thread ids of user tasks begin here, beyond those of the host's threads; clients see the task's pid. */
const FIRST_TID = 2 ** 33;
/** First address that is not a user's. */
const USER_END = 1n << 47n;

/** Registers of a host thread that stands for a UML task are as they are: its system calls are the guest's. */
const AS_THEY_ARE = { rax: (thread: Thread) => thread.context.gpr(Reg.rax), giveUp: () => true } as const;

export class UserTarget implements Target {
  readonly processes: ProcessControl = {
    attach: (pid) => this.attachProcess(pid),
    detach: (pid) => this.detachProcess(pid),
    detachAll: () => this.detachAll(),
    executable: (pid) => this.process(pid)?.executable ?? this.executable,
    openFile: (pid, path) => this.openProcessFile(pid, path),
    setForkEvents: (forks, vforks) => void (this.wishes = { ...this.wishes, forks, vforks }),
    setCatchSyscalls: (tid, numbers) => this.catchSyscalls(tid, numbers),
  };
  private readonly machine: Debugger;
  private readonly inner: TaskTarget;
  private side: { readonly user: UserSide; readonly memory: UserMemory; readonly probes: UserProbes } | undefined;
  private wishes = { forks: false, vforks: false, stepsIntoCalls: false };
  private execEvents = false;
  private kernelAttached = true;
  private kernelResumed = false;
  /** Processes named in the last resume: an interrupt is theirs. */
  private resumed: readonly number[] = [];
  private readonly modules: KernelModules;
  private moduleProbes: readonly (() => void)[] | undefined;
  private modulesChanged = false;
  private leavingModule: number | undefined;
  private held: StopEvent | undefined;

  constructor(inner: TaskTarget, debug: Debugger, modules: ModuleFiles) {
    this.inner = inner;
    this.modules = new KernelModules(modules);
    this.machine = debug;
  }

  get architecture(): Target['architecture'] {
    return this.inner.architecture;
  }

  get executable(): string {
    return this.inner.executable;
  }

  get stopped(): StopEvent | undefined {
    return this.inner.stopped === undefined ? undefined : (this.held ?? this.inner.stopped);
  }

  threads(): readonly TargetThread[] {
    const own = this.kernelAttached ? this.inner.threads() : [];
    const { user } = this.side ?? {};
    if (user === undefined || user.processes.size === 0) return own;
    return [...own, ...[...user.processes.values()].flatMap((process) => process.tasks().map((task) => this.describeTask(process, task)))];
  }

  private registerName(register: number): string {
    return ARCHITECTURES[this.architecture].registers.registers[register].name;
  }

  readRegister(tid: number, register: number): Uint8Array | undefined {
    const user = this.userTask(tid);
    if (user === undefined) return this.inner.readRegister(tid, register);
    const host = this.side?.user.hostOf(user.address);
    if (host !== undefined) return readThreadRegister(host, this.registerName(register), AS_THEY_ARE);
    return plainly(() => readSavedRegister(this.object(user), ARCHITECTURES[this.architecture], register));
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    const user = this.userTask(tid);
    if (user === undefined || this.side === undefined) return this.inner.writeRegister(tid, register, value);
    const host = this.side.user.hostOf(user.address);
    if (host !== undefined) return writeThreadRegister(host, this.registerName(register), value, AS_THEY_ARE);
    const old = readSavedRegister(this.object(user), ARCHITECTURES[this.architecture], register);
    if (old !== undefined && Buffer.compare(old, value) === 0) return true;
    if (register === ARCHITECTURES[this.architecture].result && this.inCall(user)) {
      throw new Refusal(`${this.registerName(register)} will be the result of the system call the task is in: finish that first`);
    }
    const write = savedRegisterWrite(this.object(user), ARCHITECTURES[this.architecture], register, value);
    if (write === undefined || !this.writeKernel(write.address, write.bytes)) return false;
    // The kernel may have handed the old ones to its tracee already.
    const given = this.side.user.hostGiven(user.address);
    return given === undefined || writeThreadRegister(given, this.registerName(register), value, AS_THEY_ARE);
  }

  readMemory(tid: number, address: bigint, length: number): Uint8Array {
    const user = this.userTask(tid);
    if (user === undefined) return this.inner.readMemory(tid, address, length);
    const mm = user.process.mm;
    if (mm === undefined || address >= USER_END) return new Uint8Array();
    return user.process.memory.read(mm, Number(address), Number(BigInt(length) < USER_END - address ? BigInt(length) : USER_END - address));
  }

  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean {
    const user = this.userTask(tid);
    if (user === undefined) return this.inner.writeMemory(tid, address, bytes);
    const mm = user.process.mm;
    if (mm === undefined || address + BigInt(bytes.length) > USER_END) return false;
    return plainly(() => {
      user.process.memory.write(mm, Number(address), bytes);
      return true;
    });
  }

  insertBreakpoint(request: BreakpointRequest): boolean {
    const user = this.userTask(request.tid);
    if (user === undefined) return this.inner.insertBreakpoint(request);
    const { kind, address, length } = request;
    const { process } = user;
    const mm = process.mm;
    if (mm === undefined || address + BigInt(length) > USER_END || !process.memory.mapped(mm, Number(address))) return false;
    if (kind === 'software' || kind === 'hardware') {
      if (!process.breakpoints.has(Number(address))) this.machine.machine.kernel.cpu.addBreakpoint(Number(address));
      process.breakpoints.set(Number(address), kind === 'hardware');
      return true;
    }
    if (length === 0) return false;
    const key = `${kind} ${address} ${length}`;
    if (!process.watchpoints.has(key)) process.watchpoints.set(key, { id: this.machine.addBystanderWatchpoint({ kind, address: Number(address), length }), kind, address });
    return true;
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    const user = this.userTask(request.tid);
    if (user === undefined) return this.inner.removeBreakpoint(request);
    const { kind, address, length } = request;
    const { breakpoints, watchpoints } = user.process;
    if (kind === 'software' || kind === 'hardware') {
      if (!breakpoints.delete(Number(address))) return false;
      this.machine.machine.kernel.cpu.removeBreakpoint(Number(address));
      return true;
    }
    const key = `${kind} ${address} ${length}`;
    const found = watchpoints.get(key);
    if (found === undefined) return false;
    watchpoints.delete(key);
    this.machine.removeWatchpoint(found.id);
    return true;
  }

  attach(onStop: (event: StopEvent) => void): void {
    this.held = undefined;
    this.inner.attach((event) => onStop(this.whatHappened(event)));
  }

  resume(actions: readonly ResumeAction[], onStop: (event: StopEvent) => void): void {
    const users = actions.filter((action) => this.meansUsers(action));
    const own = actions.filter((action) => !users.includes(action));
    const against = this.separation(actions) ?? (users.some(({ signal }) => signal !== 0) ? 'Signals are sent to processes of the guest by the guest: use its kill command.' : undefined);
    if (against !== undefined) return this.stay(actions, against, onStop);
    // Only when it has been resumed itself does gdb take notice of what happens in the kernel.
    this.kernelResumed ||= (this.side?.user.processes.size ?? 0) === 0 || own.some(({ tid, pid }) => tid !== undefined || pid !== undefined);
    this.resumed = own.length > 0 ? [] : [...new Set(users.map(({ tid, pid }) => this.userTask(tid)?.process.pid ?? pid ?? 0))];
    const step = users.find((action) => action.kind === 'step' && action.tid !== undefined);
    const task = this.userTask(step?.tid);
    const range = step?.range === undefined ? undefined : { start: Number(step.range.start), end: Number(step.range.end) };
    this.held = undefined;
    this.side?.user.go(task === undefined ? undefined : { task: task.address, range });
    const all: readonly ResumeAction[] = [{ kind: 'continue', tid: undefined, signal: 0 }];
    this.inner.resume(own.length === 0 || !this.kernelAttached ? all : own, (event) => onStop(this.whatHappened(event)));
  }

  detach(): void {
    this.detachAll();
    this.inner.detach();
  }

  setExecEvents(wanted: boolean): void {
    this.execEvents = wanted;
    if (this.side !== undefined) this.side.user.stopsForExec = wanted;
    this.inner.setExecEvents(wanted);
  }

  auxv(tid: number): Uint8Array {
    const user = this.userTask(tid);
    return user === undefined ? this.inner.auxv(tid) : user.process.auxv;
  }

  siginfo(tid: number): Uint8Array | undefined {
    return this.userTask(tid) === undefined ? this.inner.siginfo(tid) : undefined;
  }

  writeSiginfo(tid: number, bytes: Uint8Array): boolean {
    return this.userTask(tid) === undefined && this.inner.writeSiginfo(tid, bytes);
  }

  interrupt(): void {
    this.inner.interrupt();
  }

  kill(): void {
    this.held = undefined;
    this.inner.kill();
  }

  setPassSignals(signals: ReadonlySet<number>): void {
    this.inner.setPassSignals(signals);
  }

  openFile(path: string): Uint8Array | undefined {
    const { processes } = this.side?.user ?? {};
    const own = processes === undefined ? undefined : plainly(() => processFile(processes, path));
    return own ?? this.modules.openFile(path) ?? this.inner.openFile(path);
  }

  readLink(path: string): string | undefined {
    const { processes } = this.side?.user ?? {};
    return (processes === undefined ? undefined : plainly(() => processLink(processes, path))) ?? this.inner.readLink(path);
  }

  monitor(command: string): string | undefined | Promise<string | undefined> {
    return this.inner.monitor(command);
  }

  osData(annex: string): string | undefined {
    return osData(kernelTables(this.inner, this.machine.machine.kernel), annex);
  }

  libraries(tid: number, kind: 'svr4' | 'sections'): string {
    const user = this.userTask(tid);
    const memory = (address: bigint, length: number): Uint8Array => this.readMemory(tid, address, length);
    const map = kind === 'svr4' ? plainly(() => readLinkMap(memory, this.auxv(tid))) : undefined;
    const { kernel } = this.inner.debuggee;
    const modules = user !== undefined || kernel === undefined ? [] : plainly(() => this.modules.libraries(kernel, this.leavingModule));
    if (user === undefined && kernel !== undefined) this.watchModules(kernel);
    return kind === 'svr4' ? svr4Document(map, modules) : sectionsDocument(modules);
  }

  // ── processes ─────────────────────────────────────────────────────────────────────────────────

  private attachProcess(pid: number): TargetThread {
    const { process } = this.machine.machine;
    if (pid === process.pid && this.kernelAttached) throw new Refusal(`process ${pid} is the kernel, which is attached`);
    const { kernel, reason } = this.inner.debuggee;
    if (kernel === undefined) throw new Refusal(reason ?? `only processes of a UML kernel can be attached, and ${process.executable} is none`);
    return plainly(() => {
      const side = this.openSide(kernel);
      if (side.user.processes.has(pid)) throw new Refusal(`process ${pid} is already attached`);
      const attached = new UserProcess(pid, kernel, side.memory);
      const [first] = attached.tasks();
      if (first === undefined) throw new Refusal(whyNot(kernel, pid));
      side.user.processes.set(pid, attached);
      return this.describeTask(attached, first);
    });
  }

  private openSide(kernel: KernelView): { readonly user: UserSide; readonly memory: UserMemory } {
    if (this.side === undefined) {
      if (kernel.image.wordSize !== 8) throw new Refusal('processes of 32-bit kernels cannot be attached');
      const user = new UserSide(this.machine, kernel);
      user.stopsForExec = this.execEvents;
      user.onExec = (process) => this.forgetProgram(process);
      this.side = { user, memory: new UserMemory(kernel, (address, bytes) => this.writeKernel(address, bytes)), probes: new UserProbes(this.machine, kernel, user, () => this.wishes) };
      this.machine.bystanders = user;
    }
    return this.side;
  }

  private detachAll(): void {
    for (const pid of [...(this.side?.user.processes.keys() ?? [])]) this.drop(pid);
    for (const remove of this.moduleProbes ?? []) remove();
    this.moduleProbes = undefined;
    this.kernelAttached = true;
    this.kernelResumed = false;
    this.held = undefined;
  }

  private detachProcess(pid: number): boolean {
    const kernelPid = this.machine.machine.process.pid;
    if (pid === kernelPid && this.kernelAttached) this.kernelAttached = false;
    else if (!this.drop(pid)) return false;
    if (!this.kernelAttached && (this.side?.user.processes.size ?? 0) === 0) this.detach();
    return true;
  }

  /** Forgets a process and what was set in it. */
  private drop(pid: number): boolean {
    const process = this.process(pid);
    if (process === undefined || this.side === undefined) return false;
    this.forgetProgram(process);
    this.side.user.processes.delete(pid);
    if (this.side.user.processes.size === 0) {
      this.side.probes.remove();
      this.machine.bystanders = undefined;
      this.side = undefined;
    }
    return true;
  }

  /** Another program, or none: breakpoints of the old one are gone with its memory. */
  private forgetProgram(process: UserProcess): void {
    for (const address of process.breakpoints.keys()) this.machine.machine.kernel.cpu.removeBreakpoint(address);
    process.breakpoints.clear();
    for (const { id } of process.watchpoints.values()) this.machine.removeWatchpoint(id);
    process.watchpoints.clear();
    process.forget();
  }

  private process(pid: number): UserProcess | undefined {
    return this.side?.user.processes.get(pid);
  }

  private openProcessFile(pid: number, path: string): Uint8Array | undefined {
    const process = this.process(pid);
    return process === undefined ? this.openFile(path) : plainly(() => process.openFile(path));
  }

  private catchSyscalls(tid: number, numbers: ReadonlySet<number> | undefined): void {
    const user = this.userTask(tid);
    // gdb names no process: it may mean one whose thread it has not selected, so that others cannot be refused.
    if (user !== undefined) user.process.syscalls = numbers;
  }

  /** A child was made: it is attached with its parent's breakpoints, as its memory has what its parent's has. */
  private adopt(parent: UserProcess, pid: number): TargetThread | undefined {
    const { user } = this.side ?? {};
    if (user === undefined) return undefined;
    const child = new UserProcess(pid, parent.kernel, parent.memory);
    const [first] = child.tasks();
    if (first === undefined) return undefined;
    for (const [address, hardware] of parent.breakpoints) {
      child.breakpoints.set(address, hardware);
      this.machine.machine.kernel.cpu.addBreakpoint(address);
    }
    user.processes.set(pid, child);
    return this.describeTask(child, first);
  }

  /** Once a client has asked for modules it is told when they change. */
  private watchModules(kernel: KernelView): void {
    if (this.moduleProbes !== undefined) return;
    const changed = (thread: Thread, leaving: number | undefined): void => {
      this.leavingModule = leaving;
      this.machine.stopForBystander(thread);
      this.modulesChanged = this.machine.stoppingForBystander;
    };
    const probe = (name: string, leaves: boolean): (() => void)[] => {
      const address = kernel.image.symbol(name);
      return address === undefined ? [] : [this.machine.addProbe(address, (thread) => changed(thread, leaves ? thread.context.gprNumber(Reg.rdi) : undefined))];
    };
    this.moduleProbes = [...probe('do_init_module', false), ...probe('free_module', true)];
  }

  // ── stops ─────────────────────────────────────────────────────────────────────────────────────

  /** The machine is held: by a bystander's event, or as it says. */
  private whatHappened(event: StopEvent): StopEvent {
    const { user } = this.side ?? {};
    const own = user?.event;
    if (user !== undefined) {
      user.stopped();
      user.event = undefined;
    }
    if (this.modulesChanged && own === undefined) {
      this.modulesChanged = false;
      if ('thread' in event) return (this.held = { reason: 'library', thread: event.thread });
    }
    this.held = own === undefined ? (this.interruptOf(event) ?? this.unnoticed(event)) : this.translateUser(own);
    return this.held ?? event;
  }

  /**
   * gdb 13 waits for ever when something happens to a process which it has never resumed since it connected: then it hears of it from one which it
   * has, and the user of the other.
   */
  private unnoticed(event: StopEvent): StopEvent | undefined {
    const { reason } = event;
    if (this.kernelResumed || !this.kernelAttached || reason === 'exited' || reason === 'killed') return undefined;
    const thread = this.threads().find(({ tid }) => tid >= FIRST_TID);
    const kernelPid = this.machine.machine.process.pid;
    return thread === undefined ? undefined : { reason: 'signal', thread, signal: 0, message: `Stopped because of the kernel, process ${kernelPid}: ${reason}` };
  }

  /**
   * The kernel and its processes can only run together. A client that means to resume some of them would go on showing the others as they were; what it
   * may do is step one thread while all others rest.
   */
  private separation(actions: readonly ResumeAction[]): string | undefined {
    const all = [...new Set(this.threads().map(({ pid }) => pid))];
    const named = actions.flatMap(({ kind, tid, pid }) => (kind === 'continue' && tid === undefined ? [pid ?? 0] : []));
    if (all.length < 2 || named.length === 0 || named.includes(0) || all.every((pid) => named.includes(pid))) return undefined;
    return 'The kernel and its processes only run together: set schedule-multiple on.';
  }

  /** Nothing moves: the stop is reported again, with the reason. */
  private stay(actions: readonly ResumeAction[], message: string, onStop: (event: StopEvent) => void): void {
    const threads = this.threads();
    const named = actions.map(({ tid, pid }) => threads.find((thread) => (tid === undefined ? thread.pid === pid : thread.tid === tid)));
    const event: StopEvent = { reason: 'signal', thread: named.find((thread) => thread !== undefined) ?? threads[0], signal: 0, message };
    this.held = event;
    setImmediate(() => onStop(event));
  }

  private interruptOf(event: StopEvent): StopEvent | undefined {
    if (event.reason !== 'interrupt') return undefined;
    const wanted = this.kernelAttached ? this.resumed : [...(this.side?.user.processes.keys() ?? [])];
    const thread = this.threads().find(({ pid }) => wanted.includes(pid) && pid !== event.thread.pid);
    return thread === undefined ? undefined : { reason: 'interrupt', thread };
  }

  private translateUser(event: UserEvent): StopEvent | undefined {
    if (event.kind === 'ended') {
      this.drop(event.process.pid);
      const { pid } = event.process;
      const signal = event.status & 0x7f;
      return signal === 0 ? { reason: 'exited', pid, status: event.status >> 8 } : { reason: 'killed', pid, signal };
    }
    const { task } = event;
    const thread = this.threads().find(({ tid }) => tid === FIRST_TID + task.pid);
    if (thread === undefined) return undefined;
    const kernelThread = this.inner.stopped !== undefined && 'thread' in this.inner.stopped ? this.inner.stopped.thread : undefined;
    switch (event.kind) {
      case 'step':
        return { reason: 'step', thread };
      case 'exec':
        return { reason: 'exec', thread, path: task.process.executable ?? '' };
      case 'breakpoint':
        return { reason: 'breakpoint', thread, hardware: task.process.breakpoints.get(event.address) === true };
      case 'watchpoint': {
        const found = [...task.process.watchpoints.values()].find(({ id }) => id === event.id);
        return found === undefined ? { reason: 'step', thread } : { reason: 'watchpoint', thread, kind: found.kind, address: found.address };
      }
      case 'syscall-entry':
      case 'syscall-return':
        return { reason: 'syscall', thread, entry: event.kind === 'syscall-entry', number: event.number };
      case 'fork':
      case 'vfork': {
        const child = this.adopt(task.process, event.child);
        return child === undefined ? { reason: 'step', thread } : { reason: event.kind, thread, child };
      }
      case 'entered-kernel':
        return kernelThread === undefined ? undefined : { reason: 'step', thread: kernelThread };
    }
  }

  // ── small things ──────────────────────────────────────────────────────────────────────────────

  private meansUsers({ tid, pid }: ResumeAction): boolean {
    return tid === undefined ? pid !== undefined && pid !== this.machine.machine.process.pid : tid >= FIRST_TID;
  }

  private userTask(tid: number | undefined): UserTask | undefined {
    if (tid === undefined || tid < FIRST_TID) return undefined;
    const pid = tid - FIRST_TID;
    for (const process of this.side?.user.processes.values() ?? []) {
      const task = process.tasks().find((each) => each.pid === pid);
      if (task !== undefined) return { process, address: task.address, pid };
    }
    return undefined;
  }

  private object(user: UserTask): GuestObject {
    return user.process.kernel.object('struct task_struct', user.address);
  }

  /** Whether a task is inside a system call whose result is still to come. */
  private inCall(user: UserTask): boolean {
    return (this.object(user).first('thread.regs.regs.syscall', 'thread.regs.regs.skas.syscall')?.number() ?? -1) >= 0;
  }

  private describeTask(process: UserProcess, task: Task): TargetThread {
    const live = this.side?.user.hostOf(task.address) !== undefined;
    return { pid: process.pid, tid: FIRST_TID + task.pid, shown: task.pid, name: task.comm, extra: live ? 'user mode' : `in the kernel, ${task.state}` };
  }

  private writeKernel(address: number, bytes: Uint8Array): boolean {
    return this.machine.machine.process.leader.space.poke(address, bytes);
  }
}

/** What the guest's memory or the kernel's layout has against it becomes the answer to the packet. */
function plainly<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof GuestDataError || error instanceof LayoutError) throw new Refusal(error.message);
    throw error;
  }
}

function whyNot(kernel: KernelView, pid: number): string {
  const task = [...(listTasks(kernel)?.values() ?? [])].find((each) => each.pid === pid);
  if (task === undefined) return `the guest has no process ${pid}`;
  if (task.process !== pid) return `${pid} is a thread of process ${task.process}: attach that`;
  return task.ended ? `${task.name} has ended` : `${task.name} is a kernel thread: it has no user side`;
}
