/** Where the guest's randomness comes from: xoshiro256** seeded by an option, so that a boot can be repeated. Not for secrets. */

const MASK = (1n << 64n) - 1n;

export class RandomSource {
  private readonly state = new BigUint64Array(4);

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
    const s = this.state;
    const result = (rotate((s[1] * 5n) & MASK, 7n) * 9n) & MASK;
    const t = (s[1] << 17n) & MASK;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45n);
    return result;
  }

  fill(bytes: Uint8Array): void {
    let word = 0n;
    for (let i = 0; i < bytes.length; i++) {
      if ((i & 7) === 0) word = this.next64();
      bytes[i] = Number(word & 0xffn);
      word >>= 8n;
    }
  }

  /** State, for snapshots. */
  save(): BigUint64Array {
    return this.state.slice();
  }

  restore(state: BigUint64Array): void {
    this.state.set(state);
  }
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}
