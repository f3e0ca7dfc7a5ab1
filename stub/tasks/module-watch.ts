/** Hears of modules being loaded and unloaded, for clients that show them as libraries. */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { firstArgument } from './call-arguments.ts';
import type { KernelView } from './kernel-view.ts';

export class ModuleWatch {
  /** Address of the struct module that is just being freed. */
  leaving: number | undefined;
  private readonly debug: Debugger;
  private probes: readonly (() => void)[] | undefined;
  private happened = false;

  constructor(debug: Debugger) {
    this.debug = debug;
  }

  begin(kernel: KernelView): void {
    if (this.probes !== undefined) return;
    const probe = (name: string, leaving: (thread: Thread) => number | undefined): (() => void)[] => {
      const address = kernel.image.symbol(name);
      return address === undefined ? [] : [this.debug.addProbe(address, (thread) => this.changed(thread, leaving(thread)))];
    };
    // Its sections are in place, its init function has not run; and: its exit function has.
    this.probes = [...probe('do_init_module', () => undefined), ...probe('free_module', (thread) => firstArgument(thread))];
  }

  end(): void {
    for (const remove of this.probes ?? []) remove();
    this.probes = undefined;
    this.happened = false;
  }

  /** Whether the stop was for a change; asked once. */
  take(): boolean {
    const { happened } = this;
    this.happened = false;
    return happened;
  }

  private changed(thread: Thread, leaving: number | undefined): void {
    this.leaving = leaving;
    this.debug.stopForBystander(thread);
    this.happened = this.debug.stoppingForBystander;
  }
}
