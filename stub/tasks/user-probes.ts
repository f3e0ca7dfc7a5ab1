/** Places in the guest kernel where something happens to a user process: system calls, forks, ends. */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import { Reg } from '../../emulator/cpu/state.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { ARCHITECTURES } from '../registers.ts';
import type { KernelView } from './kernel-view.ts';
import { readSavedRegister } from './user-registers.ts';
import type { UserSide } from './user-side.ts';

/** What is wanted of a fork: to be told of it at all. */
export interface ProbeWishes {
  readonly forks: boolean;
  readonly vforks: boolean;
  /** A single step over a system call ends in the kernel. */
  readonly stepsIntoCalls: boolean;
}

const SIGNAL_GROUP_EXIT = 0x4;

export class UserProbes {
  private readonly side: UserSide;
  private readonly kernel: KernelView;
  private readonly wishes: () => ProbeWishes;
  private readonly removals: (() => void)[] = [];

  constructor(debug: Debugger, kernel: KernelView, side: UserSide, wishes: () => ProbeWishes) {
    this.side = side;
    this.kernel = kernel;
    this.wishes = wishes;
    const probes: Readonly<Record<string, (thread: Thread) => void>> = {
      handle_syscall: (thread) => this.atCall(thread),
      wake_up_new_task: (thread) => this.atNewTask(thread),
      do_exit: (thread) => this.atExit(thread),
    };
    for (const [name, probe] of Object.entries(probes)) {
      const address = kernel.image.symbol(name);
      if (address !== undefined) this.removals.push(debug.addProbe(address, probe));
    }
  }

  /** Ends all of it. */
  remove(): void {
    for (const remove of this.removals) remove();
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
    const child = this.kernel.object('struct task_struct', thread.context.gprNumber(Reg.rdi));
    const pid = child.number('tgid');
    if (pid === task.process.pid || child.number('mm') === 0) return;
    const { forks, vforks } = this.wishes();
    // Until the child has let go of the memory its parent waits on this (from CLONE_VFORK).
    const vfork = child.number('mm') === task.process.mm?.address || (child.find('vfork_done')?.number() ?? 0) !== 0;
    if (vfork ? vforks : forks) this.side.tell({ kind: vfork ? 'vfork' : 'fork', task, child: pid }, thread);
  }

  /** do_exit(code): a task ends; the last one ends its process. */
  private atExit(thread: Thread): void {
    const task = this.side.currentTask();
    if (task === undefined || task.process.tasks().length > 1) return;
    const object = this.kernel.object('struct task_struct', task.address);
    const group = object.follow('signal');
    const shared = group !== undefined && (group.number('flags') & SIGNAL_GROUP_EXIT) !== 0;
    const status = shared ? group.number('group_exit_code') : thread.context.gprNumber(Reg.rdi);
    this.side.tell({ kind: 'ended', process: task.process, status: status & 0xffff }, thread);
  }
}
