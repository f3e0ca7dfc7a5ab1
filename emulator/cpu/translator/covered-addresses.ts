/** Instruction addresses inside a changing set of regions, by code context. */
import type { Region } from './region.ts';

export class CoveredAddresses {
  /** How many of the regions have an instruction at the address. */
  private readonly counts = new Map<number, Map<number, number>>();

  has(codeContext: number, address: number): boolean {
    return this.counts.get(codeContext)?.has(address) === true;
  }

  add(codeContext: number, region: Region): void {
    let counts = this.counts.get(codeContext);
    if (counts === undefined) {
      counts = new Map();
      this.counts.set(codeContext, counts);
    }
    for (const { instructions } of region.blocks) for (const { address } of instructions) counts.set(address, (counts.get(address) ?? 0) + 1);
  }

  /** Takes back an `add`. */
  remove(codeContext: number, region: Region): void {
    const counts = this.counts.get(codeContext);
    if (counts === undefined) return;
    for (const { instructions } of region.blocks) {
      for (const { address } of instructions) {
        const count = counts.get(address) ?? 0;
        if (count > 1) counts.set(address, count - 1);
        else counts.delete(address);
      }
    }
    if (counts.size === 0) this.counts.delete(codeContext);
  }
}
