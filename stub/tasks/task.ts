/** One UML task (process, thread or kernel thread) as its task_struct describes it. */
import type { GuestObject } from './guest-object.ts';

/** Bits of task_struct.state that have kept their meaning since 2.6.9, rarest first (include/linux/sched.h). */
const STATES: readonly (readonly [bit: number, name: string])[] = [
  [0x8, 'traced'], [0x4, 'stopped'], [0x2, 'uninterruptible'], [0x1, 'sleeping'],
];
/** TASK_UNINTERRUPTIBLE | TASK_NOLOAD: a kernel thread that waits for work. */
const TASK_IDLE = 0x402;
const PF_KTHREAD = 0x0020_0000;

export class Task {
  readonly object: GuestObject;
  /** Global process id; 0 for idle tasks. */
  readonly pid: number;

  constructor(object: GuestObject) {
    this.object = object;
    this.pid = object.number('pid');
  }

  /** Address of its task_struct. */
  get address(): number {
    return this.object.address;
  }

  /** Its name; programs may put anything into it. */
  get comm(): string {
    return this.object.text('comm').replace(/[\x00-\x1f\x7f\ufffe\uffff]/g, '?');
  }

  /** `bash [57]`. */
  get name(): string {
    return `${this.comm} [${this.pid}]`;
  }

  /** Id of the process it is a thread of. */
  get process(): number {
    return this.object.number('tgid');
  }

  get parent(): number | undefined {
    return this.object.first('real_parent', 'p_opptr', 'parent')?.follow()?.number('pid');
  }

  /** It has ended and waits for its parent, or for nothing any more. */
  get ended(): boolean {
    return (this.object.find('exit_state')?.number() ?? 0) !== 0;
  }

  /** True for a task without user memory. */
  get isKernelThread(): boolean {
    return this.object.follow('mm') === undefined && ((this.object.find('flags')?.number() ?? 0) & PF_KTHREAD) !== 0;
  }

  /** What it waits for, in a word; `runnable` also when it runs. */
  get state(): string {
    if (this.ended) return 'ended';
    const bits = this.object.first('__state', 'state')?.number() ?? 0;
    if ((bits & TASK_IDLE) === TASK_IDLE) return 'idle';
    return STATES.find(([bit]) => (bits & bit) !== 0)?.[1] ?? 'runnable';
  }

  /** Lowest address of its kernel stack; undefined when it has none (any more). */
  get stack(): number | undefined {
    const stack = this.object.first('stack', 'thread_info')?.number() ?? 0;
    return stack === 0 ? undefined : stack;
  }
}
