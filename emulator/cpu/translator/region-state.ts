/**
 * The part of the region emitter that says where the guest's state lives: registers and flags in wasm locals, operands known
 * while emitting, and the exits which bring everything back to memory.
 *
 * Instructions are counted while emitting: `count` is how many have retired since the budget local was last brought up to date.
 */
import type { Instruction } from '../decode/instruction.ts';
import { Exit } from '../exits.ts';
import { EmitterBase, type DynamicFlags, type FlagSetter } from '../semantics/emitter-base.ts';
import type { WordLocal } from '../semantics/emitter.ts';
import type { FlagSource } from '../semantics/flag-formulas.ts';
import { BUDGET, EXIT_REASON, FPU_REGS, GPR, RIP, Segment, TLB_BASE, XMM } from '../state.ts';
import type { I32, I64, Label, Local, V128, Word } from '../wasm/function-builder.ts';
import { SymbolicRegisters } from './access-groups.ts';
import { INTERPRET, REGION_PARAMS, REGION_RESULTS } from './region-abi.ts';
import { noFacts, type BlockFacts } from './region-facts.ts';
import { RegionFlags } from './region-flags.ts';
import type { Region } from './region.ts';

/** Exit site: rip << 16 | flags | instructions to count. */
const EXIT_RIP_SHIFT = 16;
const EXIT_COUNT_MASK = 0x1fff;
/** The status is INTERPRET. */
export const EXIT_INTERPRET = 0x8000;
/** If EXIT_REASON is `again`, the instruction counts. */
export const EXIT_AGAIN = 0x4000;
/** Nothing is the matter: on in another region or in the dispatcher. */
export const EXIT_GO_ON = 0x2000;
/** Different sets of registers for which exits share code; exits with yet another one have their own. */
const SHARED_EXITS = 12;
/** An exit shares the code of a set with so many registers more. */
const SPARE_STORES = 2;
const BYTE = 0xffn;
const WORD = 0xffffn;

export abstract class RegionState extends EmitterBase {
  mode: 64 | 32 = 64;
  protected region!: Region;
  protected instruction!: Instruction;
  protected flags!: RegionFlags;
  protected registers: Local<'i64'>[] = [];
  protected vectors: Local<'v128'>[] = [];
  protected budget!: Local<'i32'>;
  protected tlb!: Local<'i32'>;
  /** What the shared exit is told: see `leaveAt`. */
  protected exitSite!: Local<'i64'>;
  protected exitLabels: Label[] = [];
  /** Registers each of the exits writes back, in the order in which they were first needed. */
  protected exitMasks: number[] = [];
  /** Some exit is an EXIT_GO_ON. */
  protected someGoOn = false;
  protected withFlags!: Label;
  protected withoutFlags!: Label;
  protected count = 0;
  /** Registers that have a local. */
  protected usedMask = 0;
  /** Registers whose local may differ from memory. */
  protected dirty = 0;
  protected facts: BlockFacts = noFacts();
  protected readonly symbols = new SymbolicRegisters();

  protected begin(region: Region, used: number): void {
    const { f } = this;
    f.begin(REGION_PARAMS, REGION_RESULTS);
    this.region = region;
    this.mode = region.mode;
    this.flags = new RegionFlags(f);
    this.registers = [];
    this.vectors = [];
    for (let n = 0; n < 16; n++) {
      if (used & (1 << n)) this.registers[n] = f.local('i64');
      if (used & (0x10000 << n)) this.vectors[n] = f.local('v128');
    }
    this.budget = f.local('i32');
    this.tlb = f.local('i32');
    this.exitSite = f.local('i64');
    this.count = 0;
    this.dirty = 0;
    this.usedMask = used;
  }

  protected loadState(mask: number): void {
    const { f } = this;
    this.loadRegisters(mask);
    this.flags.load();
    f.set(this.budget, f.load.i32Load(f.i32.const(0), BUDGET));
    f.set(this.tlb, f.load.i32Load(f.i32.const(0), TLB_BASE));
    this.dirty = 0;
  }

  protected loadRegisters(mask: number): void {
    const { f } = this;
    for (let n = 0; n < 16; n++) {
      if (mask & (1 << n)) f.set(this.registers[n], f.load.i64Load(f.i32.const(0), GPR + n * 8));
      if (mask & (0x10000 << n)) f.set(this.vectors[n], f.load.v128Load(f.i32.const(0), XMM + n * 16));
    }
  }

  protected storeRegisters(mask: number): void {
    const { f } = this;
    for (let n = 0; n < 16; n++) {
      if (mask & (1 << n)) f.store.i64Store(f.i32.const(0), f.get(this.registers[n]), GPR + n * 8);
      if (mask & (0x10000 << n)) f.store.v128Store(f.i32.const(0), f.get(this.vectors[n]), XMM + n * 16);
    }
  }

  /** Registers, flags and budget to memory, as after the `count` instructions counted so far. */
  protected storeState(): void {
    const { f } = this;
    this.storeRegisters(this.dirty);
    this.flags.store();
    f.store.i32Store(f.i32.const(0), f.i32.sub(f.get(this.budget), f.i32.const(this.count)), BUDGET);
  }

  /**
   * Exits that are rarely taken share code: one stretch for each set of registers to write back, then one for the flags. Only
   * what may really differ from memory is written, so that nothing else has to be loaded (TurboFan drops loads without use).
   */
  protected openExits(): void {
    const { f } = this;
    this.exitMasks = [];
    this.someGoOn = false;
    this.exitLabels = [];
    this.withoutFlags = f.open('block');
    this.withFlags = f.open('block');
    for (let i = 0; i < 2 * SHARED_EXITS; i++) this.exitLabels.push(f.open('block'));
  }

  protected closeExits(): void {
    const { f } = this;
    for (let i = 2 * SHARED_EXITS - 1; i >= 0; i--) {
      f.close();
      const mask = this.exitMasks[i >> 1];
      if (mask === undefined) f.unreachable();
      else {
        this.storeRegisters(mask);
        f.br(i & 1 ? this.withFlags : this.withoutFlags);
      }
    }
    f.close();
    this.flags.storeMixed();
    f.close();
    const site = (): I64 => f.get(this.exitSite);
    const reason = (): I32 => f.load.i32Load(f.i32.const(0), EXIT_REASON);
    f.store.i64Store(f.i32.const(0), f.i64.shrU(site(), f.i64.const(EXIT_RIP_SHIFT)), RIP);
    const count = f.i32.and(f.convert.i32WrapI64(site()), f.i32.const(EXIT_COUNT_MASK));
    // One chunk of a repeated string instruction is done and counts.
    const again = f.i64.ne(f.i64.and(site(), f.i64.const(EXIT_AGAIN)), f.i64.const(0));
    const retired = f.i32.add(count, f.i32.and(again, f.i32.eq(reason(), f.i32.const(Exit.again))));
    const left = f.keep(retired);
    f.store.i32Store(f.i32.const(0), f.i32.sub(f.get(this.budget), f.get(left)), BUDGET);
    f.if(f.i64.ne(f.i64.and(site(), f.i64.const(EXIT_INTERPRET)), f.i64.const(0)), () => f.return(f.i32.const(INTERPRET)));
    if (!this.someGoOn) {
      f.return(reason());
      return;
    }
    f.if(f.i64.eqz(f.i64.and(site(), f.i64.const(EXIT_GO_ON))), () => f.return(reason()));
    f.set(this.exitSite, f.i64.shrU(site(), f.i64.const(EXIT_RIP_SHIFT)));
    this.goOnAt(this.exitSite);
  }

  /** Emits how to go on at an address outside of the region, all state being in memory. */
  protected abstract goOnAt(address: Local<'i64'>): void;

  /** To the shared exit that writes back what may differ from memory here. */
  protected toExit(): void {
    const { f } = this;
    const flags = this.flags.shape !== 'memory';
    const { dirty } = this;
    let index = this.exitMasks.indexOf(dirty);
    if (index < 0) index = this.exitMasks.findIndex((mask) => (dirty & ~mask) === 0 && bitCount(mask & ~dirty) <= SPARE_STORES);
    if (index < 0 && this.exitMasks.length < SHARED_EXITS) index = this.exitMasks.push(dirty) - 1;
    if (index < 0) index = this.exitMasks.findIndex((mask) => (dirty & ~mask) === 0);
    if (index < 0) {
      this.storeRegisters(this.dirty);
      f.br(flags ? this.withFlags : this.withoutFlags);
    } else f.br(this.exitLabels[2 * index + (flags ? 1 : 0)]);
  }

  /** Out through the shared exit, with EXIT_REASON as status or as one of EXIT_INTERPRET and EXIT_AGAIN says. One constant tells it all: fewer values to merge. */
  protected leaveAt(rip: number, count: number, how: number): void {
    const { f } = this;
    if ((how & EXIT_GO_ON) !== 0) this.someGoOn = true;
    f.set(this.exitSite, f.i64.const((BigInt(rip) << BigInt(EXIT_RIP_SHIFT)) | BigInt(count | how)));
    this.toExit();
  }
  protected flushCount(): void {
    if (this.count === 0) return;
    const { f } = this;
    f.set(this.budget, f.i32.sub(f.get(this.budget), f.i32.const(this.count)));
    this.count = 0;
  }
  protected nextGuestAddress(): number {
    const { address, length } = this.instruction;
    return this.mode === 32 ? (address + length) >>> 0 : address + length;
  }

  // ── registers ─────────────────────────────────────────────────────────────────────────────────

  /** The register number and the bit where an operand of `size` bytes starts. */
  protected place(operand: number, size: number): { n: number; shift: number } {
    const { method, register } = this.spec(operand);
    const { reg, rm, opcodeReg, rex } = this.instruction;
    const n = method === 'fixed' ? (register ?? 0) : method === 'reg' ? reg : method === 'opcodeReg' ? opcodeReg : rm;
    if (size === 1 && method !== 'fixed' && !rex && n >= 4 && n < 8) return { n: n - 4, shift: 8 };
    return { n, shift: 0 };
  }

  protected local(n: number): Local<'i64'> {
    this.facts.used |= 1 << n;
    return this.registers[n];
  }

  protected assign(n: number, value: I64): void {
    this.f.set(this.registers[n], value);
    this.symbols.forget(n);
    this.facts.set |= 1 << n;
    this.dirty |= 1 << n;
  }

  protected readAt(n: number, shift: number, size: number): Word {
    const { f } = this;
    const whole = f.get(this.local(n));
    if (size === 8) return whole;
    const word = f.convert.i32WrapI64(whole);
    if (size === 4) return word;
    return f.i32.and(shift === 0 ? word : f.i32.shrU(word, f.i32.const(shift)), f.i32.const(size === 1 ? 0xff : 0xffff));
  }

  protected writeAt(n: number, shift: number, size: number, value: Word): void {
    const { f } = this;
    if (size === 8) {
      this.assign(n, value as I64);
      return;
    }
    const wide = f.convert.i64ExtendI32U(value as I32);
    if (size === 4) {
      this.assign(n, wide);
      return;
    }
    const mask = size === 1 ? BYTE : WORD;
    const low = f.i64.and(wide, f.i64.const(mask));
    const placed = shift === 0 ? low : f.i64.shl(low, f.i64.const(shift));
    this.assign(n, f.i64.or(placed, f.i64.and(f.get(this.local(n)), f.i64.const(~(mask << BigInt(shift))))));
  }

  protected readRegister(operand: number, size: number): Word {
    const { n, shift } = this.place(operand, size);
    return this.readAt(n, shift, size);
  }

  protected writeRegister(operand: number, size: number, value: Word): void {
    const { n, shift } = this.place(operand, size);
    this.writeAt(n, shift, size, value);
  }

  gpr(n: number, size: number): Word {
    return this.readAt(n, 0, size);
  }

  setGpr(n: number, size: number, value: Word): void {
    this.writeAt(n, 0, size, value);
  }

  sameRegister(a: number, b: number): boolean {
    if (this.kind(a) !== this.kind(b) || this.sizeOf(a) !== this.sizeOf(b)) return false;
    switch (this.kind(a)) {
      case 'reg': {
        const x = this.place(a, this.sizeOf(a));
        const y = this.place(b, this.sizeOf(b));
        return x.n === y.n && x.shift === y.shift;
      }
      case 'xmm':
      case 'mmx':
        return this.vectorNumber(a) === this.vectorNumber(b);
      default:
        return false;
    }
  }

  protected vectorNumber(operand: number): number {
    const { method, register } = this.spec(operand);
    if (register !== undefined) return register;
    const { reg, rm } = this.instruction;
    return method === 'xmmReg' || method === 'mmxReg' ? reg : rm;
  }

  registerNumber(operand: number): I32 {
    const number = this.vectorNumber(operand);
    return this.f.i32.const(this.kind(operand) === 'xmm' ? number : number & 7);
  }

  xmm(n: number): V128 {
    this.facts.used |= 0x10000 << n;
    return this.f.get(this.vectors[n]);
  }

  setXmm(n: number, value: V128): void {
    this.f.set(this.vectors[n], value);
    this.facts.set |= 0x10000 << n;
    this.dirty |= 0x10000 << n;
  }

  protected readXmmOperand(operand: number): V128 {
    return this.xmm(this.vectorNumber(operand));
  }

  protected writeXmmOperand(operand: number, value: V128): void {
    this.setXmm(this.vectorNumber(operand), value);
  }

  protected mmxAddress(operand: number): I32 {
    return this.f.i32.const(FPU_REGS + (this.vectorNumber(operand) & 7) * 16);
  }

  // ── operands ──────────────────────────────────────────────────────────────────────────────────

  protected immediate(operand: number, size: number): Word {
    const { f } = this;
    const { immediate, immediateHigh } = this.instruction;
    if (this.isSecondImmediate(operand)) return f.word(size).const(this.instruction.immediate2);
    if (size === 8) return f.i64.const((BigInt(immediateHigh) << 32n) | BigInt(immediate >>> 0));
    return f.i32.const(size === 4 ? immediate : immediate & (size === 1 ? 0xff : 0xffff));
  }

  protected isSecondImmediate(operand: number): boolean {
    for (let i = 0; i < operand; i++) if (this.spec(i).method === 'imm') return true;
    return false;
  }

  staticImmediate(operand: number): number | undefined {
    const { method } = this.spec(operand);
    if (method === 'one') return 1;
    if (method !== 'imm') return undefined;
    if (this.isSecondImmediate(operand)) return this.instruction.immediate2;
    const { immediate } = this.instruction;
    return this.form.attributes.has('imm8-static') ? immediate & 0xff : immediate;
  }

  protected segmentNumber(operand: number): number {
    return this.spec(operand).register ?? this.instruction.reg;
  }

  protected segmentMatters(n: number): boolean {
    return n === Segment.fs || n === Segment.gs;
  }
  protected tlbBase(): I32 {
    return this.f.get(this.tlb);
  }

  protected addressSum(): I64 {
    const { f } = this;
    const { base, index, scale, displacement, ripRelative, address, length, addressSize, immediateHigh } = this.instruction;
    if (ripRelative) return f.i64.const(address + length + displacement);
    if (base < 0 && index < 0) {
      const absolute = addressSize === 8 && this.form.operands.some(({ method }) => method === 'moffs');
      return f.i64.const(absolute ? (BigInt(immediateHigh) << 32n) | BigInt(displacement >>> 0) : displacement);
    }
    let sum: I64 | undefined;
    if (base >= 0) sum = f.get(this.local(base));
    if (index >= 0) {
      const register = f.get(this.local(index));
      const scaled = scale === 0 ? register : f.i64.shl(register, f.i64.const(scale));
      sum = sum === undefined ? scaled : f.i64.add(sum, scaled);
    }
    return displacement === 0 ? (sum as I64) : f.i64.add(sum as I64, f.i64.const(displacement));
  }
  // ── flags ─────────────────────────────────────────────────────────────────────────────────────

  protected knownFlags(): FlagSource | undefined {
    return this.flags.known();
  }

  protected dynamicFlags(): DynamicFlags {
    return this.flags.dynamic();
  }

  protected storeFlags(setter: FlagSetter): void {
    this.flags.set(setter, this.mnemonic === 'CMP');
  }

  protected storeFlagBits(size: number, result: WordLocal, bits: Local<'i32'>): void {
    this.flags.setBits(size, result, bits);
  }

  protected storeAllFlags(bits: Local<'i32'>): void {
    this.flags.setAll(bits);
  }
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Bits of general registers, as in BlockFacts. */
export function registerMask(numbers: readonly number[] | undefined): number {
  return (numbers ?? []).reduce((mask, n) => mask | (1 << n), 0);
}
