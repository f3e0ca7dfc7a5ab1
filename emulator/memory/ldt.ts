/** The local descriptor table of an address space: up to 8192 segment descriptors of 8 bytes as the processor reads them (SDM vol. 3, section 3.4.5). */

/** LDT_ENTRIES and LDT_ENTRY_SIZE (arch/x86/include/uapi/asm/ldt.h). */
export const LDT_ENTRIES = 8192;
export const LDT_ENTRY_BYTES = 8;

export class Ldt {
  /** Two words for each entry, the low one first. */
  private words: Uint32Array<ArrayBuffer> = new Uint32Array(0);

  /** Entries up to the last one that was ever written. */
  get count(): number {
    return this.words.length / 2;
  }

  /** Low word of an entry; 0 beyond the end. */
  low(index: number): number {
    return this.words[index * 2] ?? 0;
  }

  high(index: number): number {
    return this.words[index * 2 + 1] ?? 0;
  }

  set(index: number, low: number, high: number): void {
    if (index >= this.count) {
      const longer = new Uint32Array((index + 1) * 2);
      longer.set(this.words);
      this.words = longer;
    }
    this.words[index * 2] = low;
    this.words[index * 2 + 1] = high;
  }

  copyFrom(other: Ldt): void {
    this.words = other.words.slice();
  }

  /** The table as it lies in memory. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer);
  }
}
