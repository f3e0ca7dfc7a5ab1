/** The stopped target's memory in pages, fetched when missed and kept until it resumes or is written. */
import { Miss } from './miss.ts';

const PAGE = 4096;

/** As many bytes from `address` on as can be read. */
export type FetchMemory = (address: bigint, length: number) => Promise<Uint8Array>;

export class TargetMemory {
  private readonly fetchBytes: FetchMemory;
  private readonly pages = new Map<bigint, Uint8Array>();

  constructor(fetchBytes: FetchMemory) {
    this.fetchBytes = fetchBytes;
  }

  /** Exactly `length` bytes; undefined when not all can be read. @throws Miss */
  read(address: bigint, length: number): Uint8Array | undefined {
    const bytes = this.readSome(address, length);
    return bytes.length < length ? undefined : bytes;
  }

  /** The bytes up to the first which cannot be read. @throws Miss */
  readSome(address: bigint, length: number): Uint8Array {
    const start = BigInt.asUintN(64, address);
    const first = start - (start % BigInt(PAGE));
    const offset = Number(start - first);
    const count = Math.ceil((offset + length) / PAGE);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const page = this.pages.get(BigInt.asUintN(64, first + BigInt(i * PAGE)));
      if (page === undefined) throw new PageMiss(this, first, count, i);
      parts.push(page);
      if (page.length < PAGE) break;
    }
    const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    return whole.subarray(Math.min(offset, whole.length), offset + length);
  }

  /** Reads without a miss, for callers that can wait. */
  async get(address: bigint, length: number): Promise<Uint8Array> {
    for (;;) {
      try {
        return this.readSome(address, length);
      } catch (error) {
        if (!(error instanceof Miss)) throw error;
        await error.fetch();
      }
    }
  }

  clear(): void {
    this.pages.clear();
  }

  /** Fetches the missing pages of a range at once. */
  async fill(first: bigint, count: number, missing: number): Promise<void> {
    let end = missing;
    while (end < count && !this.pages.has(BigInt.asUintN(64, first + BigInt(end * PAGE)))) end++;
    const bytes = await this.fetchBytes(BigInt.asUintN(64, first + BigInt(missing * PAGE)), (end - missing) * PAGE);
    for (let i = missing; i < end; i++) {
      const part = bytes.subarray((i - missing) * PAGE, (i - missing + 1) * PAGE);
      this.pages.set(BigInt.asUintN(64, first + BigInt(i * PAGE)), part);
      if (part.length < PAGE) break;
    }
  }
}

class PageMiss extends Miss {
  private readonly memory: TargetMemory;
  private readonly first: bigint;
  private readonly count: number;
  private readonly missing: number;

  constructor(memory: TargetMemory, first: bigint, count: number, missing: number) {
    super();
    this.memory = memory;
    this.first = first;
    this.count = count;
    this.missing = missing;
  }

  override fetch(): Promise<void> {
    return this.memory.fill(this.first, this.count, this.missing);
  }
}
