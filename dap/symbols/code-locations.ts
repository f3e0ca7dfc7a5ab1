/** From source lines and function names to addresses where a breakpoint belongs. */
import { Attribute, Tag } from '../../emulator/image/dwarf/constants.ts';
import type { FunctionInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import type { LineRow } from '../../emulator/image/dwarf/lines.ts';
import { containsAddress, rangesOf } from '../../emulator/image/dwarf/ranges.ts';
import { InlineIndex } from './inline-index.ts';
import { functionScopes } from './scopes.ts';
import type { SymbolFile } from './symbol-file.ts';

export interface CodeLocation {
  readonly file: SymbolFile;
  /** Address in the file. */
  readonly address: number;
  readonly function: string | undefined;
  readonly position: { readonly file: string; readonly line: number } | undefined;
}

const inlineIndexes = new WeakMap<SymbolFile, InlineIndex>();

function inlineIndex(file: SymbolFile): InlineIndex {
  let index = inlineIndexes.get(file);
  if (index === undefined) {
    index = new InlineIndex(file.info);
    inlineIndexes.set(file, index);
  }
  return index;
}

/** Places of a source line, or of the next one with code: one in each function, inlined call and block that has some of it. */
export function locationsOfLine(file: SymbolFile, path: string, line: number): CodeLocation[] {
  const rows = file.info.addressesOf(path, line);
  const found = new Map<string, { row: LineRow; function: FunctionInfo | undefined }>();
  for (const row of rows) {
    const owner = file.info.functionAt(row.address);
    const scopes = owner === undefined ? [] : functionScopes(owner.die, row.address);
    const key = scopes.map(({ die }) => die.offset).join('/');
    if (!found.has(key)) found.set(key, { row, function: owner });
  }
  return [...found.values()].map(({ row, function: owner }) => {
    const address = owner?.entry === row.address ? afterPrologue(file, owner) : row.address;
    return { file, address, function: owner?.name, position: { file: row.file, line: address === row.address ? row.line : (file.info.shownLineAt(address)?.line ?? row.line) } };
  });
}

/** Places of a line of the file that has exactly this path; else of the only one that ends with the longest part of it: sources may have been elsewhere. */
export function locationsNamed(file: SymbolFile, path: string, line: number): CodeLocation[] {
  const exact = locationsOfLine(file, path, line);
  if (exact.length > 0) return exact;
  const parts = path.split('/').filter((part) => part !== '');
  for (let from = 1; from < parts.length; from++) {
    const found = locationsOfLine(file, parts.slice(from).join('/'), line);
    const files = new Set(found.map(({ position }) => position?.file));
    if (files.size === 1) return found;
    if (files.size > 1) return [];
  }
  return [];
}

/** Places where a function begins: its own code, and every call of it that was inlined. */
export function locationsOfFunction(file: SymbolFile, name: string): CodeLocation[] {
  const { info } = file;
  if (!info.hasTypes) {
    const symbol = file.symbols.named(name);
    return symbol === undefined ? [] : [{ file, address: symbol.address, function: name, position: undefined }];
  }
  const found: CodeLocation[] = [];
  const add = (address: number): void => {
    const row = info.shownLineAt(address);
    if (!found.some((each) => each.address === address)) found.push({ file, address, function: name, position: row === undefined ? undefined : { file: row.file, line: row.line } });
  };
  for (const each of info.functionsNamed(name)) add(afterPrologue(file, each));
  for (const die of info.index.symbols(name, Tag.subprogram)) {
    if (!die.has(Attribute.inline)) continue;
    for (const call of inlineIndex(file).of(die)) {
      const address = inlinedEntry(call);
      // Not in the abstract function's own tree of a function that was not compiled.
      if (address !== undefined && info.functionAt(address) !== undefined) add(address);
    }
  }
  if (found.length > 0) return found;
  const symbol = file.symbols.named(name);
  return symbol === undefined || !symbol.isFunction ? [] : [{ file, address: symbol.address, function: name, position: undefined }];
}

function inlinedEntry(call: Die): number | undefined {
  const ranges = rangesOf(call);
  const [first] = ranges;
  if (first === undefined) return undefined;
  const entry = call.address(Attribute.entryPc);
  return entry !== undefined && containsAddress(ranges, entry) ? entry : first.low;
}

/**
 * Where the parameters can be seen. Optimised code, whose variables have location lists, tells that at every address, so the entry itself; in other code the
 * second line of the line table is behind the prologue.
 */
export function afterPrologue(file: SymbolFile, owner: FunctionInfo): number {
  const { entry, ranges, die } = owner;
  if (entry === undefined) return ranges[0]?.low ?? 0;
  const range = ranges.find(({ low, high }) => low <= entry && entry < high);
  if (range === undefined || hasLocationLists(die)) return entry;
  const lines = file.info.linesOf(die.unit);
  let seen = false;
  for (const row of lines?.all() ?? []) {
    if (row.end || row.address < entry || row.address >= range.high) continue;
    if (row.address === entry) seen = true;
    else if (seen && row.statement && row.line !== 0) return row.address;
  }
  return entry;
}

function hasLocationLists(functionDie: Die): boolean {
  const unit = functionDie.unit.root;
  const producer = unit.text(Attribute.producer) ?? '';
  return / -O(?!0)/.test(producer);
}
