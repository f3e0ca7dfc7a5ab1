/** The ELF symbol table by name and by address: what is left where there is no DWARF (assembler, libraries). */
import type { ElfFile, ElfSymbols } from '../../emulator/image/elf.ts';

/** Types of symbols that name code or data. */
const NAMED_TYPES = new Set([0, 1, 2, 10]);
const FUNCTION_TYPES = new Set([2, 10]);

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly isFunction: boolean;
}

export class SymbolTable {
  private readonly symbols: ElfSymbols | undefined;
  private readonly order: Uint32Array;
  private names: Map<string, number> | undefined;

  constructor(elf: ElfFile) {
    this.symbols = elf.symbols() ?? elf.symbols('dynamic');
    const { symbols } = this;
    const indexes: number[] = [];
    for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
      if (symbols.sections[i] !== 0 && symbols.sections[i] < 0xff00 && NAMED_TYPES.has(symbols.info[i] & 15)) indexes.push(i);
    }
    const values = symbols?.values ?? new Float64Array(0);
    this.order = Uint32Array.from(indexes).sort((a, b) => values[a] - values[b]);
  }

  named(name: string): ElfSymbol | undefined {
    if (this.names === undefined) {
      this.names = new Map();
      for (const index of this.order) {
        const text = this.symbols?.name(index) ?? '';
        if (text !== '' && !this.names.has(text)) this.names.set(text, index);
      }
    }
    const index = this.names.get(name);
    return index === undefined ? undefined : this.symbol(index);
  }

  /** The symbol an address lies in, or behind when the symbol before it has no size. */
  at(address: number): ElfSymbol | undefined {
    let low = 0;
    let high = this.order.length;
    const values = this.symbols?.values ?? new Float64Array(0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (values[this.order[middle]] <= address) low = middle + 1;
      else high = middle;
    }
    let best: ElfSymbol | undefined;
    /** Without a size: meant where no other contains the address. */
    let label: ElfSymbol | undefined;
    for (let i = low - 1; i >= 0 && i >= low - 16; i--) {
      const symbol = this.symbol(this.order[i]);
      if (symbol === undefined || symbol.name === '') continue;
      if (best !== undefined && symbol.address < best.address) break;
      if (symbol.size === 0) label ??= symbol;
      // Of several at one address the function with a size is the one meant.
      else if (address < symbol.address + symbol.size && (best === undefined || symbol.size > best.size)) best = symbol;
    }
    return best ?? label;
  }

  /** Names that begin so, at most `limit`. */
  startingWith(prefix: string, limit: number): string[] {
    const found: string[] = [];
    for (const index of this.order) {
      const name = this.symbols?.name(index) ?? '';
      if (name.startsWith(prefix)) found.push(name);
      if (found.length >= limit) break;
    }
    return found;
  }

  private symbol(index: number): ElfSymbol | undefined {
    const { symbols } = this;
    if (symbols === undefined) return undefined;
    return { name: symbols.name(index), address: symbols.values[index], size: symbols.sizes[index], isFunction: FUNCTION_TYPES.has(symbols.info[index] & 15) };
  }
}
