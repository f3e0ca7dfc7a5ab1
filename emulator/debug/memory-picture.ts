/** All pages of an address space as they were: taken, and put back exactly. */
import { PAGE_SIZE } from '../cpu/state.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Frames } from '../memory/frames.ts';

export class MemoryPicture {
  private readonly space: AddressSpace;
  private readonly frames: Frames;
  /** Where each page's copy is in `copies`. */
  private readonly places = new Map<number, number>();
  private readonly copies: Uint8Array;

  /** @throws RangeError when there is no room for the copies */
  constructor(space: AddressSpace, frames: Frames) {
    this.space = space;
    this.frames = frames;
    space.eachPage((page) => this.places.set(page, this.places.size * PAGE_SIZE));
    this.copies = new Uint8Array(this.places.size * PAGE_SIZE);
    space.eachPage((page, frame) => this.copies.set(frames.linear.u8.subarray(frame, frame + PAGE_SIZE), this.places.get(page)));
  }

  /** Puts back what has changed; gives the number of pages that had. Pages that came later are as if never touched. */
  restore(): number {
    const { copies, frames, places, space } = this;
    const { u8 } = frames.linear;
    const fresh: number[] = [];
    let changed = 0;
    space.eachPage((page, frame) => {
      const place = places.get(page);
      if (place === undefined) {
        fresh.push(page);
        return;
      }
      const copy = copies.subarray(place, place + PAGE_SIZE);
      if (Buffer.compare(u8.subarray(frame, frame + PAGE_SIZE), copy) === 0) return;
      frames.changed(frame);
      u8.set(copy, frame);
      changed++;
    });
    for (const page of fresh) space.forgetPage(page);
    return changed + fresh.length;
  }
}
