/** SSE4.2 string comparison (PCMPESTRx, PCMPISTRx), CRC32, and SSE4.1's MPSADBW: irregular enough to be done by helpers. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Flag } from '../flags.ts';
import { Reg } from '../state.ts';
import type { I32, IntType, Val } from '../wasm/function-builder.ts';
import type { Emitter, Helper } from './emitter.ts';
import { FIRST, RESULT, SECOND } from './sse-float-helpers.ts';
import { readI32, readI64, staticByte } from './sse-operand.ts';

/** Where compareStringsHelper leaves the index; the mask is at RESULT. */
const INDEX = RESULT + 16;

/**
 * `(immediate, length of FIRST, length of SECOND) → flags`: what SDM vol. 1, section 12.10 and vol. 2, section 4.1 describe.
 * Lengths in elements; -1: up to the first zero element. Writes the mask (bit or element, as the immediate says) and the index.
 */
const compareStringsHelper: Helper<'i32'> = {
  name: 'sseCompareStrings',
  params: ['i32', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (imm: number, givenFirst: number, givenSecond: number): number => {
    const words = (imm & 1) !== 0;
    const signed = (imm & 2) !== 0;
    const count = words ? 8 : 16;
    const element = (base: number, i: number): number => {
      if (words) return signed ? env.view.getInt16(base + i * 2, true) : env.view.getUint16(base + i * 2, true);
      return signed ? env.view.getInt8(base + i) : env.view.getUint8(base + i);
    };
    const length = (base: number, given: number): number => {
      if (given >= 0) return Math.min(given, count);
      let n = 0;
      while (n < count && element(base, n) !== 0) n++;
      return n;
    };
    const first = length(FIRST, givenFirst);
    const second = length(SECOND, givenSecond);
    let result = 0;
    for (let j = 0; j < count; j++) {
      if (matches(imm, j, first, second, count, element)) result |= 1 << j;
    }
    // Polarity: bit 4 negates, bit 5 restricts that to valid elements of the second string.
    if ((imm & 0x10) !== 0) result ^= (imm & 0x20) !== 0 ? (1 << second) - 1 : (1 << count) - 1;
    for (let i = 0; i < 16; i += 4) env.view.setUint32(RESULT + i, 0, true);
    if ((imm & 0x40) === 0) env.view.setUint16(RESULT, result, true);
    else {
      for (let i = 0; i < count; i++) {
        const value = (result >> i) & 1 ? -1 : 0;
        if (words) env.view.setInt16(RESULT + i * 2, value, true);
        else env.view.setInt8(RESULT + i, value);
      }
    }
    const index = result === 0 ? count : (imm & 0x40) !== 0 ? 31 - Math.clz32(result) : 31 - Math.clz32(result & -result);
    env.view.setInt32(INDEX, index, true);
    return (result !== 0 ? Flag.cf : 0) | (second < count ? Flag.zf : 0) | (first < count ? Flag.sf : 0) | (result & 1 ? Flag.of : 0);
  },
};

/** Bit `j` of IntRes1: element j of the second string (for `equal ordered`: the string starting there) against the first. */
function matches(imm: number, j: number, first: number, second: number, count: number, element: (base: number, i: number) => number): boolean {
  switch ((imm >> 2) & 3) {
    case 0: // equal any: is it in the set?
      for (let i = 0; j < second && i < first; i++) if (element(FIRST, i) === element(SECOND, j)) return true;
      return false;
    case 1: // ranges: pairs of bounds
      for (let i = 0; j < second && i + 1 < first; i += 2) {
        const value = element(SECOND, j);
        if (element(FIRST, i) <= value && value <= element(FIRST, i + 1)) return true;
      }
      return false;
    case 2: // equal each: both ended counts as equal
      if (j >= first || j >= second) return j >= first && j >= second;
      return element(FIRST, j) === element(SECOND, j);
    default: // equal ordered: substring search, cut off at the end of the register
      for (let i = 0; i < first && i + j < count; i++) {
        if (i + j >= second || element(FIRST, i) !== element(SECOND, i + j)) return false;
      }
      return true;
  }
}

/** |rax| or |rdx|, at most 16. */
function explicitLength(e: Emitter, register: number): I32 {
  const { f } = e;
  const value = e.keep(wide(e, e.gpr(register, e.operandSize === 8 ? 8 : 4)));
  f.set(value, f.select(f.i64.sub(f.i64.const(0), f.get(value)), f.get(value), f.i64.ltS(f.get(value), f.i64.const(0))));
  return f.convert.i32WrapI64(f.select(f.get(value), f.i64.const(16), f.i64.ltU(f.get(value), f.i64.const(16))));
}

function wide(e: Emitter, value: Val<IntType>): Val<'i64'> {
  return value.type === 'i64' ? { type: 'i64' } : e.f.convert.i64ExtendI32S({ type: 'i32' });
}

const compareStrings = (explicit: boolean, mask: boolean): Semantic => (e) => {
  const { f } = e;
  f.store.v128Store(f.i32.const(0), e.readV128(1), SECOND);
  f.store.v128Store(f.i32.const(0), e.readV128(0), FIRST);
  const imm = staticByte(e, 2);
  const flags = e.keep(
    e.callHelper(compareStringsHelper, [
      f.i32.const(imm),
      explicit ? explicitLength(e, Reg.rax) : f.i32.const(-1),
      explicit ? explicitLength(e, Reg.rdx) : f.i32.const(-1),
    ]),
  );
  if (mask) e.setXmm(0, f.load.v128Load(f.i32.const(0), RESULT));
  else e.setGpr(Reg.rcx, 4, f.load.i32Load(f.i32.const(0), INDEX));
  e.setAllFlags(f.get(flags));
};

/** Castagnoli's polynomial, bit-reversed. */
const CRC32C = 0x82f63b78;
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32C : crc >>> 1;
  return crc;
});

/** `(crc, data, bytes) → crc` over 1, 2 or 4 bytes of data. */
const crcHelper: Helper<'i32'> = {
  name: 'crc32c',
  params: ['i32', 'i32', 'i32'],
  result: 'i32',
  make: () => (crc: number, data: number, bytes: number): number => {
    let state = crc;
    for (let i = 0; i < bytes; i++) state = CRC_TABLE[(state ^ (data >>> (8 * i))) & 0xff] ^ (state >>> 8);
    return state;
  },
};

const crc32: Semantic = (e) => {
  const { f } = e;
  const bytes = e.sizeOf(1);
  const low32 = (value: Val<IntType>): I32 => (value.type === 'i64' ? f.convert.i32WrapI64({ type: 'i64' }) : { type: 'i32' });
  if (bytes < 8) {
    const data = e.keep(readI32(e, 1));
    const crc = e.keep(low32(e.read(0)));
    e.write(0, extendTo(e, e.callHelper(crcHelper, [f.get(crc), f.get(data), f.i32.const(bytes)])));
    return;
  }
  const data = e.keep(readI64(e, 1));
  const crc = e.keep(low32(e.read(0)));
  f.set(crc, e.callHelper(crcHelper, [f.get(crc), f.convert.i32WrapI64(f.get(data)), f.i32.const(4)]));
  e.write(0, extendTo(e, e.callHelper(crcHelper, [f.get(crc), f.convert.i32WrapI64(f.i64.shrU(f.get(data), f.i64.const(32))), f.i32.const(4)])));
};

/** Zero-extends to the destination's word. */
function extendTo(e: Emitter, value: I32): Val<IntType> {
  return e.sizeOf(0) === 8 ? e.f.convert.i64ExtendI32U(value) : value;
}

/** `(immediate)`: MPSADBW of FIRST (destination) and SECOND to RESULT: eight sums of four absolute byte differences. */
const sumsOfDifferencesHelper: Helper<undefined> = {
  name: 'sseSumsOfDifferences',
  params: ['i32'],
  result: undefined,
  make: (env) => (imm: number): void => {
    const block = SECOND + (imm & 3) * 4;
    const window = FIRST + ((imm >> 2) & 1) * 4;
    for (let i = 0; i < 8; i++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += Math.abs(env.u8[window + i + k] - env.u8[block + k]);
      env.view.setUint16(RESULT + i * 2, sum, true);
    }
  },
};

const sumsOfDifferences: Semantic = (e) => {
  const { f } = e;
  f.store.v128Store(f.i32.const(0), e.readV128(1), SECOND);
  f.store.v128Store(f.i32.const(0), e.readV128(0), FIRST);
  e.callVoid(sumsOfDifferencesHelper, [f.i32.const(staticByte(e, 2))]);
  e.writeV128(0, f.load.v128Load(f.i32.const(0), RESULT));
};

export const sseStringForms: readonly FormRow[] = [
  ['PCMPESTRM', '66 0F 3A 60 /r ib', 'Vx Wx Ib', compareStrings(true, true), 'imm8-static'],
  ['PCMPESTRI', '66 0F 3A 61 /r ib', 'Vx Wx Ib', compareStrings(true, false), 'imm8-static'],
  ['PCMPISTRM', '66 0F 3A 62 /r ib', 'Vx Wx Ib', compareStrings(false, true), 'imm8-static'],
  ['PCMPISTRI', '66 0F 3A 63 /r ib', 'Vx Wx Ib', compareStrings(false, false), 'imm8-static'],
  ['CRC32', 'F2 0F 38 F0 /r', 'Gy Eb', crc32], ['CRC32', 'F2 0F 38 F1 /r', 'Gy Ev', crc32],
  ['MPSADBW', '66 0F 3A 42 /r ib', 'Vx Wx Ib', sumsOfDifferences, 'align imm8-static'],
];
