/** .debug_abbrev: the shapes of entries, in columns. One table serves one or several units. */
import { Attribute, Form } from './constants.ts';
import { Cursor, type SectionData } from './cursor.ts';
import { UNKNOWN, formSize, type UnitFormat } from './forms.ts';

/** Attributes the scan for names looks at; a slot number for each, 0 for the rest. */
export const Slot = { sibling: 1, name: 2, declaration: 3, byteSize: 4, lowPc: 5, highPc: 6, ranges: 7, origin: 8 } as const;
export const SLOTS = 9;

const slotOf = new Uint8Array(0x80);
slotOf[Attribute.sibling] = Slot.sibling;
slotOf[Attribute.name] = Slot.name;
slotOf[Attribute.declaration] = Slot.declaration;
slotOf[Attribute.byteSize] = Slot.byteSize;
slotOf[Attribute.lowPc] = Slot.lowPc;
slotOf[Attribute.highPc] = Slot.highPc;
slotOf[Attribute.ranges] = Slot.ranges;
slotOf[Attribute.abstractOrigin] = Slot.origin;
slotOf[Attribute.specification] = Slot.origin;

export class AbbreviationTable {
  /** Per abbreviation. */
  readonly tags: Uint16Array;
  readonly children: Uint8Array;
  /** Its attributes are those from `first[i]` up to `first[i + 1]`. */
  readonly first: Uint32Array;
  /** Bytes of all attributes when every one has a fixed size, else -1. */
  readonly fixedSize: Int32Array;
  /** Per attribute. */
  readonly attributes: Uint16Array;
  readonly forms: Uint16Array;
  /** {@link formSize} of the form. */
  readonly sizes: Int8Array;
  readonly slots: Uint8Array;
  /** Values of DW_FORM_implicit_const by attribute index. */
  readonly constants: ReadonlyMap<number, bigint>;
  /** Undefined when codes are 1, 2, 3, …, as every compiler has them. */
  private readonly codes: ReadonlyMap<number, number> | undefined;

  constructor(data: SectionData, offset: number, format: UnitFormat) {
    const tags: number[] = [];
    const children: number[] = [];
    const first: number[] = [];
    const fixedSize: number[] = [];
    const attributes: number[] = [];
    const forms: number[] = [];
    const sizes: number[] = [];
    const slots: number[] = [];
    const constants = new Map<number, bigint>();
    const codes: number[] = [];
    let dense = true;
    const cursor = new Cursor(data, offset);
    for (;;) {
      const code = cursor.uleb();
      if (code === 0) break;
      if (code !== tags.length + 1) dense = false;
      codes.push(code);
      tags.push(small(cursor, cursor.uleb(), 'tag'));
      children.push(cursor.u8() === 0 ? 0 : 1);
      first.push(attributes.length);
      let total = 0;
      for (;;) {
        const start = cursor.offset;
        const attribute = cursor.uleb();
        const form = cursor.uleb();
        if (attribute === 0 && form === 0) break;
        const size = formSize(form, format);
        if (size === UNKNOWN) throw cursor.error(`attribute form 0x${form.toString(16)} is not known`, start);
        if (form === Form.implicitConst) constants.set(attributes.length, cursor.slebBig());
        attributes.push(small(cursor, attribute, 'attribute'));
        forms.push(form);
        sizes.push(size);
        slots.push(attribute < slotOf.length ? slotOf[attribute] : 0);
        total = size < 0 || total < 0 ? -1 : total + size;
      }
      fixedSize.push(total);
    }
    first.push(attributes.length);
    this.tags = Uint16Array.from(tags);
    this.children = Uint8Array.from(children);
    this.first = Uint32Array.from(first);
    this.fixedSize = Int32Array.from(fixedSize);
    this.attributes = Uint16Array.from(attributes);
    this.forms = Uint16Array.from(forms);
    this.sizes = Int8Array.from(sizes);
    this.slots = Uint8Array.from(slots);
    this.constants = constants;
    this.codes = dense ? undefined : new Map(codes.map((code, index) => [code, index]));
  }

  /** Index of an abbreviation, -1 when there is none of this code. */
  indexOf(code: number): number {
    if (this.codes !== undefined) return this.codes.get(code) ?? -1;
    return code <= this.tags.length ? code - 1 : -1;
  }
}

function small(cursor: Cursor, value: number, what: string): number {
  if (value > 0xffff) throw cursor.error(`${what} 0x${value.toString(16)} is out of range`);
  return value;
}
