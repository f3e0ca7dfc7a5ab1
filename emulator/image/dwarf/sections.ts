/**
 * The debug sections of an ELF file: decompressed where they are compressed, relocated where the file is not linked (a kernel module).
 * Each is read on first use.
 */
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { ElfMachine, ElfType, type ElfFile, type ElfSection, type ElfSymbols } from '../elf.ts';
import { RecordLayout as Layout } from '../record.ts';
import { SectionData } from './cursor.ts';
import { DwarfError } from './dwarf-error.ts';

const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZLIB = 1;
const ELFCOMPRESS_ZSTD = 2;
const compression64 = Layout.little('compression header').u32('type').u32('reserved').u64('size').u64('alignment');
const compression32 = Layout.little('compression header').u32('type').u32('size').u32('alignment');
const COMPRESSION_BYTES = { 4: 12, 8: 24 } as const;
/** "ZLIB" and a big-endian size of eight bytes. */
const ZDEBUG_BYTES = 12;
/** What one JavaScript buffer may hold, and more than any kernel has. */
const LARGEST_SECTION = 4 * 2 ** 30;

/** Where a section of an unlinked file has been loaded. */
export type SectionPlacement = (section: string) => number | undefined;

export class DwarfSections {
  readonly elf: ElfFile;
  private readonly placement: SectionPlacement | undefined;
  private readonly read = new Map<string, SectionData>();

  constructor(elf: ElfFile, placement?: SectionPlacement) {
    this.elf = elf;
    this.placement = placement;
  }

  /** Address of a section in memory. */
  addressOf(name: string): number {
    return this.placement?.(name) ?? this.elf.section(name)?.address ?? 0;
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** Contents of `.debug_…` (or another section); empty when there is none. */
  get(name: string): SectionData {
    let data = this.read.get(name);
    if (data === undefined) {
      const section = this.find(name);
      data = new SectionData(name, section === undefined ? new Uint8Array(0) : this.contents(section));
      this.read.set(name, data);
    }
    return data;
  }

  private find(name: string): ElfSection | undefined {
    return this.elf.section(name) ?? (name.startsWith('.debug') ? this.elf.section(`.z${name.slice(1)}`) : undefined);
  }

  private contents(section: ElfSection): Uint8Array {
    const raw = this.elf.contents(section);
    let bytes = raw;
    if ((section.flags & SHF_COMPRESSED) !== 0) bytes = this.decompress(section, raw);
    else if (section.name.startsWith('.zdebug')) bytes = decompressOld(section, raw);
    return this.elf.header.type === ElfType.relocatable ? this.relocate(section, bytes) : bytes;
  }

  private decompress(section: ElfSection, raw: Uint8Array): Uint8Array {
    const { wordSize } = this.elf.header;
    const bytes = COMPRESSION_BYTES[wordSize];
    if (raw.length < bytes) throw new DwarfError(section.name, 0, 'truncated compression header');
    const header = wordSize === 8 ? compression64.read(raw) : compression32.read(raw);
    return expand(section.name, header.type, raw.subarray(bytes), Number(header.size));
  }

  /** Applies `.rela<section>` (x86-64) or `.rel<section>` (i386) to a copy. */
  private relocate(section: ElfSection, bytes: Uint8Array): Uint8Array {
    const wide = this.elf.header.machine === ElfMachine.x86_64;
    const table = this.elf.section(`${wide ? '.rela' : '.rel'}${section.name}`);
    const symbols = this.elf.symbols();
    if (table === undefined || symbols === undefined) return bytes;
    // Not slice(): a Buffer's shares its memory.
    const result = new Uint8Array(bytes);
    const target = new DataView(result.buffer);
    const entries = this.elf.contents(table);
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    const entrySize = wide ? 24 : 8;
    for (let at = 0; at + entrySize <= entries.length; at += entrySize) {
      const place = view.getUint32(at, true);
      const type = wide ? view.getUint32(at + 8, true) : view.getUint8(at + 4);
      const symbol = wide ? view.getUint32(at + 12, true) : view.getUint32(at + 4, true) >>> 8;
      const size = relocationSize(wide, type);
      if (size === undefined) throw new DwarfError(table.name, at, `relocation type ${type} is not known`);
      if (size === 0) continue;
      if (place + size > result.length || symbol >= symbols.count) throw new DwarfError(table.name, at, 'relocation outside its section');
      const addend = wide ? view.getBigInt64(at + 16, true) : BigInt(target.getInt32(place, true));
      let value = BigInt(this.symbolAddress(symbols, symbol)) + addend;
      if (type === (wide ? R_X86_64_PC32 : R_386_PC32) || (wide && type === R_X86_64_PC64)) value -= BigInt(this.addressOf(section.name) + place);
      if (size === 8) target.setBigInt64(place, BigInt.asIntN(64, value), true);
      else target.setInt32(place, Number(BigInt.asIntN(32, value)), true);
    }
    return result;
  }

  private symbolAddress(symbols: ElfSymbols, index: number): number {
    const section = this.elf.sections[symbols.sections[index]];
    const base = section === undefined || section.name.startsWith('.debug') ? 0 : this.addressOf(section.name);
    return base + symbols.values[index];
  }
}

const R_X86_64_PC32 = 2;
const R_X86_64_PC64 = 24;
const R_386_PC32 = 2;
const sizes64 = new Map([[0, 0], [1, 8], [R_X86_64_PC32, 4], [10, 4], [11, 4], [R_X86_64_PC64, 8]]);
const sizes32 = new Map([[0, 0], [1, 4], [R_386_PC32, 4]]);

function relocationSize(wide: boolean, type: number): number | undefined {
  return (wide ? sizes64 : sizes32).get(type);
}

function decompressOld(section: ElfSection, raw: Uint8Array): Uint8Array {
  if (raw.length < ZDEBUG_BYTES || String.fromCharCode(...raw.subarray(0, 4)) !== 'ZLIB') throw new DwarfError(section.name, 0, 'no ZLIB header');
  const size = new DataView(raw.buffer, raw.byteOffset, raw.byteLength).getBigUint64(4, false);
  return expand(section.name, ELFCOMPRESS_ZLIB, raw.subarray(ZDEBUG_BYTES), Number(size));
}

function expand(name: string, type: number, packed: Uint8Array, size: number): Uint8Array {
  if (size > LARGEST_SECTION) throw new DwarfError(name, 0, `claims to be ${size} bytes long`);
  if (size === 0) return new Uint8Array(0);
  let bytes: Uint8Array;
  try {
    if (type === ELFCOMPRESS_ZLIB) bytes = inflateSync(packed, { maxOutputLength: size });
    else if (type === ELFCOMPRESS_ZSTD) bytes = zstdDecompressSync(packed, { maxOutputLength: size });
    else throw new Error(`compression type ${type} is not known`);
  } catch (error) {
    throw new DwarfError(name, 0, `cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (bytes.length !== size) throw new DwarfError(name, 0, `decompresses to ${bytes.length} bytes where its header says ${size}`);
  return bytes;
}
