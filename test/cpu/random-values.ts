/** Seeded randomness, and the values at which instructions go wrong. */

/** xoshiro128** (public domain algorithm by Blackman and Vigna): the same seed gives the same cases everywhere. */
export class Random {
  private readonly s = new Uint32Array(4);

  constructor(seed: number) {
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      // splitmix32 spreads the seed
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.s[i] = z ^ (z >>> 15);
    }
  }

  /** 32 random bits. */
  u32(): number {
    const s = this.s;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** 0 ≤ result < n. */
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }

  chance(probability: number): boolean {
    return this.u32() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}

const INTEGER_CORNERS: readonly bigint[] = [
  0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n,
  0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn, 0xfffffffffffffffen, 0xffffffff80000000n, 0xffffffffffff8000n, 0xffffffffffffff80n,
  0x0101010101010101n, 0x8080808080808080n, 0xaaaaaaaaaaaaaaaan, 0x5555555555555555n,
];

/** A 64-bit integer: a corner, a small one, or random bits. */
export function integer(random: Random): bigint {
  const kind = random.below(10);
  if (kind < 3) return random.pick(INTEGER_CORNERS);
  if (kind < 5) return BigInt(random.below(130));
  if (kind < 6) return BigInt.asUintN(64, -BigInt(random.below(70)));
  return random.u64();
}

/** Bit patterns: zeros, ones, denormals, largest, infinities, quiet and signalling NaNs, integer limits. */
const F32_CORNERS: readonly number[] = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0x3f000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
  0x7fc00000, 0xffc00000, 0x7fc12345, 0x7f800001, 0xffa00000, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000, 0x3fc00000, 0xc0200000, 0x4b000001,
];
const F64_CORNERS: readonly bigint[] = [
  0n, 0x8000000000000000n, 0x3ff0000000000000n, 0xbff0000000000000n, 0x4000000000000000n, 0x3fe0000000000000n, 1n, 0x8000000000000001n, 0x000fffffffffffffn,
  0x0010000000000000n, 0x7fefffffffffffffn, 0xffefffffffffffffn, 0x7ff0000000000000n, 0xfff0000000000000n, 0x7ff8000000000000n, 0xfff8000000000000n,
  0x7ff8000012345678n, 0x7ff0000000000001n, 0xfff4000000000000n, 0x41e0000000000000n, 0xc1e0000000000000n, 0x41dfffffffc00000n, 0x43e0000000000000n,
  0xc3e0000000000000n, 0x3ff8000000000000n, 0xc004000000000000n, 0x36a0000000000000n, 0x47efffffe0000000n, 0x380fffffffffffffn,
];

/** 64 bits of vector data: floating-point corners and ordinary values of both widths, integers, random bits. */
export function vectorQuad(random: Random, kind: number): bigint {
  switch (kind) {
    case 0:
      return random.pick(F64_CORNERS);
    case 1:
      return (BigInt(random.pick(F32_CORNERS)) << 32n) | BigInt(random.pick(F32_CORNERS));
    case 2:
      return doubleBits((random.below(2000001) - 1000000) / 2 ** random.below(20));
    case 3:
      return (floatBits((random.below(200001) - 100000) / 2 ** random.below(12)) << 32n) | floatBits((random.below(200001) - 100000) / 2 ** random.below(12));
    case 4:
      return doubleBits((random.u32() + 1) * 2 ** (random.below(160) - 80) * (random.chance(0.5) ? 1 : -1));
    case 5:
      return integer(random);
    default:
      return random.u64();
  }
}

const scratch = new DataView(new ArrayBuffer(8));
function doubleBits(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}
function floatBits(value: number): bigint {
  scratch.setFloat32(0, value);
  return BigInt(scratch.getUint32(0));
}

/** 80-bit patterns as (sign and exponent, significand): zeros, ones, denormals, pseudo-denormals, infinities, NaNs, unnormals. */
const F80_CORNERS: readonly (readonly [number, bigint])[] = [
  [0, 0n], [0x8000, 0n], [0x3fff, 1n << 63n], [0xbfff, 1n << 63n], [0x4000, 1n << 63n], [0x3ffe, 1n << 63n], [0, 1n], [0, 1n << 62n], [0, 1n << 63n],
  [1, 1n << 63n], [0x7ffe, 0xffffffffffffffffn], [0xfffe, 0xffffffffffffffffn], [0x7fff, 1n << 63n], [0xffff, 1n << 63n], [0x7fff, 3n << 62n],
  [0xffff, 3n << 62n], [0x7fff, (1n << 63n) | 1n], [0x7fff, (3n << 62n) | 0x1234n], [0x403e, 1n << 63n], [0xc03e, 1n << 63n], [0x401e, 1n << 63n], [0x400e, 1n << 63n],
];

/** An 80-bit floating-point value. */
export function extended(random: Random): readonly [number, bigint] {
  const kind = random.below(8);
  if (kind < 2) return random.pick(F80_CORNERS);
  const sign = random.chance(0.5) ? 0x8000 : 0;
  const significand = (1n << 63n) | (random.chance(0.4) ? BigInt(random.u32()) << 31n : random.u64() >> 1n);
  if (kind < 6) return [sign | (0x3fff + random.below(80) - 30), significand];
  return [sign | (1 + random.below(0x7ffe)), significand];
}
