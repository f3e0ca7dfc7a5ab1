/** Which addresses have regions, made or on their way, and so need none of their own. */
import { PAGE_SIZE } from '../state.ts';
import type { Region } from './region.ts';

/** What is kept of a region for as long as it lives: addresses only, as its instructions are many objects. */
export interface Coverage {
  readonly codeContext: number;
  readonly pages: readonly number[];
  readonly addresses: ReadonlySet<number>;
  installed: boolean;
}

export function coverageOf(region: Region, codeContext: number): Coverage {
  const addresses = new Set<number>();
  for (const block of region.blocks) for (const { address } of block.instructions) addresses.add(address);
  return { codeContext, pages: region.pages, addresses, installed: false };
}

export class CoveredCode {
  /** By code context and page. */
  private readonly contexts = new Map<number, Map<number, Set<Coverage>>>();

  add(coverage: Coverage): void {
    let pages = this.contexts.get(coverage.codeContext);
    if (pages === undefined) {
      pages = new Map();
      this.contexts.set(coverage.codeContext, pages);
    }
    for (const page of coverage.pages) {
      const there = pages.get(page);
      if (there === undefined) pages.set(page, new Set([coverage]));
      else there.add(coverage);
    }
  }

  remove(coverage: Coverage): void {
    const pages = this.contexts.get(coverage.codeContext);
    for (const page of coverage.pages) {
      const there = pages?.get(page);
      there?.delete(coverage);
      if (there?.size === 0) pages?.delete(page);
    }
    if (pages?.size === 0) this.contexts.delete(coverage.codeContext);
  }

  /**
   * True inside a region on its way: the blocks of a loop become hot together, and most will be reached through the first one's region. What
   * becomes hot inside an installed one is reached in another way, too.
   */
  has(codeContext: number, address: number): boolean {
    const there = this.contexts.get(codeContext)?.get(Math.floor(address / PAGE_SIZE));
    if (there === undefined) return false;
    for (const { addresses, installed } of there) if (!installed && addresses.has(address)) return true;
    return false;
  }
}
