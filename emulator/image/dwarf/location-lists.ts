/** Location lists: .debug_loc (to version 4) and .debug_loclists (5). (DWARF 4, section 2.6.2; DWARF 5, section 7.7.3.) */
import { Cursor, type Block } from './cursor.ts';
import type { Unit } from './unit.ts';

/** DW_LLE_… */
const Entry = {
  end: 0, baseIndexed: 1, startEndIndexed: 2, startLengthIndexed: 3, offsetPair: 4, default: 5, base: 6, startEnd: 7, startLength: 8, viewPair: 9,
} as const;

/** The expression of a list that holds at an address; undefined: none does, the thing is optimised out there. @throws DwarfError */
export function locationAt(unit: Unit, offset: number, address: number): Block | undefined {
  return unit.version >= 5 ? inList(unit, offset, address) : inOldList(unit, offset, address);
}

function inList(unit: Unit, offset: number, address: number): Block | undefined {
  const cursor = new Cursor(unit.store.sections.get('.debug_loclists'), offset);
  let base = unit.baseAddress;
  let fallback: Block | undefined;
  for (;;) {
    const start = cursor.offset;
    const kind = cursor.u8();
    let low: number;
    let high: number;
    switch (kind) {
      case Entry.end: return fallback;
      case Entry.baseIndexed: base = unit.indexedAddress(cursor.uleb()); continue;
      case Entry.base: base = cursor.address(unit.addressSize); continue;
      case Entry.viewPair: cursor.uleb(); cursor.uleb(); continue;
      case Entry.default: fallback = cursor.block(cursor.uleb()); continue;
      case Entry.startEndIndexed: low = unit.indexedAddress(cursor.uleb()); high = unit.indexedAddress(cursor.uleb()); break;
      case Entry.startLengthIndexed: low = unit.indexedAddress(cursor.uleb()); high = low + cursor.uleb(); break;
      case Entry.offsetPair: low = base + cursor.uleb(); high = base + cursor.uleb(); break;
      case Entry.startEnd: low = cursor.address(unit.addressSize); high = cursor.address(unit.addressSize); break;
      case Entry.startLength: low = cursor.address(unit.addressSize); high = low + cursor.uleb(); break;
      default: throw cursor.error(`location list entry of kind ${kind}`, start);
    }
    const block = cursor.block(cursor.uleb());
    if (low <= address && address < high) return block;
  }
}

function inOldList(unit: Unit, offset: number, address: number): Block | undefined {
  const cursor = new Cursor(unit.store.sections.get('.debug_loc'), offset);
  const selection = unit.addressSize === 8 ? -1 : 0xffffffff;
  let base = unit.baseAddress;
  for (;;) {
    const low = cursor.address(unit.addressSize);
    const high = cursor.address(unit.addressSize);
    if (low === 0 && high === 0) return undefined;
    if (low === selection) {
      base = high;
      continue;
    }
    const block = cursor.block(cursor.u16());
    if (base + low <= address && address < base + high) return block;
  }
}
