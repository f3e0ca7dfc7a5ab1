/**
 * The part of `Emitter` which does not depend on the tier: operands by specification, memory access through the TLB,
 * lazy-flag bookkeeping, stack, exceptions, helper calls. A tier supplies the abstract members: where registers
 * and flags live, how an effective address is made, and how the function is left.
 *
 * Values that are on the wasm stack when something with control flow is emitted simply stay below it; what is emitted
 * inside an `if` never consumes them.
 */
import type { Form, OperandSpec } from '../decode/form.ts';
import { resolveSize } from '../decode/parse-row.ts';
import { ARITHMETIC_FLAGS, Flag, FlagKind } from '../flags.ts';
import { COMPUTE_FLAGS, SLOW_PATH, SLOW_WRITE, type ModuleImports } from '../module-imports.ts';
import {
  EXIT_ARGUMENT, EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, FLAGS_OTHER, PAGE_SIZE, Reg, Segment, SEGMENT_BASE, SEGMENT_BYTES, SELECTOR, TLB_BYTES, TLB_MASK, TLB_SHIFT,
} from '../state.ts';
import { Exit, Vector } from '../exits.ts';
import { LOAD, STORE } from '../wasm/opcodes.ts';
import type { F32, F64, FunctionBuilder, I32, I64, Local, V128, Val, ValType, Word } from '../wasm/function-builder.ts';
import { conditionOfBits, flagBits, flagCarry, flagCondition, type FlagSource } from './flag-formulas.ts';
import type { ComplexEffects, Emitter, Helper, OperandKind, WordLocal } from './emitter.ts';

/** What the emitter needs to know of an instruction besides its form; `Instruction` has it all. */
export interface InstructionShape {
  readonly operandSize: 2 | 4 | 8;
  readonly addressSize: 2 | 4 | 8;
  readonly rep: 0 | 0xf2 | 0xf3;
  /** The ModRM byte names memory. */
  readonly memory: boolean;
  /** Segment whose base memory operands need, or -1. */
  readonly segment: number;
}

/** Flag operands where nothing is known while emitting: canonical, i64, as flags.ts has them. */
export interface DynamicFlags {
  kind(): I32;
  result(): I64;
  a(): I64;
  b(): I64;
}

/** An arithmetic-flag setter, as a tier stores it. Words are locals of the width of `size`, bits above `size` unspecified. */
export interface FlagSetter {
  readonly kind: FlagKind;
  readonly size: number;
  readonly result: WordLocal;
  /** Absent only for `logic`. */
  readonly a?: WordLocal;
  readonly b?: WordLocal;
}

const INTEGER_LOAD = { 1: 'i32Load8U', 2: 'i32Load16U', 4: 'i32Load', 8: 'i64Load' } as const;
const INTEGER_STORE = { 1: 'i32Store8', 2: 'i32Store16', 4: 'i32Store', 8: 'i64Store' } as const;
/** Flags POPF may change in user mode: all but IF, IOPL, VM, RF, VIF, VIP. */
const USER_WRITABLE = Flag.tf | Flag.df | Flag.nt | Flag.ac | Flag.id;
/** Exceptions reported with the next instruction's rip. */
const TRAPS: readonly number[] = [Vector.breakpoint, Vector.overflow];

export abstract class EmitterBase implements Emitter {
  readonly f: FunctionBuilder;
  abstract readonly mode: 64 | 32;
  operandSize: 2 | 4 | 8 = 4;
  addressSize: 2 | 4 | 8 = 8;
  rep: 0 | 0xf2 | 0xf3 = 0;
  protected readonly imports: ModuleImports;
  /** The instruction's segment override or default where its base may not be zero, else -1. */
  protected segment = -1;
  protected memory = false;
  private current: Form | undefined;
  private temps: Local<ValType>[] = [];

  constructor(f: FunctionBuilder, imports: ModuleImports) {
    this.f = f;
    this.imports = imports;
  }

  // ── what a tier supplies ──────────────────────────────────────────────────────────────────────

  /** Integer register operand (methods rm, reg, opcodeReg, fixed, rmReg), zero-extended from `size` to its word. */
  protected abstract readRegister(operand: number, size: number): Word;
  /** Same, written; bits of `value` above `size` are unspecified. 32-bit writes clear the upper half, smaller ones keep the rest. */
  protected abstract writeRegister(operand: number, size: number, value: Word): void;
  /** xmm register operand. */
  protected abstract readXmmOperand(operand: number): V128;
  protected abstract writeXmmOperand(operand: number, value: V128): void;
  /** Linear-memory address of the 8 significand bytes of an mmx register operand (x87 and mmx state is always in memory). */
  protected abstract mmxAddress(operand: number): I32;
  /** Immediate operand sign-extended from how it was encoded to `size`, then zero-extended to its word. */
  protected abstract immediate(operand: number, size: number): Word;
  /** Encoding number of a segment register operand. */
  protected abstract segmentNumber(operand: number): number;
  /** base + index × scale + displacement (or moffs, or rip-relative), not truncated, without segment. */
  protected abstract addressSum(): I64;
  /** Linear address of the read TLB. */
  protected abstract tlbBase(): I32;
  /** Segment `n` may have a base which is not zero. */
  protected abstract segmentMatters(n: number): boolean;

  /** The last flag setter where it is known, else undefined. */
  protected abstract knownFlags(): FlagSource | undefined;
  /** Flags where it is not. */
  protected abstract dynamicFlags(): DynamicFlags;
  protected abstract storeFlags(setter: FlagSetter): void;
  /** Kind `bits`: as FlagKind.bits; `bits` has only CF, AF, OF. */
  protected abstract storeFlagBits(size: number, result: WordLocal, bits: Local<'i32'>): void;
  /** Kind `full`; `bits` has only the six. */
  protected abstract storeAllFlags(bits: Local<'i32'>): void;

  /**
   * Leaves the function; EXIT_REASON and what belongs to it have been stored. `retired`: this instruction has
   * been done and rip is the next one's; otherwise nothing of it has happened (or, for `Exit.again`, what its helper did counts) and rip is its own.
   * What follows in the stream of emission is unreachable or another path.
   */
  protected abstract leave(retired: boolean): void;
  /** Before and after a `complex` helper: registers to memory and back. */
  protected abstract beforeComplex(effects: ComplexEffects): void;
  protected abstract afterComplex(effects: ComplexEffects): void;

  abstract sameRegister(a: number, b: number): boolean;
  abstract staticImmediate(operand: number): number | undefined;
  abstract registerNumber(operand: number): I32;
  abstract gpr(n: number, size: number): Word;
  abstract setGpr(n: number, size: number, value: Word): void;
  abstract xmm(n: number): V128;
  abstract setXmm(n: number, value: V128): void;
  abstract nextAddress(): I64;
  abstract jump(): void;
  abstract branch(condition: I32): void;
  abstract jumpIndirect(kind: 'jmp' | 'call' | 'ret', target: Local<'i64'>): void;

  // ── instruction ───────────────────────────────────────────────────────────────────────────────

  /** Emits one instruction: runs the form's semantic function. */
  protected emitForm(form: Form, shape: InstructionShape): void {
    this.current = form;
    this.operandSize = shape.operandSize;
    this.addressSize = shape.addressSize;
    this.rep = shape.rep;
    this.memory = shape.memory;
    this.segment = shape.segment;
    form.semantic(this);
    for (const local of this.temps) this.f.release(local);
    this.temps = [];
  }

  protected get form(): Form {
    if (this.current === undefined) throw new Error('emitter used outside an instruction');
    return this.current;
  }

  protected spec(operand: number): OperandSpec {
    const spec = this.form.operands[operand];
    if (spec === undefined) throw new Error(`${this.form.mnemonic} ${this.form.opcode} has no operand ${operand}`);
    return spec;
  }

  get mnemonic(): string {
    return this.form.mnemonic;
  }

  get operandCount(): number {
    return this.form.operands.length;
  }

  kind(operand: number): OperandKind {
    switch (this.spec(operand).method) {
      case 'rm':
        return this.memory ? 'mem' : 'reg';
      case 'reg':
      case 'opcodeReg':
      case 'fixed':
      case 'rmReg':
        return 'reg';
      case 'imm':
      case 'one':
      case 'rel':
        return 'imm';
      case 'mem':
      case 'moffs':
      case 'string':
        return 'mem';
      case 'segment':
        return 'segment';
      case 'xmmReg':
      case 'xmmRmReg':
        return 'xmm';
      case 'xmmRm':
        return this.memory ? 'mem' : 'xmm';
      case 'mmxReg':
      case 'mmxRmReg':
        return 'mmx';
      case 'mmxRm':
        return this.memory ? 'mem' : 'mmx';
      case 'st':
        return 'st';
    }
  }

  sizeOf(operand: number): number {
    return resolveSize(this.spec(operand), this.operandSize, this.memory);
  }

  // ── integer operands ──────────────────────────────────────────────────────────────────────────

  read(operand: number): Word {
    const size = this.sizeOf(operand);
    switch (this.kind(operand)) {
      case 'reg':
        return this.readRegister(operand, size);
      case 'mem':
        return this.loadWord(size, this.linearAddress(operand));
      case 'imm':
        return this.spec(operand).method === 'one' ? this.f.word(size).const(1) : this.immediate(operand, size);
      case 'segment':
        return this.selector(this.segmentNumber(operand));
      default:
        throw this.misuse('read', operand);
    }
  }

  readSigned(operand: number): Word {
    const { f } = this;
    const value = this.read(operand);
    switch (this.sizeOf(operand)) {
      case 1:
        return f.i32.extend8S(value as I32);
      case 2:
        return f.i32.extend16S(value as I32);
      default:
        return value;
    }
  }

  write(operand: number, value: Word): void {
    const size = this.sizeOf(operand);
    switch (this.kind(operand)) {
      case 'reg':
        this.writeRegister(operand, size, value);
        return;
      case 'mem': {
        const kept = this.keep(value);
        const address = this.linearAddress(operand);
        this.storeAt(integerStore(size), address, this.f.get(kept));
        return;
      }
      case 'segment': {
        const kept = this.keep(value as I32);
        this.f.store.i32Store(this.f.i32.const(0), this.f.i32.and(this.f.get(kept), this.f.i32.const(0xffff)), SELECTOR + this.segmentNumber(operand) * 4);
        return;
      }
      default:
        throw this.misuse('write', operand);
    }
  }

  update(operand: number, compute: (old: WordLocal) => WordLocal): void {
    const { f } = this;
    const size = this.sizeOf(operand);
    if (this.kind(operand) === 'reg') {
      const old = this.keep(this.readRegister(operand, size));
      const result = compute(old);
      this.writeRegister(operand, size, f.get(result));
      return;
    }
    if (this.kind(operand) !== 'mem') throw this.misuse('update', operand);
    const address = this.linearAddress(operand);
    const host = this.keep(this.translate(address, size, true));
    const old = this.keep(f.load[integerLoad(size)](f.get(host)) as Word);
    const result = compute(old);
    f.store[integerStore(size)](f.get(host), f.get(result) as I32 & I64);
  }

  // ── vector and floating-point operands ────────────────────────────────────────────────────────

  readV128(operand: number): V128 {
    if (this.kind(operand) === 'mem') return this.loadAt('v128Load', this.vectorAddress(operand));
    return this.readXmmOperand(operand);
  }

  readLow32(operand: number): I32 {
    switch (this.kind(operand)) {
      case 'mem':
        return this.loadAt('i32Load', this.linearAddress(operand));
      case 'mmx':
        return this.f.load.i32Load(this.mmxAddress(operand));
      case 'reg':
        return this.readRegister(operand, 4) as I32;
      default:
        return this.f.v.i32x4ExtractLane(this.readXmmOperand(operand), 0);
    }
  }

  readLow64(operand: number): I64 {
    switch (this.kind(operand)) {
      case 'mem':
        return this.loadAt('i64Load', this.linearAddress(operand));
      case 'mmx':
        return this.f.load.i64Load(this.mmxAddress(operand));
      case 'reg':
        return this.readRegister(operand, 8) as I64;
      default:
        return this.f.v.i64x2ExtractLane(this.readXmmOperand(operand), 0);
    }
  }

  readF32(operand: number): F32 {
    if (this.kind(operand) === 'mem') return this.loadAt('f32Load', this.linearAddress(operand));
    return this.f.v.f32x4ExtractLane(this.readXmmOperand(operand), 0);
  }

  readF64(operand: number): F64 {
    if (this.kind(operand) === 'mem') return this.loadAt('f64Load', this.linearAddress(operand));
    return this.f.v.f64x2ExtractLane(this.readXmmOperand(operand), 0);
  }

  writeV128(operand: number, value: V128): void {
    if (this.kind(operand) !== 'mem') {
      this.writeXmmOperand(operand, value);
      return;
    }
    const kept = this.keep(value);
    this.storeAt('v128Store', this.vectorAddress(operand), this.f.get(kept));
  }

  writeLow32(operand: number, value: I32): void {
    const kept = this.keep(value);
    switch (this.kind(operand)) {
      case 'mem':
        this.storeAt('i32Store', this.linearAddress(operand), this.f.get(kept));
        return;
      case 'mmx':
        this.f.store.i32Store(this.mmxAddress(operand), this.f.get(kept));
        return;
      case 'reg':
        this.writeRegister(operand, 4, this.f.get(kept));
        return;
      default:
        this.writeXmmOperand(operand, this.f.v.i32x4ReplaceLane(this.readXmmOperand(operand), this.f.get(kept), 0));
    }
  }

  writeLow64(operand: number, value: I64): void {
    const kept = this.keep(value);
    switch (this.kind(operand)) {
      case 'mem':
        this.storeAt('i64Store', this.linearAddress(operand), this.f.get(kept));
        return;
      case 'mmx':
        this.f.store.i64Store(this.mmxAddress(operand), this.f.get(kept));
        return;
      case 'reg':
        this.writeRegister(operand, 8, this.f.get(kept));
        return;
      default:
        this.writeXmmOperand(operand, this.f.v.i64x2ReplaceLane(this.readXmmOperand(operand), this.f.get(kept), 0));
    }
  }

  writeF32(operand: number, value: F32): void {
    const kept = this.keep(value);
    if (this.kind(operand) === 'mem') this.storeAt('f32Store', this.linearAddress(operand), this.f.get(kept));
    else this.writeXmmOperand(operand, this.f.v.f32x4ReplaceLane(this.readXmmOperand(operand), this.f.get(kept), 0));
  }

  writeF64(operand: number, value: F64): void {
    const kept = this.keep(value);
    if (this.kind(operand) === 'mem') this.storeAt('f64Store', this.linearAddress(operand), this.f.get(kept));
    else this.writeXmmOperand(operand, this.f.v.f64x2ReplaceLane(this.readXmmOperand(operand), this.f.get(kept), 0));
  }

  // ── segments ──────────────────────────────────────────────────────────────────────────────────

  get limitedSegment(): number {
    return this.mode === 32 && this.segment >= 0 && this.segmentMatters(this.segment) ? this.segment : -1;
  }

  selector(n: number): I32 {
    return this.f.load.i32Load(this.f.i32.const(0), SELECTOR + n * 4);
  }

  segmentBase(n: number): I64 {
    return this.f.load.i64Load(this.f.i32.const(0), SEGMENT_BASE + n * 8);
  }

  // ── memory ────────────────────────────────────────────────────────────────────────────────────

  effectiveAddress(_operand: number): I64 {
    return this.truncateAddress(this.addressSum());
  }

  linearAddress(operand: number, bytes = this.sizeOf(operand), move?: (offset: I64) => I64): Local<'i64'> {
    const effective = this.effectiveAddress(operand);
    const offset = move === undefined ? effective : this.truncateAddress(move(effective));
    return this.keep(this.segment < 0 ? offset : this.withSegment(this.segment, offset, bytes));
  }

  withSegment(n: number, offset: I64, bytes = 1): I64 {
    const { f } = this;
    if (!this.segmentMatters(n)) return offset;
    if (this.mode === 64) return f.i64.add(offset, this.segmentBase(n));
    const kept = this.keep(offset);
    if (bytes > 0) {
      const end = f.i64.add(f.get(kept), f.i64.const(bytes));
      this.raiseIf(f.i64.gtU(end, f.load.i64Load(f.i32.const(0), SEGMENT_BYTES + (n - Segment.fs) * 8)), Vector.generalProtection, 0);
    }
    return f.i64.and(f.i64.add(f.get(kept), this.segmentBase(n)), f.i64.const(0xffffffff));
  }

  loadAt<K extends keyof typeof LOAD>(op: K, address: Local<'i64'>): Val<(typeof LOAD)[K][1]> {
    const host = this.translate(address, 1 << LOAD[op][2], false);
    return this.f.load[op](host);
  }

  storeAt<K extends keyof typeof STORE>(op: K, address: Local<'i64'>, value: Val<(typeof STORE)[K][1]>): void {
    const kept = this.keep(value);
    const host = this.keep(this.translate(address, 1 << STORE[op][2], true));
    this.f.store[op](this.f.get(host), this.f.get(kept));
  }

  probeWrite(address: Local<'i64'>, bytes: number): void {
    this.f.drop(this.translate(address, bytes, true));
  }

  /** Linear-memory address for an access; leaves the function when it cannot be done. Overridable: a translator may group checks. */
  protected translate(address: Local<'i64'>, bytes: number, write: boolean): I32 {
    const { f } = this;
    const entry = f.local('i32');
    const host = f.local('i32');
    const table = write ? TLB_BYTES : 0;
    f.set(entry, f.i32.add(f.i32.and(f.convert.i32WrapI64(f.i64.shrU(f.get(address), f.i64.const(TLB_SHIFT))), f.i32.const(TLB_MASK)), this.tlbBase()));
    f.if(
      f.i64.gtU(f.i64.xor(f.get(address), f.load.i64Load(f.get(entry), table)), f.i64.const(PAGE_SIZE - bytes)),
      () => this.slowAccess(address, bytes, write, host),
      () => f.set(host, f.i32.add(f.convert.i32WrapI64(f.get(address)), f.load.i32Load(f.get(entry), table + 8))),
      false,
    );
    f.release(entry);
    f.release(host);
    return f.get(host);
  }

  /** The miss: sets `host`, or leaves. */
  protected slowAccess(address: Local<'i64'>, bytes: number, write: boolean, host: Local<'i32'>): void {
    const { f } = this;
    const slow = this.imports.engine(SLOW_PATH);
    const found = f.tee(host, f.call(slow, [f.get(address), f.i32.const(bytes | (write ? SLOW_WRITE : 0))], 'i32'));
    f.if(f.i32.eqz(found), () => this.leave(false), undefined, false);
  }

  push(size: number, value: Word): void {
    const { f } = this;
    const kept = this.keep(value);
    const top = this.keep(this.truncateStack(f.i64.sub(this.stackPointer(), f.i64.const(size))));
    this.storeAt(integerStore(size), top, f.get(kept));
    this.setStackPointer(top);
  }

  pop(size: number): Word {
    return this.loadWord(size, this.keep(this.stackPointer()));
  }

  adjustStack(bytes: number): void {
    const { f } = this;
    this.setStackPointer(this.keep(this.truncateStack(f.i64.add(this.stackPointer(), f.i64.const(bytes)))));
  }

  // ── flags ─────────────────────────────────────────────────────────────────────────────────────

  setFlags(kind: FlagSetter['kind'], size: number, result: WordLocal, a?: WordLocal, b?: WordLocal): void {
    if (kind !== FlagKind.logic && (a === undefined || b === undefined)) throw new Error(`${this.mnemonic}: flags of kind ${kind} need both operands`);
    this.storeFlags(a === undefined || b === undefined ? { kind, size, result } : { kind, size, result, a, b });
  }

  setFlagBits(size: number, result: WordLocal, bits: I32): void {
    this.storeFlagBits(size, result, this.keep(this.f.i32.and(bits, this.f.i32.const(Flag.cf | Flag.af | Flag.of))));
  }

  setCarryBits(bits: I32): void {
    const { f } = this;
    const carry = f.i32.and(bits, f.i32.const(Flag.cf | Flag.af | Flag.of));
    const kept = this.keep(carry);
    this.storeAllFlags(this.keep(f.i32.or(f.i32.and(this.arithmeticFlags(), f.i32.const(Flag.zf | Flag.sf | Flag.pf)), f.get(kept))));
  }

  setAllFlags(bits: I32): void {
    this.storeAllFlags(this.keep(this.f.i32.and(bits, this.f.i32.const(ARITHMETIC_FLAGS))));
  }

  condition(code: number): I32 {
    const { f } = this;
    const known = this.knownFlags();
    if (known !== undefined) return flagCondition(f, known, code);
    const flags = this.dynamicFlags();
    const computed = (): I32 => {
      const bits = this.keep(this.callComputeFlags(flags));
      return conditionOfBits(f, code, () => f.get(bits));
    };
    const when = (kinds: I32, source: FlagSource): I32 => f.ifValue('i32', kinds, () => flagCondition(f, source, code), computed);
    const source = (kind: FlagKind): FlagSource => ({ kind, ops: f.word(8), result: flags.result, a: flags.a, b: flags.b });
    switch (code & ~1) {
      // These need the result only, whatever the kind, unless all six were given.
      case 4:
      case 8:
      case 10:
        return when(f.i32.ne(flags.kind(), f.i32.const(FlagKind.full)), source(FlagKind.sub));
      case 0:
        return computed();
      // A comparison nearly always.
      default:
        return when(f.i32.eq(flags.kind(), f.i32.const(FlagKind.sub)), source(FlagKind.sub));
    }
  }

  carry(): I32 {
    const { f } = this;
    const known = this.knownFlags();
    if (known !== undefined) return flagCarry(f, known);
    const flags = this.dynamicFlags();
    return f.ifValue(
      'i32',
      f.i32.eq(flags.kind(), f.i32.const(FlagKind.sub)),
      () => f.i64.ltU(flags.a(), flags.b()),
      () => f.i32.and(this.callComputeFlags(flags), f.i32.const(Flag.cf)),
    );
  }

  arithmeticFlags(): I32 {
    const known = this.knownFlags();
    return known !== undefined ? flagBits(this.f, known) : this.callComputeFlags(this.dynamicFlags());
  }

  rflags(): I32 {
    const { f } = this;
    return f.i32.or(f.i32.or(this.arithmeticFlags(), f.load.i32Load(f.i32.const(0), FLAGS_OTHER)), f.i32.const(2));
  }

  setRflags(value: I32, size: number): void {
    const { f } = this;
    const kept = this.keep(value);
    const writable = size === 2 ? USER_WRITABLE & 0xffff : USER_WRITABLE;
    f.store.i32Store(
      f.i32.const(0),
      f.i32.or(f.i32.and(f.load.i32Load(f.i32.const(0), FLAGS_OTHER), f.i32.const(~writable)), f.i32.and(f.get(kept), f.i32.const(writable))),
      FLAGS_OTHER,
    );
    this.setAllFlags(f.get(kept));
  }

  direction(): I32 {
    const { f } = this;
    return f.i32.sub(f.i32.const(1), f.i32.and(f.i32.shrU(f.load.i32Load(f.i32.const(0), FLAGS_OTHER), f.i32.const(9)), f.i32.const(2)));
  }

  setDirection(down: boolean): void {
    const { f } = this;
    const old = f.load.i32Load(f.i32.const(0), FLAGS_OTHER);
    const kept = this.keep(down ? f.i32.or(old, f.i32.const(Flag.df)) : f.i32.and(old, f.i32.const(~Flag.df)));
    f.store.i32Store(f.i32.const(0), f.get(kept), FLAGS_OTHER);
  }

  /** A tier which knows flags or registers statically overrides this to merge what it knows. */
  when(condition: I32, body: () => void): void {
    this.f.if(condition, body);
  }

  // ── leaving ───────────────────────────────────────────────────────────────────────────────────

  call(): void {
    const size = this.mode === 64 ? 8 : this.operandSize;
    const next = this.nextAddress();
    this.push(size, size === 8 ? next : this.f.convert.i32WrapI64(next));
    this.jump();
  }

  exit(reason: Exit, argument?: I64): void {
    const { f } = this;
    if (argument !== undefined) {
      const kept = this.keep(argument);
      f.store.i64Store(f.i32.const(0), f.get(kept), EXIT_ARGUMENT);
    }
    f.store.i32Store(f.i32.const(0), f.i32.const(reason), EXIT_REASON);
    this.leave(true);
  }

  exitIf(condition: I32, reason: Exit): void {
    const { f } = this;
    const leave = (): void => {
      f.store.i32Store(f.i32.const(0), f.i32.const(reason), EXIT_REASON);
      this.leave(true);
    };
    f.if(condition, leave, undefined, false);
  }

  raise(vector: number, errorCode: number): void {
    const { f } = this;
    f.store.i32Store(f.i32.const(0), f.i32.const(vector), FAULT_VECTOR);
    f.store.i32Store(f.i32.const(0), f.i32.const(errorCode), FAULT_ERROR);
    f.store.i32Store(f.i32.const(0), f.i32.const(Exit.exception), EXIT_REASON);
    this.leave(TRAPS.includes(vector));
  }

  raiseIf(condition: I32, vector: number, errorCode: number): void {
    this.f.if(condition, () => this.raise(vector, errorCode), undefined, false);
  }

  // ── helpers ───────────────────────────────────────────────────────────────────────────────────

  callHelper<R extends ValType>(helper: Helper<R>, args: readonly Val<ValType>[]): Val<R> {
    return this.f.call(this.imports.helper(helper), args, helper.result);
  }

  callVoid(helper: Helper<undefined>, args: readonly Val<ValType>[]): void {
    this.f.call(this.imports.helper(helper), args);
  }

  complex(helper: Helper<'i32'>, args: readonly Val<ValType>[], effects: ComplexEffects): void {
    const { f } = this;
    this.beforeComplex(effects);
    const status = this.keep(f.call(this.imports.helper(helper), args, 'i32'));
    this.afterComplex(effects);
    f.if(f.get(status), () => this.leave(false), undefined, false);
  }

  temp<T extends ValType>(type: T): Local<T> {
    const local = this.f.local(type);
    this.temps.push(local);
    return local;
  }

  keep<T extends ValType>(value: Val<T>): Local<T> {
    const local = this.temp(value.type);
    this.f.set(local, value);
    return local;
  }

  // ── private ───────────────────────────────────────────────────────────────────────────────────

  /** Call of the shared function which computes the flags from operands in their canonical form. */
  private callComputeFlags(flags: DynamicFlags): I32 {
    return this.f.call(this.imports.engine(COMPUTE_FLAGS), [flags.kind(), flags.result(), flags.a(), flags.b()], 'i32');
  }

  private loadWord(size: number, address: Local<'i64'>): Word {
    return this.loadAt(integerLoad(size), address) as Word;
  }

  // SDM vol. 2, "align" forms: #GP(0) for a 16-byte operand that is not 16-byte aligned.
  private vectorAddress(operand: number): Local<'i64'> {
    const { f } = this;
    const address = this.linearAddress(operand);
    if (this.form.attributes.has('align')) {
      this.raiseIf(f.i32.and(f.convert.i32WrapI64(f.get(address)), f.i32.const(15)), Vector.generalProtection, 0);
    }
    return address;
  }

  private truncateAddress(offset: I64): I64 {
    const { f } = this;
    if (this.addressSize === 8) return offset;
    return f.i64.and(offset, f.i64.const(this.addressSize === 4 ? 0xffffffff : 0xffff));
  }

  private truncateStack(pointer: I64): I64 {
    return this.mode === 64 ? pointer : this.f.i64.and(pointer, this.f.i64.const(0xffffffff));
  }

  private stackPointer(): I64 {
    if (this.mode === 64) return this.gpr(Reg.rsp, 8) as I64;
    return this.f.convert.i64ExtendI32U(this.gpr(Reg.rsp, 4) as I32);
  }

  private setStackPointer(pointer: Local<'i64'>): void {
    if (this.mode === 64) this.setGpr(Reg.rsp, 8, this.f.get(pointer));
    else this.setGpr(Reg.rsp, 4, this.f.convert.i32WrapI64(this.f.get(pointer)));
  }

  private misuse(what: string, operand: number): Error {
    return new Error(`${this.form.mnemonic} ${this.form.opcode}: ${what} of operand ${operand}, a ${this.kind(operand)}`);
  }
}

function integerLoad(size: number): (typeof INTEGER_LOAD)[keyof typeof INTEGER_LOAD] {
  if (size === 1 || size === 2 || size === 4 || size === 8) return INTEGER_LOAD[size];
  throw new Error(`integer operand of ${size} bytes`);
}

function integerStore(size: number): (typeof INTEGER_STORE)[keyof typeof INTEGER_STORE] {
  if (size === 1 || size === 2 || size === 4 || size === 8) return INTEGER_STORE[size];
  throw new Error(`integer operand of ${size} bytes`);
}
