/** Ranges a debugger watches. Their pages are never in a TLB, so that every access to them takes the slow path. */
import { PAGE_SIZE } from './state.ts';

export interface Watchpoint {
  readonly id: number;
  readonly address: number;
  readonly length: number;
  readonly kind: 'write' | 'read' | 'access';
}

export class Watchpoints {
  private readonly byId = new Map<number, Watchpoint>();
  /** Virtual page numbers with a watchpoint in them, and how many. */
  private readonly pages = new Map<number, number>();

  add(watchpoint: Watchpoint): void {
    this.remove(watchpoint.id);
    this.byId.set(watchpoint.id, watchpoint);
    for (const page of pagesOf(watchpoint)) this.pages.set(page, (this.pages.get(page) ?? 0) + 1);
  }

  remove(id: number): void {
    const old = this.byId.get(id);
    if (old === undefined) return;
    this.byId.delete(id);
    for (const page of pagesOf(old)) {
      const left = (this.pages.get(page) ?? 0) - 1;
      if (left > 0) this.pages.set(page, left);
      else this.pages.delete(page);
    }
  }

  watches(page: number): boolean {
    return this.pages.size > 0 && this.pages.has(page);
  }

  /** The watchpoint an access hits, the one added first if several. */
  hit(address: number, bytes: number, write: boolean): Watchpoint | undefined {
    for (const watchpoint of this.byId.values()) {
      if (watchpoint.kind !== 'access' && (watchpoint.kind === 'write') !== write) continue;
      if (address < watchpoint.address + watchpoint.length && watchpoint.address < address + bytes) return watchpoint;
    }
    return undefined;
  }
}

function* pagesOf({ address, length }: Watchpoint): Generator<number> {
  const last = Math.floor((address + Math.max(length, 1) - 1) / PAGE_SIZE);
  for (let page = Math.floor(address / PAGE_SIZE); page <= last; page++) yield page;
}
