/** .debug_line: the line table of a unit, versions 2 to 5, decoded into columns at the first question. */
import { posix } from 'node:path';
import { Attribute, Form } from './constants.ts';
import { Cursor } from './cursor.ts';
import { UNKNOWN, formSize, skipValue } from './forms.ts';
import type { Unit } from './unit.ts';

/** What the columns of `flags` hold. */
export const LineFlag = { statement: 1, end: 2, prologueEnd: 4 } as const;

/** DW_LNCT_… */
const Content = { path: 1, directory: 2 } as const;

export interface LineRow {
  readonly address: number;
  /** Full path where the compiler's directory is known. */
  readonly file: string;
  /** 0: code that belongs to no line. */
  readonly line: number;
  readonly column: number;
  readonly statement: boolean;
}

interface Header {
  readonly program: Cursor;
  readonly minimumLength: number;
  readonly defaultStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly operands: readonly number[];
  readonly addressSize: 4 | 8;
}

export class LineTable {
  /** Paths by the numbers rows and DW_AT_decl_file use. */
  readonly files: readonly string[];
  private readonly header: Header;
  private readonly unit: Unit;
  private decoded = false;
  private readonly addresses: number[] = [];
  private readonly fileNumbers: number[] = [];
  private readonly lines: number[] = [];
  private readonly columns: number[] = [];
  private readonly flags: number[] = [];
  /** First row of each sequence, by lowest address; a sequence ends with its row that has `end`. */
  private sequences: { readonly first: number; readonly last: number }[] = [];

  /** Reads the header only. @throws DwarfError */
  constructor(unit: Unit, offset: number) {
    this.unit = unit;
    const data = unit.store.sections.get('.debug_line');
    const outer = new Cursor(data, offset);
    const { length, offsetSize } = outer.initialLength();
    const cursor = new Cursor(data, outer.offset, outer.offset + length);
    const version = cursor.u16();
    if (version < 2 || version > 5) throw data.error(offset, `line table version ${version} is not known`);
    let addressSize = unit.addressSize;
    if (version >= 5) {
      const size = cursor.u8();
      if (size !== 4 && size !== 8) throw data.error(offset, `addresses of ${size} bytes`);
      addressSize = size;
      cursor.skip(1);
    }
    const headerLength = offsetSize === 8 ? cursor.u64() : cursor.u32();
    const programAt = cursor.offset + headerLength;
    const minimumLength = cursor.u8();
    if (version >= 4) cursor.skip(1);
    const defaultStatement = cursor.u8() !== 0;
    const lineBase = cursor.i8();
    const lineRange = cursor.u8();
    const opcodeBase = cursor.u8();
    const operands = Array.from({ length: Math.max(0, opcodeBase - 1) }, () => cursor.u8());
    this.files = version >= 5 ? this.readTables(cursor, offsetSize, addressSize) : this.readOldTables(cursor);
    this.header = { program: new Cursor(data, programAt, cursor.end), minimumLength, defaultStatement, lineBase, lineRange, opcodeBase, operands, addressSize };
  }

  /** The row an address belongs to. */
  at(address: number): LineRow | undefined {
    const index = this.lastIndex(address);
    return index < 0 ? undefined : this.row(index);
  }

  /** The row an address belongs to, and the first address that does not any more. */
  stretchAt(address: number): { readonly row: LineRow; readonly end: number } | undefined {
    const index = this.lastIndex(address);
    return index < 0 ? undefined : { row: this.row(index), end: this.addresses[index + 1] };
  }

  /** Index of the last row at or before an address in its sequence; -1: none. */
  private lastIndex(address: number): number {
    this.decode();
    for (const { first, last } of this.sequences) {
      if (address < this.addresses[first] || address >= this.addresses[last]) continue;
      let low = first;
      let high = last;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.addresses[middle] <= address) low = middle + 1;
        else high = middle;
      }
      return low - 1;
    }
    return -1;
  }

  /**
   * The row a debugger shows for an address: of several at one address the last, or the last of those that begin a statement (gdb's choice).
   * `at` gives the last in any case, as addr2line does.
   */
  shownAt(address: number): LineRow | undefined {
    const row = this.at(address);
    if (row === undefined || row.statement) return row;
    let index = this.lastIndex(address);
    while (index > 0 && this.addresses[index - 1] === row.address && this.lines[index - 1] !== 0 && (this.flags[index] & (LineFlag.statement | LineFlag.end)) === 0) index--;
    return (this.flags[index] & (LineFlag.statement | LineFlag.end)) === LineFlag.statement ? this.row(index) : row;
  }

  /** From an address up to the next of another line (or of another column, too): what a step has to leave. */
  rangeAt(address: number, unit: 'line' | 'column' = 'line'): { readonly low: number; readonly high: number } | undefined {
    this.decode();
    for (const { first, last } of this.sequences) {
      if (address < this.addresses[first] || address >= this.addresses[last]) continue;
      let here = first;
      while (here < last && this.addresses[here + 1] <= address) here++;
      const same = (index: number): boolean => this.lines[index] === this.lines[here] && this.fileNumbers[index] === this.fileNumbers[here]
        && (unit === 'line' || this.columns[index] === this.columns[here]);
      let begin = here;
      while (begin > first && same(begin - 1)) begin--;
      let end = here + 1;
      while (end < last && same(end)) end++;
      return { low: this.addresses[begin], high: this.addresses[end] };
    }
    return undefined;
  }

  /** Rows of statements of a line, or of the nearest line behind it which has code. */
  statements(fileMatches: (file: string) => boolean, line: number): LineRow[] {
    const numbers = new Set<number>();
    for (let i = 0; i < this.files.length; i++) if (fileMatches(this.files[i])) numbers.add(i);
    if (numbers.size === 0) return [];
    this.decode();
    let best = Infinity;
    let rows: number[] = [];
    for (let i = 0; i < this.lines.length; i++) {
      const at = this.lines[i];
      if (at < line || at > best || (this.flags[i] & (LineFlag.statement | LineFlag.end)) !== LineFlag.statement || !numbers.has(this.fileNumbers[i])) continue;
      if (at < best) {
        best = at;
        rows = [];
      }
      rows.push(i);
    }
    return rows.map((index) => this.row(index));
  }

  /** All rows, each sequence closed by one whose `end` is true. */
  *all(): Generator<LineRow & { readonly end: boolean }, void> {
    this.decode();
    for (let i = 0; i < this.addresses.length; i++) yield { ...this.row(i), end: (this.flags[i] & LineFlag.end) !== 0 };
  }

  private row(index: number): LineRow {
    return {
      address: this.addresses[index], file: this.files[this.fileNumbers[index]] ?? '', line: this.lines[index], column: this.columns[index],
      statement: (this.flags[index] & LineFlag.statement) !== 0,
    };
  }

  private path(directory: string | undefined, name: string): string {
    return posix.resolve('/', this.unit.directory ?? '', directory ?? '', name);
  }

  private readOldTables(cursor: Cursor): string[] {
    const directories: (string | undefined)[] = [undefined];
    for (let text = cursor.string(); text !== ''; text = cursor.string()) directories.push(text);
    // File 0 is not in the table: it stands for the unit's own file.
    const files = [this.path(undefined, this.unit.name ?? '')];
    for (let text = cursor.string(); text !== ''; text = cursor.string()) {
      files.push(this.path(directories[cursor.uleb()], text));
      cursor.uleb();
      cursor.uleb();
    }
    return files;
  }

  private readTables(cursor: Cursor, offsetSize: 4 | 8, addressSize: 4 | 8): string[] {
    const directories = this.readEntries(cursor, offsetSize, addressSize).map(({ path }) => path);
    return this.readEntries(cursor, offsetSize, addressSize).map(({ path, directory }) => this.path(directories[directory], path));
  }

  private readEntries(cursor: Cursor, offsetSize: 4 | 8, addressSize: 4 | 8): { path: string; directory: number }[] {
    const format = Array.from({ length: cursor.u8() }, () => ({ content: cursor.uleb(), form: cursor.uleb() }));
    const count = cursor.uleb();
    const found: { path: string; directory: number }[] = [];
    for (let i = 0; i < count; i++) {
      const start = cursor.offset;
      let path = '';
      let directory = 0;
      for (const { content, form } of format) {
        if (content === Content.path) path = this.text(cursor, form, offsetSize);
        else if (content === Content.directory) directory = number(cursor, form);
        else {
          const size = formSize(form, { version: 5, offsetSize, addressSize });
          if (size === UNKNOWN) throw cursor.error(`form 0x${form.toString(16)} is not known`);
          const next = skipValue(cursor.data.bytes, cursor.offset, size, { version: 5, offsetSize, addressSize });
          cursor.skip(next - cursor.offset);
        }
      }
      if (cursor.offset === start) throw cursor.error('entries without contents');
      found.push({ path, directory });
    }
    return found;
  }

  private text(cursor: Cursor, form: number, offsetSize: 4 | 8): string {
    const { sections } = this.unit.store;
    switch (form) {
      case Form.string: return cursor.string();
      case Form.lineStrp: return sections.get('.debug_line_str').string(cursor.unsigned(offsetSize));
      case Form.strp: return sections.get('.debug_str').string(cursor.unsigned(offsetSize));
      case Form.strx: return this.unit.indexedString(cursor.uleb());
      default: throw cursor.error(`form 0x${form.toString(16)} of a path`);
    }
  }

  private decode(): void {
    if (this.decoded) return;
    const { header } = this;
    const cursor = new Cursor(header.program.data, header.program.offset, header.program.end);
    const sequences: { first: number; last: number }[] = [];
    let first = 0;
    let address = 0;
    let file = 1;
    let line = 1;
    let column = 0;
    let statement = header.defaultStatement;
    let prologueEnd = false;
    const emit = (end: boolean): void => {
      this.addresses.push(address);
      this.fileNumbers.push(file);
      this.lines.push(line);
      this.columns.push(column);
      this.flags.push((statement ? LineFlag.statement : 0) | (end ? LineFlag.end : 0) | (prologueEnd ? LineFlag.prologueEnd : 0));
      prologueEnd = false;
    };
    while (!cursor.done) {
      const at = cursor.offset;
      const opcode = cursor.u8();
      if (opcode >= header.opcodeBase) {
        if (header.lineRange === 0) throw cursor.error('special opcode with a line range of 0', at);
        const adjusted = opcode - header.opcodeBase;
        address += Math.floor(adjusted / header.lineRange) * header.minimumLength;
        line += header.lineBase + (adjusted % header.lineRange);
        emit(false);
        continue;
      }
      switch (opcode) {
        case 0: {
          const size = cursor.uleb();
          const block = Cursor.of(cursor.block(size));
          if (size === 0) break;
          const extended = block.u8();
          if (extended === 1) {
            emit(true);
            sequences.push({ first, last: this.addresses.length - 1 });
            first = this.addresses.length;
            address = 0;
            file = 1;
            line = 1;
            column = 0;
            statement = header.defaultStatement;
          } else if (extended === 2) address = block.address(header.addressSize);
          break;
        }
        case 1: emit(false); break;
        case 2: address += cursor.uleb() * header.minimumLength; break;
        case 3: line += cursor.sleb(); break;
        case 4: file = cursor.uleb(); break;
        case 5: column = cursor.uleb(); break;
        case 6: statement = !statement; break;
        case 7: break;
        case 8:
          if (header.lineRange === 0) throw cursor.error('DW_LNS_const_add_pc with a line range of 0', at);
          address += Math.floor((255 - header.opcodeBase) / header.lineRange) * header.minimumLength;
          break;
        case 9: address += cursor.u16(); break;
        case 10: prologueEnd = true; break;
        case 11: break;
        case 12: cursor.uleb(); break;
        default: for (let i = 0; i < header.operands[opcode - 1]; i++) cursor.uleb();
      }
    }
    this.sequences = sequences;
    this.decoded = true;
  }
}

function number(cursor: Cursor, form: number): number {
  switch (form) {
    case Form.udata: return cursor.uleb();
    case Form.data1: return cursor.u8();
    case Form.data2: return cursor.u16();
    case Form.data4: return cursor.u32();
    default: throw cursor.error(`form 0x${form.toString(16)} of a directory`);
  }
}

/** The line table of a unit; undefined when it has none. */
export function lineTableOf(unit: Unit): LineTable | undefined {
  const offset = unit.root.offsetValue(Attribute.statementList);
  return offset === undefined ? undefined : new LineTable(unit, offset);
}
