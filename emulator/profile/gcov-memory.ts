/**
 * Coverage counts of a program instrumented by gcc (--coverage), read out of its memory at any moment and put into the .gcda files
 * which it would write itself if it ended now (libgcov; gcc's gcov-io.h, "gcov file formats"). Layouts are those of gcc 12 and 13.
 */
export interface GcovFile {
  /** Absolute path the compiler chose for it. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Bytes of guest memory; undefined: not readable. */
export type ReadMemory = (address: number, length: number) => Uint8Array | undefined;

/** The counts cannot be had; the message says why. */
export class GcovError extends Error {}

const MAGIC = 0x67636461; // 'gcda'
const Tag = { function: 0x01000000, counters: 0x01a10000, summary: 0xa1000000 } as const;
const FUNCTION_BYTES = 12;
const SUMMARY_BYTES = 8;
/** Kinds of counters (GCOV_COUNTERS); those of values' most frequent targets have a layout of their own and come with profile feedback only. */
const KINDS = 8;
const TOP_KINDS = new Set([2, 3]);
const LONGEST_PATH = 4096;
const MOST = 100_000;

/** Major versions of gcc by the first characters of the version word: 'B2' is 12. */
const KNOWN = new Set(['B2', 'B3']);

class Reader {
  private readonly read: ReadMemory;
  private readonly wordSize: 4 | 8;

  constructor(read: ReadMemory, wordSize: 4 | 8) {
    this.read = read;
    this.wordSize = wordSize;
  }

  get word(): 4 | 8 {
    return this.wordSize;
  }

  bytes(address: number, length: number): Uint8Array {
    const bytes = this.read(address, length);
    if (bytes === undefined || bytes.length < length) throw new GcovError(`the coverage data at 0x${address.toString(16)} cannot be read`);
    return bytes;
  }

  u32(address: number): number {
    return Buffer.from(this.bytes(address, 4)).readUInt32LE();
  }

  pointer(address: number): number {
    return this.wordSize === 4 ? this.u32(address) : Number(Buffer.from(this.bytes(address, 8)).readBigUInt64LE());
  }

  text(address: number): string {
    for (let length = 256; length <= LONGEST_PATH; length *= 2) {
      const bytes = this.read(address, length) ?? this.read(address, length / 2);
      const end = bytes?.indexOf(0) ?? -1;
      if (bytes !== undefined && end >= 0) return Buffer.from(bytes.subarray(0, end)).toString();
    }
    throw new GcovError(`no file name at 0x${address.toString(16)}`);
  }
}

class Writer {
  private readonly words: Buffer[] = [];

  u32(...values: readonly number[]): void {
    for (const value of values) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value | 0);
      this.words.push(bytes);
    }
  }

  bytes(bytes: Uint8Array): void {
    this.words.push(Buffer.from(bytes));
  }

  take(): Buffer {
    return Buffer.concat(this.words);
  }
}

/**
 * All files, in the order of the program's list.
 * @param root address of `__gcov_root`
 * @throws GcovError
 */
export function readGcovFiles(read: ReadMemory, root: number, wordSize: 4 | 8): GcovFile[] {
  const memory = new Reader(read, wordSize);
  const parts: Part[] = [];
  for (let info = memory.pointer(root); info !== 0;) {
    if (parts.length === MOST) throw new GcovError('the list of coverage data has no end');
    parts.push(readInfo(memory, info));
    info = memory.pointer(info + wordSize);
  }
  // Each file says what the largest counter of all is (libgcov-driver.c, compute_summary).
  const largest = parts.reduce((most, part) => maximum(most, part.largest), 0n);
  return parts.map((part) => finish(part, largest));
}

/** A file without its head. */
interface Part {
  readonly path: string;
  readonly version: number;
  /** Stamp and checksum. */
  readonly identity: readonly [number, number];
  readonly body: Buffer;
  readonly largest: bigint;
}

function finish({ path, version, identity, body }: Part, largest: bigint): GcovFile {
  const out = new Writer();
  out.u32(MAGIC, version, ...identity, Tag.summary, SUMMARY_BYTES, 1, Number(BigInt.asUintN(32, largest)));
  out.bytes(body);
  out.u32(0);
  return { path, bytes: out.take() };
}

/** struct gcov_info: version, next, stamp, checksum, filename, merge functions, number of functions, functions. */
function readInfo(memory: Reader, info: number): Part {
  const { word } = memory;
  const version = memory.u32(info);
  const text = String.fromCharCode(version >>> 24, (version >>> 16) & 0xff, (version >>> 8) & 0xff, version & 0xff);
  if (!KNOWN.has(text.slice(0, 2))) throw new GcovError(`coverage data of a gcc this machine does not know (version '${text}'); 12 and 13 it does`);
  const stampAt = info + 2 * word;
  const nameAt = stampAt + 8;
  const mergeAt = nameAt + word;
  const countAt = mergeAt + KINDS * word;
  const kinds = Array.from({ length: KINDS }, (_, kind) => kind).filter((kind) => memory.pointer(mergeAt + kind * word) !== 0);
  const top = kinds.find((kind) => TOP_KINDS.has(kind));
  if (top !== undefined) throw new GcovError('the program was compiled for profile feedback (-fprofile-generate), not only for coverage');
  const count = memory.u32(countAt);
  const functionsAt = memory.pointer(countAt + word);
  if (count > MOST) throw new GcovError(`${count} functions in the coverage data at 0x${info.toString(16)}`);
  const body = new Writer();
  let largest = 0n;
  for (let i = 0; i < count; i++) largest = maximum(largest, writeFunction(memory, body, memory.pointer(functionsAt + i * word), info, kinds));
  return { path: memory.text(memory.pointer(nameAt)), version, identity: [memory.u32(stampAt), memory.u32(stampAt + 4)], body: body.take(), largest };
}

/** struct gcov_fn_info: key, ident, lineno_checksum, cfg_checksum, counters { number, values }. Gives the largest counter. */
function writeFunction(memory: Reader, out: Writer, info: number, owner: number, kinds: readonly number[]): bigint {
  const { word } = memory;
  // Of a function that is in several units, one is linked; the others are empty.
  if (info === 0 || memory.pointer(info) !== owner) {
    out.u32(Tag.function, 0);
    return 0n;
  }
  out.u32(Tag.function, FUNCTION_BYTES);
  out.bytes(memory.bytes(info + word, FUNCTION_BYTES));
  let at = info + word + FUNCTION_BYTES + ((word + FUNCTION_BYTES) % word);
  let largest = 0n;
  for (const kind of kinds) {
    const number = memory.u32(at);
    if (number > MOST) throw new GcovError(`${number} counters in the coverage data at 0x${info.toString(16)}`);
    const values = number === 0 ? new Uint8Array() : memory.bytes(memory.pointer(at + word), 8 * number);
    const zero = values.every((byte) => byte === 0);
    out.u32(Tag.counters + kind * 0x20000, zero ? -8 * number : 8 * number);
    if (!zero) out.bytes(values);
    for (let i = 0; i < number; i++) largest = maximum(largest, Buffer.from(values.subarray(8 * i, 8 * i + 8)).readBigInt64LE());
    at += 2 * word;
  }
  return largest;
}

const maximum = (a: bigint, b: bigint): bigint => (a > b ? a : b);
