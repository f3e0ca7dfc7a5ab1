/**
 * A debugging information entry, read where it lies: nothing is kept but its place, attributes are found when asked for.
 */
import { Attribute, Form } from './constants.ts';
import { Cursor, type Block } from './cursor.ts';
import { skipValue } from './forms.ts';
import type { Unit } from './unit.ts';

/** Longest chain of DW_AT_abstract_origin and DW_AT_specification followed. */
const LONGEST_CHAIN = 16;

interface Found {
  readonly form: number;
  /** Offset of the value. */
  readonly at: number;
  /** Value of DW_FORM_implicit_const. */
  readonly constant: bigint | undefined;
}

/** What DW_AT_location and the like hold: an expression, or the offset of a list. */
export type LocationValue = { readonly kind: 'expression'; readonly block: Block } | { readonly kind: 'list'; readonly offset: number };

export class Die {
  readonly unit: Unit;
  /** Offset in .debug_info: identifies the entry. */
  readonly offset: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  private readonly abbreviation: number;
  private readonly attributesAt: number;

  private constructor(unit: Unit, offset: number, abbreviation: number, attributesAt: number) {
    const table = unit.abbreviations;
    this.unit = unit;
    this.offset = offset;
    this.abbreviation = abbreviation;
    this.attributesAt = attributesAt;
    this.tag = table.tags[abbreviation];
    this.hasChildren = table.children[abbreviation] !== 0;
  }

  /** The entry at `offset`; undefined for the null entry that ends a list of children. */
  static at(unit: Unit, offset: number): Die | undefined {
    const cursor = new Cursor(unit.store.info, offset, unit.end);
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const abbreviation = unit.abbreviations.indexOf(code);
    if (abbreviation < 0) throw unit.store.info.error(offset, `abbreviation ${code} does not exist`);
    return new Die(unit, offset, abbreviation, cursor.offset);
  }

  has(attribute: number): boolean {
    return this.find(attribute) !== undefined;
  }

  flag(attribute: number): boolean {
    const found = this.find(attribute);
    if (found === undefined) return false;
    return found.form === Form.flagPresent || this.integer(found, attribute) !== 0n;
  }

  /** Constant of an attribute, with the sign its form gives. Undefined when absent or when it is not a constant (an expression). */
  constant(attribute: number): bigint | undefined {
    const found = this.find(attribute);
    return found === undefined || isBlock(found.form) || isReference(found.form) ? undefined : this.integer(found, attribute);
  }

  /** The same as a number. @throws DwarfError when it is not exact */
  number(attribute: number): number | undefined {
    const value = this.constant(attribute);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw this.error(`attribute 0x${attribute.toString(16)} is ${value}, too large here`);
    return number;
  }

  text(attribute: number): string | undefined {
    const found = this.find(attribute);
    if (found === undefined) return undefined;
    const { sections } = this.unit.store;
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.string: return cursor.string();
      case Form.strp: return sections.get('.debug_str').string(cursor.unsigned(this.unit.offsetSize));
      case Form.lineStrp: return sections.get('.debug_line_str').string(cursor.unsigned(this.unit.offsetSize));
      case Form.strx: case Form.gnuStringIndex: return this.unit.indexedString(cursor.uleb());
      case Form.strx1: return this.unit.indexedString(cursor.u8());
      case Form.strx2: return this.unit.indexedString(cursor.u16());
      case Form.strx3: return this.unit.indexedString(cursor.u24());
      case Form.strx4: return this.unit.indexedString(cursor.u32());
      default: throw this.wrongForm(found, attribute, 'a string');
    }
  }

  address(attribute: number): number | undefined {
    const found = this.find(attribute);
    return found === undefined ? undefined : this.addressOf(found, attribute);
  }

  /** DW_AT_high_pc: an address, or a length from `low` (DWARF 4 and later). */
  highAddress(low: number): number | undefined {
    const found = this.find(Attribute.highPc);
    if (found === undefined) return undefined;
    return isAddress(found.form) ? this.addressOf(found, Attribute.highPc) : low + Number(this.integer(found, Attribute.highPc));
  }

  /** The entry an attribute refers to. */
  reference(attribute: number): Die | undefined {
    const found = this.find(attribute);
    if (found === undefined) return undefined;
    const { unit } = this;
    const { store } = unit;
    const cursor = this.cursor(found);
    let target: number;
    switch (found.form) {
      case Form.ref1: target = unit.offset + cursor.u8(); break;
      case Form.ref2: target = unit.offset + cursor.u16(); break;
      case Form.ref4: target = unit.offset + cursor.u32(); break;
      case Form.ref8: target = unit.offset + cursor.u64(); break;
      case Form.refUdata: target = unit.offset + cursor.uleb(); break;
      case Form.refAddr: return this.required(store.dieAt(cursor.unsigned(unit.version <= 2 ? unit.addressSize : unit.offsetSize)), attribute);
      case Form.refSignature: return store.typeBySignature(cursor.u64Big(), this);
      default: throw this.wrongForm(found, attribute, 'a reference');
    }
    if (target < unit.first || target >= unit.end) throw this.error(`attribute 0x${attribute.toString(16)} refers to 0x${target.toString(16)}, outside its unit`);
    return this.required(Die.at(unit, target), attribute);
  }

  /** Bytes of a block or an expression; undefined when absent or of another form. */
  block(attribute: number): Block | undefined {
    const found = this.find(attribute);
    return found !== undefined && isBlock(found.form) ? this.blockOf(found, attribute) : undefined;
  }

  location(attribute: number): LocationValue | undefined {
    const found = this.find(attribute);
    if (found === undefined) return undefined;
    if (isBlock(found.form)) return { kind: 'expression', block: this.blockOf(found, attribute) };
    return { kind: 'list', offset: this.listOffset(found, attribute, 'locations') };
  }

  /** Offset of the range list of DW_AT_ranges. */
  rangeList(): number | undefined {
    const found = this.find(Attribute.ranges);
    return found === undefined ? undefined : this.listOffset(found, Attribute.ranges, 'ranges');
  }

  /** An offset into another section. */
  offsetValue(attribute: number): number | undefined {
    const found = this.find(attribute);
    if (found === undefined) return undefined;
    if (found.form !== Form.sectionOffset && found.form !== Form.data4 && found.form !== Form.data8) throw this.wrongForm(found, attribute, 'an offset');
    return this.cursor(found).unsigned(found.form === Form.data4 ? 4 : found.form === Form.data8 ? 8 : this.unit.offsetSize);
  }

  /** Looks in this entry, then in those it is an instance or the definition of. */
  inherited<T>(read: (die: Die) => T | undefined): T | undefined {
    let value = read(this);
    let die = value === undefined ? this.origin() : undefined;
    for (let hops = 0; die !== undefined; hops++) {
      if (hops > LONGEST_CHAIN) throw this.error('chain of origins without an end');
      value = read(die);
      if (value !== undefined) break;
      die = die.origin();
    }
    return value;
  }

  /** DW_AT_name, of this entry or of its origin. */
  get name(): string | undefined {
    return this.inherited((die) => die.text(Attribute.name));
  }

  /** What this entry is an instance or the definition of. */
  origin(): Die | undefined {
    return this.reference(Attribute.abstractOrigin) ?? this.reference(Attribute.specification);
  }

  *children(): Generator<Die, void> {
    if (!this.hasChildren) return;
    let at = this.attributesEnd();
    for (;;) {
      const child = Die.at(this.unit, at);
      if (child === undefined) return;
      yield child;
      at = child.nextSibling();
    }
  }

  /** Offset behind this entry and everything below it. */
  nextSibling(): number {
    const end = this.attributesEnd();
    if (!this.hasChildren) return end;
    const sibling = this.find(Attribute.sibling);
    if (sibling !== undefined) {
      const target = this.siblingTarget(sibling);
      if (target <= this.offset || target > this.unit.end) throw this.error(`sibling at 0x${target.toString(16)} is not behind its entry`);
      return target;
    }
    let at = end;
    for (let depth = 1; depth > 0;) {
      const die = Die.at(this.unit, at);
      if (die === undefined) {
        depth--;
        // The null entry is one byte however it is written: compilers write 0.
        at++;
      } else {
        at = die.attributesEnd();
        if (die.hasChildren) depth++;
      }
    }
    return at;
  }

  error(what: string): Error {
    return this.unit.store.info.error(this.offset, what);
  }

  private siblingTarget(found: Found): number {
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.ref1: return this.unit.offset + cursor.u8();
      case Form.ref2: return this.unit.offset + cursor.u16();
      case Form.ref4: return this.unit.offset + cursor.u32();
      case Form.ref8: return this.unit.offset + cursor.u64();
      case Form.refUdata: return this.unit.offset + cursor.uleb();
      default: throw this.wrongForm(found, Attribute.sibling, 'a reference inside the unit');
    }
  }

  private find(attribute: number): Found | undefined {
    const { unit } = this;
    const table = unit.abbreviations;
    const { bytes } = unit.store.info;
    let at = this.attributesAt;
    for (let i = table.first[this.abbreviation]; i < table.first[this.abbreviation + 1]; i++) {
      if (at > unit.end) throw this.error('truncated entry');
      if (table.attributes[i] === attribute) {
        const form = table.forms[i];
        return form === Form.indirect ? this.indirect(at) : { form, at, constant: table.constants.get(i) };
      }
      at = skipValue(bytes, at, table.sizes[i], unit);
    }
    return undefined;
  }

  private indirect(at: number): Found {
    const cursor = new Cursor(this.unit.store.info, at, this.unit.end);
    const form = cursor.uleb();
    if (form === Form.indirect || form === Form.implicitConst) throw this.error(`form 0x${form.toString(16)} behind DW_FORM_indirect`);
    return { form, at: cursor.offset, constant: undefined };
  }

  private attributesEnd(): number {
    const { unit } = this;
    const table = unit.abbreviations;
    const fixed = table.fixedSize[this.abbreviation];
    let at = this.attributesAt;
    if (fixed >= 0) at += fixed;
    else for (let i = table.first[this.abbreviation]; i < table.first[this.abbreviation + 1]; i++) at = skipValue(unit.store.info.bytes, at, table.sizes[i], unit);
    if (!(at <= unit.end)) throw this.error('entry runs beyond its unit');
    return at;
  }

  private cursor(found: Found): Cursor {
    return new Cursor(this.unit.store.info, found.at, this.unit.end);
  }

  private integer(found: Found, attribute: number): bigint {
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.data1: case Form.flag: return BigInt(cursor.u8());
      case Form.data2: return BigInt(cursor.u16());
      case Form.data4: return BigInt(cursor.u32());
      case Form.data8: return cursor.u64Big();
      case Form.udata: return cursor.ulebBig();
      case Form.sdata: return cursor.slebBig();
      case Form.flagPresent: return 1n;
      case Form.implicitConst:
        if (found.constant !== undefined) return found.constant;
        throw this.error('DW_FORM_implicit_const without its constant');
      case Form.sectionOffset: return BigInt(cursor.unsigned(this.unit.offsetSize));
      default: throw this.wrongForm(found, attribute, 'a constant');
    }
  }

  private addressOf(found: Found, attribute: number): number {
    const { unit } = this;
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.address: return cursor.address(unit.addressSize);
      case Form.addrx: case Form.gnuAddressIndex: return unit.indexedAddress(cursor.uleb());
      case Form.addrx1: return unit.indexedAddress(cursor.u8());
      case Form.addrx2: return unit.indexedAddress(cursor.u16());
      case Form.addrx3: return unit.indexedAddress(cursor.u24());
      case Form.addrx4: return unit.indexedAddress(cursor.u32());
      default: throw this.wrongForm(found, attribute, 'an address');
    }
  }

  private blockOf(found: Found, attribute: number): Block {
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.expression: case Form.block: return cursor.block(cursor.uleb());
      case Form.block1: return cursor.block(cursor.u8());
      case Form.block2: return cursor.block(cursor.u16());
      case Form.block4: return cursor.block(cursor.u32());
      case Form.data16: return cursor.block(16);
      default: throw this.wrongForm(found, attribute, 'a block');
    }
  }

  private listOffset(found: Found, attribute: number, kind: 'ranges' | 'locations'): number {
    const cursor = this.cursor(found);
    switch (found.form) {
      case Form.sectionOffset: return cursor.unsigned(this.unit.offsetSize);
      case Form.data4: return cursor.u32();
      case Form.data8: return cursor.u64();
      case Form.rnglistx: case Form.loclistx: return this.unit.indexedList(kind, cursor.uleb());
      default: throw this.wrongForm(found, attribute, 'a list');
    }
  }

  private required(die: Die | undefined, attribute: number): Die {
    if (die === undefined) throw this.error(`attribute 0x${attribute.toString(16)} refers to a null entry`);
    return die;
  }

  private wrongForm(found: Found, attribute: number, wanted: string): Error {
    if (SUPPLEMENTARY.has(found.form)) return this.unit.store.info.error(found.at, `attribute 0x${attribute.toString(16)} is in a supplementary file (dwz), which is not read`);
    return this.unit.store.info.error(found.at, `form 0x${found.form.toString(16)} of attribute 0x${attribute.toString(16)} is not ${wanted}`);
  }
}

const SUPPLEMENTARY = new Set<number>([Form.refSup4, Form.refSup8, Form.strpSup, Form.gnuReferenceAlt, Form.gnuStrpAlt]);

function isBlock(form: number): boolean {
  return form === Form.expression || form === Form.block || form === Form.block1 || form === Form.block2 || form === Form.block4 || form === Form.data16;
}

function isReference(form: number): boolean {
  return (form >= Form.refAddr && form <= Form.refUdata) || form === Form.refSignature;
}

function isAddress(form: number): boolean {
  return form === Form.address || (form >= Form.addrx1 && form <= Form.addrx4) || form === Form.addrx || form === Form.gnuAddressIndex;
}
