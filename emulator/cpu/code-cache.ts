/**
 * Decoded blocks and translated regions, by the page frame they were made from: the same frame at the same address is the
 * same code in every address space, so processes share it. The jump cache maps (rip, code context) to blocks
 * for emitted code; what it does not have, `find` answers from here.
 *
 * A region starts at a block; its entry is a copy of that block's header and records with the region's table slot in it,
 * so that spaces for which the region has not been validated keep the plain one.
 */
import {
  ARENA, ARENA_END, BLOCK_BYTES, BLOCK_COUNT, BLOCK_FRAME, BLOCK_FRAME2, BLOCK_HEADER, BLOCK_REGION, BLOCK_RIP, BLOCK_RUNS, BLOCK_UNCHAINED,
  JUMP_CACHE, JUMP_CACHE_ENTRIES, jumpCacheOffset, jumpCacheSalt, RECORD, regionCacheEntry,
} from './engine-area.ts';
import { PAGE_SIZE } from './state.ts';
import type { LinearMemory } from '../memory/linear-memory.ts';
import type { FinishedRegion, KnownBlock } from './translator-interface.ts';

/** A region, its entry block, and the code contexts in which its pages are known to be the same. */
interface InstalledRegion extends FinishedRegion {
  readonly header: number;
  readonly contexts: Set<number>;
}

/** Contexts come and go with processes: a set of them is emptied when it gets bigger. */
const CONTEXT_LIMIT = 256;

/** What is known of one frame. */
interface FrameCode {
  /** Block headers by rip × 2 + (1 in 64-bit mode). */
  readonly blocks: Map<number, number>;
  /** Headers of blocks of other frames whose last instruction ends here. */
  readonly tails: Set<number>;
  /** Regions with code from here. */
  readonly regions: Set<InstalledRegion>;
  /** Virtual page numbers it was run at. */
  readonly pages: Set<number>;
  /** Code contexts for which its blocks have been put into the jump cache together. */
  readonly cachedFor: Set<number>;
}

export class CodeCache {
  /** Called for every region that goes. */
  onRegionDropped: (tableIndex: number) => void = () => {};
  /** Called before everything is forgotten. */
  onFlush: () => void = () => {};
  /** Called when a block's header and records have been copied. */
  onCopied: (from: number, to: number, bytes: number) => void = () => {};
  /** Blocks built since the start. */
  built = 0;
  private readonly linear: LinearMemory;
  private readonly frames = new Map<number, FrameCode>();
  private readonly coded: Uint8Array;
  private readonly versions: Uint32Array;
  /** Regions by rip × 2 + (1 in 64-bit mode). */
  private readonly regions = new Map<number, Set<InstalledRegion>>();
  /** Contexts for which the jump cache may have entries. */
  private readonly contexts = new Set<number>();
  private top = ARENA;

  constructor(linear: LinearMemory) {
    this.linear = linear;
    this.coded = new Uint8Array(linear.u8.length / PAGE_SIZE);
    this.versions = new Uint32Array(linear.u8.length / PAGE_SIZE);
  }

  hasCode(frame: number): boolean {
    return this.coded[frame >>> 12] !== 0;
  }

  version(frame: number): number {
    return this.versions[frame >>> 12];
  }

  /** Marks a frame as holding code (at virtual page `page`). True if it was not marked yet: its write TLB entries must go. */
  mark(frame: number, page: number): boolean {
    const known = this.frames.get(frame);
    if (known !== undefined) {
      known.pages.add(page);
      return false;
    }
    this.frames.set(frame, { blocks: new Map(), tails: new Set(), regions: new Set(), pages: new Set([page]), cachedFor: new Set() });
    this.coded[frame >>> 12] = 1;
    return true;
  }

  /** The block at `rip` in frame `frame`, or 0. `frame2` answers for the frame of the next page, when the block reaches into it. */
  find(rip: number, mode: 64 | 32, frame: number, frame2: () => number): number {
    const header = this.frames.get(frame)?.blocks.get(blockKey(rip, mode)) ?? 0;
    if (header === 0) return 0;
    const second = this.i32(header + BLOCK_FRAME2);
    if (second !== 0 && second !== frame2()) {
      this.dropBlock(header);
      return 0;
    }
    return header;
  }

  /** The blocks that start in a frame. */
  blocksIn(frame: number, mode: 64 | 32): KnownBlock[] {
    const blocks: KnownBlock[] = [];
    for (const [key, header] of this.frames.get(frame)?.blocks ?? []) {
      const rip = this.ripOf(header);
      if (key === blockKey(rip, mode)) blocks.push({ rip, runs: this.i32(header + BLOCK_RUNS) });
    }
    return blocks;
  }

  /** Room for a block of `count` records, one more included for its end; flushes everything when there is none left. */
  allocate(count: number): number {
    const bytes = BLOCK_HEADER + (count + 1) * RECORD;
    if (this.top + bytes > ARENA_END) this.flush();
    const header = this.top;
    this.top += bytes;
    return header;
  }

  /** Files a finished block under its frames, which have been marked. */
  add(header: number, rip: number, mode: 64 | 32): void {
    this.built++;
    const code = this.frames.get(this.i32(header + BLOCK_FRAME));
    if (code === undefined) throw new Error('block of an unmarked frame');
    code.blocks.set(blockKey(rip, mode), header);
    const second = this.i32(header + BLOCK_FRAME2);
    if (second !== 0) this.frames.get(second)?.tails.add(header);
  }

  /** Lets emitted code find the block. */
  cache(header: number, rip: number, codeContext: number): void {
    const { i32 } = this.linear;
    const at = entryIndex(rip, codeContext);
    this.contexts.add(codeContext);
    i32[at] = rip | 0;
    i32[at + 1] = Math.floor(rip / 0x100000000);
    i32[at + 2] = codeContext;
    i32[at + 3] = header;
  }

  /**
   * Lets emitted code find all the blocks of a frame that is run at virtual page `page`: a new process comes to code others
   * have run before, and asking for each block would cost more than running it. Once per frame and context.
   */
  cacheFrame(frame: number, page: number, mode: 64 | 32, codeContext: number): void {
    const code = this.frames.get(frame);
    if (code === undefined || code.cachedFor.has(codeContext)) return;
    if (code.cachedFor.size === CONTEXT_LIMIT) code.cachedFor.clear();
    code.cachedFor.add(codeContext);
    const { i32, u16 } = this.linear;
    for (const [key, header] of code.blocks) {
      const rip = this.ripOf(header);
      // Regions, and blocks which reach into the next page, need a closer look.
      if (key !== blockKey(rip, mode) || Math.floor(rip / PAGE_SIZE) !== page || u16[(header + BLOCK_UNCHAINED) >>> 1] !== 0) continue;
      // What another context left here may be long gone.
      const at = entryIndex(rip, codeContext);
      if (i32[at + 3] !== 0 && i32[at + 2] === codeContext) continue;
      this.coolDown(header);
      this.cache(header, rip, codeContext);
    }
  }

  /** The region entry for a block in this context, or 0. `frameOf` gives the frame of a virtual page as code now. */
  regionEntry(rip: number, mode: 64 | 32, codeContext: number, frameOf: (page: number) => number): number {
    const candidates = this.regions.get(blockKey(rip, mode));
    if (candidates === undefined) return 0;
    for (const region of candidates) {
      if (region.contexts.has(codeContext)) return region.header;
      if (!region.pages.every(({ page, frame }) => frameOf(page) === frame)) continue;
      if (region.contexts.size === CONTEXT_LIMIT) region.contexts.clear();
      region.contexts.add(codeContext);
      return region.header;
    }
    return 0;
  }

  /** A block that was hot in one context and has no region in another starts counting again. */
  coolDown(header: number): void {
    this.linear.i32[(header + BLOCK_RUNS) >>> 2] = 0;
  }

  /** Keeps a block out of chains and of {@link cacheFrame}: whether it may run is asked each time. */
  isolate(header: number): void {
    this.linear.u16[(header + BLOCK_UNCHAINED) >>> 1] = 1;
  }

  /** Takes a region made by the translator; false when its code has changed meanwhile. */
  install(region: FinishedRegion): boolean {
    const { rip, codeContext, pages } = region;
    const mode = (codeContext & 1) === 1 ? 32 : 64;
    for (const { frame, version } of pages) if (this.version(frame) !== version || !this.hasCode(frame)) return false;
    const header = this.entryFor(region, mode);
    if (header === 0) return false;
    const installed: InstalledRegion = { ...region, header, contexts: new Set([codeContext]) };
    for (const { frame } of pages) this.frames.get(frame)?.regions.add(installed);
    const key = blockKey(rip, mode);
    const others = this.regions.get(key);
    if (others === undefined) this.regions.set(key, new Set([installed]));
    else others.add(installed);
    this.uncache(rip);
    return true;
  }

  /** Drops what was made from a frame. */
  dropFrame(frame: number): void {
    const code = this.frames.get(frame);
    if (code === undefined) return;
    for (const region of [...code.regions]) this.dropRegion(region);
    for (const header of [...code.blocks.values(), ...code.tails]) this.dropBlock(header);
    this.frames.delete(frame);
    this.coded[frame >>> 12] = 0;
    this.versions[frame >>> 12]++;
  }

  /** Drops what runs over or starts at an address, in any space: a breakpoint is going to be there. */
  dropAddress(address: number): void {
    const page = Math.floor(address / PAGE_SIZE);
    for (const code of [...this.frames.values()]) {
      if (!code.pages.has(page) && !code.pages.has(page - 1)) continue;
      for (const region of [...code.regions]) if (region.pages.some((p) => p.page === page)) this.dropRegion(region);
      for (const header of [...code.blocks.values()]) {
        const rip = this.ripOf(header);
        if (rip <= address && address < rip + this.linear.u16[(header + BLOCK_BYTES) >>> 1]) this.dropBlock(header);
      }
    }
  }

  /** Forgets everything. */
  flush(): void {
    this.onFlush();
    for (const regions of [...this.regions.values()]) for (const region of [...regions]) this.dropRegion(region);
    for (const frame of this.frames.keys()) {
      this.coded[frame >>> 12] = 0;
      this.versions[frame >>> 12]++;
    }
    this.frames.clear();
    this.clearJumpCache();
    this.top = ARENA;
  }

  ripOf(header: number): number {
    const at = (header + BLOCK_RIP) >>> 2;
    return this.linear.u32[at] + this.linear.u32[at + 1] * 0x100000000;
  }

  private i32(address: number): number {
    return this.linear.i32[address >>> 2];
  }

  /** Takes an address out of the jump cache in all contexts; with `header`, only where it leads to that. */
  private uncache(rip: number, header = 0): void {
    const { i32 } = this.linear;
    if (this.contexts.size > CONTEXT_LIMIT) {
      this.clearJumpCache();
      return;
    }
    for (const context of this.contexts) {
      const at = entryIndex(rip, context) + 3;
      if (header === 0 || i32[at] === header) i32[at] = 0;
    }
  }

  private clearJumpCache(): void {
    this.linear.i32.fill(0, JUMP_CACHE >>> 2, (JUMP_CACHE + JUMP_CACHE_ENTRIES * 16) >>> 2);
    this.contexts.clear();
    for (const code of this.frames.values()) code.cachedFor.clear();
  }

  private dropBlock(header: number): void {
    const rip = this.ripOf(header);
    this.uncache(rip, header);
    this.linear.u16[(header + BLOCK_UNCHAINED) >>> 1] = 1;
    const code = this.frames.get(this.i32(header + BLOCK_FRAME));
    if (code !== undefined) {
      for (const mode of [64, 32] as const) if (code.blocks.get(blockKey(rip, mode)) === header) code.blocks.delete(blockKey(rip, mode));
    }
    this.frames.get(this.i32(header + BLOCK_FRAME2))?.tails.delete(header);
  }

  /** Makes a region's entry block: a copy of the plain block. 0 when there is no such block. */
  private entryFor(region: FinishedRegion, mode: 64 | 32): number {
    const { rip } = region;
    const page = Math.floor(rip / PAGE_SIZE);
    const frame = region.pages.find((p) => p.page === page)?.frame ?? 0;
    const plain = this.frames.get(frame)?.blocks.get(blockKey(rip, mode)) ?? 0;
    if (plain === 0) return 0;
    const bytes = BLOCK_HEADER + (this.i32(plain + BLOCK_COUNT) + 1) * RECORD;
    // A flush here would drop the region which is being installed.
    if (this.top + bytes > ARENA_END) return 0;
    const header = this.top;
    this.top += bytes;
    // Neither may be chained to: which one it is depends on the context.
    this.linear.u16[(plain + BLOCK_UNCHAINED) >>> 1] = 1;
    this.linear.u8.copyWithin(header, plain, plain + bytes);
    this.onCopied(plain, header, bytes);
    this.linear.i32[(header + BLOCK_REGION) >>> 2] = region.tableIndex;
    return header;
  }

  private dropRegion(region: InstalledRegion): void {
    const mode = (region.codeContext & 1) === 1 ? 32 : 64;
    const key = blockKey(region.rip, mode);
    const others = this.regions.get(key);
    others?.delete(region);
    if (others?.size === 0) this.regions.delete(key);
    for (const { page, frame } of region.pages) {
      const code = this.frames.get(frame);
      code?.regions.delete(region);
      // The plain block may become hot again.
      const plain = page === Math.floor(region.rip / PAGE_SIZE) ? (code?.blocks.get(key) ?? 0) : 0;
      if (plain === 0) continue;
      this.linear.i32[(plain + BLOCK_RUNS) >>> 2] = 0;
      if (this.i32(plain + BLOCK_FRAME2) === 0) this.linear.u16[(plain + BLOCK_UNCHAINED) >>> 1] = 0;
    }
    this.linear.i32[(region.header + BLOCK_REGION) >>> 2] = 0;
    this.uncache(region.rip);
    this.linear.i32.fill(0, regionCacheEntry(region.rip | 0) >>> 2, (regionCacheEntry(region.rip | 0) >>> 2) + 4);
    this.onRegionDropped(region.tableIndex);
  }
}

/** Index in i32 of the jump cache's entry for an address. */
function entryIndex(rip: number, codeContext: number): number {
  return (JUMP_CACHE + (jumpCacheOffset(rip | 0) ^ jumpCacheSalt(codeContext))) >>> 2;
}

function blockKey(rip: number, mode: 64 | 32): number {
  return rip * 2 + (mode === 64 ? 1 : 0);
}
