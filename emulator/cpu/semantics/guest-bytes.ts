/** Guest memory from helpers, for ranges that may cross pages. All pages are checked before the first byte is written. */
import { PAGE_SIZE } from '../state.ts';
import type { HelperEnvironment } from './emitter.ts';

/** Bytes up to the end of the page of `va`. */
export const toPageEnd = (va: number): number => PAGE_SIZE - (va % PAGE_SIZE);

/** A copy of `bytes` bytes at `va`, or undefined after recording a fault. */
export function readGuest(env: HelperEnvironment, va: number, bytes: number): Uint8Array | undefined {
  const copy = new Uint8Array(bytes);
  for (let done = 0; done < bytes; ) {
    const chunk = Math.min(bytes - done, toPageEnd(va + done));
    const from = env.guestRead(va + done, chunk);
    if (from === 0) return undefined;
    copy.set(env.u8.subarray(from, from + chunk), done);
    done += chunk;
  }
  return copy;
}

/** Writes `bytes` at `va`; false after recording a fault, with nothing written. */
export function writeGuest(env: HelperEnvironment, va: number, bytes: Uint8Array): boolean {
  for (let pass = 0; pass < 2; pass++) {
    for (let done = 0; done < bytes.length; ) {
      const chunk = Math.min(bytes.length - done, toPageEnd(va + done));
      const to = env.guestWrite(va + done, chunk);
      if (to === 0) return false;
      if (pass === 1) env.u8.set(bytes.subarray(done, done + chunk), to);
      done += chunk;
    }
  }
  return true;
}
