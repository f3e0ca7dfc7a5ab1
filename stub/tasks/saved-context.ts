/**
 * Where a task that does not run has its registers: the jmp_buf its last switch_threads filled (a new task's: the code it
 * will begin with). Kernels since 2.6.19 keep it in the task, in klibc's layout with named fields; older ones keep a
 * pointer to one of the C library's, which nothing describes, in glibc's order.
 */
import { littleEndian } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import type { Task } from './task.ts';

const PLACES = ['thread.switch_buf', 'thread.mode.skas.switch_buf'] as const;
/** Order of registers in the jmp_buf of C libraries, by word size (glibc, dietlibc). */
const LIBC_ORDER: Readonly<Record<4 | 8, readonly string[]>> = {
  4: ['ebx', 'esi', 'edi', 'ebp', 'esp', 'eip'],
  8: ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15', 'rsp', 'rip'],
};

/** Bytes of a kernel stack. @throws LayoutError */
export function stackBytes(kernel: KernelView): number {
  return kernel.type('union thread_union').size ?? 0;
}

/** True if an address is on a task's kernel stack, or is its end. */
export function onStackOf(kernel: KernelView, task: Task, address: number): boolean {
  const { stack } = task;
  return stack !== undefined && address > stack && address <= stack + stackBytes(kernel);
}

/** Address of each register's field by name; undefined: this kernel keeps none. */
function places(kernel: KernelView, task: Task): ReadonlyMap<string, number> | undefined {
  const buffer = task.object.first(...PLACES);
  if (buffer === undefined) return undefined;
  if (buffer.type.kind === 'array') {
    const { type, address } = buffer.element(0);
    return new Map(type.members.map(({ name = '', offset }) => [name.replace(/^_+/, ''), address + offset]));
  }
  const { wordSize } = kernel.image;
  const start = buffer.number();
  return start === 0 ? undefined : new Map(LIBC_ORDER[wordSize].map((name, i) => [name, start + i * wordSize]));
}

/** Registers of a task that does not run, by name (rip, rsp, rbp, rbx, r12 …); the others are lost or somewhere on its stack. */
export class SavedContext {
  /** Where the kernel will load each from. */
  readonly places: ReadonlyMap<string, number>;
  private readonly kernel: KernelView;

  private constructor(kernel: KernelView, registers: ReadonlyMap<string, number>) {
    this.kernel = kernel;
    this.places = registers;
  }

  /** Undefined when the task has none that makes sense: its stack is gone, or a C library has scrambled it. @throws LayoutError @throws GuestDataError */
  static of(kernel: KernelView, task: Task): SavedContext | undefined {
    const registers = places(kernel, task);
    if (registers === undefined) return undefined;
    const context = new SavedContext(kernel, registers);
    return context.pc !== 0 && onStackOf(kernel, task, context.sp) ? context : undefined;
  }

  /** Instruction pointer. */
  get pc(): number {
    return this.number('rip', 'eip');
  }

  /** Stack pointer once it runs. */
  get sp(): number {
    return this.number('rsp', 'esp');
  }

  /** Little-endian bytes; undefined for a register it does not hold. */
  read(register: string): Uint8Array | undefined {
    const place = this.places.get(register);
    return place === undefined ? undefined : this.kernel.memory(place, this.kernel.image.wordSize);
  }

  private number(...names: readonly string[]): number {
    const bytes = names.map((name) => this.read(name)).find((found) => found !== undefined);
    return bytes === undefined ? 0 : Number(littleEndian(bytes));
  }
}
