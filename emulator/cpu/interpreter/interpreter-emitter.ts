/**
 * The interpreter's emitter: registers and flags in memory, operands taken from the record `ip` points to at run time.
 * The same class emits handlers that live inside the interpreter function and handlers that are functions of their own;
 * a {@link HandlerFrame} says how either goes on and how it is left.
 */
import { FlagKind } from '../flags.ts';
import { EmitterBase, type DynamicFlags, type FlagSetter } from '../semantics/emitter-base.ts';
import { BUDGET, FLAG_A, FLAG_B, FLAG_KIND, FLAG_RESULT, FPU_REGS, GPR, PAGE_BASE, Segment, XMM } from '../state.ts';
import type { I32, I64, Local, V128, Word } from '../wasm/function-builder.ts';
import type { FlagSource } from '../semantics/flag-formulas.ts';
import type { WordLocal } from '../semantics/emitter.ts';
import {
  RECORD, RECORD_BASE, RECORD_DISPLACEMENT, RECORD_IMMEDIATE, RECORD_INDEX, RECORD_REG, RECORD_REMAINING, RECORD_RM, RECORD_SCALE,
} from '../engine-area.ts';
import { FAR_BIAS, traitsOf, type HandlerKey } from './handler-key.ts';

/** Where a handler's code stands. */
export interface HandlerFrame {
  /** Record pointer. */
  readonly ip: Local<'i32'>;
  /** Address of the read TLB. */
  readonly tlb: Local<'i32'>;
  /** The block is over; the guest goes on at `rip`. `direct`: always there, so the record may chain to that block. */
  transfer(rip: I64, direct: boolean): void;
  /** Leaves the interpreter: see EmitterBase.leave. */
  leave(retired: boolean): void;
}

export class InterpreterEmitter extends EmitterBase {
  mode: 64 | 32 = 64;
  /** Whether the last handler emitted always goes on by itself (jump, exit): no record needs to follow it. */
  transfers = false;
  private key: HandlerKey | undefined;
  private frame: HandlerFrame | undefined;
  private nesting = 0;
  /** Inside a fused pair: the flags the first instruction has set, in locals of its own. */
  private fused: { result: Local<'i64'>; a: Local<'i64'>; b: Local<'i64'> } | undefined;
  private known: FlagKind | undefined;

  /** Emits the handler for a key. Code that falls out of it goes on with the next record. */
  emitHandler(key: HandlerKey, frame: HandlerFrame): void {
    this.key = key;
    this.frame = frame;
    this.mode = key.mode;
    this.transfers = false;
    this.nesting = this.f.nesting;
    this.emitForm(key.form, key);
  }

  /** Emits two handlers as one: a setter of flags and the branch after it, which then knows the flags. */
  emitPair(first: HandlerKey, second: HandlerKey, frame: HandlerFrame): void {
    const { f } = this;
    this.fused = { result: f.local('i64'), a: f.local('i64'), b: f.local('i64') };
    this.known = undefined;
    this.emitHandler(first, frame);
    f.set(frame.ip, f.i32.add(f.get(frame.ip), f.i32.const(RECORD)));
    this.emitHandler(second, frame);
    for (const local of [this.fused.result, this.fused.a, this.fused.b]) f.release(local);
    this.fused = undefined;
  }

  // ── operands ──────────────────────────────────────────────────────────────────────────────────

  sameRegister(): boolean {
    return false;
  }

  staticImmediate(operand: number): number | undefined {
    const { method } = this.spec(operand);
    if (method === 'one') return 1;
    const value = this.handlerKey.staticImmediate;
    return method === 'imm' && value >= 0 ? value : undefined;
  }

  registerNumber(operand: number): I32 {
    const { f } = this;
    const { method, register } = this.spec(operand);
    if (register !== undefined) return f.i32.const(register);
    const field = this.field(method === 'xmmReg' || method === 'mmxReg' ? RECORD_REG : RECORD_RM);
    return method === 'st' ? field : f.i32.shrU(field, f.i32.const(4));
  }

  protected readRegister(operand: number, size: number): Word {
    return this.loadRegister(this.registerOffset(operand), size, GPR);
  }

  protected writeRegister(operand: number, size: number, value: Word): void {
    const kept = this.keep(value);
    this.storeRegister(this.registerOffset(operand), size, kept, GPR);
  }

  protected readXmmOperand(operand: number): V128 {
    return this.f.load.v128Load(this.vectorOffset(operand), XMM);
  }

  protected writeXmmOperand(operand: number, value: V128): void {
    const kept = this.keep(value);
    this.f.store.v128Store(this.vectorOffset(operand), this.f.get(kept), XMM);
  }

  protected mmxAddress(operand: number): I32 {
    return this.f.i32.add(this.vectorOffset(operand), this.f.i32.const(FPU_REGS));
  }

  protected immediate(operand: number, size: number): Word {
    const { f } = this;
    const { staticImmediate, wideImmediate } = this.handlerKey;
    if (staticImmediate >= 0) return f.word(size).const(staticImmediate);
    const first = this.form.operands.findIndex(({ method }) => method === 'imm' || method === 'rel');
    const at = operand === first ? RECORD_IMMEDIATE : RECORD_DISPLACEMENT;
    const ip = f.get(this.where.ip);
    switch (size) {
      case 1:
        return f.load.i32Load8U(ip, at);
      case 2:
        return f.load.i32Load16U(ip, at);
      case 4:
        return f.load.i32Load(ip, at);
      default:
        if (!wideImmediate) return f.load.i64Load32S(ip, at);
        return f.i64.or(
          f.load.i64Load32U(ip, RECORD_IMMEDIATE),
          f.i64.shl(f.load.i64Load32U(f.get(this.where.ip), RECORD_DISPLACEMENT), f.i64.const(32)),
        );
    }
  }

  protected segmentNumber(operand: number): number {
    const { register } = this.spec(operand);
    return register ?? this.handlerKey.segmentOperand;
  }

  gpr(n: number, size: number): Word {
    return this.loadRegister(this.f.i32.const(0), size, GPR + n * 8);
  }

  setGpr(n: number, size: number, value: Word): void {
    const kept = this.keep(value);
    this.storeRegister(this.f.i32.const(0), size, kept, GPR + n * 8);
  }

  xmm(n: number): V128 {
    return this.f.load.v128Load(this.f.i32.const(0), XMM + n * 16);
  }

  setXmm(n: number, value: V128): void {
    const kept = this.keep(value);
    this.f.store.v128Store(this.f.i32.const(0), this.f.get(kept), XMM + n * 16);
  }

  // ── addresses ─────────────────────────────────────────────────────────────────────────────────

  protected addressSum(): I64 {
    const { f } = this;
    const { ip } = this.where;
    const displacement = (): I64 => f.load.i64Load32S(f.get(ip), RECORD_DISPLACEMENT);
    const register = (field: number): I64 => f.load.i64Load(this.field(field), GPR);
    switch (this.handlerKey.memoryKind) {
      case 'base':
        return this.unbiased(f.i64.add(register(RECORD_BASE), displacement()));
      case 'index':
        return this.unbiased(
          f.i64.add(f.i64.add(register(RECORD_BASE), f.i64.shl(register(RECORD_INDEX), f.load.i64Load8U(f.get(ip), RECORD_SCALE))), displacement()),
        );
      case 'absolute':
        return f.i64.or(f.load.i64Load32U(f.get(ip), RECORD_DISPLACEMENT), f.i64.shl(f.load.i64Load32U(f.get(ip), RECORD_IMMEDIATE), f.i64.const(32)));
      case 'none':
        throw new Error(`${this.mnemonic}: no memory operand`);
    }
  }

  protected tlbBase(): I32 {
    return this.f.get(this.where.tlb);
  }

  // In 64-bit mode only FS and GS have a base; in 32-bit mode Linux's flat segments have none, but user segments may.
  protected segmentMatters(n: number): boolean {
    return n === Segment.fs || n === Segment.gs;
  }

  nextAddress(): I64 {
    const { nextField } = traitsOf(this.form);
    if (nextField === 'displacement' && this.memory) throw new Error(`${this.mnemonic} ${this.form.opcode}: the record has no room for the next address`);
    return this.pageRelative(nextField === 'immediate' ? RECORD_IMMEDIATE : RECORD_DISPLACEMENT);
  }

  // ── flags ─────────────────────────────────────────────────────────────────────────────────────

  protected knownFlags(): FlagSource | undefined {
    const { f, fused, known } = this;
    if (fused === undefined || known === undefined) return undefined;
    return { kind: known, ops: f.word(8), result: () => f.get(fused.result), a: () => f.get(fused.a), b: () => f.get(fused.b) };
  }

  protected dynamicFlags(): DynamicFlags {
    const { f } = this;
    return {
      kind: () => f.load.i32Load(f.i32.const(0), FLAG_KIND),
      result: () => f.load.i64Load(f.i32.const(0), FLAG_RESULT),
      a: () => f.load.i64Load(f.i32.const(0), FLAG_A),
      b: () => f.load.i64Load(f.i32.const(0), FLAG_B),
    };
  }

  protected storeFlags({ kind, size, result, a, b }: FlagSetter): void {
    const { f } = this;
    const zero = (): I32 => f.i32.const(0);
    this.know(kind, size, result, a, b);
    const extended = this.keep(this.signExtend(result, size));
    f.store.i64Store(zero(), f.get(extended), FLAG_RESULT);
    if (a === undefined || b === undefined) {
      // result - 0 sets the same flags, and then every condition is a comparison of a and b.
      f.store.i64Store(zero(), f.get(extended), FLAG_A);
      f.store.i64Store(zero(), f.i64.const(0), FLAG_B);
      f.store.i32Store(zero(), f.i32.const(FlagKind.sub), FLAG_KIND);
      return;
    }
    f.store.i64Store(zero(), this.signExtend(a, size), FLAG_A);
    f.store.i64Store(zero(), this.signExtend(b, size), FLAG_B);
    f.store.i32Store(zero(), f.i32.const(kind), FLAG_KIND);
  }

  protected storeFlagBits(size: number, result: WordLocal, bits: Local<'i32'>): void {
    const { f } = this;
    this.known = undefined;
    f.store.i64Store(f.i32.const(0), this.signExtend(result, size), FLAG_RESULT);
    f.store.i64Store(f.i32.const(0), f.convert.i64ExtendI32U(f.get(bits)), FLAG_A);
    f.store.i32Store(f.i32.const(0), f.i32.const(FlagKind.bits), FLAG_KIND);
  }

  protected storeAllFlags(bits: Local<'i32'>): void {
    const { f } = this;
    this.known = undefined;
    f.store.i64Store(f.i32.const(0), f.convert.i64ExtendI32U(f.get(bits)), FLAG_A);
    f.store.i32Store(f.i32.const(0), f.i32.const(FlagKind.full), FLAG_KIND);
  }

  // ── control flow ──────────────────────────────────────────────────────────────────────────────

  jump(): void {
    this.go(this.unbiased(this.pageRelative(RECORD_IMMEDIATE)), true);
  }

  branch(condition: I32): void {
    const { f } = this;
    f.if(condition, () => {
      const left = f.i32.add(f.load.i32Load(f.i32.const(0), BUDGET), this.field(RECORD_REMAINING));
      const kept = this.keep(left);
      f.store.i32Store(f.i32.const(0), f.get(kept), BUDGET);
      this.jump();
    });
  }

  jumpIndirect(_kind: 'jmp' | 'call' | 'ret', target: Local<'i64'>): void {
    this.go(this.f.get(target), false);
  }

  protected leave(retired: boolean): void {
    if (retired) this.noteTransfer();
    this.where.leave(retired);
  }

  protected beforeComplex(): void {
    // Registers and flags are in memory.
  }

  protected afterComplex(): void {
    // Registers and flags are in memory.
  }

  // ── private ───────────────────────────────────────────────────────────────────────────────────

  private get handlerKey(): HandlerKey {
    if (this.key === undefined) throw new Error('interpreter emitter used outside a handler');
    return this.key;
  }

  private get where(): HandlerFrame {
    if (this.frame === undefined) throw new Error('interpreter emitter used outside a handler');
    return this.frame;
  }

  private go(rip: I64, direct: boolean): void {
    this.noteTransfer();
    this.where.transfer(rip, direct);
  }

  // What is set only if something holds is not known afterwards.
  private know(kind: FlagKind, size: number, result: WordLocal, a: WordLocal | undefined, b: WordLocal | undefined): void {
    const { f, fused } = this;
    this.known = undefined;
    if (fused === undefined || f.nesting !== this.nesting) return;
    this.known = kind;
    f.set(fused.result, this.signExtend(result, size));
    if (a === undefined || b === undefined) return;
    f.set(fused.a, this.signExtend(a, size));
    f.set(fused.b, this.signExtend(b, size));
  }

  // Only outside of conditions is it certain that nothing comes after.
  private noteTransfer(): void {
    if (this.f.nesting === this.nesting) this.transfers = true;
  }

  private field(at: number): I32 {
    return this.f.load.i32Load8U(this.f.get(this.where.ip), at);
  }

  private registerOffset(operand: number): I32 {
    const { method, register } = this.spec(operand);
    if (method === 'fixed') return this.f.i32.const((register ?? 0) * 8);
    return this.field(method === 'reg' ? RECORD_REG : RECORD_RM);
  }

  private vectorOffset(operand: number): I32 {
    const { method } = this.spec(operand);
    return this.field(method === 'xmmReg' || method === 'mmxReg' ? RECORD_REG : RECORD_RM);
  }

  private loadRegister(at: I32, size: number, offset: number): Word {
    const { f } = this;
    switch (size) {
      case 1:
        return f.load.i32Load8U(at, offset);
      case 2:
        return f.load.i32Load16U(at, offset);
      case 4:
        return f.load.i32Load(at, offset);
      case 8:
        return f.load.i64Load(at, offset);
      default:
        throw new Error(`${this.mnemonic}: general register of ${size} bytes`);
    }
  }

  private storeRegister(at: I32, size: number, value: WordLocal, offset: number): void {
    const { f } = this;
    const narrow = (): I32 => {
      const word = f.get(value);
      return word.type === 'i64' ? f.convert.i32WrapI64(word as I64) : (word as I32);
    };
    switch (size) {
      case 1:
        f.store.i32Store8(at, narrow(), offset);
        return;
      case 2:
        f.store.i32Store16(at, narrow(), offset);
        return;
      case 4:
        f.store.i64Store(at, f.convert.i64ExtendI32U(narrow()), offset);
        return;
      case 8:
        f.store.i64Store(at, f.get(value) as I64, offset);
        return;
      default:
        throw new Error(`${this.mnemonic}: general register of ${size} bytes`);
    }
  }

  /** A local of `size`, sign-extended to 64 bits. */
  private signExtend(value: WordLocal, size: number): I64 {
    const { f } = this;
    const word = f.get(value);
    switch (size) {
      case 1:
        return f.convert.i64ExtendI32S(f.i32.extend8S(word as I32));
      case 2:
        return f.convert.i64ExtendI32S(f.i32.extend16S(word as I32));
      case 4:
        return f.convert.i64ExtendI32S(word as I32);
      default:
        return word as I64;
    }
  }

  /** Address of a far operand or target from what its record says. */
  private unbiased(address: I64): I64 {
    return this.handlerKey.far ? this.f.i64.add(address, this.f.i64.const(FAR_BIAS)) : address;
  }

  private pageRelative(field: number): I64 {
    return this.fromPage(this.f.load.i64Load32S(this.f.get(this.where.ip), field));
  }

  private fromPage(offset: I64): I64 {
    const { f } = this;
    const sum = f.i64.add(offset, f.load.i64Load(f.i32.const(0), PAGE_BASE));
    return this.mode === 32 ? f.i64.and(sum, f.i64.const(0xffffffff)) : sum;
  }
}
