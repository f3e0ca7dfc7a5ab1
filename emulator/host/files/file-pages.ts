/**
 * A file's contents as page frames: what read, write and mmap share. Pages come on first use; a hole has no frame until it is
 * mapped or written.
 */
import { PAGE_SIZE } from '../../cpu/state.ts';
import type { Frames } from '../../memory/frames.ts';
import type { PageSource } from '../../memory/page-source.ts';

export abstract class FilePages implements PageSource {
  protected readonly memory: Frames;
  protected readonly frames = new Map<number, number>();
  /** Length in bytes. */
  size = 0;
  /** Mappings made of it. */
  mappings = 0;

  constructor(memory: Frames) {
    this.memory = memory;
  }

  abstract get mapName(): string;
  abstract get device(): number;
  abstract get inode(): number;

  /** Fills a fresh, zeroed frame with page `index`'s contents; false when it cannot be read. */
  protected abstract fill(index: number, frame: number): boolean;

  /** Takes note that bytes [start, end) of the cache were written by the guest. */
  protected abstract written(start: number, end: number): boolean;

  frame(index: number): number {
    if (index * PAGE_SIZE >= this.size) return 0;
    return this.cached(index);
  }

  mapped(): void {
    this.mappings++;
  }

  unmapped(): void {
    this.mappings--;
  }

  /** True if page `index` has contents of its own (SEEK_DATA). */
  hasPage(index: number): boolean {
    return this.frames.has(index);
  }

  get cachedPages(): number {
    return this.frames.size;
  }

  /** Copies from the file; returns the bytes copied, short only at its end, or -1 when a page could not be read. */
  readBytes(position: number, into: Uint8Array): number {
    const count = Math.min(into.length, Math.max(0, this.size - position));
    let done = 0;
    while (done < count) {
      const at = position + done;
      const index = Math.floor(at / PAGE_SIZE);
      const inPage = at - index * PAGE_SIZE;
      const piece = Math.min(PAGE_SIZE - inPage, count - done);
      const frame = this.readable(index);
      if (frame < 0) return -1;
      if (frame === 0) into.fill(0, done, done + piece);
      else into.set(this.memory.linear.u8.subarray(frame + inPage, frame + inPage + piece), done);
      done += piece;
    }
    return count;
  }

  /** Copies into the file, growing it; returns the bytes written, short (or 0) when no frame is free, -1 when the host refused. */
  writeBytes(position: number, from: Uint8Array): number {
    let done = 0;
    while (done < from.length) {
      const at = position + done;
      const index = Math.floor(at / PAGE_SIZE);
      const inPage = at - index * PAGE_SIZE;
      const piece = Math.min(PAGE_SIZE - inPage, from.length - done);
      const frame = this.cached(index);
      if (frame < 0) break;
      this.memory.changed(frame);
      this.memory.linear.u8.set(from.subarray(done, done + piece), frame + inPage);
      done += piece;
    }
    if (done > 0) {
      if (position + done > this.size) this.size = position + done;
      if (!this.written(position, position + done)) return -1;
    }
    return done;
  }

  /** Sets the length: what is cut off reads as zeros if the file grows again. */
  resize(size: number): void {
    if (size < this.size) {
      const keep = Math.ceil(size / PAGE_SIZE);
      if (this.mappings > 0) this.memory.unmapSource(this, keep, Infinity, true);
      for (const index of [...this.frames.keys()]) if (index >= keep) this.drop(index);
      const partial = size % PAGE_SIZE;
      const last = partial === 0 ? undefined : this.frames.get(keep - 1);
      if (last !== undefined) {
        this.memory.changed(last);
        this.memory.linear.u8.fill(0, last + partial, last + PAGE_SIZE);
      }
    }
    this.size = size;
  }

  /** Frees the whole pages in [start, end) and zeroes the rest of that range. */
  punchHole(start: number, end: number): void {
    const firstWhole = Math.ceil(start / PAGE_SIZE);
    const endWhole = Math.floor(end / PAGE_SIZE);
    if (this.mappings > 0 && endWhole > firstWhole) this.memory.unmapSource(this, firstWhole, endWhole - firstWhole, false);
    for (const index of [...this.frames.keys()]) if (index >= firstWhole && index < endWhole) this.drop(index);
    if (firstWhole > endWhole) this.zero(start, end);
    else {
      this.zero(start, firstWhole * PAGE_SIZE);
      this.zero(endWhole * PAGE_SIZE, end);
    }
  }

  /** MADV_REMOVE: `count` pages from `index` read as zeros from now on. */
  punch(index: number, count: number): number {
    this.punchHole(index * PAGE_SIZE, (index + count) * PAGE_SIZE);
    return 0;
  }

  /** Gives all frames back. */
  free(): void {
    for (const index of [...this.frames.keys()]) this.drop(index);
  }

  /** The frame of a page to be read, 0 for a hole, -1 when no frame is free. */
  protected readable(index: number): number {
    return this.cached(index);
  }

  protected cached(index: number): number {
    const known = this.frames.get(index);
    if (known !== undefined) return known;
    const frame = this.memory.allocate();
    if (frame === 0) return -1;
    if (!this.fill(index, frame)) {
      this.memory.release(frame);
      return -1;
    }
    this.frames.set(index, frame);
    return frame;
  }

  protected drop(index: number): void {
    const frame = this.frames.get(index);
    if (frame === undefined) return;
    this.frames.delete(index);
    this.memory.release(frame);
  }

  private zero(start: number, end: number): void {
    let at = start;
    while (at < end) {
      const index = Math.floor(at / PAGE_SIZE);
      const stop = Math.min(end, (index + 1) * PAGE_SIZE);
      const frame = this.frames.get(index);
      if (frame !== undefined) {
        this.memory.changed(frame);
        this.memory.linear.u8.fill(0, frame + (at - index * PAGE_SIZE), frame + (stop - index * PAGE_SIZE));
      }
      at = stop;
    }
  }
}
