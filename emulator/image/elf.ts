/**
 * ELF files: header, program and section headers, symbol tables. Both classes, little-endian, x86 only; 32-bit fields are widened,
 * so users need not care which class a file has. Addresses of an {@link ElfFile} in the upper half of 64 bits (kernels) are negative numbers, as in the
 * DWARF reader: so they are exact. (Format: System V ABI, chapter 4; x86 supplements.)
 */
import { RecordLayout as Layout, RecordError } from './record.ts';

export const ElfType = { relocatable: 1, executable: 2, shared: 3, core: 4 } as const;
export const ElfMachine = { i386: 3, x86_64: 62 } as const;
export const SegmentType = { load: 1, dynamic: 2, interpreter: 3, note: 4, headers: 6, tls: 7, gnuStack: 0x6474e551 } as const;
export const SegmentFlag = { execute: 1, write: 2, read: 4 } as const;
export const SectionType = { symbols: 2, strings: 3, noBits: 8, dynamicSymbols: 11 } as const;

/** The file is not what it should be; the message starts with its name. */
export class ElfError extends Error {}

export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
}

export interface ElfHeader {
  readonly wordSize: 4 | 8;
  readonly type: number;
  readonly machine: number;
  readonly entry: number;
  readonly programHeaders: number;
  readonly programHeaderSize: number;
  readonly programHeaderCount: number;
  readonly sectionHeaders: number;
  readonly sectionHeaderSize: number;
  readonly sectionHeaderCount: number;
  readonly sectionNames: number;
}

/** Symbols as columns: a kernel has tens of thousands. */
export interface ElfSymbols {
  readonly count: number;
  readonly values: Float64Array;
  readonly sizes: Float64Array;
  /** Type in the low four bits, binding above. */
  readonly info: Uint8Array;
  readonly sections: Uint16Array;
  name(index: number): string;
}

const IDENTIFICATION = 16;
const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const CLASS = 4;
const DATA = 5;
const CLASS_32 = 1;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

const header64 = Layout.little('ELF header').bytes('identification', IDENTIFICATION).u16('type').u16('machine').u32('version').u64('entry').u64('phoff').u64('shoff')
  .u32('flags').u16('ehsize').u16('phentsize').u16('phnum').u16('shentsize').u16('shnum').u16('shstrndx');
const header32 = Layout.little('ELF header').bytes('identification', IDENTIFICATION).u16('type').u16('machine').u32('version').u32('entry').u32('phoff').u32('shoff')
  .u32('flags').u16('ehsize').u16('phentsize').u16('phnum').u16('shentsize').u16('shnum').u16('shstrndx');
const segment64 = Layout.little('program header').u32('type').u32('flags').u64('offset').u64('vaddr').u64('paddr').u64('filesz').u64('memsz').u64('align');
const segment32 = Layout.little('program header').u32('type').u32('offset').u32('vaddr').u32('paddr').u32('filesz').u32('memsz').u32('flags').u32('align');
const section64 = Layout.little('section header').u32('name').u32('type').u64('flags').u64('addr').u64('offset').u64('size').u32('link').u32('info').u64('addralign').u64('entsize');
const section32 = Layout.little('section header').u32('name').u32('type').u32('flags').u32('addr').u32('offset').u32('size').u32('link').u32('info').u32('addralign').u32('entsize');
export const PROGRAM_HEADER_BYTES = { 4: 32, 8: 56 } as const;
const SECTION_HEADER_BYTES = { 4: 40, 8: 64 } as const;
/** Longest ELF header: reading so many bytes is enough for `parseElfHeader`. */
export const ELF_HEADER_BYTES = 64;

/**
 * @param name what errors call the file
 * @throws ElfError
 */
export function parseElfHeader(bytes: Uint8Array, name: string): ElfHeader {
  if (bytes.length < MAGIC.length || !MAGIC.every((byte, i) => bytes[i] === byte)) throw new ElfError(`${name}: not an ELF file`);
  if (bytes.length < IDENTIFICATION) throw new ElfError(`${name}: truncated ELF header`);
  if (bytes[CLASS] !== CLASS_32 && bytes[CLASS] !== CLASS_64) throw new ElfError(`${name}: unknown ELF class ${bytes[CLASS]}`);
  if (bytes[DATA] !== LITTLE_ENDIAN) throw new ElfError(`${name}: not little-endian, so not for x86`);
  const wordSize = bytes[CLASS] === CLASS_64 ? 8 : 4;
  try {
    const raw = wordSize === 8 ? header64.read(bytes) : header32.read(bytes);
    const expected = wordSize === 8 ? ElfMachine.x86_64 : ElfMachine.i386;
    if (raw.machine !== expected) throw new ElfError(`${name}: ELF machine ${raw.machine} with ${wordSize * 8}-bit class, where x86 has ${expected}`);
    return {
      wordSize, type: raw.type, machine: raw.machine, entry: Number(raw.entry),
      programHeaders: Number(raw.phoff), programHeaderSize: raw.phentsize, programHeaderCount: raw.phnum,
      sectionHeaders: Number(raw.shoff), sectionHeaderSize: raw.shentsize, sectionHeaderCount: raw.shnum, sectionNames: raw.shstrndx,
    };
  } catch (error) {
    if (error instanceof RecordError) throw new ElfError(`${name}: truncated ELF header`);
    throw error;
  }
}

/** An address in the upper half of 64 bits as a negative number. */
const signed = (field: bigint | number): number => Number(typeof field === 'bigint' ? BigInt.asIntN(64, field) : field);

/** Parses a program header table that has been read into `bytes`. */
export function parseSegments(header: ElfHeader, bytes: Uint8Array, name: string, address: (field: bigint | number) => number = Number): ElfSegment[] {
  if (header.programHeaderCount > 0 && header.programHeaderSize !== PROGRAM_HEADER_BYTES[header.wordSize]) {
    throw new ElfError(`${name}: program headers of ${header.programHeaderSize} bytes`);
  }
  const segments: ElfSegment[] = [];
  for (let i = 0; i < header.programHeaderCount; i++) {
    const at = i * header.programHeaderSize;
    if (at + header.programHeaderSize > bytes.length) throw new ElfError(`${name}: program header ${i} lies beyond the end of the file`);
    const raw = header.wordSize === 8 ? segment64.read(bytes, at) : segment32.read(bytes, at);
    segments.push({
      type: raw.type, flags: raw.flags, offset: Number(raw.offset), address: address(raw.vaddr), fileSize: Number(raw.filesz), memorySize: Number(raw.memsz),
      alignment: Number(raw.align),
    });
  }
  return segments;
}

/** A whole ELF file in memory. */
export class ElfFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly header: ElfHeader;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];

  /** @throws ElfError */
  constructor(bytes: Uint8Array, name: string) {
    this.name = name;
    this.bytes = bytes;
    this.header = parseElfHeader(bytes, name);
    this.segments = parseSegments(this.header, bytes.subarray(this.header.programHeaders), name, signed);
    this.sections = this.parseSections();
  }

  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** Contents of a section; empty for one without (SHT_NOBITS). */
  contents(section: ElfSection): Uint8Array {
    if (section.type === SectionType.noBits) return new Uint8Array(0);
    if (section.offset + section.size > this.bytes.length) throw new ElfError(`${this.name}: section ${section.name} lies beyond the end of the file`);
    return this.bytes.subarray(section.offset, section.offset + section.size);
  }

  /** The symbol table, or the dynamic one; undefined when there is no such table. */
  symbols(kind: 'static' | 'dynamic' = 'static'): ElfSymbols | undefined {
    const type = kind === 'static' ? SectionType.symbols : SectionType.dynamicSymbols;
    const table = this.sections.find((section) => section.type === type);
    if (table === undefined) return undefined;
    const strings = this.sections[table.link];
    if (strings === undefined) throw new ElfError(`${this.name}: section ${table.name} names string table ${table.link}, which does not exist`);
    return readSymbols(this.contents(table), this.contents(strings), this.header.wordSize);
  }

  private parseSections(): ElfSection[] {
    const { header, bytes, name } = this;
    if (header.sectionHeaderCount === 0) return [];
    const size = SECTION_HEADER_BYTES[header.wordSize];
    if (header.sectionHeaderSize !== size) throw new ElfError(`${name}: section headers of ${header.sectionHeaderSize} bytes`);
    if (header.sectionHeaders + header.sectionHeaderCount * size > bytes.length) throw new ElfError(`${name}: truncated: its section headers lie beyond the end of the file`);
    const raw = Array.from({ length: header.sectionHeaderCount }, (_, i) => {
      const at = header.sectionHeaders + i * size;
      const layout = header.wordSize === 8 ? section64.read(bytes, at) : section32.read(bytes, at);
      return {
        nameOffset: layout.name, type: layout.type, flags: Number(layout.flags), address: signed(layout.addr), offset: Number(layout.offset), size: Number(layout.size),
        link: layout.link, entrySize: Number(layout.entsize),
      };
    });
    const names = raw[header.sectionNames];
    return raw.map(({ nameOffset, ...section }) => ({ ...section, name: names === undefined ? '' : stringAt(bytes, names.offset + nameOffset) }));
  }
}

function readSymbols(table: Uint8Array, strings: Uint8Array, wordSize: 4 | 8): ElfSymbols {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const size = wordSize === 8 ? 24 : 16;
  const count = Math.floor(table.length / size);
  const names = new Uint32Array(count);
  const values = new Float64Array(count);
  const sizes = new Float64Array(count);
  const info = new Uint8Array(count);
  const sections = new Uint16Array(count);
  for (let i = 0, at = 0; i < count; i++, at += size) {
    names[i] = view.getUint32(at, true);
    if (wordSize === 8) {
      info[i] = view.getUint8(at + 4);
      sections[i] = view.getUint16(at + 6, true);
      values[i] = view.getUint32(at + 8, true) + view.getInt32(at + 12, true) * 0x100000000;
      sizes[i] = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 0x100000000;
    } else {
      values[i] = view.getUint32(at + 4, true);
      sizes[i] = view.getUint32(at + 8, true);
      info[i] = view.getUint8(at + 12);
      sections[i] = view.getUint16(at + 14, true);
    }
  }
  return { count, values, sizes, info, sections, name: (index) => stringAt(strings, names[index]) };
}

const decoder = new TextDecoder();

function stringAt(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return decoder.decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}
