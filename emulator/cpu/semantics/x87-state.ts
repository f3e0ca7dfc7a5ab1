/**
 * Whole-state instructions: FNSTENV, FLDENV, FNSAVE, FRSTOR (SDM vol. 1, figures 8-9 to 8-12), FXSAVE and FXRSTOR (vol. 1, section 10.5).
 * This machine does not track the x87 instruction and data pointers: they keep what FLDENV, FRSTOR or FXRSTOR loaded.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import { FPU_DP, FPU_IP, FPU_OPCODE, FPU_REGS, MXCSR, XMM } from '../state.ts';
import type { Emitter, Helper, HelperEnvironment } from './emitter.ts';
import { readGuest, toPageEnd, writeGuest } from './guest-bytes.ts';
import { MXCSR_MASK } from './sse-control.ts';
import { checkPending } from './x87-helpers.ts';
import { X87 } from './x87-unit.ts';

const ENVIRONMENT_BYTES = { 16: 14, 32: 28 } as const;
type EnvironmentWidth = keyof typeof ENVIRONMENT_BYTES;

/** Protected-mode environment: seven words or dwords; the upper halves of the first three dwords are ones. */
function packEnvironment(env: HelperEnvironment, unit: X87, width: EnvironmentWidth, into: DataView): void {
  const words = [unit.control, unit.statusWord, unit.tagWord];
  const ip = env.view.getUint32(FPU_IP, true);
  const dp = env.view.getUint32(FPU_DP, true);
  const opcode = env.i32[FPU_OPCODE >> 2];
  if (width === 16) {
    [...words, ip, 0, dp, 0].forEach((word, i) => into.setUint16(i * 2, word, true));
    return;
  }
  words.forEach((word, i) => into.setUint32(i * 4, 0xffff0000 | word, true));
  [ip, opcode << 16, dp, 0xffff0000].forEach((word, i) => into.setUint32(12 + i * 4, word, true));
}

function unpackEnvironment(env: HelperEnvironment, unit: X87, width: EnvironmentWidth, from: DataView): void {
  const step = width / 8;
  const word = (i: number): number => from.getUint16(i * step, true);
  unit.control = word(0);
  unit.statusWord = word(1);
  unit.tagWord = word(2);
  env.view.setBigUint64(FPU_IP, BigInt(width === 16 ? word(3) : from.getUint32(12, true)), true);
  env.view.setBigUint64(FPU_DP, BigInt(width === 16 ? word(5) : from.getUint32(20, true)), true);
  env.i32[FPU_OPCODE >> 2] = width === 16 ? 0 : from.getUint16(18, true) & 0x7ff;
}

/** The processor begins with the first word of an environment and then looks at the last byte: where a fault is reported depends on it. */
function firstWordWritable(env: HelperEnvironment, address: number, bytes: number): boolean {
  const rest = toPageEnd(address);
  return env.guestWrite(address, 1) !== 0 && (rest >= bytes || env.guestWrite(address + rest, 1) !== 0);
}

function lastByteWritable(env: HelperEnvironment, address: number, bytes: number): boolean {
  return env.guestWrite(address + bytes - 1, 1) !== 0;
}

const widthOf = (bits: number): EnvironmentWidth => (bits === 16 ? 16 : 32);

/** `(address, 16 or 32, with registers) → status`. FNSTENV masks all exceptions afterwards, FNSAVE initialises. */
const storeHelper: Helper<'i32'> = {
  name: 'x87StoreState',
  params: ['f64', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (address: number, bits: number, registers: number): number => {
    const unit = new X87(env);
    const width = widthOf(bits);
    const head = ENVIRONMENT_BYTES[width];
    const image = new DataView(new ArrayBuffer(head + (registers !== 0 ? 80 : 0)));
    packEnvironment(env, unit, width, image);
    if (registers !== 0) {
      for (let i = 0; i < 8; i++) {
        const value = unit.read(i);
        image.setBigUint64(head + i * 10, value.significand, true);
        image.setUint16(head + i * 10 + 8, value.signExponent, true);
      }
    }
    const bytes = new Uint8Array(image.buffer);
    if (!firstWordWritable(env, address, width / 8) || !lastByteWritable(env, address, bytes.length) || !writeGuest(env, address, bytes)) return 1;
    if (registers !== 0) unit.initialise();
    else unit.control = unit.control | 0x3f;
    return 0;
  },
};

/** `(address, 16 or 32, with registers) → status`: FLDENV, FRSTOR. */
const loadHelper: Helper<'i32'> = {
  name: 'x87LoadState',
  params: ['f64', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (address: number, bits: number, registers: number): number => {
    const width = widthOf(bits);
    const head = ENVIRONMENT_BYTES[width];
    const bytes = readGuest(env, address, head + (registers !== 0 ? 80 : 0));
    if (bytes === undefined) return 1;
    const image = new DataView(bytes.buffer);
    const unit = new X87(env);
    unpackEnvironment(env, unit, width, image);
    if (registers !== 0) {
      for (let i = 0; i < 8; i++) {
        unit.writePhysical((unit.top + i) & 7, { significand: image.getBigUint64(head + i * 10, true), signExponent: image.getUint16(head + i * 10 + 8, true) });
      }
    }
    return 0;
  },
};

const stateWidth = (e: Emitter): number => (e.operandSize === 2 ? 16 : 32);
const wholeState = (helper: Helper<'i32'>, registers: boolean, waits: boolean): Semantic => (e) => {
  if (waits) checkPending(e);
  const { f } = e;
  const address = e.linearAddress(0, (stateWidth(e) === 16 ? 14 : 28) + (registers ? 80 : 0));
  e.complex(helper, [f.convert.f64ConvertI64S(f.get(address)), f.i32.const(stateWidth(e)), f.i32.const(registers ? 1 : 0)], {});
};

/** Offsets in the FXSAVE image. */
const Fx = { control: 0, status: 2, tags: 4, opcode: 6, ip: 8, dp: 16, mxcsr: 24, mxcsrMask: 28, st: 32, xmm: 160, bytes: 512 } as const;

/** `(address, xmm registers, 64-bit pointers) → status`. */
const fxsaveHelper: Helper<'i32'> = {
  name: 'fxsave',
  params: ['f64', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (address: number, xmmCount: number, wide: number): number => {
    const unit = new X87(env);
    const bytes = new Uint8Array(Fx.xmm + xmmCount * 16);
    const image = new DataView(bytes.buffer);
    image.setUint16(Fx.control, unit.control, true);
    image.setUint16(Fx.status, unit.statusWord, true);
    image.setUint8(Fx.tags, unit.tags);
    image.setUint16(Fx.opcode, env.i32[FPU_OPCODE >> 2], true);
    copyPointer(env.view, FPU_IP, image, Fx.ip, wide);
    copyPointer(env.view, FPU_DP, image, Fx.dp, wide);
    image.setInt32(Fx.mxcsr, env.i32[MXCSR >> 2], true);
    image.setUint32(Fx.mxcsrMask, MXCSR_MASK, true);
    for (let i = 0; i < 8; i++) {
      const at = FPU_REGS + ((unit.top + i) & 7) * 16;
      bytes.set(env.u8.subarray(at, at + 10), Fx.st + i * 16);
    }
    bytes.set(env.u8.subarray(XMM, XMM + xmmCount * 16), Fx.xmm);
    return lastByteWritable(env, address, Fx.bytes) && writeGuest(env, address, bytes) ? 0 : 1;
  },
};

function copyPointer(from: DataView, at: number, to: DataView, offset: number, wide: number): void {
  to.setBigUint64(offset, wide !== 0 ? from.getBigUint64(at, true) : BigInt(from.getUint32(at, true)), true);
}

/** `(address, xmm registers, 64-bit pointers) → status`; reserved bits of MXCSR must be clear (checked before). */
const fxrstorHelper: Helper<'i32'> = {
  name: 'fxrstor',
  params: ['f64', 'i32', 'i32'],
  result: 'i32',
  make: (env) => (address: number, xmmCount: number, wide: number): number => {
    const bytes = readGuest(env, address, Fx.xmm + xmmCount * 16);
    if (bytes === undefined) return 1;
    const image = new DataView(bytes.buffer);
    const unit = new X87(env);
    unit.control = image.getUint16(Fx.control, true);
    unit.statusWord = image.getUint16(Fx.status, true);
    unit.tags = image.getUint8(Fx.tags);
    env.i32[FPU_OPCODE >> 2] = image.getUint16(Fx.opcode, true) & 0x7ff;
    copyPointer(image, Fx.ip, env.view, FPU_IP, wide);
    copyPointer(image, Fx.dp, env.view, FPU_DP, wide);
    env.i32[MXCSR >> 2] = image.getInt32(Fx.mxcsr, true);
    for (let i = 0; i < 8; i++) {
      const at = FPU_REGS + ((unit.top + i) & 7) * 16;
      env.u8.set(bytes.subarray(Fx.st + i * 16, Fx.st + i * 16 + 10), at);
    }
    env.u8.set(bytes.subarray(Fx.xmm, Fx.xmm + xmmCount * 16), XMM);
    return 0;
  },
};

const extendedState = (restore: boolean): Semantic => (e) => {
  const { f } = e;
  const address = e.linearAddress(0, Fx.bytes);
  e.raiseIf(f.i32.and(f.convert.i32WrapI64(f.get(address)), f.i32.const(15)), Vector.generalProtection, 0);
  if (restore) {
    f.drop(e.loadAt('i32Load8U', e.keep(f.i64.add(f.get(address), f.i64.const(Fx.bytes - 1)))));
    f.drop(e.loadAt('i32Load8U', address));
    const mxcsr = e.loadAt('i32Load', e.keep(f.i64.add(f.get(address), f.i64.const(Fx.mxcsr))));
    e.raiseIf(f.i32.and(mxcsr, f.i32.const(~MXCSR_MASK)), Vector.generalProtection, 0);
  }
  const xmmCount = e.mode === 64 ? 16 : 8;
  const args = [f.convert.f64ConvertI64S(f.get(address)), f.i32.const(xmmCount), f.i32.const(e.operandSize === 8 ? 1 : 0)];
  e.complex(restore ? fxrstorHelper : fxsaveHelper, args, restore ? { writesXmm: true } : { readsXmm: true });
};

export const x87StateForms: readonly FormRow[] = [
  ['FNSTENV', 'D9 /6', 'M', wholeState(storeHelper, false, false)], ['FNSAVE', 'DD /6', 'M', wholeState(storeHelper, true, false)],
  ['FLDENV', 'D9 /4', 'M', wholeState(loadHelper, false, true)], ['FRSTOR', 'DD /4', 'M', wholeState(loadHelper, true, true)],
  ['FXSAVE', 'NP 0F AE /0', 'M', extendedState(false)], ['FXRSTOR', 'NP 0F AE /1', 'M', extendedState(true)],
];
