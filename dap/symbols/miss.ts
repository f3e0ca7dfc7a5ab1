/**
 * Computations on the target's state are synchronous; what they need and is not there yet they throw as a {@link Miss}. The one who
 * called fetches it and computes again: so unwinding, expressions and formatting need no `await` and fetch only what they touch.
 */
export abstract class Miss {
  /** Makes the next attempt succeed, or come further. */
  abstract fetch(): Promise<void>;
}

/** More misses than any sensible computation has. */
const MOST_ROUNDS = 20_000;

export async function settle<T>(compute: () => T): Promise<T> {
  for (let round = 0; ; round++) {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof Miss) || round >= MOST_ROUNDS) throw error;
      await error.fetch();
    }
  }
}
