/** What is wrong with debug information, and where. */

/** Debug information that is truncated, contradicts itself or uses something that is not read here; the message starts with the place. */
export class DwarfError extends Error {
  readonly section: string;
  /** Byte offset in the (decompressed) section. */
  readonly offset: number;

  constructor(section: string, offset: number, what: string) {
    super(`${section}+0x${offset.toString(16)}: ${what}`);
    this.section = section;
    this.offset = offset;
  }
}
