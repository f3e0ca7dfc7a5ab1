/** Sums of one execution context in JavaScript: what has been taken out of its bank so far. */
import type { CountedTransfer, TransferSite } from './transfer.ts';

interface SiteTotals {
  readonly site: TransferSite;
  readonly targets: Map<number, number>;
}

export class TransferTotals {
  /** Instructions retired. */
  retired = 0;
  private readonly sites = new Map<number, SiteTotals>();
  /** Runs that began at an address, minus those that ended before it. */
  private readonly edges = new Map<number, number>();

  add(site: TransferSite, target: number, count: number): void {
    let totals = this.sites.get(site.site);
    if (totals === undefined) this.sites.set(site.site, (totals = { site, targets: new Map() }));
    totals.targets.set(target, (totals.targets.get(target) ?? 0) + count);
  }

  /** Execution began at `rip`. */
  began(rip: number): void {
    this.edges.set(rip, (this.edges.get(rip) ?? 0) + 1);
  }

  /** Execution ended before the instruction at `rip`. */
  ended(rip: number): void {
    const count = (this.edges.get(rip) ?? 0) - 1;
    if (count === 0) this.edges.delete(rip);
    else this.edges.set(rip, count);
  }

  *transfers(): Generator<CountedTransfer> {
    for (const { site, targets } of this.sites.values()) for (const [target, count] of targets) yield { ...site, target, count };
  }

  /** Where runs began and ended: address → runs begun there minus runs ended there. */
  boundaries(): ReadonlyMap<number, number> {
    return this.edges;
  }

  clear(): void {
    this.retired = 0;
    this.sites.clear();
    this.edges.clear();
  }
}
