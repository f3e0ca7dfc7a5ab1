/**
 * All pages of an address space as they were: taken, and put back exactly. So are pages that others have mapped and this space has not: it may
 * come to them through what it shares with those.
 */
import { PAGE_SIZE } from '../cpu/state.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Frames } from '../memory/frames.ts';

export class MemoryPicture {
  private readonly space: AddressSpace;
  private readonly frames: Frames;
  /** Where each page's copy is in `copies`. */
  private readonly places = new Map<number, number>();
  /** The same by frame, for pages of others. */
  private readonly foreign = new Map<number, number>();
  private readonly copies: Uint8Array;

  /** @throws RangeError when there is no room for the copies */
  constructor(space: AddressSpace, others: Iterable<AddressSpace>, frames: Frames) {
    this.space = space;
    this.frames = frames;
    const own = new Set<number>();
    let size = 0;
    const place = (): number => (size += PAGE_SIZE) - PAGE_SIZE;
    space.eachPage((page, frame) => {
      this.places.set(page, place());
      own.add(frame);
    });
    for (const other of others) {
      other.eachPage((_, frame) => {
        if (!own.has(frame) && !this.foreign.has(frame)) this.foreign.set(frame, place());
      });
    }
    this.copies = new Uint8Array(size);
    const { u8 } = frames.linear;
    space.eachPage((page, frame) => this.copies.set(u8.subarray(frame, frame + PAGE_SIZE), this.places.get(page)));
    for (const [frame, at] of this.foreign) this.copies.set(u8.subarray(frame, frame + PAGE_SIZE), at);
  }

  /** Puts back what has changed; gives the number of pages that had. Pages that came later are as if never touched. */
  restore(): number {
    const { places, space } = this;
    const fresh: number[] = [];
    let changed = 0;
    space.eachPage((page, frame) => {
      const place = places.get(page);
      if (place === undefined) {
        fresh.push(page);
        return;
      }
      if (this.putBack(frame, place)) changed++;
    });
    for (const [frame, place] of this.foreign) if (this.putBack(frame, place)) changed++;
    for (const page of fresh) space.forgetPage(page);
    return changed + fresh.length;
  }

  /** True if the frame had changed. */
  private putBack(frame: number, place: number): boolean {
    const { copies, frames } = this;
    const { u8 } = frames.linear;
    const copy = copies.subarray(place, place + PAGE_SIZE);
    if (Buffer.compare(u8.subarray(frame, frame + PAGE_SIZE), copy) === 0) return false;
    frames.changed(frame);
    u8.set(copy, frame);
    return true;
  }
}
