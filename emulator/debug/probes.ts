/** Places in the debuggee's code at which somebody is called, and the machine goes on. */
import type { Cpu } from '../cpu/cpu.ts';
import type { Thread } from '../host/process/thread.ts';

export type Probe = (thread: Thread) => void;

export class Probes {
  private readonly cpu: Cpu;
  private readonly byAddress = new Map<number, Set<Probe>>();
  /** By thread: what it had retired when its probes were last called, so that they are called once each time it comes there. */
  private readonly called = new WeakMap<Thread, number>();

  constructor(cpu: Cpu) {
    this.cpu = cpu;
  }

  has(address: number): boolean {
    return this.byAddress.has(address);
  }

  /** Gives what ends it. */
  add(address: number, probe: Probe): () => void {
    const there = this.byAddress.get(address) ?? new Set();
    this.byAddress.set(address, there.add(probe));
    this.cpu.addBreakpoint(address);
    return () => {
      if (!there.delete(probe)) return;
      if (there.size === 0) this.byAddress.delete(address);
      this.cpu.removeBreakpoint(address);
    };
  }

  /** Calls those at the thread's rip, once each time it comes there; false if there was nothing to call. */
  call(thread: Thread): boolean {
    const here = this.byAddress.get(thread.context.rip);
    if (here === undefined || this.called.get(thread) === thread.retired) return false;
    this.called.set(thread, thread.retired);
    for (const probe of [...here]) probe(thread);
    return true;
  }
}
