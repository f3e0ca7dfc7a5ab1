/** Places in the guest kernel where something happens to a user process: system calls, forks, ends. */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { ARCHITECTURES } from '../registers.ts';
import { firstArgument } from './call-arguments.ts';
import type { KernelView } from './kernel-view.ts';
import { readSavedRegister } from './user-registers.ts';
import type { UserSide } from './user-side.ts';

/** What is wanted to be told. */
export interface ProbeWishes {
  readonly forks: boolean;
  readonly vforks: boolean;
  /** A single step over a system call ends in the kernel. */
  readonly stepsIntoCalls: boolean;
  /** Signals that are delivered without a word. */
  readonly passed: ReadonlySet<number>;
}

const SIGNAL_GROUP_EXIT = 0x4;
const SIGKILL = 9;
/** Of a wait status: the signal that ended the process. */
const SIGNAL_MASK = 0x7f;

export class UserProbes {
  private readonly side: UserSide;
  private readonly kernel: KernelView;
  private readonly wishes: () => ProbeWishes;
  private readonly removals: (() => void)[] = [];
  /** By task: address of the kernel_siginfo which get_signal fills in. */
  private readonly signals = new Map<number, number>();

  constructor(debug: Debugger, kernel: KernelView, side: UserSide, wishes: () => ProbeWishes) {
    this.side = side;
    this.kernel = kernel;
    this.wishes = wishes;
    const probe = (name: string, action: (thread: Thread) => void): boolean => {
      const address = kernel.image.symbol(name);
      if (address !== undefined) this.removals.push(debug.addProbe(address, action));
      return address !== undefined;
    };
    probe('handle_syscall', (thread) => this.atCall(thread));
    probe('wake_up_new_task', (thread) => this.atNewTask(thread));
    probe('do_exit', (thread) => this.atExit(thread));
    // Since 3.16 get_signal(ksig), before that get_signal_to_deliver(info, …).
    const info = kernel.image.type('struct ksignal')?.member('info')?.offset;
    if (info !== undefined) probe('get_signal', (thread) => this.atSignal(thread, info));
    else probe('get_signal_to_deliver', (thread) => this.atSignal(thread, 0));
    // A handler is set up, or there is none and the process ends.
    if (!probe('handle_signal', (thread) => this.atDelivery(thread))) {
      probe('setup_signal_stack_si', (thread) => this.atDelivery(thread));
      probe('setup_signal_stack_sc', (thread) => this.atDelivery(thread));
    }
    probe('do_group_exit', (thread) => {
      if ((firstArgument(thread) & SIGNAL_MASK) !== 0) this.atDelivery(thread);
    });
  }

  /** Ends all of it. */
  remove(): void {
    for (const remove of this.removals) remove();
  }

  private atSignal(thread: Thread, offset: number): void {
    const task = this.side.currentTask();
    if (task !== undefined) this.signals.set(task.address, firstArgument(thread) + offset);
  }

  private atDelivery(thread: Thread): void {
    const task = this.side.currentTask();
    const info = task === undefined ? undefined : this.signals.get(task.address);
    if (task === undefined || info === undefined) return;
    const bytes = this.kernel.memory(info, 4);
    const signal = bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
    // Threads that are killed by another's group exit have a signal nobody sent them.
    if (signal <= 0 || signal === SIGKILL || this.wishes().passed.has(signal)) return;
    this.side.tell({ kind: 'signal', task, signal, info }, thread);
  }

  /** handle_syscall(regs): the task's registers have been read, nothing has been done yet. */
  private atCall(thread: Thread): void {
    const { side } = this;
    const task = side.currentTask();
    if (task === undefined) return;
    const architecture = ARCHITECTURES[this.kernel.image.wordSize === 8 ? 'x86-64' : 'i386'];
    const saved = readSavedRegister(this.kernel.object('struct task_struct', task.address), architecture, architecture.syscall);
    const number = saved === undefined ? -1 : new DataView(saved.buffer, saved.byteOffset).getInt32(0, true);
    const { syscalls } = task.process;
    if (syscalls !== undefined && (syscalls.size === 0 || syscalls.has(number))) {
      if (side.tell({ kind: 'syscall-entry', task, number }, thread)) side.enteredCall(task, number);
    } else if (this.wishes().stepsIntoCalls && side.steps(task)) {
      side.tell({ kind: 'entered-kernel', task }, thread);
    }
  }

  /** wake_up_new_task(p): the child is complete and has not run. */
  private atNewTask(thread: Thread): void {
    const task = this.side.currentTask();
    if (task === undefined) return;
    const child = this.kernel.object('struct task_struct', firstArgument(thread));
    const pid = child.number('tgid');
    if (pid === task.process.pid || child.number('mm') === 0) return;
    const { forks, vforks } = this.wishes();
    // Until the child has let go of the memory its parent waits on this (from CLONE_VFORK).
    const vfork = child.number('mm') === task.process.mm?.address || (child.find('vfork_done')?.number() ?? 0) !== 0;
    if (!(vfork ? vforks : forks)) return;
    if (this.side.tell({ kind: vfork ? 'vfork' : 'fork', task, child: pid }, thread) && vfork) task.process.vforking = task.address;
  }

  /** do_exit(code): a task ends; the last one ends its process. */
  private atExit(thread: Thread): void {
    const task = this.side.currentTask();
    if (task === undefined || task.process.tasks().length > 1) return;
    const object = this.kernel.object('struct task_struct', task.address);
    const group = object.follow('signal');
    const shared = group !== undefined && (group.number('flags') & SIGNAL_GROUP_EXIT) !== 0;
    const status = shared ? group.number('group_exit_code') : firstArgument(thread);
    this.side.tell({ kind: 'ended', process: task.process, status: status & 0xffff }, thread);
  }
}
