/** Where the guest's randomness comes from: xoshiro256** seeded by an option, so that a boot can be repeated. Not for secrets. */

const MASK = (1n << 64n) - 1n;

export class RandomSource {
  private readonly state = new BigUint64Array(4);
  /** The same as words, low ones first. */
  private readonly halves = new Uint32Array(this.state.buffer);
  private low = 0;
  private high = 0;

  constructor(seed: bigint = 0n) {
    let x = seed & MASK;
    for (let i = 0; i < 4; i++) {
      // splitmix64, as the generator's authors advise for seeding
      x = (x + 0x9e3779b97f4a7c15n) & MASK;
      let z = x;
      z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
      z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
      this.state[i] = z ^ (z >> 31n);
    }
  }

  next64(): bigint {
    this.step();
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 8) {
      this.step();
      const count = Math.min(bytes.length - i, 8);
      for (let k = 0; k < count; k++) bytes[i + k] = (k < 4 ? this.low : this.high) >>> ((k & 3) * 8);
    }
  }

  /** Leaves the next value in `low` and `high`. Numbers, as megabytes are asked for at a time: BigInt made one byte cost 0.1 µs. */
  private step(): void {
    const s = this.halves;
    const [s1l, s1h] = [s[2], s[3]];
    const fiveLow = s1l * 5;
    const fiveHigh = (s1h * 5 + Math.floor(fiveLow / 0x100000000)) >>> 0;
    const turnedLow = ((fiveLow << 7) | (fiveHigh >>> 25)) >>> 0;
    const turnedHigh = ((fiveHigh << 7) | ((fiveLow >>> 0) >>> 25)) >>> 0;
    const nineLow = turnedLow * 9;
    this.low = nineLow >>> 0;
    this.high = (turnedHigh * 9 + Math.floor(nineLow / 0x100000000)) >>> 0;
    s[4] ^= s[0];
    s[5] ^= s[1];
    s[6] ^= s1l;
    s[7] ^= s1h;
    s[2] ^= s[4];
    s[3] ^= s[5];
    s[0] ^= s[6];
    s[1] ^= s[7];
    s[4] ^= s1l << 17;
    s[5] ^= (s1h << 17) | (s1l >>> 15);
    const [s3l, s3h] = [s[6], s[7]];
    // To the left by 45: by 32, which swaps the halves, and 13
    s[6] = (s3h << 13) | (s3l >>> 19);
    s[7] = (s3l << 13) | (s3h >>> 19);
  }

  /** State, for snapshots. */
  save(): BigUint64Array {
    return this.state.slice();
  }

  restore(state: BigUint64Array): void {
    this.state.set(state);
  }
}
