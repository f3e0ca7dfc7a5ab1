/** Points of CLOCK_REALTIME: seconds and nanoseconds apart, as a double cannot hold nanoseconds since 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };

/** From node:fs's bigint nanoseconds. */
export function timestampFromNanoseconds(nanoseconds: bigint): Timestamp {
  const seconds = nanoseconds >= 0n ? nanoseconds / 1_000_000_000n : -((999_999_999n - nanoseconds) / 1_000_000_000n);
  return { seconds: Number(seconds), nanoseconds: Number(nanoseconds - seconds * 1_000_000_000n) };
}
