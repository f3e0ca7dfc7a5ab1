/** Decodes guest code of one address space for region formation, page by page, and remembers which pages it looked at. */
import { decode } from '../decode/decoder.ts';
import type { Instruction } from '../decode/instruction.ts';
import { PAGE_SIZE } from '../state.ts';
import type { CodePage, RegionHost } from '../translator-interface.ts';
import type { PageAccess } from '../../memory/page-access.ts';
import { readJumpTable, readPointer } from './jump-table.ts';
import type { CodeSource } from './region.ts';

/** Longest instruction, and how far the decoder may read beyond its limit. */
const MAX_LENGTH = 15;

/** Targets of one indirect jump at most; each costs a comparison. */
const MAX_LIKELY = 24;
/** Code that runs less often than once in so many runs of a region's entry stays out of it. */
const SELDOM = 512;

export class CodeReader implements CodeSource {
  readonly mode: 64 | 32;
  private readonly host: RegionHost;
  private readonly space: PageAccess;
  private readonly known = new Map<number, CodePage | undefined>();
  /** Runs of the interpreter's blocks by address, by page. */
  private readonly blocks = new Map<number, ReadonlyMap<number, number>>();
  /** An instruction that crosses into the next page is put together here. */
  private readonly crossing = new Uint8Array(4 * MAX_LENGTH);

  constructor(host: RegionHost, space: PageAccess, mode: 64 | 32) {
    this.host = host;
    this.space = space;
    this.mode = mode;
  }

  isStop(address: number): boolean {
    return this.host.isBreakpoint(address);
  }

  decode(address: number, into: Instruction): boolean {
    const number = Math.floor(address / PAGE_SIZE);
    const page = this.page(number);
    if (page === undefined) return false;
    const { u8 } = this.host.linear;
    const offset = address - number * PAGE_SIZE;
    const result = decode(u8, page.frame + offset, page.frame + PAGE_SIZE, address, this.mode, into);
    if (result !== 'truncated') return result === 'ok';
    const next = this.page(number + 1);
    if (next === undefined) return false;
    const first = PAGE_SIZE - offset;
    this.crossing.set(u8.subarray(page.frame + offset, page.frame + PAGE_SIZE));
    this.crossing.set(u8.subarray(next.frame, next.frame + MAX_LENGTH), first);
    return decode(this.crossing, 0, first + MAX_LENGTH, address, this.mode, into) === 'ok';
  }

  /** A byte of code which has been decoded. */
  byteAt(address: number): number {
    const number = Math.floor(address / PAGE_SIZE);
    const page = this.page(number);
    if (page === undefined) throw new Error(`no code at ${address.toString(16)} any more`);
    return this.host.linear.u8[page.frame + address - number * PAGE_SIZE];
  }

  runs(address: number): number {
    return this.runsIn(address).get(address) ?? 0;
  }

  private runsIn(address: number): ReadonlyMap<number, number> {
    const number = Math.floor(address / PAGE_SIZE);
    let runs = this.blocks.get(number);
    if (runs === undefined) {
      const page = this.page(number);
      runs = new Map(page === undefined ? [] : this.host.blocksIn(page, this.mode).map((block) => [block.rip, block.runs]));
      this.blocks.set(number, runs);
    }
    return runs;
  }

  // A block that was hot starts counting again at 0 (CodeCache.coolDown).
  isCold(address: number, entry: number): boolean {
    const runs = this.runsIn(address).get(address);
    return runs === undefined || (runs > 0 && runs * SELDOM < this.runs(entry));
  }

  // Of the table's entries, those the interpreter has been at.
  likelyTargets(jump: Instruction, before: readonly Instruction[]): readonly number[] {
    const entries = new Set(readJumpTable(this.host.linear, jump, before, this.mode));
    const pages = new Set([...entries].map((target) => Math.floor(target / PAGE_SIZE)));
    const blocks = [...pages].flatMap((number) => {
      const page = this.page(number);
      return page === undefined ? [] : this.host.blocksIn(page, this.mode);
    });
    return blocks
      .filter(({ rip, runs }) => runs > 0 && entries.has(rip))
      .sort((a, b) => b.runs - a.runs || a.rip - b.rip)
      .slice(0, MAX_LIKELY)
      .map(({ rip }) => rip);
  }

  pointerOf({ memory, index, base, ripRelative, address, length, displacement }: Instruction): number | undefined {
    if (!memory || index >= 0 || (base >= 0 && !ripRelative)) return undefined;
    const target = readPointer(this.host.linear, ripRelative ? address + length + displacement : displacement, this.mode);
    return target !== undefined && this.runsIn(target).has(target) ? target : undefined;
  }

  /** The page as it was when it was first looked at. */
  page(number: number): CodePage | undefined {
    if (!this.known.has(number)) this.known.set(number, this.host.codePage(this.space, number));
    return this.known.get(number);
  }
}
