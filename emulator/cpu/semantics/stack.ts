/** PUSH POP PUSHF POPF PUSHA POPA ENTER LEAVE (SDM vol. 2). */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit } from '../exits.ts';
import { Flag } from '../flags.ts';
import { GPR, Reg } from '../state.ts';
import type { I32, I64 } from '../wasm/function-builder.ts';
import type { Emitter, Helper, HelperEnvironment } from './emitter.ts';
import { loadSelector } from './segment.ts';
import { toI32, toWord } from './integer-bits.ts';
import { readGuest, toPageEnd, writeGuest } from './guest-bytes.ts';

const push: Semantic = (e) => {
  const value = e.keep(toWord(e.f, e.operandSize, e.read(0)));
  e.push(e.operandSize, e.f.get(value));
};

/** A selector pushed with 32 bits writes 16 of them, as CPUs do (SDM vol. 2B, PUSH); the stack pointer moves by 4 all the same. */
const pushSegment: Semantic = (e) => {
  if (e.operandSize !== 4) {
    push(e);
    return;
  }
  const { f } = e;
  const value = e.keep(toI32(f, e.read(0)));
  const top = e.keep(f.i32.sub(toI32(f, e.gpr(Reg.rsp, 4)), f.i32.const(4)));
  e.storeAt('i32Store16', e.keep(f.convert.i64ExtendI32U(f.get(top))), f.get(value));
  e.setGpr(Reg.rsp, 4, f.get(top));
};

// rsp first, so that POP rSP ends with what was popped. Memory destinations: the decoder has accounted for rsp as base (`pops-base`).
const pop: Semantic = (e) => {
  const value = e.keep(e.pop(e.operandSize));
  if (e.kind(0) === 'mem') {
    e.write(0, e.f.get(value));
    e.adjustStack(e.operandSize);
  } else {
    e.adjustStack(e.operandSize);
    e.write(0, e.f.get(value));
  }
};

const popSegment = (segment: number): Semantic => (e) => {
  const value = e.keep(toI32(e.f, e.pop(e.operandSize)));
  loadSelector(e, segment, value);
  e.adjustStack(e.operandSize);
};

/** rflags as stored: RF and VM read as 0. */
const pushFlags: Semantic = (e) => {
  const value = e.keep(e.f.i32.and(e.rflags(), e.f.i32.const(0x00fcffff)));
  e.push(e.operandSize, toWord(e.f, e.operandSize, e.f.get(value)));
};

const popFlags: Semantic = (e) => {
  const value = e.keep(toI32(e.f, e.pop(e.operandSize)));
  e.adjustStack(e.operandSize);
  e.setRflags(e.f.get(value), e.operandSize);
  e.exitIf(e.f.i32.and(e.f.get(value), e.f.i32.const(Flag.tf)), Exit.trapFlag);
};

const leave: Semantic = (e) => {
  const { f } = e;
  const size = e.mode === 64 ? 8 : 4;
  const frame = e.keep(e.mode === 64 ? (e.gpr(Reg.rbp, 8) as I64) : f.convert.i64ExtendI32U(e.gpr(Reg.rbp, 4) as I32));
  const saved = e.keep(e.operandSize === 8 ? e.loadAt('i64Load', frame) : e.loadAt(e.operandSize === 4 ? 'i32Load' : 'i32Load16U', frame));
  const top = f.i64.add(f.get(frame), f.i64.const(e.operandSize));
  e.setGpr(Reg.rsp, size, toWord(f, size, top));
  e.setGpr(Reg.rbp, e.operandSize, f.get(saved));
};

/** Value of general register `n` in a helper: all 64 bits as two halves would be lossy, so only modes' addresses (below 2^53). */
function pointer(env: HelperEnvironment, n: number, mode: number): number {
  const low = env.view.getUint32(GPR + n * 8, true);
  return mode === 64 ? low + env.view.getUint32(GPR + n * 8 + 4, true) * 2 ** 32 : low;
}

function setPointer(env: HelperEnvironment, n: number, mode: number, value: number): void {
  env.view.setUint32(GPR + n * 8, value % 2 ** 32, true);
  env.view.setUint32(GPR + n * 8 + 4, mode === 64 ? Math.floor(value / 2 ** 32) : 0, true);
}

/** Pushes rBP, then (at nesting levels) the outer frames' pointers from below the old rBP, and the new one; one by one, as the areas may overlap. */
const enterHelper: Helper<'i32'> = {
  name: 'enter',
  params: ['i32', 'i32', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (mode: number, size: number, locals: number, level: number): number => {
    const frame = pointer(env, Reg.rsp, mode) - size;
    const base = pointer(env, Reg.rbp, mode);
    let top = frame;
    if (!writeGuest(env, top, env.u8.slice(GPR + Reg.rbp * 8, GPR + Reg.rbp * 8 + size))) return 1;
    for (let outer = 1; outer < level; outer++) {
      const saved = readGuest(env, base - outer * size, size);
      top -= size;
      if (saved === undefined || !writeGuest(env, top, saved)) return 1;
    }
    if (level > 0) {
      const bytes = new DataView(new ArrayBuffer(8));
      bytes.setUint32(0, frame % 2 ** 32, true);
      bytes.setUint32(4, Math.floor(frame / 2 ** 32), true);
      top -= size;
      if (!writeGuest(env, top, new Uint8Array(bytes.buffer, 0, size))) return 1;
    }
    // The end of the locals must be writable as well.
    top -= locals;
    if (env.guestWrite(top, Math.min(size, toPageEnd(top))) === 0) return 1;
    setPointer(env, Reg.rsp, mode, top);
    if (size === 2) env.view.setUint16(GPR + Reg.rbp * 8, frame % 2 ** 16, true);
    else setPointer(env, Reg.rbp, mode, frame);
    return 0;
  },
};

const enter: Semantic = (e) => {
  const { f } = e;
  const level = f.i32.and(toI32(f, e.read(1)), f.i32.const(31));
  const kept = e.keep(level);
  e.complex(enterHelper, [f.i32.const(e.mode), f.i32.const(e.operandSize), toI32(f, e.read(0)), f.get(kept)],
    { reads: [Reg.rsp, Reg.rbp], writes: [Reg.rsp, Reg.rbp] });
};

/** Records the fault of a store at `va`; false when there would be none. */
function cannotStore(env: HelperEnvironment, va: number, size: number): boolean {
  return env.guestWrite(va, Math.min(size, toPageEnd(va))) === 0;
}

const EIGHT = [Reg.rax, Reg.rcx, Reg.rdx, Reg.rbx, Reg.rsp, Reg.rbp, Reg.rsi, Reg.rdi] as const;

/** PUSHA and POPA: eight registers, rdi lowest; POPA skips the saved rSP. */
const allHelper = (save: boolean): Helper<'i32'> => ({
  name: save ? 'pushAll' : 'popAll',
  params: ['i32'],
  result: 'i32',
  make: (env) => (size: number): number => {
    const top = env.view.getUint32(GPR + Reg.rsp * 8, true);
    const at = (n: number): number => (7 - n) * size;
    if (save) {
      // rax, at the highest address, faults first.
      if (cannotStore(env, (top - size) >>> 0, size)) return 1;
      const bytes = new Uint8Array(8 * size);
      for (const n of EIGHT) bytes.set(env.u8.subarray(GPR + n * 8, GPR + n * 8 + size), at(n));
      if (!writeGuest(env, (top - 8 * size) >>> 0, bytes)) return 1;
      env.view.setUint32(GPR + Reg.rsp * 8, top - 8 * size, true);
      return 0;
    }
    const bytes = readGuest(env, top, 8 * size);
    if (bytes === undefined) return 1;
    for (const n of EIGHT) if (n !== Reg.rsp) env.u8.set(bytes.subarray(at(n), at(n) + size), GPR + n * 8);
    env.view.setUint32(GPR + Reg.rsp * 8, top + 8 * size, true);
    return 0;
  },
});

const all = (helper: Helper<'i32'>): Semantic => (e: Emitter) =>
  e.complex(helper, [e.f.i32.const(e.operandSize)], { reads: EIGHT, writes: EIGHT });

export const stackRows: readonly FormRow[] = [
  ['PUSH', '50+r', 'Zv', push, 'd64'],
  ['PUSH', 'FF /6', 'Ev', push, 'd64'],
  ['PUSH', '68 iz', 'Iz', push, 'd64'],
  ['PUSH', '6A ib', 'sIb', push, 'd64'],
  ['PUSH', '06', 'ES', pushSegment, 'i64'],
  ['PUSH', '0E', 'CS', pushSegment, 'i64'],
  ['PUSH', '16', 'SS', pushSegment, 'i64'],
  ['PUSH', '1E', 'DS', pushSegment, 'i64'],
  ['PUSH', '0F A0', 'FS', pushSegment, 'd64'],
  ['PUSH', '0F A8', 'GS', pushSegment, 'd64'],
  ['POP', '58+r', 'Zv', pop, 'd64'],
  ['POP', '8F /0', 'Ev', pop, 'd64 pops-base'],
  ['POP', '07', 'ES', popSegment(0), 'i64'],
  ['POP', '17', 'SS', popSegment(2), 'i64'],
  ['POP', '1F', 'DS', popSegment(3), 'i64'],
  ['POP', '0F A1', 'FS', popSegment(4), 'd64'],
  ['POP', '0F A9', 'GS', popSegment(5), 'd64'],
  ['PUSHF', '9C', '', pushFlags, 'd64'],
  ['POPF', '9D', '', popFlags, 'd64'],
  ['LEAVE', 'C9', '', leave, 'd64'],
  ['ENTER', 'C8 iw ib', 'Iw Ib', enter, 'd64'],
  ['PUSHA', '60', '', all(allHelper(true)), 'i64'],
  ['POPA', '61', '', all(allHelper(false)), 'i64'],
];
