/** How long a value of each attribute form is: a number of bytes, or one of the ways to find out. */
import { Form } from './constants.ts';

/** Instead of a size: the value is a LEB128 number. */
export const LEB = -1;
/** A NUL-terminated string. */
export const TEXT = -2;
/** A block behind a length of one, two, four bytes or a LEB128 number. */
export const BLOCK1 = -3;
export const BLOCK2 = -4;
export const BLOCK4 = -5;
export const BLOCK_LEB = -6;
/** The form itself stands in front of the value. */
export const INDIRECT = -7;
/** Not a form of DWARF 2–5. */
export const UNKNOWN = -8;

const ADDRESS = -9;
const OFFSET = -10;
const REFERENCE = -11;

const sizes = new Map<number, number>([
  [Form.address, ADDRESS], [Form.block2, BLOCK2], [Form.block4, BLOCK4], [Form.data2, 2], [Form.data4, 4], [Form.data8, 8], [Form.string, TEXT],
  [Form.block, BLOCK_LEB], [Form.block1, BLOCK1], [Form.data1, 1], [Form.flag, 1], [Form.sdata, LEB], [Form.strp, OFFSET], [Form.udata, LEB],
  [Form.refAddr, REFERENCE], [Form.ref1, 1], [Form.ref2, 2], [Form.ref4, 4], [Form.ref8, 8], [Form.refUdata, LEB], [Form.indirect, INDIRECT],
  [Form.sectionOffset, OFFSET], [Form.expression, BLOCK_LEB], [Form.flagPresent, 0], [Form.strx, LEB], [Form.addrx, LEB], [Form.refSup4, 4],
  [Form.strpSup, OFFSET], [Form.data16, 16], [Form.lineStrp, OFFSET], [Form.refSignature, 8], [Form.implicitConst, 0], [Form.loclistx, LEB],
  [Form.rnglistx, LEB], [Form.refSup8, 8], [Form.strx1, 1], [Form.strx2, 2], [Form.strx3, 3], [Form.strx4, 4], [Form.addrx1, 1], [Form.addrx2, 2],
  [Form.addrx3, 3], [Form.addrx4, 4], [Form.gnuAddressIndex, LEB], [Form.gnuStringIndex, LEB], [Form.gnuReferenceAlt, OFFSET], [Form.gnuStrpAlt, OFFSET],
]);

/** What sizes depend on besides the form. */
export interface UnitFormat {
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
}

/** Size in bytes (≥ 0) or one of the constants above. */
export function formSize(form: number, format: UnitFormat): number {
  const size = sizes.get(form) ?? UNKNOWN;
  if (size === ADDRESS) return format.addressSize;
  if (size === OFFSET) return format.offsetSize;
  // DWARF 2 had these as large as an address, the later ones as an offset.
  if (size === REFERENCE) return format.version <= 2 ? format.addressSize : format.offsetSize;
  return size;
}

/**
 * Offset behind a value of size or kind `size` at `offset`. Not checked against the end of the section: the caller does that
 * once per entry (a result beyond the end is what a truncated value gives).
 */
export function skipValue(bytes: Uint8Array, offset: number, size: number, format: UnitFormat): number {
  for (let hops = 0; hops < 8; hops++) {
    if (size >= 0) return offset + size;
    switch (size) {
      case LEB:
        while (bytes[offset++] >= 0x80);
        return offset;
      case TEXT: {
        const { length } = bytes;
        while (offset < length && bytes[offset] !== 0) offset++;
        return offset + 1;
      }
      case BLOCK1: return offset + 1 + bytes[offset];
      case BLOCK2: return offset + 2 + (bytes[offset] | (bytes[offset + 1] << 8));
      case BLOCK4: return offset + 4 + ((bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>> 0);
      case BLOCK_LEB: {
        let length = 0;
        let scale = 1;
        let byte;
        do {
          byte = bytes[offset++];
          length += (byte & 0x7f) * scale;
          scale *= 0x80;
        } while (byte >= 0x80 && scale < 1e15);
        return offset + length;
      }
      case INDIRECT: {
        let form = 0;
        let scale = 1;
        let byte;
        do {
          byte = bytes[offset++];
          form += (byte & 0x7f) * scale;
          scale *= 0x80;
        } while (byte >= 0x80 && scale < 1e9);
        size = formSize(form, format);
        break;
      }
      default: return Infinity;
    }
  }
  return Infinity;
}
