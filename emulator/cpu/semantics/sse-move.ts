/**
 * SSE moves, unpacks and shuffles. The surprising ones: MOVSS and MOVSD merge between registers but clear the
 * rest of the register when they load; MOVQ always clears; none of them touches MXCSR.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import type { Local } from '../wasm/function-builder.ts';
import { PAGE_SIZE, Reg, SCRATCH, Segment } from '../state.ts';
import type { Emitter } from './emitter.ts';
import { packed, selectors } from './sse-integer.ts';
import { fromLow32, fromLow64, lowHalf, readI32, readI64, staticByte } from './sse-operand.ts';
import { interleave, lanes, zero } from './sse-vector.ts';

const moveWhole: Semantic = (e) => e.writeV128(0, e.readV128(1));

const moveScalar32: Semantic = (e) => {
  if (e.kind(1) === 'mem') e.writeV128(0, e.loadAt('v128Load32Zero', e.linearAddress(1)));
  else e.writeLow32(0, e.readLow32(1));
};
const moveScalar64: Semantic = (e) => {
  if (e.kind(1) === 'mem') e.writeV128(0, e.loadAt('v128Load64Zero', e.linearAddress(1)));
  else e.writeLow64(0, e.readLow64(1));
};
/** MOVQ: clears the upper half of a register in either direction. */
const moveQword: Semantic = (e) => {
  if (e.kind(1) === 'mem') e.writeV128(0, e.loadAt('v128Load64Zero', e.linearAddress(1)));
  else if (e.kind(0) === 'mem') e.writeLow64(0, e.readLow64(1));
  else e.writeV128(0, fromLow64(e, e.readLow64(1)));
};

const fromGeneral32: Semantic = (e) => e.writeV128(0, fromLow32(e, readI32(e, 1)));
const fromGeneral64: Semantic = (e) => e.writeV128(0, fromLow64(e, readI64(e, 1)));
const toGeneral32: Semantic = (e) => e.write(0, e.readLow32(1));
const toGeneral64: Semantic = (e) => e.write(0, e.readLow64(1));

const moveLow: Semantic = (e) => e.writeLow64(0, e.readLow64(1));
const loadHigh: Semantic = (e) => {
  const value = e.keep(e.readLow64(1));
  e.writeV128(0, e.f.v.i64x2ReplaceLane(e.readV128(0), e.f.get(value), 1));
};
const storeHigh: Semantic = (e) => e.writeLow64(0, e.f.v.i64x2ExtractLane(e.readV128(1), 1));
const highToLow: Semantic = (e) => e.writeLow64(0, e.f.v.i64x2ExtractLane(e.readV128(1), 1));
const lowToHigh: Semantic = (e) => {
  const value = e.keep(lowHalf(e, 1));
  e.writeV128(0, e.f.v.i64x2ReplaceLane(e.readV128(0), e.f.get(value), 1));
};

const duplicateLow: Semantic = (e) => e.writeV128(0, e.f.v.i64x2Splat(e.readLow64(1)));
const duplicate = (numbers: readonly number[]): Semantic => (e) => {
  const value = e.keep(e.readV128(1));
  e.writeV128(0, e.f.v.shuffle(e.f.get(value), e.f.get(value), lanes(4, numbers)));
};

const shuffleFloats = (bytes: 4 | 8): Semantic => (e) => {
  const imm = staticByte(e, 2);
  const [s0, s1, s2, s3] = selectors(imm);
  const numbers = bytes === 4 ? [s0, s1, s2 + 4, s3 + 4] : [imm & 1, 2 + ((imm >> 1) & 1)];
  packed((f, a, b) => f.v.shuffle(f.get(a), f.get(b), lanes(bytes, numbers)))(e);
};

/** INSERTPS: bits 7–6 choose the source lane (registers only), 5–4 the destination lane, 3–0 what is cleared. */
const insertFloat: Semantic = (e) => {
  const imm = staticByte(e, 2);
  const { f } = e;
  const value = e.keep(e.kind(1) === 'mem' ? e.readLow32(1) : f.v.i32x4ExtractLane(e.readV128(1), imm >> 6));
  const merged = e.keep(f.v.i32x4ReplaceLane(e.readV128(0), f.get(value), (imm >> 4) & 3));
  e.writeV128(0, f.v.shuffle(f.get(merged), zero(f), lanes(4, [0, 1, 2, 3].map((n) => ((imm >> n) & 1 ? 4 : n)))));
};

const moveNonTemporalInteger: Semantic = (e) => e.write(0, e.read(1));

/**
 * Stores the bytes of `value` whose bit in `mask` is set at [rDI]. Masked bytes must be writable all the same, in this
 * order of halves (the manual leaves both to the processor; this is what Intel's do).
 */
export function maskedStore(e: Emitter, value: Local<'v128'>, mask: Local<'i32'>, count: 8 | 16): void {
  const { f } = e;
  f.store.v128Store(f.i32.const(0), f.get(value), SCRATCH);
  const offset = e.keep(e.gpr(Reg.rdi, e.addressSize));
  const start = e.keep(e.withSegment(Segment.ds, offset.type === 'i64' ? f.get({ index: offset.index, type: 'i64' }) : f.convert.i64ExtendI32U(f.get({ index: offset.index, type: 'i32' }))));
  const index = e.temp('i32');
  const address = e.temp('i64');
  // Byte by byte, as it will be stored: the first byte of a half, and the first one it has in the next page.
  for (const first of count === 16 ? [8, 0] : [0]) {
    const half = e.keep(f.i64.add(f.get(start), f.i64.const(first)));
    e.probeWrite(half, 1);
    f.set(address, f.i64.and(f.i64.add(f.get(half), f.i64.const(7)), f.i64.const(-PAGE_SIZE)));
    f.set(address, f.select(f.get(half), f.get(address), f.i64.ltU(f.get(address), f.get(half))));
    e.probeWrite(address, 1);
  }
  f.set(index, f.i32.const(0));
  f.loop((again) => {
    f.if(f.i32.and(f.i32.shrU(f.get(mask), f.get(index)), f.i32.const(1)), () => {
      f.set(address, f.i64.add(f.get(start), f.convert.i64ExtendI32U(f.get(index))));
      e.storeAt('i32Store8', address, f.load.i32Load8U(f.get(index), SCRATCH));
    });
    f.set(index, f.i32.add(f.get(index), f.i32.const(1)));
    f.brIf(again, f.i32.ltU(f.get(index), f.i32.const(count)));
  });
}

const maskedMove: Semantic = (e) => {
  const mask = e.keep(e.f.v.i8x16Bitmask(e.readV128(1)));
  maskedStore(e, e.keep(e.readV128(0)), mask, 16);
};

export const sseMoveForms: readonly FormRow[] = [
  ['MOVAPS', 'NP 0F 28 /r', 'Vps Wps', moveWhole, 'align'], ['MOVAPS', 'NP 0F 29 /r', 'Wps Vps', moveWhole, 'align'],
  ['MOVAPD', '66 0F 28 /r', 'Vpd Wpd', moveWhole, 'align'], ['MOVAPD', '66 0F 29 /r', 'Wpd Vpd', moveWhole, 'align'],
  ['MOVDQA', '66 0F 6F /r', 'Vx Wx', moveWhole, 'align'], ['MOVDQA', '66 0F 7F /r', 'Wx Vx', moveWhole, 'align'],
  ['MOVUPS', 'NP 0F 10 /r', 'Vps Wps', moveWhole], ['MOVUPS', 'NP 0F 11 /r', 'Wps Vps', moveWhole],
  ['MOVUPD', '66 0F 10 /r', 'Vpd Wpd', moveWhole], ['MOVUPD', '66 0F 11 /r', 'Wpd Vpd', moveWhole],
  ['MOVDQU', 'F3 0F 6F /r', 'Vx Wx', moveWhole], ['MOVDQU', 'F3 0F 7F /r', 'Wx Vx', moveWhole],
  ['LDDQU', 'F2 0F F0 /r', 'Vx Mx', moveWhole],
  ['MOVNTPS', 'NP 0F 2B /r', 'Mps Vps', moveWhole, 'align'], ['MOVNTPD', '66 0F 2B /r', 'Mpd Vpd', moveWhole, 'align'],
  ['MOVNTDQ', '66 0F E7 /r', 'Mx Vx', moveWhole, 'align'], ['MOVNTDQA', '66 0F 38 2A /r', 'Vx Mx', moveWhole, 'align'],
  ['MOVNTI', 'NP 0F C3 /r', 'My Gy', moveNonTemporalInteger],

  ['MOVSS', 'F3 0F 10 /r', 'Vss Wss', moveScalar32], ['MOVSS', 'F3 0F 11 /r', 'Wss Vss', moveScalar32],
  ['MOVSD', 'F2 0F 10 /r', 'Vsd Wsd', moveScalar64], ['MOVSD', 'F2 0F 11 /r', 'Wsd Vsd', moveScalar64],
  ['MOVQ', 'F3 0F 7E /r', 'Vq Wq', moveQword], ['MOVQ', '66 0F D6 /r', 'Wq Vq', moveQword],
  ['MOVD', '66 0F 6E /r', 'Vd Ed', fromGeneral32], ['MOVQ', '66 REX.W 0F 6E /r', 'Vq Eq', fromGeneral64],
  ['MOVD', '66 0F 7E /r', 'Ed Vd', toGeneral32], ['MOVQ', '66 REX.W 0F 7E /r', 'Eq Vq', toGeneral64],

  ['MOVLPS', 'NP 0F 12 /r', 'Vq Mq', moveLow], ['MOVHLPS', 'NP 0F 12 /r', 'Vx Ux', highToLow],
  ['MOVLPS', 'NP 0F 13 /r', 'Mq Vq', moveLow], ['MOVLPD', '66 0F 12 /r', 'Vq Mq', moveLow], ['MOVLPD', '66 0F 13 /r', 'Mq Vq', moveLow],
  ['MOVHPS', 'NP 0F 16 /r', 'Vx Mq', loadHigh], ['MOVLHPS', 'NP 0F 16 /r', 'Vx Ux', lowToHigh],
  ['MOVHPS', 'NP 0F 17 /r', 'Mq Vx', storeHigh], ['MOVHPD', '66 0F 16 /r', 'Vx Mq', loadHigh], ['MOVHPD', '66 0F 17 /r', 'Mq Vx', storeHigh],
  ['MOVDDUP', 'F2 0F 12 /r', 'Vx Wq', duplicateLow],
  ['MOVSLDUP', 'F3 0F 12 /r', 'Vx Wx', duplicate([0, 0, 2, 2]), 'align'], ['MOVSHDUP', 'F3 0F 16 /r', 'Vx Wx', duplicate([1, 1, 3, 3]), 'align'],

  ['UNPCKLPS', 'NP 0F 14 /r', 'Vx Wx', packed(interleave(4, 0, 2)), 'align'], ['UNPCKLPD', '66 0F 14 /r', 'Vx Wx', packed(interleave(8, 0, 1)), 'align'],
  ['UNPCKHPS', 'NP 0F 15 /r', 'Vx Wx', packed(interleave(4, 2, 2)), 'align'], ['UNPCKHPD', '66 0F 15 /r', 'Vx Wx', packed(interleave(8, 1, 1)), 'align'],
  ['SHUFPS', 'NP 0F C6 /r ib', 'Vps Wps Ib', shuffleFloats(4), 'align imm8-static'],
  ['SHUFPD', '66 0F C6 /r ib', 'Vpd Wpd Ib', shuffleFloats(8), 'align imm8-static'],
  ['INSERTPS', '66 0F 3A 21 /r ib', 'Vps Wss Ib', insertFloat, 'imm8-static'],
  ['MASKMOVDQU', '66 0F F7 /r', 'Vx Ux', maskedMove],
];
