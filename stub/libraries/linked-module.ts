/**
 * A kernel module as a debugger can read it without knowing of modules: the file linked to where the kernel has put its sections. Debug
 * information and frame information are relocated, symbols get their addresses, and sections that are not in memory are not said to be.
 */
import { DwarfSections } from '../../emulator/image/dwarf/sections.ts';
import { ElfType, SectionType, type ElfFile, type ElfSection } from '../../emulator/image/elf.ts';

const SHF_ALLOC = 0x2n;
const SHF_COMPRESSED = 0x800n;
const SHT_NULL = 0;
const SHT_RELA = 4;
const SHT_REL = 9;
const SYMBOL_BYTES = 24;
/** Fields of a 64-bit section header and symbol (System V ABI, chapter 4). */
const Header = { bytes: 64, type: 4, flags: 8, address: 16, offset: 24, size: 32 } as const;
const Symbol = { section: 6, value: 8 } as const;
/** Section numbers from here on have special meanings. */
const FIRST_SPECIAL = 0xff00;
const TYPE_AT = 16;
const NAMES_AT = 62;

export interface LinkedModule {
  readonly bytes: Uint8Array;
  /** Addresses of the sections in memory, in the order of the file. */
  readonly sections: readonly number[];
}

/** What has to be relocated to be understood. */
const isRelocated = (section: ElfSection): boolean => /^\.(debug_|zdebug_|eh_frame|ctf|gdb_index)/.test(section.name);

/**
 * @param placement where each section is; undefined: not in memory
 * @throws DwarfError @throws ElfError when the file is damaged
 */
export function linkModule(elf: ElfFile, placement: ReadonlyMap<string, number>): LinkedModule {
  if (elf.header.wordSize !== 8 || elf.header.type !== ElfType.relocatable) throw new Error(`${elf.name} is no 64-bit module`);
  const relocated = new DwarfSections(elf, (name) => placement.get(name));
  const added: Uint8Array[] = [];
  let end = elf.bytes.length;
  const headers = Buffer.from(elf.bytes.subarray(elf.header.sectionHeaders, elf.header.sectionHeaders + elf.sections.length * Header.bytes));
  const sections: number[] = [];
  elf.sections.forEach((section, i) => {
    const at = i * Header.bytes;
    const flags = headers.readBigUInt64LE(at + Header.flags);
    const address = placement.get(section.name);
    if ((flags & SHF_ALLOC) !== 0n && address !== undefined) {
      headers.writeBigUInt64LE(BigInt(address), at + Header.address);
      sections.push(address);
    } else {
      headers.writeBigUInt64LE(flags & ~SHF_ALLOC, at + Header.flags);
    }
    if (section.type === SHT_RELA || section.type === SHT_REL) headers.writeUInt32LE(SHT_NULL, at + Header.type);
    if (!isRelocated(section) && section.type !== SectionType.symbols) return;
    const contents = section.type === SectionType.symbols ? placeSymbols(elf, section, placement) : relocated.get(section.name).bytes;
    headers.writeBigUInt64LE(headers.readBigUInt64LE(at + Header.flags) & ~SHF_COMPRESSED, at + Header.flags);
    headers.writeBigUInt64LE(BigInt(end), at + Header.offset);
    headers.writeBigUInt64LE(BigInt(contents.length), at + Header.size);
    added.push(contents);
    end += contents.length;
  });
  const bytes = Buffer.concat([elf.bytes, ...added]);
  headers.copy(bytes, elf.header.sectionHeaders);
  bytes.writeUInt16LE(ElfType.executable, TYPE_AT);
  bytes.writeUInt16LE(elf.header.sectionNames, NAMES_AT);
  return { bytes, sections };
}

/**
 * The file as it is, for clients that link it themselves by the addresses of its sections: but sections that are not in memory are not said to be.
 */
export function unlinkedModule(elf: ElfFile, placement: ReadonlyMap<string, number>): Uint8Array {
  const bytes = Buffer.from(elf.bytes);
  elf.sections.forEach((section, i) => {
    const at = elf.header.sectionHeaders + i * Header.bytes;
    if (!placement.has(section.name)) bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at + Header.flags) & ~SHF_ALLOC, at + Header.flags);
    // Links with a script leave addresses behind in empty sections, for which gdb takes the file for a linked one.
    bytes.writeBigUInt64LE(0n, at + Header.address);
  });
  return bytes;
}

/** The symbol table with addresses for values; symbols of sections that are not in memory are undefined ones. */
function placeSymbols(elf: ElfFile, table: ElfSection, placement: ReadonlyMap<string, number>): Uint8Array {
  const symbols = Buffer.from(elf.contents(table));
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
    const number = symbols.readUInt16LE(at + Symbol.section);
    const section = number === 0 || number >= FIRST_SPECIAL ? undefined : elf.sections[number];
    if (section === undefined) continue;
    const address = placement.get(section.name);
    if (address === undefined) symbols.writeUInt16LE(0, at + Symbol.section);
    symbols.writeBigUInt64LE(symbols.readBigUInt64LE(at + Symbol.value) + BigInt(address ?? 0), at + Symbol.value);
  }
  return symbols;
}
