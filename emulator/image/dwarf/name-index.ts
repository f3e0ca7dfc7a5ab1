/**
 * Names of everything at the top level of all units, and which code belongs to which function: one pass over .debug_info,
 * made at the first question. A kernel repeats its types in every unit: only the first definition of a name, kind and size
 * is kept.
 */
import { SLOTS, Slot, type AbbreviationTable } from './abbreviations.ts';
import { Form, Tag } from './constants.ts';
import { Cursor } from './cursor.ts';
import { Die } from './die.ts';
import { skipValue } from './forms.ts';
import { rangesOf } from './ranges.ts';
import type { DwarfStore } from './store.ts';
import type { Unit } from './unit.ts';

const NONE = -1;

class Column {
  private data = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }

  at(index: number): number {
    return this.data[index];
  }

  set(index: number, value: number): void {
    this.data[index] = value;
  }
}

const interesting = new Set<number>([
  Tag.subprogram, Tag.variable, Tag.structureType, Tag.classType, Tag.unionType, Tag.enumerationType, Tag.typedef, Tag.baseType,
]);

export class NameIndex {
  private readonly store: DwarfStore;
  private readonly ids = new Map<string, number>();
  /** Name id by offset in .debug_str, plus one. */
  private readonly idOfString: Int32Array;
  /** Per name: its newest type entry and its newest function or variable entry. */
  private readonly typeHead = new Column();
  private readonly symbolHead = new Column();
  /** Per entry. */
  private readonly next = new Column();
  private readonly dies = new Column();
  private readonly tags = new Column();
  private readonly byteSizes = new Column();
  /** Per piece of code, then sorted. */
  private readonly low = new Column();
  private readonly high = new Column();
  private readonly owner = new Column();
  private readonly order: Uint32Array;
  /** Greatest end of this piece and all before it in order: pieces may be nested. */
  private readonly reach: Float64Array;
  /** Enumerations without a name, for their enumerators. */
  private readonly anonymousEnumerations: number[] = [];
  private enumeratorDies: Map<string, number> | undefined;
  private readonly at = new Float64Array(SLOTS);
  private readonly spec = new Int32Array(SLOTS);

  /** @throws DwarfError */
  constructor(store: DwarfStore) {
    this.store = store;
    this.idOfString = new Int32Array(store.sections.get('.debug_str').size + 1);
    for (const unit of store.units) this.scan(unit);
    const { low } = this;
    this.order = Uint32Array.from({ length: low.length }, (_, i) => i).sort((a, b) => low.at(a) - low.at(b));
    this.reach = new Float64Array(this.order.length);
    let reach = -Infinity;
    for (let i = 0; i < this.order.length; i++) {
      reach = Math.max(reach, this.high.at(this.order[i]));
      this.reach[i] = reach;
    }
  }

  /** Definitions of a type, in the order of the units; `tags` are those wanted. */
  types(name: string, tags: ReadonlySet<number>): Die[] {
    return this.list(this.typeHead, name, tags);
  }

  symbols(name: string, tag: number): Die[] {
    return this.list(this.symbolHead, name, new Set([tag]));
  }

  /** The function whose code includes an address; the smallest when they are nested. */
  functionAt(address: number): Die | undefined {
    const { order } = this;
    let first = 0;
    let last = order.length;
    while (first < last) {
      const middle = (first + last) >>> 1;
      if (this.low.at(order[middle]) <= address) first = middle + 1;
      else last = middle;
    }
    for (let i = first - 1; i >= 0 && this.reach[i] > address; i--) {
      if (this.high.at(order[i]) > address) return this.store.dieAt(this.owner.at(order[i]));
    }
    return undefined;
  }

  /** The first enumerator of this name. */
  enumerator(name: string): Die | undefined {
    if (this.enumeratorDies === undefined) {
      const found = new Map<string, number>();
      const collect = (offset: number): void => {
        for (const child of this.store.dieAt(offset)?.children() ?? []) {
          const text = child.tag === Tag.enumerator ? child.name : undefined;
          if (text !== undefined && !found.has(text)) found.set(text, child.offset);
        }
      };
      for (let i = 0; i < this.dies.length; i++) if (this.tags.at(i) === Tag.enumerationType) collect(this.dies.at(i));
      for (const offset of this.anonymousEnumerations) collect(offset);
      this.enumeratorDies = found;
    }
    const offset = this.enumeratorDies.get(name);
    return offset === undefined ? undefined : this.store.dieAt(offset);
  }

  /** All names, for completion. */
  *names(): Generator<string, void> {
    yield* this.ids.keys();
  }

  private list(heads: Column, name: string, tags: ReadonlySet<number>): Die[] {
    const id = this.ids.get(name);
    const found: Die[] = [];
    if (id === undefined) return found;
    for (let entry = heads.at(id); entry !== NONE; entry = this.next.at(entry)) {
      if (!tags.has(this.tags.at(entry))) continue;
      const die = this.store.dieAt(this.dies.at(entry));
      if (die !== undefined) found.push(die);
    }
    return found.reverse();
  }

  private scan(unit: Unit): void {
    const { store } = this;
    const { bytes } = store.info;
    const table = unit.abbreviations;
    const wanted = Uint8Array.from(table.tags, (tag) => (interesting.has(tag) ? 1 : 0));
    const { end } = unit;
    const { at: positions, spec } = this;
    let at = unit.first;
    let depth = 0;
    while (at < end) {
      const start = at;
      let code = bytes[at++];
      if (code >= 0x80) {
        const cursor = new Cursor(store.info, start, end);
        code = cursor.uleb();
        at = cursor.offset;
      }
      if (code === 0) {
        if (--depth <= 0) break;
        continue;
      }
      const abbreviation = table.indexOf(code);
      if (abbreviation < 0) throw store.info.error(start, `abbreviation ${code} does not exist`);
      const children = table.children[abbreviation];
      const take = depth === 1 && wanted[abbreviation] === 1;
      const fixed = table.fixedSize[abbreviation];
      if (!take && fixed >= 0 && children === 0) {
        at += fixed;
      } else {
        spec.fill(NONE);
        for (let i = table.first[abbreviation], last = table.first[abbreviation + 1]; i < last; i++) {
          const slot = table.slots[i];
          if (slot !== 0) {
            positions[slot] = at;
            spec[slot] = i;
          }
          const size = table.sizes[i];
          at = size >= 0 ? at + size : skipValue(bytes, at, size, unit);
        }
        if (!(at <= end)) throw store.info.error(start, 'entry runs beyond its unit');
        if (take) this.take(unit, table, start, table.tags[abbreviation]);
        if (children !== 0) {
          const sibling = depth === 0 || spec[Slot.sibling] === NONE ? NONE : this.siblingAt(unit, table.forms[spec[Slot.sibling]], positions[Slot.sibling]);
          if (sibling === NONE) depth++;
          else if (sibling < at || sibling > end) throw store.info.error(start, `sibling at 0x${sibling.toString(16)} is not behind its entry`);
          else at = sibling;
        } else if (depth === 0) break;
      }
    }
    if (at > end) throw store.info.error(unit.offset, 'entries run beyond their unit');
  }

  private siblingAt(unit: Unit, form: number, at: number): number {
    const cursor = new Cursor(this.store.info, at, unit.end);
    switch (form) {
      case Form.ref1: return unit.offset + cursor.u8();
      case Form.ref2: return unit.offset + cursor.u16();
      case Form.ref4: return unit.offset + cursor.u32();
      default: return NONE;
    }
  }

  /** Enters the entry whose attributes the slots hold. */
  private take(unit: Unit, table: AbbreviationTable, offset: number, tag: number): void {
    const { spec } = this;
    if (spec[Slot.declaration] !== NONE) return;
    let name = NONE;
    if (spec[Slot.name] !== NONE) name = this.nameId(unit, table.forms[spec[Slot.name]], this.at[Slot.name], offset);
    else if (spec[Slot.origin] !== NONE) {
      const text = Die.at(unit, offset)?.name;
      if (text !== undefined) name = this.intern(text);
    }
    if (tag === Tag.subprogram) this.takeCode(unit, offset);
    if (name === NONE) {
      if (tag === Tag.enumerationType) this.anonymousEnumerations.push(offset);
      return;
    }
    if (tag === Tag.subprogram || tag === Tag.variable) {
      this.enter(this.symbolHead, name, offset, tag, 0);
      return;
    }
    const sizeAt = spec[Slot.byteSize];
    const size = sizeAt === NONE ? 0 : this.sizeAt(table.forms[sizeAt], this.at[Slot.byteSize]);
    for (let entry = this.typeHead.at(name); entry !== NONE; entry = this.next.at(entry)) {
      if (this.tags.at(entry) === tag && this.byteSizes.at(entry) === size) return;
    }
    this.enter(this.typeHead, name, offset, tag, size);
  }

  private enter(heads: Column, name: number, offset: number, tag: number, size: number): void {
    this.next.push(heads.at(name));
    heads.set(name, this.dies.length);
    this.dies.push(offset);
    this.tags.push(tag);
    this.byteSizes.push(size);
  }

  private takeCode(unit: Unit, offset: number): void {
    if (this.spec[Slot.lowPc] === NONE && this.spec[Slot.ranges] === NONE) return;
    const die = Die.at(unit, offset);
    if (die === undefined) return;
    for (const { low, high } of rangesOf(die)) {
      this.low.push(low);
      this.high.push(high);
      this.owner.push(offset);
    }
  }

  private nameId(unit: Unit, form: number, at: number, offset: number): number {
    if (form !== Form.strp || unit.offsetSize !== 4) return this.intern(Die.at(unit, offset)?.name ?? '');
    const string = this.store.info.view.getUint32(at, true);
    const known = string < this.idOfString.length ? this.idOfString[string] : 0;
    if (known !== 0) return known - 1;
    const id = this.intern(this.store.sections.get('.debug_str').string(string));
    this.idOfString[string] = id + 1;
    return id;
  }

  private intern(name: string): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(name, id);
      this.typeHead.push(NONE);
      this.symbolHead.push(NONE);
    }
    return id;
  }

  /** DW_AT_byte_size in the forms compilers use; others only cost a duplicate entry. */
  private sizeAt(form: number, at: number): number {
    const { view } = this.store.info;
    switch (form) {
      case Form.data1: return view.getUint8(at);
      case Form.data2: return view.getUint16(at, true);
      case Form.data4: return view.getUint32(at, true);
      default: return 0;
    }
  }
}
