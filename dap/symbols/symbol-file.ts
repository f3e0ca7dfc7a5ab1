/**
 * An ELF file and where it is in the target's memory. Addresses here are signed numbers, as the DWARF reader has them;
 * {@link SymbolFile.loadOffset} lies between those of the file and those of the target.
 */
import { readFileSync } from 'node:fs';
import { DebugInfo, type FunctionInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { SectionPlacement } from '../../emulator/image/dwarf/sections.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import { callSitesOf, type CallSite } from '../../emulator/image/dwarf/call-sites.ts';
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { ElfError, ElfFile } from '../../emulator/image/elf.ts';
import { ModuleFileError, unpackModule } from '../../stub/libraries/module-compression.ts';
import { SymbolTable } from './symbol-table.ts';

/** A file of symbols cannot be used; the message is fit for the user. */
export class SymbolFileError extends Error {}

export class SymbolFile {
  readonly path: string;
  readonly elf: ElfFile;
  readonly info: DebugInfo;
  /** Target address minus file address. */
  readonly loadOffset: number;
  private table: SymbolTable | undefined;
  private readonly callSites = new Map<number, readonly CallSite[]>();

  /** Where the parts of an unlinked file are. */
  private readonly placed: readonly { readonly low: number; readonly high: number }[] | undefined;

  private constructor(path: string, elf: ElfFile, loadOffset: number, placement: SectionPlacement | undefined) {
    this.path = path;
    this.placed = placement === undefined ? undefined : elf.sections.flatMap(({ name, size }) => {
      const low = placement(name);
      return low === undefined ? [] : [{ low, high: low + size }];
    });
    this.elf = elf;
    this.loadOffset = loadOffset;
    this.info = DebugInfo.open(elf, placement);
  }

  /** @throws SymbolFileError */
  static open(path: string, loadOffset = 0): SymbolFile {
    return SymbolFile.ofBytes(path, reading(() => readBytes(path)), loadOffset);
  }

  /** A linked file of which the bytes are given. @throws SymbolFileError */
  static ofBytes(path: string, bytes: Uint8Array, loadOffset: number): SymbolFile {
    return reading(() => new SymbolFile(path, new ElfFile(bytes, path), loadOffset, undefined));
  }

  /**
   * A kernel module, of `path` or of the bytes of it that are given. `addresses` are those of its allocated sections, in the order of the file, as `qXfer:libraries` gives them.
   * @throws SymbolFileError
   */
  static openModule(path: string, addresses: readonly number[], bytes?: Uint8Array): SymbolFile {
    return reading(() => {
      const elf = new ElfFile(bytes ?? unpackModule(path, readBytes(path)), path);
      const allocated = elf.sections.filter(({ flags, size }) => (flags & SHF_ALLOC) !== 0 && size > 0);
      const places = new Map(allocated.slice(0, addresses.length).map(({ name }, i) => [name, addresses[i]]));
      return new SymbolFile(path, elf, 0, (section) => places.get(section));
    });
  }

  get symbols(): SymbolTable {
    return (this.table ??= new SymbolTable(this.elf));
  }

  /** Whether an address of the target belongs to this file's loaded parts. */
  contains(address: number): boolean {
    if (this.placed !== undefined) return this.placed.some(({ low, high }) => low <= address && address < high);
    const at = address - this.loadOffset;
    return this.elf.segments.some((segment) => segment.type === 1 && segment.address <= at && at < segment.address + segment.memorySize);
  }

  /** Calls made by a function, read once. */
  callSitesOf(die: Die): readonly CallSite[] {
    let sites = this.callSites.get(die.offset);
    if (sites === undefined) {
      sites = callSitesOf(die);
      this.callSites.set(die.offset, sites);
    }
    return sites;
  }

  /** The function with code of its own that an entry (a definition, declaration or abstract instance) stands for. */
  functionOf(die: Die): FunctionInfo | undefined {
    const { name } = die;
    if (name === undefined) return undefined;
    const all = this.info.functionsNamed(name);
    const exact = all.find((each) => each.die.offset === die.offset || each.die.origin()?.offset === die.offset);
    return exact ?? all.find((each) => each.die.unit === die.unit) ?? (all.length === 1 ? all[0] : undefined);
  }
}

const SHF_ALLOC = 2;

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new SymbolFileError(code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${String(code)})`);
  }
}

function reading<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof ElfError || error instanceof DwarfError || error instanceof ModuleFileError) throw new SymbolFileError(error.message);
    throw error;
  }
}
