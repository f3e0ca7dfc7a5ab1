/**
 * Call frame information: .eh_frame and .debug_frame, and the row of rules that holds at an address.
 */
import { Cursor, type Block, type SectionData } from './cursor.ts';
import type { DwarfSections } from './sections.ts';

/** DW_EH_PE_… */
const Pointer = { absolute: 0, uleb: 1, u2: 2, u4: 3, u8: 4, sleb: 9, s2: 10, s4: 11, s8: 12, relative: 0x10, omit: 0xff } as const;

export type RegisterRule =
  | { readonly kind: 'undefined' } | { readonly kind: 'same' }
  /** Saved at CFA + offset, or being CFA + offset. */
  | { readonly kind: 'offset' | 'value-offset'; readonly offset: number }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'expression' | 'value-expression'; readonly block: Block };

export type CfaRule = { readonly kind: 'register'; readonly register: number; readonly offset: number } | { readonly kind: 'expression'; readonly block: Block };

/** What holds from `address` on, up to the next row. Registers without a rule are unspecified. */
export interface FrameRow {
  readonly address: number;
  readonly cfa: CfaRule;
  readonly rules: ReadonlyMap<number, RegisterRule>;
}

interface Common {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnRegister: number;
  readonly signal: boolean;
  readonly hasLength: boolean;
  readonly encoding: number;
  readonly addressSize: 4 | 8;
  readonly instructions: Block;
}

/** The frame description of a piece of code. */
export interface FrameDescription {
  readonly low: number;
  readonly high: number;
  readonly returnRegister: number;
  /** A signal trampoline: the caller was interrupted at its address, not behind a call. */
  readonly signal: boolean;
  readonly common: Common;
  readonly instructions: Block;
}

export class FrameTable {
  private readonly data: SectionData;
  private readonly eh: boolean;
  private readonly base: number;
  private readonly wordSize: 4 | 8;
  private readonly commons = new Map<number, Common>();
  private sorted: FrameDescription[] | undefined;

  /** @param base address of the section in memory: pointers count from there */
  constructor(data: SectionData, eh: boolean, base: number, wordSize: 4 | 8) {
    this.data = data;
    this.eh = eh;
    this.base = base;
    this.wordSize = wordSize;
  }

  /** All descriptions by address. */
  get descriptions(): readonly FrameDescription[] {
    return (this.sorted ??= this.readAll().sort((a, b) => a.low - b.low));
  }

  at(address: number): FrameDescription | undefined {
    const all = this.descriptions;
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (all[middle].low <= address) low = middle + 1;
      else high = middle;
    }
    const found = all[low - 1];
    return found !== undefined && address < found.high ? found : undefined;
  }

  private readAll(): FrameDescription[] {
    const found: FrameDescription[] = [];
    const cursor = new Cursor(this.data);
    while (!cursor.done) {
      const start = cursor.offset;
      const { length, offsetSize } = cursor.initialLength();
      // A zero ends one object file's part; the linker may have put another behind it.
      if (length === 0) continue;
      const idAt = cursor.offset;
      const end = idAt + length;
      if (end > this.data.size) throw cursor.error('truncated frame description', start);
      const part = new Cursor(this.data, idAt, end);
      const isCommon = this.eh ? part.u32() === 0 : offsetSize === 8 ? part.u64Big() === 0xffffffffffffffffn : part.u32() === 0xffffffff;
      if (!isCommon) {
        const id = new Cursor(this.data, idAt, end);
        const value = offsetSize === 8 && !this.eh ? id.u64() : id.u32();
        const description = this.description(part, this.common(this.eh ? idAt - value : value, start));
        if (description.high > description.low) found.push(description);
      }
      cursor.offset = end;
    }
    return found;
  }

  private common(offset: number, from: number): Common {
    let common = this.commons.get(offset);
    if (common === undefined) {
      if (offset < 0 || offset >= this.data.size) throw this.data.error(from, 'frame description without its common part');
      common = this.readCommon(offset);
      this.commons.set(offset, common);
    }
    return common;
  }

  private readCommon(start: number): Common {
    const outer = new Cursor(this.data, start);
    const { length, offsetSize } = outer.initialLength();
    const cursor = new Cursor(this.data, outer.offset, outer.offset + length);
    const id = offsetSize === 8 && !this.eh ? Number(BigInt.asIntN(64, cursor.u64Big())) : cursor.i32();
    if (id !== (this.eh ? 0 : -1)) throw cursor.error('frame description refers to something that is not a common part', start);
    const version = cursor.u8();
    if (version !== 1 && version !== 3 && version !== 4) throw cursor.error(`version ${version} of frame information is not known`, start);
    const augmentation = cursor.string();
    let addressSize = this.wordSize;
    if (version === 4) {
      const size = cursor.u8();
      const segment = cursor.u8();
      if ((size !== 4 && size !== 8) || segment !== 0) throw cursor.error(`addresses of ${size} bytes with segments of ${segment}`, start);
      addressSize = size;
    }
    const codeAlignment = cursor.uleb();
    const dataAlignment = cursor.sleb();
    const returnRegister = version === 1 ? cursor.u8() : cursor.uleb();
    let encoding: number = Pointer.absolute;
    let signal = false;
    const hasLength = augmentation.startsWith('z');
    if (hasLength) {
      const size = cursor.uleb();
      const data = Cursor.of(cursor.block(size));
      for (const letter of augmentation.slice(1)) {
        if (letter === 'R') encoding = data.u8();
        else if (letter === 'L') data.skip(1);
        else if (letter === 'P') this.pointer(data, data.u8(), addressSize);
        else if (letter === 'S') signal = true;
        else throw cursor.error(`augmentation "${augmentation}" is not known`, start);
      }
    } else if (augmentation !== '') throw cursor.error(`augmentation "${augmentation}" is not known`, start);
    return { codeAlignment, dataAlignment, returnRegister, signal, hasLength, encoding, addressSize, instructions: cursor.block(cursor.end - cursor.offset) };
  }

  private description(cursor: Cursor, common: Common): FrameDescription {
    const low = this.pointer(cursor, common.encoding, common.addressSize);
    const length = this.pointer(cursor, common.encoding & 0x0f, common.addressSize);
    if (common.hasLength) cursor.skip(cursor.uleb());
    return { low, high: low + length, returnRegister: common.returnRegister, signal: common.signal, common, instructions: cursor.block(cursor.end - cursor.offset) };
  }

  private pointer(cursor: Cursor, encoding: number, addressSize: 4 | 8): number {
    if (encoding === Pointer.omit) return 0;
    const at = cursor.offset;
    const value = this.rawPointer(cursor, encoding, addressSize);
    switch (encoding & 0x70) {
      case 0: return value;
      case Pointer.relative: return this.base + at + value;
      default: throw cursor.error(`pointer encoding 0x${encoding.toString(16)}`, at);
    }
  }

  private rawPointer(cursor: Cursor, encoding: number, addressSize: 4 | 8): number {
    switch (encoding & 0x0f) {
      case Pointer.absolute: return cursor.address(addressSize);
      case Pointer.uleb: return cursor.uleb();
      case Pointer.u2: return cursor.u16();
      case Pointer.u4: return cursor.u32();
      case Pointer.u8: case Pointer.s8: return cursor.address(8);
      case Pointer.sleb: return cursor.sleb();
      case Pointer.s2: return cursor.i16();
      case Pointer.s4: return cursor.i32();
      default: throw cursor.error(`pointer encoding 0x${encoding.toString(16)}`);
    }
  }

  /** Rows of a description in order of their addresses. @throws DwarfError */
  rows(description: FrameDescription): FrameRow[] {
    const { common } = description;
    const state = new RowState(description.low, common);
    state.run(common.instructions);
    state.initial = new Map(state.rules);
    state.run(description.instructions);
    return state.finish();
  }

  rowAt(description: FrameDescription, address: number): FrameRow | undefined {
    return this.rows(description).findLast((row) => row.address <= address);
  }
}

/** The machine which DW_CFA_… instructions run on. */
class RowState {
  readonly rows: FrameRow[] = [];
  rules = new Map<number, RegisterRule>();
  initial: ReadonlyMap<number, RegisterRule> = new Map();
  private cfa: CfaRule | undefined;
  private address: number;
  private readonly common: Common;
  private readonly stack: { rules: Map<number, RegisterRule>; cfa: CfaRule | undefined }[] = [];

  constructor(address: number, common: Common) {
    this.address = address;
    this.common = common;
  }

  finish(): FrameRow[] {
    this.emit();
    return this.rows;
  }

  run(block: Block): void {
    const cursor = Cursor.of(block);
    while (!cursor.done) this.step(cursor);
  }

  private emit(): void {
    if (this.cfa === undefined) return;
    // An advance by nothing replaces the row.
    if (this.rows.at(-1)?.address === this.address) this.rows.pop();
    this.rows.push({ address: this.address, cfa: this.cfa, rules: new Map(this.rules) });
  }

  private advance(units: number): void {
    this.emit();
    this.address += units * this.common.codeAlignment;
  }

  private step(cursor: Cursor): void {
    const at = cursor.offset;
    const code = cursor.u8();
    const low = code & 0x3f;
    const scaled = (value: number): number => value * this.common.dataAlignment;
    const set = (register: number, rule: RegisterRule): void => {
      this.rules.set(register, rule);
    };
    switch (code >>> 6) {
      case 1: this.advance(low); return;
      case 2: set(low, { kind: 'offset', offset: scaled(cursor.uleb()) }); return;
      case 3: this.restore(low); return;
    }
    switch (code) {
      case 0x00: return;
      case 0x01: {
        const address = cursor.address(this.common.addressSize);
        this.emit();
        this.address = address;
        return;
      }
      case 0x02: this.advance(cursor.u8()); return;
      case 0x03: this.advance(cursor.u16()); return;
      case 0x04: this.advance(cursor.u32()); return;
      case 0x05: set(cursor.uleb(), { kind: 'offset', offset: scaled(cursor.uleb()) }); return;
      case 0x06: this.restore(cursor.uleb()); return;
      case 0x07: set(cursor.uleb(), { kind: 'undefined' }); return;
      case 0x08: set(cursor.uleb(), { kind: 'same' }); return;
      case 0x09: set(cursor.uleb(), { kind: 'register', register: cursor.uleb() }); return;
      case 0x0a: this.stack.push({ rules: new Map(this.rules), cfa: this.cfa }); return;
      case 0x0b: {
        const saved = this.stack.pop();
        if (saved === undefined) throw cursor.error('DW_CFA_restore_state without anything remembered', at);
        this.rules = saved.rules;
        this.cfa = saved.cfa;
        return;
      }
      case 0x0c: this.cfa = { kind: 'register', register: cursor.uleb(), offset: cursor.uleb() }; return;
      case 0x0d: this.cfa = { ...this.registerCfa(cursor, at), register: cursor.uleb() }; return;
      case 0x0e: this.cfa = { ...this.registerCfa(cursor, at), offset: cursor.uleb() }; return;
      case 0x0f: this.cfa = { kind: 'expression', block: cursor.block(cursor.uleb()) }; return;
      case 0x10: set(cursor.uleb(), { kind: 'expression', block: cursor.block(cursor.uleb()) }); return;
      case 0x11: set(cursor.uleb(), { kind: 'offset', offset: scaled(cursor.sleb()) }); return;
      case 0x12: this.cfa = { kind: 'register', register: cursor.uleb(), offset: scaled(cursor.sleb()) }; return;
      case 0x13: this.cfa = { ...this.registerCfa(cursor, at), offset: scaled(cursor.sleb()) }; return;
      case 0x14: set(cursor.uleb(), { kind: 'value-offset', offset: scaled(cursor.uleb()) }); return;
      case 0x15: set(cursor.uleb(), { kind: 'value-offset', offset: scaled(cursor.sleb()) }); return;
      case 0x16: set(cursor.uleb(), { kind: 'value-expression', block: cursor.block(cursor.uleb()) }); return;
      // DW_CFA_GNU_args_size says nothing about registers.
      case 0x2e: cursor.uleb(); return;
      case 0x2f: set(cursor.uleb(), { kind: 'offset', offset: -scaled(cursor.uleb()) }); return;
      default: throw cursor.error(`frame instruction 0x${code.toString(16)} is not known`, at);
    }
  }

  private restore(register: number): void {
    const rule = this.initial.get(register);
    if (rule === undefined) this.rules.delete(register);
    else this.rules.set(register, rule);
  }

  private registerCfa(cursor: Cursor, at: number): Extract<CfaRule, { kind: 'register' }> {
    if (this.cfa?.kind !== 'register') throw cursor.error('frame instruction changes a CFA which is not a register and an offset', at);
    return this.cfa;
  }
}

/** The tables of a file, .debug_frame first: it is the more complete one where both are there. */
export function frameTables(sections: DwarfSections): FrameTable[] {
  const { wordSize } = sections.elf.header;
  return [
    new FrameTable(sections.get('.debug_frame'), false, sections.addressOf('.debug_frame'), wordSize),
    new FrameTable(sections.get('.eh_frame'), true, sections.addressOf('.eh_frame'), wordSize),
  ];
}
