/**
 * Virtual page number → frame and permission bits, for one address space. Entries are 32 bits: the frame's linear address with bits
 * in its low twelve; 0 means no page. Chunks of 512 entries hang in a map; each counts its entries behind them.
 */

/** Permission bits of an entry. They say what may be done without asking; `AddressSpace.touch` adds them as they are earned. */
export const Entry = {
  read: 1,
  write: 2,
  /** Set when the page has been fetched from, not merely when it may be: so its removal tells whether translated code is affected. */
  execute: 4,
} as const;

const PER_CHUNK = 512;
const COUNT = PER_CHUNK;
/** What a chunk takes, with what JavaScript needs around it. */
const CHUNK_BYTES = (PER_CHUNK + 1) * 4 + 252;
const NO_CHUNK: Uint32Array = new Uint32Array(PER_CHUNK + 1);

/** The frame of an entry, as a linear address. */
export function frameOf(entry: number): number {
  return (entry & ~0xfff) >>> 0;
}

/** Who is told of the memory tables take: Frames. */
export interface TableAccounts {
  charge(bytes: number): void;
  readonly exhausted: boolean;
}

export class PageTable {
  private readonly accounts: TableAccounts;
  private readonly chunks = new Map<number, Uint32Array>();
  private cachedNumber = -1;
  private cached: Uint32Array = NO_CHUNK;

  constructor(accounts: TableAccounts) {
    this.accounts = accounts;
  }

  /** False when there is no memory left for a chunk that `page` needs and that is not there. */
  hasRoom(page: number): boolean {
    return this.chunks.has((page - (page & 511)) / PER_CHUNK) || !this.accounts.exhausted;
  }

  /** Bytes the table takes. */
  get bytes(): number {
    return this.chunks.size * CHUNK_BYTES;
  }

  get(page: number): number {
    const number = (page - (page & 511)) / PER_CHUNK;
    if (number !== this.cachedNumber) {
      const chunk = this.chunks.get(number);
      if (chunk === undefined) return 0;
      this.cachedNumber = number;
      this.cached = chunk;
    }
    return this.cached[page & 511];
  }

  /** Sets a non-zero entry. */
  set(page: number, entry: number): void {
    const number = (page - (page & 511)) / PER_CHUNK;
    let chunk = this.chunks.get(number);
    if (chunk === undefined) {
      chunk = new Uint32Array(PER_CHUNK + 1);
      this.chunks.set(number, chunk);
      this.accounts.charge(CHUNK_BYTES);
    }
    if (chunk[page & 511] === 0) chunk[COUNT]++;
    chunk[page & 511] = entry;
  }

  /** Calls `change` for each entry of pages [first, end) and replaces the entry by what it returns (0 removes it). */
  update(first: number, end: number, change: (page: number, entry: number) => number): void {
    const firstChunk = Math.floor(first / PER_CHUNK);
    const lastChunk = Math.floor((end - 1) / PER_CHUNK);
    if (lastChunk - firstChunk > this.chunks.size) {
      for (const number of [...this.chunks.keys()].sort((a, b) => a - b)) {
        if (number >= firstChunk && number <= lastChunk) this.updateChunk(number, first, end, change);
      }
    } else {
      for (let number = firstChunk; number <= lastChunk; number++) this.updateChunk(number, first, end, change);
    }
  }

  /** Number of entries. */
  get size(): number {
    let sum = 0;
    for (const chunk of this.chunks.values()) sum += chunk[COUNT];
    return sum;
  }

  private updateChunk(number: number, first: number, end: number, change: (page: number, entry: number) => number): void {
    const chunk = this.chunks.get(number);
    if (chunk === undefined) return;
    const base = number * PER_CHUNK;
    const from = Math.max(first - base, 0);
    const to = Math.min(end - base, PER_CHUNK);
    for (let i = from; i < to; i++) {
      const entry = chunk[i];
      if (entry === 0) continue;
      const changed = change(base + i, entry);
      if (changed === entry) continue;
      chunk[i] = changed;
      if (changed === 0) chunk[COUNT]--;
    }
    if (chunk[COUNT] === 0) {
      this.chunks.delete(number);
      this.accounts.charge(-CHUNK_BYTES);
      if (this.cachedNumber === number) {
        this.cachedNumber = -1;
        this.cached = NO_CHUNK;
      }
    }
  }
}
