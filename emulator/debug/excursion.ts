/**
 * A thread taken elsewhere for a while, and back: its registers and memory can be changed and code can run in it, and at the end everything is
 * as it was, to the bit. Meanwhile the machine stands still: no time passes, no other thread runs, no signal is delivered, and system
 * calls whose effects could not be taken back are not made. What is written to the console stays written.
 */
import { Exit } from '../cpu/exits.ts';
import { CONTEXT_SIZE, Reg } from '../cpu/state.ts';
import type { Thread } from '../host/process/thread.ts';
import { kernelInfo } from '../host/signals/signal-info.ts';
import { Signal } from '../host/signals/signal-numbers.ts';
import { ExcursionCalls } from './excursion-calls.ts';
import { MemoryPicture } from './memory-picture.ts';
import type { Orders, Stop } from './stops.ts';

/** Instructions between looks at the clock. */
const STRETCH = 100_000;
/** `int 0x80`, i386's way in, is as long as `syscall`. */
const INT80 = 0x80n;
const SYSCALL_BYTES = 2;

export interface ExcursionGuard {
  /** Where a store means that the code is about to leave what it was taken to. */
  readonly address: number;
  readonly length: number;
  /** What the user is told then. */
  readonly message: string;
}

/** What an excursion had done. */
export interface ExcursionReport {
  readonly instructions: number;
  readonly pages: number;
}

export class Excursion {
  readonly thread: Thread;
  /** Why the machine was held before. */
  readonly before: Stop;
  private readonly picture: MemoryPicture;
  private readonly registers: Uint8Array;
  /** What a debugger that looks at the thread as it was sees: `registers`, until it steps it. */
  private readonly aside: Uint8Array;
  private steppingAside = false;
  private readonly calls: ExcursionCalls;
  private readonly guard: ExcursionGuard;
  private readonly guardId: number;
  private orders: Orders = { kind: 'continue', signal: 0 };
  private instructions = 0;

  /** @throws RangeError when there is no room to keep the memory */
  constructor(thread: Thread, before: Stop, guard: ExcursionGuard, guardId: number) {
    const { kernel, context, space } = thread;
    this.thread = thread;
    this.before = before;
    this.guard = guard;
    this.guardId = guardId;
    this.picture = new MemoryPicture(space, new Set([...kernel.threads.values()].filter(({ state }) => state.kind !== 'dead').map((each) => each.space)), kernel.frames);
    this.registers = kernel.linear.u8.slice(context.slot, context.slot + CONTEXT_SIZE);
    this.aside = this.registers.slice();
    this.calls = new ExcursionCalls(thread);
    kernel.cpu.addWatchpoint({ id: guardId, kind: 'write', address: guard.address, length: guard.length });
    // It is in no system call there.
    thread.origRax = -1;
  }

  /** Instructions executed so far. */
  get executed(): number {
    return this.instructions;
  }

  /** Everything back. */
  end(): ExcursionReport {
    const { kernel, context } = this.thread;
    kernel.cpu.removeWatchpoint(this.guardId);
    const pages = this.picture.restore();
    kernel.linear.u8.set(this.registers, context.slot);
    this.calls.undo();
    return { instructions: this.instructions, pages };
  }

  /** Does something with the thread as it was before. */
  asBefore<T>(act: () => T): T {
    const { kernel, context } = this.thread;
    const now = kernel.linear.u8.slice(context.slot, context.slot + CONTEXT_SIZE);
    kernel.linear.u8.set(this.aside, context.slot);
    try {
      return act();
    } finally {
      this.aside.set(kernel.linear.u8.subarray(context.slot, context.slot + CONTEXT_SIZE));
      kernel.linear.u8.set(now, context.slot);
    }
  }

  /** What `advance` is to do. */
  resume(orders: Orders): void {
    this.orders = orders;
  }

  /** The next `advance` makes one step of the thread as it was before: gdb steps all threads over breakpoints before any may go on. It is undone, too. */
  stepAside(): void {
    this.steppingAside = true;
  }

  /** Runs for about so many milliseconds; a stop when there is one. `isBreakpoint`: the debugger's own. */
  advance(milliseconds: number, isBreakpoint: (address: number) => boolean): Stop | undefined {
    const end = performance.now() + milliseconds;
    const { thread } = this;
    const { cpu } = thread.kernel;
    const { kind, range } = this.orders;
    if (this.steppingAside) {
      this.steppingAside = false;
      return this.asBefore(() => {
        const exit = cpu.step(thread.context, thread.space);
        this.instructions += cpu.retired;
        return this.stopFor(exit) ?? { kind: 'step', thread };
      });
    }
    do {
      let exit = kind === 'step' ? cpu.step(thread.context, thread.space) : cpu.run(thread.context, thread.space, STRETCH);
      this.instructions += cpu.retired;
      // Somebody else's.
      if (exit === Exit.breakpoint && !isBreakpoint(thread.context.rip)) {
        exit = cpu.step(thread.context, thread.space);
        this.instructions += cpu.retired;
      }
      const stop = this.stopFor(exit);
      if (stop !== undefined) return stop;
      if (kind !== 'step') continue;
      const { rip } = thread.context;
      if (range === undefined || rip < range.start || rip >= range.end) return { kind: 'step', thread };
      if (isBreakpoint(rip)) return { kind: 'breakpoint', thread, address: rip };
    } while (performance.now() < end);
    return undefined;
  }

  private stopFor(exit: Exit): Stop | undefined {
    const { thread } = this;
    const { cpu } = thread.kernel;
    switch (exit) {
      case Exit.budget: return undefined;
      case Exit.syscall: return this.systemCall();
      case Exit.interrupt:
        if (cpu.exitArgument === INT80) return this.systemCall();
        return { kind: 'signal', thread, info: kernelInfo(Signal.SEGV) };
      case Exit.breakpoint: return { kind: 'breakpoint', thread, address: thread.context.rip };
      case Exit.watchpoint: {
        const id = Number(cpu.exitArgument);
        return id === this.guardId ? { kind: 'halted', thread, message: this.guard.message } : { kind: 'watchpoint', thread, id };
      }
      case Exit.undefined: return { kind: 'signal', thread, info: kernelInfo(Signal.ILL) };
      default: return { kind: 'signal', thread, info: kernelInfo(Signal.SEGV) };
    }
  }

  /** Makes the call if it can be taken back; otherwise the thread stays in front of it. */
  private systemCall(): Stop | undefined {
    const { context, kernel, wordSize } = this.thread;
    const result = this.calls.make();
    if (typeof result === 'string') {
      context.rip -= SYSCALL_BYTES;
      return { kind: 'halted', thread: this.thread, message: result };
    }
    if (wordSize === 8) {
      context.setGprNumber(Reg.rcx, context.rip);
      context.setGprNumber(Reg.r11, kernel.cpu.readRflags(context));
    }
    context.setGprNumber(Reg.rax, result);
    return undefined;
  }
}
