/**
 * The debuggee and, when it is a UML kernel, its user processes, each attached by its process id in the guest. All run in one machine: resuming any
 * of them resumes all, and a stop of one holds all.
 */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import type { AgentVariables } from '../agent/variables.ts';
import { sectionsDocument, svr4Document } from '../libraries/library-documents.ts';
import { readLinkMap } from '../libraries/link-map.ts';
import type { ModuleFiles } from '../libraries/module-files.ts';
import { kernelTables } from '../os-data/kernel-tables.ts';
import { osData } from '../os-data/table.ts';
import { ARCHITECTURES, type Architecture } from '../registers.ts';
import { Refusal, type BreakpointRequest, type MemoryRegion, type ProcessControl, type ResumeAction, type StopEvent, type Target, type TargetThread } from '../target.ts';
import { readThreadRegister, writeThreadRegister } from '../thread-registers.ts';
import { GuestDataError } from './guest-object.ts';
import { KernelModules } from './kernel-modules.ts';
import type { KernelView } from './kernel-view.ts';
import { ModuleWatch } from './module-watch.ts';
import { processFile, processLink } from './process-files.ts';
import { orRefuse } from './refusing.ts';
import type { TaskTarget } from './task-target.ts';
import { AS_THEY_ARE } from './user-filter.ts';
import type { UserProcess } from './user-process.ts';
import { UserProcesses } from './user-processes.ts';
import { readSavedRegister, savedRegisterWrite } from './user-registers.ts';
import type { UserTask } from './user-side.ts';
import { UserStops } from './user-stops.ts';

/** First address that is not a user's. */
const USER_END = 1n << 47n;

const EVERYTHING: readonly ResumeAction[] = [{ kind: 'continue', tid: undefined, signal: 0 }];

export class UserTarget implements Target {
  private readonly guests: ProcessControl = {
    attach: (pid) => this.attachProcess(pid),
    detach: (pid) => this.detachProcess(pid),
    kill: (pid) => this.killProcess(pid),
    detachAll: () => this.detachAll(),
    executable: (pid) => orRefuse(() => this.users.all.get(pid)?.executable) ?? this.executable,
    openFile: (pid, path) => this.openProcessFile(pid, path),
    followsForks: () => this.inner.debuggee.kernel !== undefined,
    setForkEvents: (forks, vforks) => void (this.users.wishes = { ...this.users.wishes, forks, vforks }),
    setCatchSyscalls: (tid, numbers) => this.catchSyscalls(tid, numbers),
  };
  private readonly debug: Debugger;
  private readonly inner: TaskTarget;
  private readonly users: UserProcesses;
  private readonly stops: UserStops;
  private readonly modules: KernelModules;
  private readonly moduleWatch: ModuleWatch;

  constructor(inner: TaskTarget, debug: Debugger, modules: ModuleFiles) {
    this.inner = inner;
    this.debug = debug;
    this.users = new UserProcesses(debug, inner.agent);
    this.moduleWatch = new ModuleWatch(debug);
    this.stops = new UserStops(inner, this.users, this.moduleWatch, debug);
    this.modules = new KernelModules(modules);
    inner.withoutSymbols = (kernel) => {
      this.modules.libraries(kernel, this.moduleWatch.leaving);
      return this.modules.missing;
    };
    inner.furtherCommands = [{
      name: 'step-syscall', arguments: 'into|over', help: 'whether stepi of a guest process at a system call ends in the kernel', run: (where) => this.stepSyscall(where),
    }, {
      name: 'attachable', arguments: 'PID', help: 'whether gdb can attach a process (attach PID), or why not', run: (pid) => this.attachable(pid),
    }];
  }

  /** Those of the guest, or of the machine where there is no kernel in it. */
  get processes(): ProcessControl {
    return this.inner.hostProcesses ?? this.guests;
  }

  get architecture(): Target['architecture'] {
    return this.inner.architecture;
  }

  get architectureOf(): Target['architectureOf'] {
    return this.inner.architectureOf;
  }

  get executable(): string {
    return this.inner.executable;
  }

  get stopped(): StopEvent | undefined {
    return this.inner.stopped === undefined ? undefined : (this.stops.held ?? this.inner.stopped);
  }

  threads(): readonly TargetThread[] {
    return this.inner.hostProcesses === undefined ? this.stops.threads() : this.inner.threads();
  }

  // ── registers and memory ──────────────────────────────────────────────────────────────────────

  readRegister(tid: number, register: number): Uint8Array | undefined {
    const user = this.users.task(tid);
    if (user === undefined) return this.inner.readRegister(tid, register);
    const host = this.users.side?.hostOf(user.address);
    if (host !== undefined) return readThreadRegister(host, this.registerName(register), AS_THEY_ARE);
    return orRefuse(() => readSavedRegister(this.users.object(user), this.registers, register));
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    const user = this.users.task(tid);
    if (user === undefined) return this.inner.writeRegister(tid, register, value);
    return orRefuse(() => this.writeUserRegister(user, register, value));
  }

  readMemory(tid: number, address: bigint, length: number): Uint8Array {
    const user = this.users.task(tid);
    if (user === undefined) return this.inner.readMemory(tid, address, length);
    const { process } = user;
    if (address >= USER_END) return new Uint8Array();
    const room = USER_END - address;
    try {
      const { mm } = process;
      return mm === undefined ? new Uint8Array() : process.memory.read(mm, Number(address), Number(BigInt(length) < room ? BigInt(length) : room));
    } catch (error) {
      // Page tables that lead nowhere: there is no memory.
      if (error instanceof GuestDataError) return new Uint8Array();
      throw error;
    }
  }

  writeMemory(tid: number, address: bigint, bytes: Uint8Array): boolean {
    const user = this.users.task(tid);
    if (user === undefined) {
      this.users.changed();
      return this.inner.writeMemory(tid, address, bytes);
    }
    if (address + BigInt(bytes.length) > USER_END) return false;
    return orRefuse(() => {
      const { process } = user;
      const { mm, memory } = process;
      if (mm === undefined) return false;
      memory.write(mm, Number(address), bytes, (page) => this.fetchForWrite(process, page));
      return true;
    });
  }

  insertBreakpoint(request: BreakpointRequest): boolean {
    const user = this.users.task(request.tid);
    if (user === undefined) return this.inner.insertBreakpoint(request);
    return request.address + BigInt(request.length) <= USER_END && this.users.insert(user, request);
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    const user = this.users.task(request.tid);
    return user === undefined ? this.inner.removeBreakpoint(request) : this.users.remove(user, request);
  }

  memoryRegions(tid: number): readonly MemoryRegion[] | undefined {
    return this.users.task(tid) === undefined ? this.inner.memoryRegions(tid) : undefined;
  }

  auxv(tid: number): Uint8Array {
    const user = this.users.task(tid);
    return user === undefined ? this.inner.auxv(tid) : orRefuse(() => user.process.auxv);
  }

  siginfo(tid: number): Uint8Array | undefined {
    return this.users.task(tid) === undefined ? this.inner.siginfo(tid) : this.stops.siginfo(tid);
  }

  writeSiginfo(tid: number, bytes: Uint8Array): boolean {
    return this.users.task(tid) === undefined ? this.inner.writeSiginfo(tid, bytes) : this.stops.writeSiginfo(tid, bytes);
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  attach(onStop: (event: StopEvent) => void): void {
    this.stops.held = undefined;
    this.inner.attach((event) => onStop(this.stops.happened(event)));
  }

  resume(actions: readonly ResumeAction[], onStop: (event: StopEvent) => void): void {
    if (this.inner.hostProcesses !== undefined) return this.inner.resume(actions, onStop);
    const against = this.stops.objection(actions);
    if (against !== undefined) {
      const event = this.stops.stay(actions, against);
      setImmediate(() => onStop(event));
      return;
    }
    const own = this.stops.go(actions);
    this.inner.resume(own.length === 0 ? EVERYTHING : own, (event) => onStop(this.stops.happened(event)));
  }

  interrupt(): void {
    this.inner.interrupt();
  }

  detach(): void {
    if (this.inner.hostProcesses !== undefined) return this.inner.detach();
    // Said already, if the kernel was let go before its processes.
    const letGo = this.stops.kernelAttached;
    this.detachAll();
    if (letGo) this.inner.detach();
  }

  kill(): void {
    this.stops.held = undefined;
    this.users.dropAll();
    this.inner.kill();
  }

  setPassSignals(signals: ReadonlySet<number>): void {
    this.users.wishes = { ...this.users.wishes, passed: signals };
    this.inner.setPassSignals(signals);
  }

  setThreadEvents(wanted: boolean): void {
    this.inner.setThreadEvents(wanted);
  }

  setExecEvents(wanted: boolean): void {
    this.users.setExecEvents(wanted);
    this.inner.setExecEvents(wanted);
  }

  // ── files, libraries, tables ──────────────────────────────────────────────────────────────────

  openFile(path: string): Uint8Array | undefined {
    return orRefuse(() => processFile(this.users.all, path)) ?? this.modules.openFile(path) ?? this.inner.openFile(path);
  }

  readLink(path: string): string | undefined {
    return orRefuse(() => processLink(this.users.all, path)) ?? this.inner.readLink(path);
  }

  libraries(tid: number, kind: 'svr4' | 'sections'): string {
    const user = this.users.task(tid);
    const memory = (address: bigint, length: number): Uint8Array => this.readMemory(tid, address, length);
    const map = kind === 'svr4' ? readLinkMap(memory, ARCHITECTURES[this.architectureOf?.(tid) ?? this.architecture].wordSize, this.auxv(tid)) : undefined;
    const { kernel } = this.inner.debuggee;
    const modules = user !== undefined || kernel === undefined ? [] : orRefuse(() => this.modules.libraries(kernel, this.moduleWatch.leaving));
    if (user === undefined && kernel !== undefined) this.moduleWatch.begin(kernel);
    return kind === 'svr4' ? svr4Document(map, modules) : sectionsDocument(modules);
  }

  osData(annex: string): string | undefined {
    return osData(kernelTables(this.inner, this.debug.machine.kernel), annex);
  }

  get nonStop(): boolean {
    return this.inner.nonStop;
  }

  get agent(): AgentVariables {
    return this.inner.agent;
  }

  onOutput(print: (text: string) => void): void {
    this.users.print = print;
    this.inner.onOutput(print);
  }

  monitor(command: string): string | undefined | Promise<string | undefined> {
    return this.inner.monitor(command);
  }

  // ── processes ─────────────────────────────────────────────────────────────────────────────────

  private attachable(text: string): string {
    try {
      if (!/^\d+$/.test(text)) throw new Refusal('which process? Its id (info os processes)');
      if (this.inner.hostProcesses === undefined) this.users.check(this.kernelFor(Number(text)), Number(text));
      else this.inner.hostProcesses.attachable(Number(text));
      return 'yes\n';
    } catch (error) {
      if (error instanceof Refusal) return `no: ${error.message}\n`;
      throw error;
    }
  }

  private attachProcess(pid: number): TargetThread {
    if (this.stopped === undefined) throw new Refusal('the machine runs: stop it first');
    return this.users.attach(this.kernelFor(pid), pid);
  }

  /** @throws Refusal saying why no process, or not this one, can be attached */
  private kernelFor(pid: number): KernelView {
    const { process } = this.debug.machine;
    if (pid === process.pid && this.stops.kernelAttached) throw new Refusal(`process ${pid} is the kernel, which is attached`);
    const { kernel, reason } = this.inner.debuggee;
    if (kernel === undefined) throw new Refusal(reason ?? `only processes of a UML kernel can be attached, and ${process.executable} is none`);
    return kernel;
  }

  private detachProcess(pid: number): boolean {
    if (pid === this.debug.machine.process.pid && this.stops.kernelAttached) this.stops.kernelAttached = false;
    else if (!this.users.drop(pid)) return false;
    if (!this.stops.kernelAttached && this.users.all.size === 0) this.detach();
    return true;
  }

  private killProcess(pid: number): boolean {
    if (this.users.all.has(pid)) throw new Refusal('processes of the guest end by signals of the guest: use its kill command');
    return false;
  }

  private detachAll(): void {
    const letGo = !this.stops.kernelAttached;
    this.users.dropAll();
    this.users.wishes = { ...this.users.wishes, stepsIntoCalls: false };
    this.inner.setCatchSyscalls(undefined);
    this.moduleWatch.end();
    this.stops.reset();
    if (letGo) this.inner.detach();
  }

  private stepSyscall(where: string): string {
    if (where !== 'into' && where !== 'over') throw new Refusal('step-syscall takes into or over');
    this.users.wishes = { ...this.users.wishes, stepsIntoCalls: where === 'into' };
    return `stepi of a guest process at a system call ends ${where === 'into' ? 'in the kernel' : 'behind it'}.\n`;
  }

  private openProcessFile(pid: number, path: string): Uint8Array | undefined {
    const process = this.users.all.get(pid);
    // gdb goes on using the eyes of a process that has ended; all of them see one file system.
    const others = [...this.users.all.values()].filter((other) => other !== process);
    const found = orRefuse(() => [process, ...others].map((each) => each?.openFile(path)).find((contents) => contents !== undefined));
    return found ?? (process === undefined ? this.openFile(path) : orRefuse(() => processFile(this.users.all, path)));
  }

  private catchSyscalls(tid: number, numbers: ReadonlySet<number> | undefined): void {
    const user = this.users.task(tid);
    if (user !== undefined) user.process.syscalls = numbers;
    else this.inner.setCatchSyscalls(numbers);
  }

  private fetchForWrite(process: UserProcess, page: number): string | undefined {
    const trouble = this.users.side?.fetchForWrite(process, page);
    // The kernel has run.
    this.users.changed();
    this.inner.moved();
    return trouble;
  }

  // ── registers ─────────────────────────────────────────────────────────────────────────────────

  private get registers(): Architecture {
    return ARCHITECTURES[this.architecture];
  }

  private registerName(register: number): string {
    return this.registers.registers.registers[register].name;
  }

  private writeUserRegister(user: UserTask, register: number, value: Uint8Array): boolean {
    const { side } = this.users;
    const name = this.registerName(register);
    const host = side?.hostOf(user.address);
    if (host !== undefined) return writeThreadRegister(host, name, value, AS_THEY_ARE);
    const object = this.users.object(user);
    const old = readSavedRegister(object, this.registers, register);
    if (old !== undefined && Buffer.compare(old, value) === 0) return true;
    // Its number stays until the kernel is done with the call.
    const call = readSavedRegister(object, this.registers, this.registers.syscall);
    if (register === this.registers.result && call?.some((byte) => byte !== 0xff) === true) throw new Refusal(`${name} will be the result of the system call the task is in: finish that first`);
    const write = savedRegisterWrite(object, this.registers, register, value);
    const pc = readSavedRegister(object, this.registers, this.registers.pc);
    // The kernel may have handed the old ones to its tracee already.
    const given = pc === undefined ? undefined : side?.hostGiven(user.address, addressIn(pc));
    if (write === undefined || !this.users.writeKernel(write.address, write.bytes)) return false;
    return given === undefined || writeThreadRegister(given, name, value, AS_THEY_ARE);
  }
}

/** A register's little-endian bytes as a user address. */
function addressIn(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
