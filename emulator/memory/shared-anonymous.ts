/** Shared anonymous memory (MAP_SHARED|MAP_ANONYMOUS, shared over fork): an object of its own, gone with its last mapping. */
import type { Frames } from './frames.ts';
import type { PageSource } from './page-source.ts';

/** Device number of the kernel-internal tmpfs such objects appear to live on. */
const INTERNAL_TMPFS = 1;

export class SharedAnonymous implements PageSource {
  readonly mapName = '/dev/zero (deleted)';
  readonly device = INTERNAL_TMPFS;
  readonly inode: number;
  private readonly frames: Frames;
  private readonly pages = new Map<number, number>();
  private mappings = 0;

  constructor(frames: Frames, inode: number) {
    this.frames = frames;
    this.inode = inode;
  }

  frame(index: number): number {
    const known = this.pages.get(index);
    if (known !== undefined) return known;
    const frame = this.frames.allocate();
    if (frame === 0) return -1;
    this.pages.set(index, frame);
    return frame;
  }

  mapped(): void {
    this.mappings++;
  }

  unmapped(): void {
    if (--this.mappings > 0) return;
    for (const frame of this.pages.values()) this.frames.release(frame);
    this.pages.clear();
  }

  /** MADV_REMOVE: the pages read as zeros from now on. */
  punch(index: number, count: number): number {
    for (let i = index; i < index + count; i++) {
      const frame = this.pages.get(i);
      if (frame === undefined) continue;
      this.pages.delete(i);
      this.frames.release(frame);
    }
    return 0;
  }
}
