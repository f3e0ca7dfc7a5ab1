/** All address spaces of the machine: their numbers, their TLBs' room, and what concerns several of them at once. */
import { TLB_BYTES } from '../cpu/state.ts';
import { AddressSpace, type Layout } from './address-space.ts';
import { BlockPool, type Frames, type Mappings } from './frames.ts';
import type { SpaceLimits } from './mapped-pages.ts';
import type { PageSource } from './page-source.ts';
import { SharedAnonymous } from './shared-anonymous.ts';
import { Tlb } from './tlb.ts';

/** Code contexts are kept below this: the CPU packs them with a mode bit into an i32. */
const CODE_CONTEXTS = 2 ** 30;

export class AddressSpaces implements Mappings {
  readonly frames: Frames;
  /** vm.mmap_min_addr: lowest address the placement of mappings uses. */
  readonly minimumAddress = 0x10000;
  /** Called when a space's last reference is gone; its mappings are still there. */
  onDestroy: (space: AddressSpace) => void = () => {};
  private readonly tlbs: BlockPool;
  private readonly alive = new Set<AddressSpace>();
  private ids = 0;
  private contexts = 0;
  private sharedObjects = 0;

  /** @param maximum how many there may be at a time. */
  constructor(frames: Frames, maximum: number) {
    this.frames = frames;
    frames.mappings = this;
    this.tlbs = new BlockPool(frames, TLB_BYTES * 2, maximum);
  }

  /** Bytes of linear memory which `maximum` address spaces need besides their pages. */
  static tableBytes(maximum: number): number {
    return BlockPool.bytes(TLB_BYTES * 2, maximum);
  }

  /** An empty address space with one reference; undefined: ENOMEM. */
  create(layout: Layout, limits: SpaceLimits): AddressSpace | undefined {
    const block = this.tlbs.take();
    if (block === 0) return undefined;
    const tlb = new Tlb(this.frames.linear, block);
    tlb.flushAll();
    const space = new AddressSpace(this, ++this.ids, tlb, block, layout, limits);
    this.alive.add(space);
    return space;
  }

  /** For AddressSpace: its last reference is gone. */
  destroyed(space: AddressSpace): void {
    this.alive.delete(space);
    this.tlbs.give(space.tlb);
  }

  /** All there are, in the order they were made. */
  get all(): Iterable<AddressSpace> {
    return this.alive;
  }

  get count(): number {
    return this.alive.size;
  }

  nextCodeContext(): number {
    if (++this.contexts >= CODE_CONTEXTS) throw new Error('code contexts are used up');
    return this.contexts;
  }

  shareableMemory(): SharedAnonymous {
    return new SharedAnonymous(this.frames, ++this.sharedObjects);
  }

  /**
   * Unmaps pages [first, first + count) of a file wherever they are mapped, because they leave its page cache (truncation, hole punching).
   * @param copies also private copies made of them (truncation).
   */
  unmapSource(source: PageSource, first: number, count: number, copies: boolean): void {
    for (const space of this.alive) space.unmapSource(source, first, count, copies);
  }
}
