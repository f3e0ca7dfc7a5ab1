/** Code breakpoints by process: the CPU knows addresses only, whoever is there. */
import type { Cpu } from '../cpu/cpu.ts';
import type { Process } from '../host/process/process.ts';
import type { HitFilter } from './hit-filters.ts';

export interface CodeBreakpoint {
  /** How the debugger called it; all are the same here. */
  readonly hardware: boolean;
  readonly filter?: HitFilter;
}

export class ProcessBreakpoints {
  private readonly cpu: Cpu;
  private readonly byProcess = new Map<Process, Map<number, CodeBreakpoint>>();

  constructor(cpu: Cpu) {
    this.cpu = cpu;
  }

  get(process: Process, address: number): CodeBreakpoint | undefined {
    return this.byProcess.get(process)?.get(address);
  }

  /** One that is already there is replaced. */
  set(process: Process, address: number, breakpoint: CodeBreakpoint): void {
    let own = this.byProcess.get(process);
    if (own === undefined) this.byProcess.set(process, (own = new Map()));
    if (!own.has(address)) this.cpu.addBreakpoint(address);
    own.set(address, breakpoint);
  }

  /** False if there was none. */
  delete(process: Process, address: number): boolean {
    if (this.byProcess.get(process)?.delete(address) !== true) return false;
    this.cpu.removeBreakpoint(address);
    return true;
  }

  addresses(process: Process): ReadonlySet<number> {
    return new Set(this.byProcess.get(process)?.keys());
  }

  /** A child has what its parent has, as if it lay in the memory it has a copy of. */
  inherit(parent: Process, child: Process): void {
    for (const [address, breakpoint] of this.byProcess.get(parent) ?? []) this.set(child, address, breakpoint);
  }

  clear(process: Process): void {
    for (const address of this.addresses(process)) this.delete(process, address);
    this.byProcess.delete(process);
  }

  get size(): number {
    return [...this.byProcess.values()].reduce((sum, own) => sum + own.size, 0);
  }
}
