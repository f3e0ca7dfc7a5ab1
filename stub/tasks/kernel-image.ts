/**
 * What the debuggee's executable says about itself: symbols, and types and variables from its DWARF, at the addresses where it was
 * loaded. Opening reads the ELF headers; everything else waits until it is asked for (the names of a 40 MB kernel take about
 * 0.4 s at the first question).
 */
import { DebugInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import { ElfFile, ElfType, type ElfSymbols } from '../../emulator/image/elf.ts';

/** A global or static variable at its address in memory. */
export interface PlacedVariable {
  readonly type: DwarfType;
  readonly address: number;
}

export interface PlacedSymbol {
  readonly name: string;
  readonly address: number;
  /** Bytes; 0 when the symbol table does not say. */
  readonly size: number;
}

const TYPE_MASK = 0xf;
const STT_FUNC = 2;
const SHN_UNDEF = 0;

function describes(elf: ElfFile): boolean {
  const section = elf.section('.debug_info') ?? elf.section('.zdebug_info');
  return section !== undefined && section.size > 0;
}

export class KernelImage {
  readonly elf: ElfFile;
  /** What is added to addresses in the file: 0 unless it is position-independent. */
  readonly bias: number;
  /** Where symbols and types are: the file itself, or the one they were split off into. */
  private readonly described: ElfFile;
  private debug: DebugInfo | undefined;
  private frameInfo: DebugInfo | undefined;
  private table: { readonly symbols: ElfSymbols | undefined } | undefined;
  private byName: Map<string, number> | undefined;
  private functions: Uint32Array | undefined;
  private readonly variables = new Map<string, PlacedVariable | undefined>();
  private readonly structures = new Map<string, DwarfType | undefined>();

  /**
   * @param entry where the program was entered (AT_ENTRY of its auxiliary vector)
   * @param separate finds the file its debug information was split off into
   * @throws ElfError
   */
  constructor(bytes: Uint8Array, path: string, entry: number | undefined, separate?: (elf: ElfFile) => ElfFile | undefined) {
    this.elf = new ElfFile(bytes, path);
    this.described = (describes(this.elf) ? undefined : separate?.(this.elf)) ?? this.elf;
    const { header } = this.elf;
    this.bias = header.type === ElfType.shared && entry !== undefined ? entry - header.entry : 0;
  }

  get path(): string {
    return this.elf.name;
  }

  /** Bytes of a pointer. */
  get wordSize(): 4 | 8 {
    return this.elf.header.wordSize;
  }

  /** Addresses in it are those of the file: add or subtract {@link bias}. */
  get info(): DebugInfo {
    return (this.debug ??= DebugInfo.open(this.described));
  }

  /** For unwinding: tables that are loaded with the program stay in its own file. */
  get frames(): DebugInfo {
    return this.elf.section('.eh_frame') === undefined ? this.info : (this.frameInfo ??= this.described === this.elf ? this.info : DebugInfo.open(this.elf));
  }

  /** False for a kernel without .debug_info. */
  get hasTypes(): boolean {
    return describes(this.described) && this.info.hasTypes;
  }

  /** False for a stripped file. */
  get hasSymbols(): boolean {
    return this.symbols !== undefined;
  }

  /** Address of a symbol, from the symbol table only; of several of a name the first. */
  symbol(name: string): number | undefined {
    const { symbols } = this;
    if (symbols === undefined) return undefined;
    if (this.byName === undefined) {
      const byName = new Map<string, number>();
      for (let i = 0; i < symbols.count; i++) {
        const text = symbols.sections[i] === SHN_UNDEF ? '' : symbols.name(i);
        if (text !== '' && !byName.has(text)) byName.set(text, i);
      }
      this.byName = byName;
    }
    const index = this.byName.get(name);
    return index === undefined ? undefined : symbols.values[index] + this.bias;
  }

  /** The function an address is in or, between functions, the one before it. */
  functionAt(address: number): PlacedSymbol | undefined {
    const { symbols } = this;
    if (symbols === undefined) return undefined;
    const { values } = symbols;
    this.functions ??= Uint32Array.from(
      Array.from({ length: symbols.count }, (_, i) => i).filter((i) => (symbols.info[i] & TYPE_MASK) === STT_FUNC && symbols.sections[i] !== SHN_UNDEF),
    ).sort((a, b) => values[a] - values[b]);
    const wanted = address - this.bias;
    let first = 0;
    let last = this.functions.length;
    while (first < last) {
      const middle = (first + last) >>> 1;
      if (values[this.functions[middle]] <= wanted) first = middle + 1;
      else last = middle;
    }
    const index = this.functions[first - 1];
    return index === undefined ? undefined : { name: symbols.name(index), address: values[index] + this.bias, size: symbols.sizes[index] };
  }

  /** A variable that has an address; undefined when the kernel has none of this name. @throws DwarfError */
  variable(name: string): PlacedVariable | undefined {
    if (!this.variables.has(name)) {
      const found = this.info.variable(name);
      this.variables.set(name, found?.address === undefined ? undefined : { type: found.type, address: found.address + this.bias });
    }
    return this.variables.get(name);
  }

  /** A type by its C name (`struct list_head`, `u32`; a name alone also finds a structure). @throws DwarfError */
  type(name: string): DwarfType | undefined {
    if (!this.structures.has(name)) this.structures.set(name, this.info.type(name)?.stripped.complete);
    return this.structures.get(name);
  }

  private get symbols(): ElfSymbols | undefined {
    this.table ??= { symbols: this.described.symbols() ?? this.elf.symbols() };
    return this.table.symbols;
  }
}
