/** A step in one task of the kernel: it is over when that task has made it, whatever else the thread of the host executes meanwhile. */
import type { StepContext } from '../../emulator/debug/stops.ts';
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { SavedContext, stackBytes } from './saved-context.ts';
import { currentPointer } from './task-list.ts';
import type { Task } from './task.ts';
import { taskOnStack, type TaskView } from './task-view.ts';

export class StepInTask implements StepContext {
  readonly waits: boolean;
  private readonly kernel: KernelView;
  private readonly task: Task;
  private readonly stackPointer: () => number | undefined;
  private readonly current: GuestObject;
  private readonly low: number;
  private readonly high: number;

  /**
   * @param cpu the CPU whose thread is stepped
   * @param stackPointer of the thread that is stepped, on its ordinary stack
   * @param waits whether the step goes on once the task runs again, instead of ending when it is switched away from
   */
  constructor({ kernel }: TaskView, task: Task, cpu: number, stackPointer: () => number | undefined, waits: boolean) {
    this.kernel = kernel;
    this.task = task;
    this.stackPointer = stackPointer;
    this.waits = waits;
    this.current = currentPointer(kernel, cpu);
    this.low = task.stack ?? 0;
    this.high = this.low + stackBytes(kernel);
  }

  /** Address of the kernel's note of what its CPU runs. */
  get currentAt(): number {
    return this.current.address;
  }

  /** It still runs, but the kernel has noted another task: it is about to change stacks. */
  get leaving(): boolean {
    const current = this.current.number();
    return current !== 0 && current !== this.task.address && this.here();
  }

  here(): boolean {
    const sp = this.stackPointer();
    if (sp === undefined) return true;
    if (sp > this.low && sp <= this.high) return true;
    const address = this.current.number();
    if (address === 0) return true;
    const current = this.kernel.object(this.task.object.type, address);
    return (taskOnStack(this.kernel, current, sp)?.address ?? address) === this.task.address;
  }

  comesBack(): { readonly rip: number; readonly rsp: number } | undefined {
    if (this.task.ended) return undefined;
    const saved = SavedContext.of(this.kernel, this.task);
    return saved === undefined ? undefined : { rip: saved.pc, rsp: saved.sp };
  }
}
