/**
 * Fixed-layout binary records by binary-parser, with types: each field adds its name to the type of what `read` returns.
 * The parser's own errors (a RangeError past the end, an assertion) become a {@link RecordError} that names the record.
 */
import { Parser } from 'binary-parser';

export class RecordError extends Error {}

export class RecordLayout<T extends object> {
  private readonly name: string;
  private readonly parser: Parser;

  private constructor(name: string, parser: Parser) {
    this.name = name;
    this.parser = parser;
  }

  /** An empty little-endian record; `name` is what errors call it. */
  static little(name: string): RecordLayout<object> {
    return new RecordLayout(name, new Parser().endianness('little'));
  }

  u8<N extends string>(field: N): RecordLayout<T & { readonly [K in N]: number }> {
    return new RecordLayout(this.name, this.parser.uint8(field));
  }

  u16<N extends string>(field: N): RecordLayout<T & { readonly [K in N]: number }> {
    return new RecordLayout(this.name, this.parser.uint16le(field));
  }

  u32<N extends string>(field: N): RecordLayout<T & { readonly [K in N]: number }> {
    return new RecordLayout(this.name, this.parser.uint32le(field));
  }

  u64<N extends string>(field: N): RecordLayout<T & { readonly [K in N]: bigint }> {
    return new RecordLayout(this.name, this.parser.uint64le(field));
  }

  bytes<N extends string>(field: N, length: number): RecordLayout<T & { readonly [K in N]: Uint8Array }> {
    return new RecordLayout(this.name, this.parser.buffer(field, { length }));
  }

  /** @throws RecordError when the bytes end before the record does */
  read(bytes: Uint8Array, offset = 0): T {
    try {
      const parsed: T = this.parser.parse(bytes.subarray(offset));
      return { ...parsed };
    } catch (error) {
      throw new RecordError(`${this.name} at offset ${offset}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
