/** Address ranges of a unit, function or block: DW_AT_low_pc/high_pc, .debug_ranges (to version 4), .debug_rnglists (5). */
import { Attribute } from './constants.ts';
import { Cursor } from './cursor.ts';
import type { Die } from './die.ts';
import type { Unit } from './unit.ts';

/** From `low` up to, not including, `high`. */
export interface AddressRange {
  readonly low: number;
  readonly high: number;
}

/** DW_RLE_… */
const Entry = { end: 0, baseIndexed: 1, startEndIndexed: 2, startLengthIndexed: 3, offsetPair: 4, base: 5, startEnd: 6, startLength: 7 } as const;

/** Empty when the entry has no code. */
export function rangesOf(die: Die): AddressRange[] {
  const list = die.rangeList();
  if (list !== undefined) return die.unit.version >= 5 ? readRangeList(die.unit, list) : readOldRanges(die.unit, list);
  const low = die.address(Attribute.lowPc);
  const high = low === undefined ? undefined : die.highAddress(low);
  return low === undefined || high === undefined || high <= low ? [] : [{ low, high }];
}

export function containsAddress(ranges: readonly AddressRange[], address: number): boolean {
  return ranges.some(({ low, high }) => low <= address && address < high);
}

function readRangeList(unit: Unit, offset: number): AddressRange[] {
  const cursor = new Cursor(unit.store.sections.get('.debug_rnglists'), offset);
  const ranges: AddressRange[] = [];
  let base = unit.baseAddress;
  const add = (low: number, high: number): void => {
    if (high > low) ranges.push({ low, high });
  };
  for (;;) {
    const start = cursor.offset;
    const kind = cursor.u8();
    switch (kind) {
      case Entry.end: return ranges;
      case Entry.baseIndexed: base = unit.indexedAddress(cursor.uleb()); break;
      case Entry.startEndIndexed: add(unit.indexedAddress(cursor.uleb()), unit.indexedAddress(cursor.uleb())); break;
      case Entry.startLengthIndexed: {
        const low = unit.indexedAddress(cursor.uleb());
        add(low, low + cursor.uleb());
        break;
      }
      case Entry.offsetPair: {
        const low = base + cursor.uleb();
        add(low, base + cursor.uleb());
        break;
      }
      case Entry.base: base = cursor.address(unit.addressSize); break;
      case Entry.startEnd: {
        const low = cursor.address(unit.addressSize);
        add(low, cursor.address(unit.addressSize));
        break;
      }
      case Entry.startLength: {
        const low = cursor.address(unit.addressSize);
        add(low, low + cursor.uleb());
        break;
      }
      default: throw cursor.error(`range list entry of kind ${kind}`, start);
    }
  }
}

function readOldRanges(unit: Unit, offset: number): AddressRange[] {
  const cursor = new Cursor(unit.store.sections.get('.debug_ranges'), offset);
  const ranges: AddressRange[] = [];
  const selection = unit.addressSize === 8 ? -1 : 0xffffffff;
  let base = unit.baseAddress;
  for (;;) {
    const low = cursor.address(unit.addressSize);
    const high = cursor.address(unit.addressSize);
    if (low === 0 && high === 0) return ranges;
    if (low === selection) base = high;
    else if (high > low) ranges.push({ low: base + low, high: base + high });
  }
}
