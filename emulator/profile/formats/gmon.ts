/**
 * gmon.out, for gprof: histogram, call arcs, basic-block counts (glibc <sys/gmon_out.h>). Of one program file. Histogram bins are two bytes of
 * code wide and hold 16 bits; larger counts are spread over several records of the same range, which gprof adds up. Records are made
 * of stretches of executed code, so that only hot ones need many.
 */
import type { CodeImage, SourceLine } from '../code-image.ts';
import type { CountedFunction, Profile } from '../profile.ts';

const VERSION = 1;
const Tag = { histogram: 0, arc: 1, blocks: 2 } as const;
const BIN_LIMIT = 0xffff;
const ARC_LIMIT = 0xffffffff;
/** "Clock ticks per second": makes gprof print millions of instructions where it would print seconds. */
const RATE = 1_000_000;
const DIMENSION = 'Minstructions';
const ABBREVIATION = 'M';
/** Units with counts which are further apart are in records of their own. */
const RANGE_GAP = 32;
/** Larger files are refused: gprof reads everything into memory. */
const LARGEST = 1 << 30;

class Writer {
  private chunks: Buffer[] = [];
  private size = 0;
  private readonly wide: boolean;

  constructor(wide: boolean) {
    this.wide = wide;
  }

  add(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.size += bytes.length;
    if (this.size > LARGEST) throw new ProfileFormatError('gmon: the counts are too large for its 16-bit bins (the file would exceed 1 GiB); choose callgrind, or profile less');
  }

  u32(value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.add(bytes);
  }

  tag(tag: number): void {
    this.add(Buffer.of(tag));
  }

  address(value: number): void {
    if (!this.wide) return this.u32(value);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.add(bytes);
  }

  take(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}

/** The profile cannot be had in this format; the message says why and what to do. */
export class ProfileFormatError extends Error {}

/** gprof's unit of code addresses: narrower bins are lost. */
const UNIT = 2;

/** A stretch of code that has histogram records of its own; all in units. */
interface Range {
  readonly low: number;
  high: number;
  readonly counts: Map<number, number>;
}

function ranges(image: CodeImage, functions: readonly CountedFunction[]): Range[] {
  const counts = new Map<number, number>();
  for (const { low, instructions } of functions) {
    const end = image.functionAt(low)?.high ?? 0;
    for (const { address, count } of instructions) {
      // A unit that the next function begins in is the next function's.
      const unit = Math.floor(address / UNIT) - (end % UNIT !== 0 && Math.floor(end / UNIT) === Math.floor(address / UNIT) && address > low ? 1 : 0);
      counts.set(unit, (counts.get(unit) ?? 0) + count);
    }
  }
  const found: Range[] = [];
  for (const [unit, count] of [...counts].sort(([a], [b]) => a - b)) {
    let last = found[found.length - 1];
    if (last === undefined || unit - last.high >= RANGE_GAP) found.push((last = { low: unit, high: unit, counts: new Map() }));
    last.high = unit + 1;
    last.counts.set(unit, count);
  }
  return found;
}

function histogram(out: Writer, { low, high, counts }: Range): void {
  while (counts.size > 0) {
    const bins = Buffer.alloc(2 * (high - low));
    for (const [unit, count] of counts) {
      const part = Math.min(count, BIN_LIMIT);
      bins.writeUInt16LE(part, 2 * (unit - low));
      if (part === count) counts.delete(unit);
      else counts.set(unit, count - part);
    }
    out.tag(Tag.histogram);
    out.address(low * UNIT);
    out.address(high * UNIT);
    out.u32(high - low);
    out.u32(RATE);
    out.add(Buffer.from(DIMENSION.padEnd(15, '\0') + ABBREVIATION, 'latin1'));
    out.add(bins);
  }
}

function arcs(out: Writer, { image, callees }: CountedFunction): void {
  for (const { site, callee, count } of callees) {
    if (callee.image !== image) continue;
    for (let rest = count; rest > 0; rest -= ARC_LIMIT) {
      out.tag(Tag.arc);
      out.address(site);
      out.address(callee.low);
      out.u32(Math.min(rest, ARC_LIMIT));
    }
  }
}

function blocks(out: Writer, image: CodeImage, functions: readonly CountedFunction[], wide: boolean): void {
  const counted: [address: number, count: number][] = [];
  for (const { instructions } of functions) {
    let last: SourceLine | undefined;
    for (const { address, count } of instructions) {
      const place = image.lineAt(address);
      if (place !== undefined && (place.line !== last?.line || place.file !== last.file)) counted.push([address, count]);
      last = place;
    }
  }
  if (counted.length === 0) return;
  out.tag(Tag.blocks);
  out.u32(counted.length);
  for (const [address, count] of counted) {
    out.address(address);
    if (wide) out.address(count);
    else out.u32(Math.min(count, ARC_LIMIT));
  }
}

/** @throws ProfileFormatError */
export function gmonOut(profile: Profile, image: CodeImage): Uint8Array {
  const wide = image.elf.header.wordSize === 8;
  const out = new Writer(wide);
  const functions = profile.functions.filter((one) => one.image === image);
  out.add(Buffer.from('gmon', 'latin1'));
  out.u32(VERSION);
  out.add(Buffer.alloc(12));
  for (const range of ranges(image, functions)) histogram(out, range);
  for (const one of functions) arcs(out, one);
  blocks(out, image, functions, wide);
  return out.take();
}
