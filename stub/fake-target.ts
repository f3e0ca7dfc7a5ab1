/**
 * A target for tests: a few bytes of memory, two threads, and a CPU that knows `nop`, `jmp rel8`, `mov [rdi], al` and `hlt`
 * (which raises SIGSEGV). Running is one instruction per turn of the event loop, so that interrupts come through.
 */
import { X86_64_REGISTER, X86_64_REGISTERS } from './registers.ts';
import type { BreakpointRequest, ResumeAction, StopEvent, Target, TargetThread } from './target.ts';

export const FAKE_BASE = 0x1000n;
const NOP = 0x90;
const JMP = 0xeb;
const HLT = 0xf4;
const STORE_AL = 0x88;
const SIGSEGV = 11;
const PID = 0x2a;
const RDI = X86_64_REGISTERS.number('rdi');

export class FakeTarget implements Target {
  readonly architecture = 'x86-64';
  readonly executable = '/fake';
  readonly memory: Buffer;
  readonly files = new Map<string, Uint8Array>();
  passed: ReadonlySet<number> = new Set();
  /** Signals delivered by resuming. */
  readonly delivered: number[] = [];
  detached = false;
  stopped: StopEvent | undefined;
  private list: readonly TargetThread[] = [
    { pid: PID, tid: PID, name: 'main', extra: 'first' },
    { pid: PID, tid: PID + 1, name: 'w<k>er', extra: '' },
  ];
  private readonly registers = new Map<number, Buffer[]>();
  private readonly breakpoints = new Map<string, BreakpointRequest>();
  private interrupting = false;

  /** `code` stands at FAKE_BASE, where rip points. */
  constructor(code: Uint8Array) {
    this.memory = Buffer.alloc(0x1000);
    this.memory.set(code);
    for (const { tid } of this.list) {
      this.registers.set(tid, X86_64_REGISTERS.registers.map((row) => Buffer.alloc(row.bits / 8)));
      this.set(tid, X86_64_REGISTER.rip, FAKE_BASE);
    }
    this.stopped = { reason: 'entry', thread: this.list[0] };
  }

  threads(): readonly TargetThread[] {
    return this.list;
  }

  readRegister(tid: number, register: number): Uint8Array | undefined {
    return this.registers.get(tid)?.[register];
  }

  writeRegister(tid: number, register: number, value: Uint8Array): boolean {
    this.registers.get(tid)?.[register].set(value);
    return true;
  }

  readMemory(_tid: number, address: bigint, length: number): Uint8Array {
    const at = Number(address - FAKE_BASE);
    return at < 0 || at >= this.memory.length ? new Uint8Array() : this.memory.subarray(at, at + length);
  }

  writeMemory(_tid: number, address: bigint, bytes: Uint8Array): boolean {
    const at = Number(address - FAKE_BASE);
    if (at < 0 || at + bytes.length > this.memory.length) return false;
    this.memory.set(bytes, at);
    return true;
  }

  insertBreakpoint(request: BreakpointRequest): boolean {
    this.breakpoints.set(`${request.kind} ${request.address} ${request.length}`, request);
    return true;
  }

  removeBreakpoint(request: BreakpointRequest): boolean {
    return this.breakpoints.delete(`${request.kind} ${request.address} ${request.length}`);
  }

  attach(onStop: (event: StopEvent) => void): void {
    const [thread] = this.list;
    setImmediate(() => onStop((this.stopped = { reason: 'interrupt', thread })));
  }

  resume(actions: readonly ResumeAction[], onStop: (event: StopEvent) => void): void {
    const thread = this.list.find(({ tid }) => actions[0].tid === tid) ?? this.list[0];
    this.stopped = undefined;
    this.interrupting = false;
    for (const { signal } of actions) if (signal !== 0) this.delivered.push(signal);
    const { kind, range } = actions[0];
    let first = true;
    const turn = (): void => {
      const event = this.turn(thread, first);
      first = false;
      const rip = this.rip(thread);
      const done = kind === 'step' && (range === undefined || rip < range.start || rip >= range.end);
      const stop: StopEvent | undefined = event ?? (done ? { reason: 'step', thread } : undefined);
      if (stop === undefined) setImmediate(turn);
      else onStop((this.stopped = stop));
    };
    setImmediate(turn);
  }

  interrupt(): void {
    this.interrupting = true;
  }

  detach(): void {
    this.detached = true;
    this.breakpoints.clear();
    this.stopped = undefined;
  }

  kill(): void {
    this.stopped = { reason: 'killed', pid: PID, signal: 9 };
    this.list = [];
  }

  setPassSignals(signals: ReadonlySet<number>): void {
    this.passed = signals;
  }

  setExecEvents(): void {}

  auxv(): Uint8Array {
    return new Uint8Array(16);
  }

  siginfo(): Uint8Array | undefined {
    return this.stopped?.reason === 'signal' ? new Uint8Array(128).fill(7) : undefined;
  }

  writeSiginfo(): boolean {
    return true;
  }

  openFile(path: string): Uint8Array | undefined {
    return this.files.get(path);
  }

  readLink(path: string): string | undefined {
    return path === '/link' ? '/f' : undefined;
  }

  monitor(command: string): string | undefined {
    return command === 'hello' ? 'hello\n' : undefined;
  }

  private rip(thread: TargetThread): bigint {
    return this.get(thread.tid, X86_64_REGISTER.rip);
  }

  private get(tid: number, register: number): bigint {
    return this.registers.get(tid)?.[register].readBigUInt64LE() ?? 0n;
  }

  private set(tid: number, register: number, value: bigint): void {
    this.registers.get(tid)?.[register].writeBigUInt64LE(value);
  }

  /** One instruction, or the reason why not. */
  private turn(thread: TargetThread, first: boolean): StopEvent | undefined {
    if (this.interrupting) return { reason: 'interrupt', thread };
    const rip = this.rip(thread);
    const here = [...this.breakpoints.values()].find(({ kind, address }) => address === rip && (kind === 'software' || kind === 'hardware'));
    if (here !== undefined && !first) return { reason: 'breakpoint', thread, hardware: here.kind === 'hardware' };
    const at = Number(rip - FAKE_BASE);
    const opcode = this.memory[at];
    if (opcode === HLT) return { reason: 'signal', thread, signal: SIGSEGV };
    if (opcode === JMP) this.set(thread.tid, X86_64_REGISTER.rip, rip + 2n + BigInt(this.memory.readInt8(at + 1)));
    else if (opcode === NOP) this.set(thread.tid, X86_64_REGISTER.rip, rip + 1n);
    else if (opcode === STORE_AL) return this.store(thread, rip);
    else throw new Error(`the fake CPU does not know ${opcode}`);
    return undefined;
  }

  private store(thread: TargetThread, rip: bigint): StopEvent | undefined {
    const address = this.get(thread.tid, RDI);
    this.memory[Number(address - FAKE_BASE)] = Number(this.get(thread.tid, X86_64_REGISTER.rax) & 0xffn);
    this.set(thread.tid, X86_64_REGISTER.rip, rip + 2n);
    const watch = [...this.breakpoints.values()].find(({ kind, address: start, length }) => (kind === 'write' || kind === 'access') && address >= start && address < start + BigInt(length));
    return watch === undefined ? undefined : { reason: 'watchpoint', thread, kind: watch.kind === 'write' ? 'write' : 'access', address };
  }
}
