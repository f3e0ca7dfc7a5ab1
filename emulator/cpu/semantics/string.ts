/**
 * String instructions: MOVS CMPS STOS LODS SCAS (SDM vol. 2). One element without REP. With it, a helper does a chunk
 * per call: as many elements as lie in the current page of each operand (an element across a page boundary alone), so that a fault always
 * finds whole elements done; a chunk counts as one instruction in every tier.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit, Vector } from '../exits.ts';
import { Flag, FlagKind } from '../flags.ts';
import { EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, FLAG_A, FLAG_B, FLAG_KIND, FLAG_RESULT, FLAGS_OTHER, GPR, PAGE_SIZE, Reg, SCRATCH, Segment, SEGMENT_BASE, SEGMENT_BYTES } from '../state.ts';
import type { Local } from '../wasm/function-builder.ts';
import type { Emitter, Helper, HelperEnvironment } from './emitter.ts';
import { readGuest, toPageEnd, writeGuest } from './guest-bytes.ts';
import { toI32, toI64 } from './integer-bits.ts';

type StringOperation = 'MOVS' | 'CMPS' | 'STOS' | 'LODS' | 'SCAS';
const READS_SOURCE: Record<StringOperation, boolean> = { MOVS: true, CMPS: true, STOS: false, LODS: true, SCAS: false };
const USES_DESTINATION: Record<StringOperation, boolean> = { MOVS: true, CMPS: true, STOS: true, LODS: false, SCAS: true };

// ── one element ───────────────────────────────────────────────────────────────────────────────────

const LOADS = { 1: 'i32Load8U', 2: 'i32Load16U', 4: 'i32Load', 8: 'i64Load' } as const;
const STORES = { 1: 'i32Store8', 2: 'i32Store16', 4: 'i32Store', 8: 'i64Store' } as const;

function elementSize(e: Emitter): 1 | 2 | 4 | 8 {
  const size = e.sizeOf(0);
  if (size === 1 || size === 2 || size === 4 || size === 8) return size;
  throw new Error(`${e.mnemonic}: element of ${size} bytes`);
}

/** Linear address of the destination, es:rDI. */
function destination(e: Emitter): Local<'i64'> {
  return e.keep(e.withSegment(Segment.es, toI64(e.f, e.gpr(Reg.rdi, e.addressSize))));
}

/** Moves an index register one element on in the direction of DF. */
function stepRegister(e: Emitter, register: number): void {
  const { f } = e;
  const delta = e.keep(f.i32.mul(e.direction(), f.i32.const(elementSize(e))));
  const step = e.addressSize === 8 ? f.convert.i64ExtendI32S(f.get(delta)) : f.get(delta);
  e.setGpr(register, e.addressSize, f.word(e.addressSize).add(step, e.gpr(register, e.addressSize)));
}

const single: Record<StringOperation, Semantic> = {
  MOVS: (e) => {
    const size = elementSize(e);
    const value = e.keep(e.loadAt(LOADS[size], e.linearAddress(1)));
    storeElement(e, value);
    stepRegister(e, Reg.rsi);
    stepRegister(e, Reg.rdi);
  },
  STOS: (e) => {
    const value = e.keep(e.gpr(Reg.rax, elementSize(e)));
    storeElement(e, value);
    stepRegister(e, Reg.rdi);
  },
  LODS: (e) => {
    const value = e.keep(e.read(0));
    e.setGpr(Reg.rax, elementSize(e), e.f.get(value));
    stepRegister(e, Reg.rsi);
  },
  // The destination is read first, as CPUs do it: its fault comes before the source's.
  CMPS: (e) => {
    const size = elementSize(e);
    const b = e.keep(e.loadAt(LOADS[size], destination(e)));
    const a = e.keep(e.loadAt(LOADS[size], e.linearAddress(0)));
    setComparison(e, a, b);
    stepRegister(e, Reg.rsi);
    stepRegister(e, Reg.rdi);
  },
  SCAS: (e) => {
    const size = elementSize(e);
    const a = e.keep(e.gpr(Reg.rax, size));
    setComparison(e, a, e.keep(e.loadAt(LOADS[size], destination(e))));
    stepRegister(e, Reg.rdi);
  },
};

function storeElement(e: Emitter, value: Local<'i32' | 'i64'>): void {
  const { f } = e;
  const size = elementSize(e);
  const address = destination(e);
  if (size === 8) e.storeAt('i64Store', address, toI64(f, f.get(value)));
  else e.storeAt(STORES[size], address, toI32(f, f.get(value)));
}

function setComparison(e: Emitter, a: Local<'i32' | 'i64'>, b: Local<'i32' | 'i64'>): void {
  const { f } = e;
  const size = elementSize(e);
  const result = e.keep(f.word(size).sub(f.get(a), f.get(b)));
  e.setFlags(FlagKind.sub, size, result, a, b);
}

// ── repeated ──────────────────────────────────────────────────────────────────────────────────────

/** Where one chunk works. */
interface Chunk {
  /** Lowest linear (guest) addresses of the elements. */
  readonly source: number;
  readonly destination: number;
  readonly elements: number;
  readonly size: number;
  readonly down: boolean;
  /** These are all that rCX asks for. */
  readonly last: boolean;
}

/** What an operation did: elements done (fewer than asked if its condition ended it), or undefined after a fault. */
interface Done {
  readonly elements: number;
  readonly ended: boolean;
}

/** Register `n` as an address of `size` bytes. */
function readPointer(env: HelperEnvironment, n: number, size: number): number {
  const at = GPR + n * 8;
  if (size === 2) return env.view.getUint16(at, true);
  const low = env.view.getUint32(at, true);
  return size === 4 ? low : low + env.view.getUint32(at + 4, true) * 2 ** 32;
}

/** Adds to register `n` with wrap-around at the address size: 32-bit ones clear the upper half, 16-bit ones keep the rest. */
function addToPointer(env: HelperEnvironment, n: number, size: number, by: number): void {
  const at = GPR + n * 8;
  if (size === 2) {
    env.view.setUint16(at, env.view.getUint16(at, true) + by, true);
    return;
  }
  const sum = env.view.getUint32(at, true) + by;
  env.view.setUint32(at, sum, true);
  env.view.setUint32(at + 4, size === 4 ? 0 : env.view.getUint32(at + 4, true) + Math.floor(sum / 2 ** 32), true);
}

/** Elements from `va` on (downwards: at `va` and below) which lie wholly in its page; 0 when the first one does not. */
function elementsInPage(va: number, size: number, down: boolean): number {
  if (!down) return Math.floor(toPageEnd(va) / size);
  return va % PAGE_SIZE > PAGE_SIZE - size ? 0 : Math.floor((va % PAGE_SIZE) / size) + 1;
}

/** Elements from an index register's value on before it wraps around: with a segment's base that is not at the end of a page. */
function elementsUntilWrap(pointer: number, size: number, addressSize: number, down: boolean): number {
  if (addressSize === 8) return Infinity;
  return down ? Math.floor(pointer / size) + 1 : Math.floor((2 ** (addressSize * 8) - pointer) / size);
}

function move(env: HelperEnvironment, chunk: Chunk): Done | undefined {
  const { size, elements } = chunk;
  const bytes = elements * size;
  // The source's fault comes first; the destination's access may give its page a new frame, which can be the source's too.
  if (env.guestRead(chunk.source, bytes) === 0) return undefined;
  const to = env.guestWrite(chunk.destination, bytes);
  if (to === 0) return undefined;
  const from = env.guestRead(chunk.source, bytes);
  const overlaps = chunk.down ? to < from && from < to + bytes : from < to && to < from + bytes;
  if (!overlaps) env.u8.copyWithin(to, from, from + bytes);
  else {
    for (let i = 0; i < elements; i++) {
      const at = (chunk.down ? elements - 1 - i : i) * size;
      env.u8.copyWithin(to + at, from + at, from + at + size);
    }
  }
  return { elements, ended: false };
}

function store(env: HelperEnvironment, chunk: Chunk): Done | undefined {
  const { size, elements } = chunk;
  const bytes = elements * size;
  const to = env.guestWrite(chunk.destination, bytes);
  if (to === 0) return undefined;
  const from = GPR + Reg.rax * 8;
  const first = env.u8[from];
  let uniform = true;
  for (let i = 1; i < size; i++) if (env.u8[from + i] !== first) uniform = false;
  if (uniform) env.u8.fill(first, to, to + bytes);
  else {
    env.u8.copyWithin(to, from, from + size);
    for (let filled = size; filled < bytes; filled *= 2) env.u8.copyWithin(to + filled, to, to + Math.min(filled, bytes - filled));
  }
  return { elements, ended: false };
}

function load(env: HelperEnvironment, chunk: Chunk): Done | undefined {
  const { size, elements } = chunk;
  const from = env.guestRead(chunk.source, elements * size);
  if (from === 0) return undefined;
  setAccumulator(env, env.u8.subarray(chunk.down ? from : from + (elements - 1) * size), size);
  return { elements, ended: false };
}

function setAccumulator(env: HelperEnvironment, bytes: Uint8Array, size: number): void {
  env.u8.set(bytes.subarray(0, size), GPR + Reg.rax * 8);
  if (size === 4) env.view.setUint32(GPR + Reg.rax * 8 + 4, 0, true);
}

/** CMPS and SCAS: compares until the condition of the prefix fails; the last comparison of all leaves its flags. */
function compare(env: HelperEnvironment, a: number, aStep: number, b: number, chunk: Chunk, whileEqual: boolean): Done {
  const { size, elements } = chunk;
  const order = chunk.down ? -1 : 1;
  const start = chunk.down ? (elements - 1) * size : 0;
  let left = a + (aStep === 0 ? 0 : start);
  let right = b + start;
  for (let done = 1; ; done++) {
    const ended = sameBytes(env.u8, left, right, size) !== whileEqual;
    if (ended || done === elements) {
      // Flags change when the instruction is over, not between its chunks: a fault on the way finds them as they were.
      if (ended || chunk.last) leaveComparison(env, signedElement(env, left, size), signedElement(env, right, size), size);
      return { elements: done, ended };
    }
    left += aStep * order;
    right += size * order;
  }
}

function sameBytes(u8: Uint8Array, a: number, b: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}

function signedElement(env: HelperEnvironment, at: number, size: number): bigint {
  if (size === 8) return env.view.getBigInt64(at, true);
  return BigInt(size === 4 ? env.view.getInt32(at, true) : size === 2 ? env.view.getInt16(at, true) : env.view.getInt8(at));
}

function leaveComparison(env: HelperEnvironment, a: bigint, b: bigint, size: number): void {
  env.view.setBigInt64(FLAG_A, a, true);
  env.view.setBigInt64(FLAG_B, b, true);
  env.view.setBigInt64(FLAG_RESULT, BigInt.asIntN(size * 8, a - b), true);
  env.view.setInt32(FLAG_KIND, FlagKind.sub, true);
}

/** Where `alone` puts together the elements that cross a page: after the source address which `repeated` leaves at SCRATCH. */
const LEFT = SCRATCH + 16;
const RIGHT = SCRATCH + 24;

/** One element which crosses a page in the source or the destination. */
function alone(env: HelperEnvironment, operation: StringOperation, chunk: Chunk, whileEqual: boolean): Done | undefined {
  const { size } = chunk;
  const compares = operation === 'CMPS' || operation === 'SCAS';
  const other = compares ? readGuest(env, chunk.destination, size) : undefined;
  if (compares && other === undefined) return undefined;
  if (READS_SOURCE[operation]) {
    const bytes = readGuest(env, chunk.source, size);
    if (bytes === undefined) return undefined;
    env.u8.set(bytes, LEFT);
  } else env.u8.copyWithin(LEFT, GPR + Reg.rax * 8, GPR + Reg.rax * 8 + size);
  const done = { elements: 1, ended: false };
  if (operation === 'LODS') {
    setAccumulator(env, env.u8.slice(LEFT, LEFT + size), size);
    return done;
  }
  if (operation === 'MOVS' || operation === 'STOS') return writeGuest(env, chunk.destination, env.u8.slice(LEFT, LEFT + size)) ? done : undefined;
  if (other === undefined) return undefined;
  env.u8.set(other, RIGHT);
  return compare(env, LEFT, 0, RIGHT, chunk, whileEqual);
}

function inPages(env: HelperEnvironment, operation: StringOperation, chunk: Chunk, whileEqual: boolean): Done | undefined {
  switch (operation) {
    case 'MOVS':
      return move(env, chunk);
    case 'STOS':
      return store(env, chunk);
    case 'LODS':
      return load(env, chunk);
    case 'CMPS': {
      const b = env.guestRead(chunk.destination, chunk.elements * chunk.size);
      if (b === 0) return undefined;
      const a = env.guestRead(chunk.source, chunk.elements * chunk.size);
      return a === 0 ? undefined : compare(env, a, chunk.size, b, chunk, whileEqual);
    }
    case 'SCAS': {
      const b = env.guestRead(chunk.destination, chunk.elements * chunk.size);
      return b === 0 ? undefined : compare(env, GPR + Reg.rax * 8, 0, b, chunk, whileEqual);
    }
  }
}

// Downwards the chunk's lowest address is its last element's, but a fault is the first element's.
function firstAccessible(env: HelperEnvironment, operation: StringOperation, source: number, destination: number, size: number): boolean {
  if (operation === 'CMPS') return env.guestRead(destination, size) !== 0 && env.guestRead(source, size) !== 0;
  if (READS_SOURCE[operation] && env.guestRead(source, size) === 0) return false;
  if (!USES_DESTINATION[operation]) return true;
  return (operation === 'MOVS' || operation === 'STOS' ? env.guestWrite(destination, size) : env.guestRead(destination, size)) !== 0;
}

/** Bytes up to which a loop is faster than the calls that copy and fill. */
const LOOP_BYTES = 64;

/**
 * MOVS and STOS in their usual case: upwards, 64-bit addresses, all elements in one page of each operand, operands apart. Kernels clear and copy
 * small structures this way. Undefined, nothing being done, in any other case; else the helper's result.
 */
function quick(env: HelperEnvironment, operation: StringOperation, size: number): 0 | 1 | undefined {
  const { i32 } = env;
  const count = i32[RCX];
  const bytes = count * size;
  const to = i32[RDI] >>> 0;
  if (count <= 0 || i32[RCX + 1] !== 0 || bytes > PAGE_SIZE || (to & (PAGE_SIZE - 1)) + bytes > PAGE_SIZE) return undefined;
  if ((i32[FLAGS_OTHER >>> 2] & Flag.df) !== 0 || i32[ES_BASE] !== 0) return undefined;
  const destination = to + (i32[RDI + 1] >>> 0) * 2 ** 32;
  if (operation === 'STOS') {
    const uniform = size === 1 || (i32[RAX] === 0 && (size !== 8 || i32[RAX + 1] === 0));
    const linear = uniform ? env.guestWrite(destination, bytes) : 0;
    if (linear === 0) return uniform ? 1 : undefined;
    fill(env, linear, bytes, i32[RAX] & 0xff);
  } else {
    const low = i32[SCRATCH >>> 2] >>> 0;
    const source = low + (i32[(SCRATCH >>> 2) + 1] >>> 0) * 2 ** 32;
    if ((low & (PAGE_SIZE - 1)) + bytes > PAGE_SIZE) return undefined;
    if (env.guestRead(source, bytes) === 0) return 1;
    const written = env.guestWrite(destination, bytes);
    if (written === 0) return 1;
    const read = env.guestRead(source, bytes);
    if (read < written && written < read + bytes) return undefined;
    copy(env, written, read, bytes);
    advance(i32, RSI, bytes);
  }
  advance(i32, RDI, bytes);
  i32[RCX] = 0;
  return 0;
}

const RAX = (GPR >>> 2) + Reg.rax * 2;
const RCX = (GPR >>> 2) + Reg.rcx * 2;
const RSI = (GPR >>> 2) + Reg.rsi * 2;
const RDI = (GPR >>> 2) + Reg.rdi * 2;
const ES_BASE = (SEGMENT_BASE >>> 2) + Segment.es * 2;

/** Adds to a 64-bit register given as the index of its low half. */
function advance(i32: Int32Array, at: number, bytes: number): void {
  const sum = (i32[at] >>> 0) + bytes;
  i32[at] = sum | 0;
  if (sum >= 2 ** 32) i32[at + 1]++;
}

function fill(env: HelperEnvironment, to: number, bytes: number, value: number): void {
  if (bytes > LOOP_BYTES) env.u8.fill(value, to, to + bytes);
  else if (((to | bytes) & 3) === 0) for (let i = to; i < to + bytes; i += 4) env.i32[i >>> 2] = Math.imul(value, 0x01010101);
  else for (let i = to; i < to + bytes; i++) env.u8[i] = value;
}

function copy(env: HelperEnvironment, to: number, from: number, bytes: number): void {
  const { i32, u8 } = env;
  if (bytes > LOOP_BYTES) u8.copyWithin(to, from, from + bytes);
  else if (((to | from | bytes) & 3) === 0) for (let i = 0; i < bytes; i += 4) i32[(to + i) >>> 2] = i32[(from + i) >>> 2];
  else for (let i = 0; i < bytes; i++) u8[to + i] = u8[from + i];
}

/** Elements from an offset on that lie within a segment which ends somewhere. */
function elementsInSegment(env: HelperEnvironment, segment: number, pointer: number, size: number, down: boolean): number {
  const at = SEGMENT_BYTES + (segment - Segment.fs) * 8;
  const bytes = env.view.getUint32(at, true) + env.view.getUint32(at + 4, true) * 2 ** 32;
  if (pointer + size > bytes) return 0;
  return down ? Infinity : Math.floor((bytes - pointer) / size);
}

function raiseProtection(env: HelperEnvironment): void {
  env.view.setInt32(FAULT_VECTOR, Vector.generalProtection, true);
  env.view.setInt32(FAULT_ERROR, 0, true);
  env.view.setInt32(EXIT_REASON, Exit.exception, true);
}

/**
 * Parameters: element size, address size, 1 for REPE or REP and 0 for REPNE, the source's segment where it may end (32-bit mode) or -1. The source's
 * linear address is at SCRATCH.
 */
const chunkHelper = (operation: StringOperation): Helper<'i32'> => ({
  name: `repeat${operation}`,
  params: ['i32', 'i32', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (size: number, addressSize: number, whileEqual: number, segment: number): number => {
    if (addressSize === 8 && (operation === 'MOVS' || operation === 'STOS')) {
      const result = quick(env, operation, size);
      if (result !== undefined) return result;
    }
    const count = readPointer(env, Reg.rcx, addressSize);
    if (count === 0) return 0;
    const down = (env.view.getInt32(FLAGS_OTHER, true) & Flag.df) !== 0;
    const source = env.view.getUint32(SCRATCH, true) + env.view.getUint32(SCRATCH + 4, true) * 2 ** 32;
    const destination = env.view.getUint32(SEGMENT_BASE + Segment.es * 8, true) + readPointer(env, Reg.rdi, addressSize);
    let elements = count;
    if (READS_SOURCE[operation] && segment >= 0) {
      elements = Math.min(elements, elementsInSegment(env, segment, readPointer(env, Reg.rsi, addressSize), size, down));
      if (elements === 0) {
        // What is compared with the source is read first.
        if (operation !== 'CMPS' || env.guestRead(destination, size) !== 0) raiseProtection(env);
        return 1;
      }
    }
    if (READS_SOURCE[operation]) {
      elements = Math.min(elements, elementsInPage(source, size, down), elementsUntilWrap(readPointer(env, Reg.rsi, addressSize), size, addressSize, down));
    }
    if (USES_DESTINATION[operation]) {
      elements = Math.min(elements, elementsInPage(destination, size, down), elementsUntilWrap(readPointer(env, Reg.rdi, addressSize), size, addressSize, down));
    }
    const back = down ? (Math.max(elements, 1) - 1) * size : 0;
    const chunk: Chunk = { source: source - back, destination: destination - back, elements: Math.max(elements, 1), size, down, last: Math.max(elements, 1) === count };
    if (back > 0 && !firstAccessible(env, operation, source, destination, size)) return 1;
    const done = elements === 0 ? alone(env, operation, chunk, whileEqual !== 0) : inPages(env, operation, chunk, whileEqual !== 0);
    if (done === undefined) return 1;
    const moved = done.elements * size * (down ? -1 : 1);
    if (READS_SOURCE[operation]) addToPointer(env, Reg.rsi, addressSize, moved);
    if (USES_DESTINATION[operation]) addToPointer(env, Reg.rdi, addressSize, moved);
    addToPointer(env, Reg.rcx, addressSize, -done.elements);
    if (done.ended || done.elements === count) return 0;
    env.view.setInt32(EXIT_REASON, Exit.again, true);
    return 1;
  },
});

const repeated = (operation: StringOperation): Semantic => {
  const helper = chunkHelper(operation);
  const compares = operation === 'CMPS' || operation === 'SCAS';
  return (e) => {
    const { f } = e;
    if (READS_SOURCE[operation]) f.store.i64Store(f.i32.const(0), f.get(e.linearAddress(operation === 'MOVS' ? 1 : 0, 0)), SCRATCH);
    const registers = [Reg.rax, Reg.rcx, Reg.rsi, Reg.rdi];
    e.complex(helper, [f.i32.const(elementSize(e)), f.i32.const(e.addressSize), f.i32.const(e.rep === 0xf2 ? 0 : 1), f.i32.const(e.limitedSegment)],
      { reads: registers, writes: registers, readsFlags: compares, writesFlags: compares });
  };
};

function rows(operation: StringOperation, opcode: number, operands: string): FormRow[] {
  const repeat = repeated(operation);
  const semantic: Semantic = (e) => (e.rep === 0 ? single[operation] : repeat)(e);
  const hex = (byte: number): string => byte.toString(16).toUpperCase();
  return [
    [operation, hex(opcode), operands.replaceAll('*', 'b'), semantic, 'rep'],
    [operation, hex(opcode + 1), operands.replaceAll('*', 'v'), semantic, 'rep'],
  ];
}

export const stringRows: readonly FormRow[] = [
  ...rows('MOVS', 0xa4, 'Y* X*'),
  ...rows('CMPS', 0xa6, 'X* Y*'),
  ...rows('STOS', 0xaa, 'Y*'),
  ...rows('LODS', 0xac, 'X*'),
  ...rows('SCAS', 0xae, 'Y*'),
];
