/**
 * From stretches of code executed equally often to instructions. Usually a stretch begins and ends with an instruction; but code may
 * jump over a prefix into the middle of an instruction (a C library that skips `lock` while there is one thread does), and then those
 * who came by its beginning are in the next stretch without having begun an instruction there.
 */
export interface Stretch {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export interface InstructionCount {
  readonly address: number;
  readonly length: number;
  readonly count: number;
}

/** Executions that are in the middle of an instruction. */
interface Carry {
  /** Where it ends. */
  readonly end: number;
  readonly count: number;
}

/**
 * @param stretches ascending; those that touch may share an instruction
 * @param lengthAt length of the instruction at an address; undefined: there is none that can be decoded
 */
export function* instructionCounts(stretches: Iterable<Stretch>, lengthAt: (address: number) => number | undefined): Generator<InstructionCount> {
  let carries: Carry[] = [];
  for (const { low, high, count } of stretches) {
    carries = carries.filter(({ end }) => end > low);
    let start = low;
    while (start < high) {
      const inside = carries.reduce((sum, carry) => sum + carry.count, 0);
      // What is in the middle of an instruction comes back where that ends.
      const stop = Math.min(high, ...carries.map(({ end }) => end));
      const fresh = count - inside;
      let address = start;
      while (fresh > 0 && address < stop) {
        const length = lengthAt(address) ?? high - address;
        yield { address, length, count: fresh };
        address += length;
      }
      carries = carries.filter(({ end }) => end > stop);
      if (fresh > 0 && address > stop) carries.push({ end: address, count: fresh });
      start = stop;
    }
  }
}
