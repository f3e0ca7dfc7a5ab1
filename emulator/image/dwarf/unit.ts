/** One unit of .debug_info (or .debug_types): its header, and the bases its indexed forms count from. */
import type { AbbreviationTable } from './abbreviations.ts';
import { Attribute, Tag, UnitType } from './constants.ts';
import { Cursor, type SectionData } from './cursor.ts';
import { Die } from './die.ts';
import type { UnitFormat } from './forms.ts';
import type { DwarfStore } from './store.ts';

export class Unit implements UnitFormat {
  readonly store: DwarfStore;
  readonly offset: number;
  readonly end: number;
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: 4 | 8;
  /** {@link UnitType} */
  readonly type: number;
  /** Offset of the root entry. */
  readonly first: number;
  readonly abbreviationOffset: number;
  /** Of a type unit: its signature, and the offset of the type in the section. */
  readonly signature: bigint | undefined;
  readonly typeOffset: number | undefined;
  private rootDie: Die | undefined;
  private table: AbbreviationTable | undefined;

  /** Reads the header at `offset`; `types` says that this part of the data is .debug_types. */
  constructor(store: DwarfStore, data: SectionData, offset: number, types: boolean) {
    const cursor = new Cursor(data, offset);
    const { length, offsetSize } = cursor.initialLength();
    this.store = store;
    this.offset = offset;
    this.offsetSize = offsetSize;
    this.end = cursor.offset + length;
    if (this.end > data.size) throw data.error(offset, `truncated: the unit's ${length} bytes end beyond the section`);
    this.version = cursor.u16();
    if (this.version < 2 || this.version > 5) throw data.error(offset, `DWARF version ${this.version} is not known`);
    const offsetOf = (): number => (offsetSize === 8 ? cursor.u64() : cursor.u32());
    let addressSize: number;
    if (this.version >= 5) {
      this.type = cursor.u8();
      addressSize = cursor.u8();
      this.abbreviationOffset = offsetOf();
      if (this.type < UnitType.compile || this.type > UnitType.splitType) throw data.error(offset, `unit type ${this.type} is not known`);
      if (this.type === UnitType.skeleton || this.type === UnitType.splitCompile) cursor.skip(8);
    } else {
      this.abbreviationOffset = offsetOf();
      addressSize = cursor.u8();
      this.type = types ? UnitType.type : UnitType.compile;
    }
    if (addressSize !== 4 && addressSize !== 8) throw data.error(offset, `addresses of ${addressSize} bytes`);
    this.addressSize = addressSize;
    if (this.type === UnitType.type || this.type === UnitType.splitType) {
      this.signature = cursor.u64Big();
      this.typeOffset = offset + offsetOf();
    }
    this.first = cursor.offset;
    if (this.first > this.end) throw data.error(offset, 'the unit ends inside its header');
  }

  get abbreviations(): AbbreviationTable {
    return (this.table ??= this.store.abbreviations(this));
  }

  /** @throws DwarfError when the unit is empty */
  get root(): Die {
    if (this.rootDie === undefined) {
      this.rootDie = Die.at(this, this.first);
      if (this.rootDie === undefined) throw this.store.info.error(this.first, 'unit without an entry');
    }
    return this.rootDie;
  }

  get name(): string | undefined {
    return this.root.text(Attribute.name);
  }

  get directory(): string | undefined {
    return this.root.text(Attribute.compilationDirectory);
  }

  get producer(): string | undefined {
    return this.root.text(Attribute.producer);
  }

  /** Name of the file which holds the rest of this unit (split DWARF, which is not read). */
  get splitFile(): string | undefined {
    return this.root.tag === Tag.skeletonUnit || this.root.has(Attribute.gnuDwoName) ? (this.root.text(Attribute.dwoName) ?? this.root.text(Attribute.gnuDwoName)) : undefined;
  }

  /** Where DW_AT_ranges and location lists of older versions count from. */
  get baseAddress(): number {
    return this.root.address(Attribute.lowPc) ?? 0;
  }

  /** Address `index` of the unit's part of .debug_addr. */
  indexedAddress(index: number): number {
    const data = this.store.sections.get('.debug_addr');
    const base = this.root.offsetValue(Attribute.addressBase) ?? this.headerBytes(8);
    return new Cursor(data, Math.min(base + index * this.addressSize, data.size)).address(this.addressSize);
  }

  indexedString(index: number): string {
    const offsets = this.store.sections.get('.debug_str_offsets');
    const base = this.root.offsetValue(Attribute.stringOffsetsBase) ?? (this.version >= 5 ? this.headerBytes(8) : 0);
    const cursor = new Cursor(offsets, Math.min(base + index * this.offsetSize, offsets.size));
    return this.store.sections.get('.debug_str').string(cursor.unsigned(this.offsetSize));
  }

  /** Offset of list `index` in .debug_rnglists or .debug_loclists. */
  indexedList(kind: 'ranges' | 'locations', index: number): number {
    const data = this.store.sections.get(kind === 'ranges' ? '.debug_rnglists' : '.debug_loclists');
    const base = this.root.offsetValue(kind === 'ranges' ? Attribute.rangeListsBase : Attribute.locationListsBase) ?? this.headerBytes(12);
    return base + new Cursor(data, Math.min(base + index * this.offsetSize, data.size)).unsigned(this.offsetSize);
  }

  /** Size of a section header whose 32-bit form has `bytes`: the length field grows by eight. */
  private headerBytes(bytes: number): number {
    return this.offsetSize === 8 ? bytes + 8 : bytes;
  }
}
