/**
 * The allocator of 4 KiB page frames: all of linear memory above ENGINE_BYTES. A frame is named by its linear address (so 0 is "none").
 * Frames are counted references: a page cache, each page-table entry and whoever looks at one for longer holds one each.
 * Frames that were never used are zero already (fresh WebAssembly memory); used ones are cleared when they are handed out again.
 */
import { PAGE_SIZE } from '../cpu/state.ts';
import { ENGINE_BYTES, type LinearMemory } from './linear-memory.ts';
import type { CodeWatcher } from './page-access.ts';
import type { PageSource } from './page-source.ts';

const FIRST = ENGINE_BYTES / PAGE_SIZE;

/** Who knows where files are mapped: AddressSpaces. */
export interface Mappings {
  unmapSource(source: PageSource, first: number, count: number, copies: boolean): void;
}

export class Frames {
  readonly linear: LinearMemory;
  /** Who must hear of frames that are freed or overwritten; the Cpu, once there is one. */
  watcher: CodeWatcher | undefined;
  /** All address spaces, once there are any. */
  mappings: Mappings | undefined;
  /** Gives up frames whose contents can be had again (clean file pages), when there are no others; true if it did. */
  reclaim: (() => boolean) | undefined;
  private readonly references: Uint32Array;
  private readonly freed: Uint32Array;
  private freedCount = 0;
  /** First frame number never handed out; frames from `top` up are reserved (see `reserve`). */
  private fresh = FIRST;
  private top: number;
  private used = 0;
  /** Bytes of {@link charge}, and the frames they come to. */
  private charged = 0;
  private chargedFrames = 0;
  private limit: number;

  /** @param limitBytes what guests may have at most, if that is less than the memory there is. */
  constructor(linear: LinearMemory, limitBytes = Infinity) {
    this.linear = linear;
    this.top = Math.floor(linear.u8.length / PAGE_SIZE);
    this.references = new Uint32Array(this.top);
    this.freed = new Uint32Array(this.top);
    this.limit = Math.min(this.top - FIRST, Math.floor(limitBytes / PAGE_SIZE));
  }

  /** Frames guests may have in all. */
  get total(): number {
    return this.limit;
  }

  /** Frames in use. */
  get inUse(): number {
    return this.used;
  }

  /**
   * Counts what a kernel would keep in page frames and we keep in JavaScript (page tables, areas) against the memory there is, so that no guest can use
   * up ours with it. Never refused: who can say no asks `exhausted` before.
   * @param bytes negative to give back
   */
  charge(bytes: number): void {
    this.charged += bytes;
    this.chargedFrames = Math.ceil(this.charged / PAGE_SIZE);
  }

  /** Nothing more is to be had. */
  get exhausted(): boolean {
    return this.used + this.chargedFrames >= this.limit && (this.reclaim === undefined || !this.reclaim());
  }

  /** Bytes charged for tables. */
  get tableBytes(): number {
    return this.charged;
  }

  /** A zeroed frame with one reference; 0 when none is free. */
  allocate(): number {
    const recycled = this.freedCount > 0;
    const frame = this.allocateDirty();
    if (recycled && frame !== 0) this.linear.u64.fill(0n, frame / 8, (frame + PAGE_SIZE) / 8);
    return frame;
  }

  /** A frame with the contents of another and one reference; 0 when none is free. */
  copy(original: number): number {
    const frame = this.allocateDirty();
    if (frame !== 0) this.linear.u8.copyWithin(frame, original, original + PAGE_SIZE);
    return frame;
  }

  retain(frame: number): void {
    this.references[frame >>> 12]++;
  }

  /** Drops a reference; the last one frees the frame and the code translated from it. */
  release(frame: number): void {
    const number = frame >>> 12;
    const left = this.references[number];
    if (left === 0) throw new Error(`frame ${frame.toString(16)} released too often`);
    this.references[number] = left - 1;
    if (left > 1) return;
    this.changed(frame);
    this.freed[this.freedCount++] = number;
    this.used--;
  }

  count(frame: number): number {
    return this.references[frame >>> 12];
  }

  /** The frame's contents were, or are about to be, changed by other means than a guest store: code translated from it is dropped. */
  changed(frame: number): void {
    const watcher = this.watcher;
    if (watcher !== undefined && watcher.hasCode(frame)) watcher.frameChanged(frame);
  }

  /**
   * Before a file gives up pages [first, first + count): removes them from all address spaces, so that the next access asks the file again.
   * @param copies also private copies made of them (truncation)
   */
  unmapSource(source: PageSource, first: number, count: number, copies: boolean): void {
    this.mappings?.unmapSource(source, first, count, copies);
  }

  /**
   * Takes `bytes` (rounded up to pages) for the machine's own tables, from the top; they never come back. Returns their linear address.
   * @throws when there is no room
   */
  reserve(bytes: number): number {
    const pages = Math.ceil(bytes / PAGE_SIZE);
    if (this.top - pages < this.fresh) throw new Error(`no room for ${bytes} bytes of tables`);
    this.top -= pages;
    this.limit = Math.min(this.limit, this.top - FIRST);
    return this.top * PAGE_SIZE;
  }

  private allocateDirty(): number {
    if (this.used + this.chargedFrames >= this.limit && (this.reclaim === undefined || !this.reclaim())) return 0;
    let number: number;
    if (this.freedCount > 0) number = this.freed[--this.freedCount];
    else if (this.fresh < this.top) number = this.fresh++;
    else return 0;
    this.used++;
    this.references[number] = 1;
    return number * PAGE_SIZE;
  }
}

/** Equal blocks of linear memory for the machine's own tables: TLBs, thread contexts. All are set aside at once, so that guests cannot use them up. */
export class BlockPool {
  private readonly size: number;
  private readonly end: number;
  /** First block never handed out. */
  private fresh: number;
  private readonly free: number[] = [];

  /** @throws when linear memory has no room for `count` blocks of `size` bytes */
  constructor(frames: Frames, size: number, count: number) {
    this.size = size;
    this.fresh = frames.reserve(size * count);
    this.end = this.fresh + size * count;
  }

  /** Bytes of linear memory a pool takes. */
  static bytes(size: number, count: number): number {
    return Math.ceil((size * count) / PAGE_SIZE) * PAGE_SIZE;
  }

  /** Linear address of a block with unspecified contents; 0 when all are in use. */
  take(): number {
    const block = this.free.pop();
    if (block !== undefined) return block;
    if (this.fresh === this.end) return 0;
    const first = this.fresh;
    this.fresh += this.size;
    return first;
  }

  give(block: number): void {
    this.free.push(block);
  }
}
