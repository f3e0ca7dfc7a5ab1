/**
 * Running and stopping: continues over breakpoints that do not count, keeps what must happen while the target is stopped for when it is,
 * and calls functions of the target.
 */
import type { Breakpoint } from '../breakpoints/breakpoint.ts';
import type { BreakpointSet } from '../breakpoints/breakpoint-set.ts';
import { holdsAt } from '../breakpoints/hit-condition.ts';
import { ExpressionError } from '../expressions/lexer.ts';
import { RspError } from '../rsp/rsp-error.ts';
import type { Stub } from '../rsp/stub.ts';
import type { StopReply } from '../rsp/stop-reply.ts';
import { walk } from '../symbols/call-frames.ts';
import { settle } from '../symbols/miss.ts';
import type { PhysicalFrame } from '../symbols/physical-frame.ts';
import { integerBytes } from '../values/value.ts';
import type { FrameInThread, Inspector } from './inspector.ts';

const SIGNAL_INTERRUPT = 2;
const SIGNAL_TRAP = 5;

export type Stop =
  | { readonly kind: 'breakpoint'; readonly thread: string; readonly hit: readonly Breakpoint[] }
  | { readonly kind: 'step' | 'pause'; readonly thread: string }
  | { readonly kind: 'signal'; readonly thread: string; readonly signal: number }
  | { readonly kind: 'history'; readonly thread: string; readonly end: 'begin' | 'end' }
  | { readonly kind: 'ended'; readonly status: number | undefined; readonly signal: number | undefined };

/** Log points say what they have to say here. */
export type LogSink = (text: string, at: FrameInThread) => void;

/** A stop of a step of ours: no one else's business. */
export interface Arrival {
  readonly thread: string;
  readonly frame: PhysicalFrame;
}

export class Execution {
  readonly stub: Stub;
  readonly inspector: Inspector;
  readonly breakpoints: BreakpointSet;
  onLog: LogSink | undefined;
  /** Modules have come or gone. */
  onLibraries: (() => Promise<void>) | undefined;
  private running = false;
  private pauseWanted = false;
  private readonly pending: (() => Promise<void>)[] = [];
  private backwards = false;

  constructor(stub: Stub, inspector: Inspector, breakpoints: BreakpointSet) {
    this.stub = stub;
    this.inspector = inspector;
    this.breakpoints = breakpoints;
    inspector.callFunction = (address, args) => this.call(address, args);
  }

  get isRunning(): boolean {
    return this.running;
  }

  /** Asks for a stop, reported as `pause` by whoever runs the target. */
  pause(): void {
    this.pauseWanted = true;
    if (this.running) this.stub.interrupt();
  }

  /** Does something that needs a stopped target, stopping it for a moment if it runs. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    if (!this.running) return work();
    return new Promise<T>((resolve, reject) => {
      this.pending.push(() => work().then(resolve, reject));
      this.stub.interrupt();
    });
  }

  /** Runs on until something is to be reported. */
  async continue(thread: string, backwards = false): Promise<Stop> {
    this.backwards = backwards;
    this.pauseWanted = false;
    if (!backwards) {
      const early = await this.stepOff(thread);
      if (early !== undefined) return early;
    }
    for (;;) {
      const reply = await this.resume('continue', undefined);
      const stop = await this.judge(reply);
      if (stop !== undefined) return stop;
      if (reply.kind !== 'stopped') continue;
      if (!backwards) {
        const early = await this.stepOff(reply.thread ?? thread);
        if (early !== undefined) return early;
      }
    }
  }

  /** One instruction of a thread, or those up to leaving a range. Gives a stop to report, or where it has come. */
  async stepRaw(thread: string, range?: { readonly start: bigint; readonly end: bigint }, backwards = false): Promise<Stop | Arrival> {
    this.backwards = backwards;
    const pc = await this.inspector.pc(thread);
    let reply: StopReply;
    if (!backwards && this.breakpoints.has(pc)) {
      reply = await this.breakpoints.without(pc, () => this.resume('step', thread));
    } else reply = await this.resume('step', thread, range);
    if (reply.kind !== 'stopped') return endOf(reply);
    const here = reply.thread ?? thread;
    if (reply.history !== undefined) return { kind: 'history', thread: here, end: reply.history };
    if (reply.signal !== SIGNAL_TRAP || reply.watch !== undefined || this.breakpoints.has(await this.inspector.pc(here))) {
      const stop = await this.judge(reply);
      if (stop !== undefined) return stop;
    }
    return this.arrival(here);
  }

  /** Runs to an address, in the frame whose CFA is given (in any without one). */
  async runTo(thread: string, address: bigint, cfa: bigint | undefined, backwards = false): Promise<Stop | Arrival> {
    this.backwards = backwards;
    const already = this.breakpoints.has(address);
    const early = backwards ? undefined : await this.stepOff(thread);
    if (early !== undefined) return early;
    for (;;) {
      // Conditions of the user's at this address must not keep it from stopping.
      if (!already) await this.stub.insertBreakpoint('software', address, 1);
      let reply: StopReply;
      try {
        reply = await this.resume('continue', undefined);
      } finally {
        if (!already && !this.stub.client.closed) await this.stub.removeBreakpoint('software', address, 1);
      }
      if (reply.kind !== 'stopped') return endOf(reply);
      const here = reply.thread ?? thread;
      const frame = await this.inspector.innermost(here);
      if (reply.history !== undefined) return { kind: 'history', thread: here, end: reply.history };
      const arrived = reply.signal === SIGNAL_TRAP && reply.watch === undefined && frame?.pc === address;
      if (arrived && here === thread && frame !== undefined && (cfa === undefined || (await settle(() => frame.cfa)) === cfa)) {
        const user = await this.judge(reply);
        return user?.kind === 'breakpoint' && user.hit.length > 0 ? user : { thread: here, frame };
      }
      if (!arrived || this.breakpoints.at(address).length > 0) {
        const stop = await this.judge(reply);
        if (stop !== undefined) return stop;
      }
      const off = backwards ? undefined : await this.stepOff(here, arrived);
      if (off !== undefined) return off;
    }
  }

  private async arrival(thread: string): Promise<Stop | Arrival> {
    if (this.pauseWanted) {
      this.pauseWanted = false;
      return { kind: 'pause', thread };
    }
    const frame = await this.inspector.innermost(thread);
    return frame === undefined ? { kind: 'step', thread } : { thread, frame };
  }

  /** Runs the instruction a breakpoint stands on. */
  private async stepOff(thread: string, always = false): Promise<Stop | undefined> {
    const pc = await this.inspector.pc(thread);
    if (!always && !this.breakpoints.has(pc)) return undefined;
    const reply = await this.breakpoints.without(pc, () => this.resume('step', thread));
    if (reply.kind !== 'stopped') return endOf(reply);
    if (reply.signal === SIGNAL_TRAP && reply.watch === undefined && !this.breakpoints.has(await this.inspector.pc(reply.thread ?? thread))) return undefined;
    return this.judge(reply);
  }

  /** What a stop means to the user; undefined: nothing, it is to go on. */
  private async judge(reply: StopReply): Promise<Stop | undefined> {
    if (reply.kind !== 'stopped') return endOf(reply);
    const thread = reply.thread ?? this.inspector.thread ?? '0';
    this.inspector.useThread(thread);
    const pauseWanted = this.pauseWanted;
    const hadWork = this.pending.length > 0;
    await this.work();
    if (reply.history !== undefined) return { kind: 'history', thread, end: reply.history };
    if (reply.libraries) {
      await this.onLibraries?.();
      return this.paused(thread, pauseWanted);
    }
    if (reply.watch !== undefined) {
      const hit = await this.counting(this.breakpoints.watching(reply.watch.address), thread);
      return hit.length > 0 ? { kind: 'breakpoint', thread, hit } : this.paused(thread, pauseWanted);
    }
    if (reply.signal === SIGNAL_TRAP) {
      const there = this.breakpoints.at(await this.inspector.pc(thread));
      if (there.length > 0) {
        const hit = await this.counting(there, thread);
        return hit.length > 0 ? { kind: 'breakpoint', thread, hit } : this.paused(thread, pauseWanted);
      }
      if (reply.breakpoint) return this.paused(thread, pauseWanted);
      return pauseWanted ? this.paused(thread, true) : { kind: 'signal', thread, signal: reply.signal };
    }
    if (reply.signal === SIGNAL_INTERRUPT || reply.signal === 0) return hadWork && !pauseWanted ? undefined : { kind: 'pause', thread };
    return { kind: 'signal', thread, signal: reply.signal };
  }

  private paused(thread: string, wanted: boolean): Stop | undefined {
    if (!wanted) return undefined;
    this.pauseWanted = false;
    return { kind: 'pause', thread };
  }

  /** Those of the breakpoints that stop the target this time. */
  private async counting(candidates: readonly Breakpoint[], thread: string): Promise<Breakpoint[]> {
    const hit: Breakpoint[] = [];
    if (candidates.every(({ spec }) => spec.condition === undefined && spec.hit === undefined && spec.logMessage === undefined)) return [...candidates];
    const innermost = await this.inspector.innermost(thread);
    const [frame] = await settle(() => walk(innermost, 1).frames);
    const at = frame === undefined ? undefined : { thread, frame };
    for (const breakpoint of candidates) {
      const { condition, hit: count, logMessage } = breakpoint.spec;
      const holds = async (): Promise<boolean> => {
        try {
          return condition === undefined || (await this.inspector.isTrue(condition, at));
        } catch (error) {
          // As gdb: a condition that cannot be evaluated stops, and says why.
          breakpoint.message = `the condition cannot be evaluated: ${error instanceof Error ? error.message : String(error)}`;
          this.breakpoints.onChange?.(breakpoint);
          return true;
        }
      };
      if (!(await this.breakpoints.count(breakpoint, holds))) continue;
      if (count !== undefined && !holdsAt(count, breakpoint.hits)) continue;
      if (logMessage !== undefined) {
        if (at !== undefined) this.onLog?.(logMessage, at);
        await this.logged;
        continue;
      }
      hit.push(breakpoint);
    }
    return hit;
  }

  /** Set by the one who writes log messages: the target waits for them. */
  logged: Promise<void> = Promise.resolve();

  private async resume(kind: 'continue' | 'step', thread: string | undefined, range?: { readonly start: bigint; readonly end: bigint }): Promise<StopReply> {
    // Work that came between two resumes, when nobody interrupts for it.
    await this.work();
    this.inspector.forget();
    this.running = true;
    if (this.pauseWanted && kind === 'continue') setImmediate(() => this.running && this.stub.interrupt());
    try {
      return this.backwards ? await this.stub.resumeBackwards(kind, thread) : await this.stub.resume(kind, thread, range);
    } finally {
      this.running = false;
      this.inspector.forget();
    }
  }

  private async work(): Promise<void> {
    for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) await next();
  }

  /** Calls a function of the target in its stopped thread, and puts everything back. */
  private async call(address: bigint, args: readonly bigint[]): Promise<bigint> {
    const { inspector, stub } = this;
    const { thread } = inspector;
    if (this.running || thread === undefined) throw new ExpressionError('a function can only be called while the target is stopped');
    if (inspector.map.wordSize !== 8) throw new ExpressionError('functions can only be called in 64-bit targets');
    if (args.length > ARGUMENT_REGISTERS.length) throw new ExpressionError(`at most ${ARGUMENT_REGISTERS.length} arguments can be handed over`);
    const saved = new Map(await inspector.registers(thread));
    const set = async (name: string, value: bigint): Promise<void> => {
      const register = inspector.register(name);
      if (register === undefined) throw new ExpressionError(`the stub has no register ${name}`);
      await stub.writeRegister(thread, register, integerBytes(value, Math.ceil(register.bits / 8)));
    };
    const rip = await inspector.pc(thread);
    const frame = await inspector.innermost(thread);
    const oldStack = frame?.registers[inspector.map.stackPointer] ?? 0n;
    // Below the red zone, aligned as at a call; the return address is where we stand: there nothing else returns to.
    const stack = ((oldStack - 256n) & ~0xfn) - 8n;
    await stub.writeMemory(thread, stack, integerBytes(rip, 8));
    for (const [i, value] of args.entries()) await set(ARGUMENT_REGISTERS[i], value);
    await set('rax', 0n);
    await set('rsp', stack);
    if (inspector.register('orig_rax') !== undefined) await set('orig_rax', -1n);
    await set('rip', address);
    inspector.forget();
    try {
      const stop = await this.untilReturned(thread, rip, stack + 8n);
      if (stop !== undefined) throw new ExpressionError(`the target stopped (${stop.kind}) while the function ran; it was abandoned`);
      const result = (await inspector.innermost(thread))?.registers[0];
      return result ?? 0n;
    } finally {
      for (const register of stub.registers) {
        const value = saved.get(register.number);
        if (value !== undefined && RESTORED.test(register.name)) await stub.writeRegister(thread, register, value).catch((error: unknown) => {
          if (!(error instanceof RspError) || stub.client.closed) throw error;
        });
      }
      inspector.forget();
    }
  }

  private async untilReturned(thread: string, address: bigint, stack: bigint): Promise<Stop | undefined> {
    this.backwards = false;
    const own = this.breakpoints.has(address);
    if (!own) await this.stub.insertBreakpoint('software', address, 1);
    try {
      for (;;) {
        const reply = await this.resume('continue', undefined);
        if (reply.kind !== 'stopped') return endOf(reply);
        const frame = await this.inspector.innermost(reply.thread ?? thread);
        if (frame?.pc === address && frame.registers[this.inspector.map.stackPointer] === stack) return undefined;
        const stop = await this.judge(reply);
        if (stop !== undefined) return stop;
        const off = await this.stepOff(reply.thread ?? thread, true);
        if (off !== undefined) return off;
      }
    } finally {
      if (!own && !this.stub.client.closed) await this.stub.removeBreakpoint('software', address, 1);
    }
  }
}

/** Integer arguments in the System V ABI of x86-64. */
const ARGUMENT_REGISTERS = ['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'] as const;
const RESTORED = /^(r(ax|bx|cx|dx|si|di|bp|sp|ip|\d+)|eflags|orig_rax|xmm\d+|mxcsr)$/;

function endOf(reply: StopReply): Stop {
  return reply.kind === 'killed' ? { kind: 'ended', status: undefined, signal: reply.signal } : { kind: 'ended', status: reply.kind === 'exited' ? reply.status : undefined, signal: undefined };
}

export const isStop = (result: Stop | Arrival): result is Stop => 'kind' in result;
