/**
 * What all parts of the reader share: the sections, the units in order of their offsets, and abbreviation tables by offset.
 *
 * .debug_types (DWARF 4 type units) is taken as the continuation of .debug_info; offsets beyond that section's size are in it.
 */
import type { ElfFile } from '../elf.ts';
import { AbbreviationTable } from './abbreviations.ts';
import { UnitType } from './constants.ts';
import { SectionData } from './cursor.ts';
import { Die } from './die.ts';
import { DwarfSections, type SectionPlacement } from './sections.ts';
import { DwarfError } from './dwarf-error.ts';
import { Unit } from './unit.ts';

class InfoData extends SectionData {
  private readonly infoBytes: number;

  constructor(info: Uint8Array, types: Uint8Array) {
    super('.debug_info', types.length === 0 ? info : Buffer.concat([info, types]));
    this.infoBytes = info.length;
  }

  override error(offset: number, what: string): DwarfError {
    return offset >= this.infoBytes && this.size > this.infoBytes ? new DwarfError('.debug_types', offset - this.infoBytes, what) : new DwarfError(this.name, offset, what);
  }
}

export class DwarfStore {
  readonly sections: DwarfSections;
  readonly info: SectionData;
  readonly units: readonly Unit[];
  private readonly tables = new Map<string, AbbreviationTable>();
  private signatures: Map<bigint, Unit> | undefined;

  /** @throws DwarfError */
  constructor(elf: ElfFile, placement?: SectionPlacement) {
    this.sections = new DwarfSections(elf, placement);
    const info = this.sections.get('.debug_info').bytes;
    this.info = new InfoData(info, this.sections.get('.debug_types').bytes);
    const units: Unit[] = [];
    for (let at = 0; at < this.info.size;) {
      const unit = new Unit(this, this.info, at, at >= info.length);
      units.push(unit);
      at = unit.end;
    }
    this.units = units;
  }

  abbreviations(unit: Unit): AbbreviationTable {
    const key = `${unit.abbreviationOffset}/${unit.version <= 2 ? 2 : 3}/${unit.addressSize}/${unit.offsetSize}`;
    let table = this.tables.get(key);
    if (table === undefined) {
      table = new AbbreviationTable(this.sections.get('.debug_abbrev'), unit.abbreviationOffset, unit);
      this.tables.set(key, table);
    }
    return table;
  }

  /** The unit `offset` of .debug_info lies in. */
  unitAt(offset: number): Unit | undefined {
    const { units } = this;
    let low = 0;
    let high = units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (units[middle].offset <= offset) low = middle + 1;
      else high = middle;
    }
    const unit = units[low - 1];
    return unit !== undefined && offset < unit.end ? unit : undefined;
  }

  /** @throws DwarfError when no unit has entries there */
  dieAt(offset: number): Die | undefined {
    const unit = this.unitAt(offset);
    if (unit === undefined || offset < unit.first) throw this.info.error(offset, 'no entry can be here');
    return Die.at(unit, offset);
  }

  typeBySignature(signature: bigint, from: Die): Die {
    this.signatures ??= new Map(this.units.flatMap((unit) => (unit.signature !== undefined && unit.type === UnitType.type ? [[unit.signature, unit]] : [])));
    const unit = this.signatures.get(signature);
    const die = unit?.typeOffset === undefined ? undefined : this.dieAt(unit.typeOffset);
    if (die === undefined) throw from.error(`no type unit has signature 0x${signature.toString(16)}`);
    return die;
  }
}
