/** struct timespec, timeval and itimerspec in guest memory, in the layout of the ABI and the call. Times are nanoseconds, as numbers. */
import type { GuestMemory } from '../../memory/guest-copy.ts';
import { Errno } from '../errno.ts';
import { type ClockTime, NANOSECONDS } from './clock.ts';

export const TICKS_PER_SECOND = 100;
export const NANOSECONDS_PER_TICK = NANOSECONDS / TICKS_PER_SECOND;
/** What the kernel takes for "for ever" (KTIME_MAX), in nanoseconds. */
const LONGEST = 2 ** 63;

/**
 * How seconds and a fraction lie in memory: as two longs of 4 or 8 bytes, or as i386's *_time64 calls have them, 64-bit seconds and a 32-bit
 * fraction with four bytes of whatever behind it.
 */
export type TimeLayout = 4 | 8 | 'padded';

/** Bytes of a pair; an itimerspec is two of them. */
export function pairBytes(layout: TimeLayout): number {
  return layout === 4 ? 8 : 16;
}

/** Seconds and a fraction of them. Undefined: EFAULT. */
export function readPair(space: GuestMemory, address: number, layout: TimeLayout): { readonly seconds: number; readonly fraction: number } | undefined {
  const bytes = space.read(address, pairBytes(layout));
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (layout === 4) return { seconds: view.getInt32(0, true), fraction: view.getInt32(4, true) };
  return { seconds: Number(view.getBigInt64(0, true)), fraction: layout === 8 ? Number(view.getBigInt64(8, true)) : view.getUint32(8, true) };
}

export function writePair(space: GuestMemory, address: number, seconds: number, fraction: number, layout: TimeLayout): boolean {
  const bytes = new Uint8Array(pairBytes(layout));
  const view = new DataView(bytes.buffer);
  if (layout === 4) {
    view.setInt32(0, seconds, true);
    view.setInt32(4, fraction, true);
  } else {
    view.setBigInt64(0, BigInt(seconds), true);
    view.setBigInt64(8, BigInt(fraction), true);
  }
  return space.write(address, bytes);
}

/** A struct timespec as it is: -EFAULT, or -EINVAL when it is not normalised or negative. */
export function readTimespec(space: GuestMemory, address: number, layout: TimeLayout): ClockTime | number {
  const pair = readPair(space, address, layout);
  if (pair === undefined) return -Errno.EFAULT;
  if (pair.seconds < 0 || pair.fraction < 0 || pair.fraction >= NANOSECONDS) return -Errno.EINVAL;
  return { seconds: pair.seconds, nanoseconds: pair.fraction };
}

/** A relative struct timespec in nanoseconds, or a negative errno. */
export function readDuration(space: GuestMemory, address: number, layout: TimeLayout): number {
  const time = readTimespec(space, address, layout);
  return typeof time === 'number' ? time : Math.min(time.seconds * NANOSECONDS + time.nanoseconds, LONGEST);
}

/** A relative struct timeval in nanoseconds, or a negative errno. */
export function readTimeval(space: GuestMemory, address: number, wordSize: 4 | 8): number {
  const pair = readPair(space, address, wordSize);
  if (pair === undefined) return -Errno.EFAULT;
  if (pair.seconds < 0 || pair.fraction < 0 || pair.fraction >= 1_000_000) return -Errno.EINVAL;
  return Math.min(pair.seconds * NANOSECONDS + pair.fraction * 1000, LONGEST);
}

export function writeDuration(space: GuestMemory, address: number, nanoseconds: number, layout: TimeLayout): boolean {
  return writePair(space, address, Math.floor(nanoseconds / NANOSECONDS), nanoseconds % NANOSECONDS, layout);
}

export function writeTimeval(space: GuestMemory, address: number, nanoseconds: number, wordSize: 4 | 8): boolean {
  return writePair(space, address, Math.floor(nanoseconds / NANOSECONDS), Math.floor((nanoseconds % NANOSECONDS) / 1000), wordSize);
}

export function ticks(nanoseconds: number): number {
  return Math.floor(nanoseconds / NANOSECONDS_PER_TICK);
}
