/** A set of the signals 1–64, as two 32-bit words (bit n − 1 is signal n). */
export class SignalSet {
  lo: number;
  hi: number;

  constructor(lo = 0, hi = 0) {
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
  }

  static of(...signals: readonly number[]): SignalSet {
    const set = new SignalSet();
    for (const signal of signals) set.add(signal);
    return set;
  }

  static fromBig(mask: bigint): SignalSet {
    return new SignalSet(Number(mask & 0xffffffffn), Number((mask >> 32n) & 0xffffffffn));
  }

  has(signal: number): boolean {
    return signal <= 32 ? ((this.lo >>> (signal - 1)) & 1) !== 0 : ((this.hi >>> (signal - 33)) & 1) !== 0;
  }

  add(signal: number): void {
    if (signal <= 32) this.lo = (this.lo | (1 << (signal - 1))) >>> 0;
    else this.hi = (this.hi | (1 << (signal - 33))) >>> 0;
  }

  delete(signal: number): void {
    if (signal <= 32) this.lo = (this.lo & ~(1 << (signal - 1))) >>> 0;
    else this.hi = (this.hi & ~(1 << (signal - 33))) >>> 0;
  }

  get empty(): boolean {
    return (this.lo | this.hi) === 0;
  }

  set(other: SignalSet): void {
    this.lo = other.lo;
    this.hi = other.hi;
  }

  addAll(other: SignalSet): void {
    this.lo = (this.lo | other.lo) >>> 0;
    this.hi = (this.hi | other.hi) >>> 0;
  }

  deleteAll(other: SignalSet): void {
    this.lo = (this.lo & ~other.lo) >>> 0;
    this.hi = (this.hi & ~other.hi) >>> 0;
  }

  copy(): SignalSet {
    return new SignalSet(this.lo, this.hi);
  }

  /** True when a member of this set is not in `mask`. */
  exceeds(mask: SignalSet): boolean {
    return ((this.lo & ~mask.lo) | (this.hi & ~mask.hi)) !== 0;
  }

  /** Lowest member which is not in `mask`, 0 for none. */
  lowestOutside(mask: SignalSet): number {
    const lo = this.lo & ~mask.lo;
    if (lo !== 0) return 32 - Math.clz32(lo & -lo);
    const hi = this.hi & ~mask.hi;
    return hi === 0 ? 0 : 64 - Math.clz32(hi & -hi);
  }

  toBig(): bigint {
    return BigInt(this.lo) | (BigInt(this.hi) << 32n);
  }
}
