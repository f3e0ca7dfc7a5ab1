/** gdb's own signal numbers (they differ from every system's) and Linux's. Facts from gdb's list of signals in its remote protocol. */

/** Index: Linux signal number 0–31 of x86; value: gdb's. 143 is gdb's "unknown signal" (SIGSTKFLT has no other name there). */
const STANDARD: readonly number[] = [
  0, 1, 2, 3, 4, 5, 6, 10, 8, 9, 30, 11, 31, 13, 14, 15,
  143, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12,
];
const REALTIME_32 = 77;
const REALTIME_33 = 45;
const REALTIME_64 = 78;
const UNKNOWN = 143;

/** gdb's number for a Linux signal. */
export function gdbSignal(linux: number): number {
  if (linux < STANDARD.length) return STANDARD[linux];
  if (linux === 32) return REALTIME_32;
  if (linux < 64) return REALTIME_33 + linux - 33;
  return linux === 64 ? REALTIME_64 : UNKNOWN;
}

/** Linux's number for one of gdb's; undefined for signals Linux does not have. */
export function linuxSignal(gdb: number): number | undefined {
  for (let linux = 0; linux <= 64; linux++) if (gdbSignal(linux) === gdb) return linux;
  return undefined;
}
