/**
 * The switch helper: takes the machine's thread to the stack of a task that sleeps, as the kernel's longjmp would, so that one can look around, step
 * and call functions as that task; and back, to the bit. Everything that happens meanwhile is undone by the return, what the
 * debugger writes too (emulator/debug/excursion.ts).
 */
import type { MachineTarget } from '../machine-target.ts';
import type { RegisterSet } from '../registers.ts';
import { Refusal } from '../target.ts';
import { littleEndian } from './guest-object.ts';
import { onStackOf } from './saved-context.ts';
import { callersOf } from './callers.ts';
import { currentPointer } from './task-list.ts';
import type { Task } from './task.ts';
import type { TaskView } from './task-view.ts';

/** Frames looked through for where a debugger waits for a return. */
const DEEPEST = 200;
/** IF and the bit that is always set: what a function may expect of its flags. */
const PLAIN_FLAGS = 0x202n;

/** Registers in which kernel_longjmp(buffer, 1) leaves its arguments and result (arch/x86/um/setjmp_64.S, setjmp_32.S). */
const LEFT_64 = { buffer: 'rdi', one: ['rsi', 'rax'] } as const;
const LEFT_32 = { buffer: 'edx', one: ['eax'] } as const;

/** What is set aside, and for what. */
export interface Switched {
  readonly task: Task;
  /** The task that ran before, and will after. */
  readonly from: Task;
  /** The machine's thread that was taken. */
  readonly hostId: number;
}

export class TaskSwitch {
  private readonly machine: MachineTarget;
  private readonly registers: RegisterSet;
  private now: Switched | undefined;
  /** Bytes of memory the debugger has written since. */
  private written = 0;

  constructor(machine: MachineTarget, registers: RegisterSet) {
    this.machine = machine;
    this.registers = registers;
  }

  get current(): Switched | undefined {
    return this.now;
  }

  /** @throws Refusal when it cannot be done honestly */
  begin(view: TaskView, task: Task): void {
    const { kernel } = view;
    if (view.hostOf(task) !== undefined) throw new Refusal(`${task.name} is the running task: you are there`);
    if (task.ended) throw new Refusal(`${task.name} has exited: it will never run again`);
    const saved = view.saved(task);
    if (saved === undefined) throw new Refusal(`the registers of ${task.name} are not to be found: there is nothing to switch to`);
    const [entry] = view.hosts;
    const from = entry === undefined ? undefined : view.tasks.get(entry[0]);
    if (entry === undefined || from === undefined) throw new Refusal('no task runs now: the kernel is starting or ending');
    const current = currentPointer(kernel, entry[1].cpu);
    if (current.number() !== from.address) throw new Refusal(`the kernel is in the middle of switching from ${from.name}: step a little further first`);
    const hostId = entry[1].thread.tid;
    const registers = [...saved.places.keys()].map((name) => [name, saved.read(name)] as const);
    try {
      this.machine.beginExcursion(hostId, {
        address: current.address, length: kernel.image.wordSize,
        message: `${task.name} would give up the CPU here. It does so only when it really runs: 'monitor det' (or continue) goes back.`,
      });
    } catch (error) {
      if (error instanceof RangeError) throw new Refusal(`there is no memory to keep the kernel's state in: ${error.message}`);
      throw error;
    }
    this.now = { task, from, hostId };
    this.written = 0;
    // As kernel_longjmp(switch_buf, 1), called by __switch_to(from, task), leaves them.
    for (const [name, bytes] of registers) if (bytes !== undefined) this.machine.writeRegister(hostId, this.registers.number(name), bytes);
    const buffer = Math.min(...saved.places.values());
    const left = kernel.image.wordSize === 8 ? LEFT_64 : LEFT_32;
    this.set('eflags', PLAIN_FLAGS);
    this.set(left.buffer, BigInt(buffer));
    for (const name of left.one) this.set(name, 1n);
    this.point(current.address, task.address, kernel.image.wordSize);
    const previous = task.object.find('thread.prev_sched');
    if (previous !== undefined) this.point(previous.address, from.address, kernel.image.wordSize);
  }

  /** Back. Tells what was undone; undefined: nothing was switched. */
  end(): string | undefined {
    const { now, written } = this;
    if (now === undefined) return undefined;
    this.now = undefined;
    const report = this.machine.endExcursion();
    const ran = report === undefined || report.instructions === 0 ? 'nothing had run' : `${report.instructions} instructions undone`;
    const own = written === 0 ? '' : `; so are ${written} bytes that were written from here`;
    return `Back in ${now.from.name}, exactly where it was: ${ran}${own}.`;
  }

  /** The debugger has written memory. */
  note(bytes: number): void {
    this.written += bytes;
  }

  /**
   * Whether a debugger that says `continue` waits for something to return on this stack (a function it calls, a step over a
   * call, `finish`), rather than wanting the kernel to go on: then one of its breakpoints stands where a frame returns to.
   */
  awaitsReturn(view: TaskView): boolean {
    const { now } = this;
    if (now === undefined) return false;
    const breakpoints = this.machine.codeBreakpoints;
    if (breakpoints.size === 0) return false;
    for (const address of breakpoints) if (onStackOf(view.kernel, now.task, address)) return true;
    const names = this.registers.registers.map(({ name }) => name);
    const register = (name: string): bigint | undefined => {
      const bytes = this.machine.readRegister(now.hostId, names.indexOf(name));
      return bytes === undefined ? undefined : littleEndian(bytes);
    };
    const { wordSize } = view.kernel.image;
    const top = register(wordSize === 8 ? 'rsp' : 'esp');
    const atTop = top === undefined ? undefined : view.kernel.memory(Number(top), wordSize);
    if (atTop !== undefined && breakpoints.has(Number(littleEndian(atTop)))) return true;
    for (const address of callersOf(view.kernel, register, DEEPEST)) if (breakpoints.has(address)) return true;
    return false;
  }

  private set(name: string, value: bigint): void {
    const number = this.registers.number(name);
    const bytes = new Uint8Array(this.registers.size(number));
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(i * 8)) & 0xffn);
    this.machine.writeRegister(this.now?.hostId ?? 0, number, bytes);
  }

  private point(at: number, to: number, wordSize: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(to), true);
    this.machine.writeMemory(this.now?.hostId ?? 0, BigInt(at), bytes.subarray(0, wordSize));
  }
}
