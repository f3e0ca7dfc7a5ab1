/**
 * What x87 instructions do to the register stack. Memory operands come and go through SCRATCH, which the emitted code
 * fills before and empties after.
 */
import { SCRATCH } from '../state.ts';
import { BINARY32, BINARY64, type BinaryFormat, isDenormal, isNaNBits, isSignaling } from '../soft-float/binary-format.ts';
import { classify, type Extended, extended, type ExtendedOutcome, INDEFINITE, isNaNClass, QUIET_BIT, signOf } from '../soft-float/extended.ts';
import * as arithmetic from '../soft-float/extended-arithmetic.ts';
import * as convert from '../soft-float/extended-convert.ts';
import { Exception, Rounding } from '../soft-float/rounding.ts';
import { Status, X87 } from './x87-unit.ts';

/** What a memory operand holds. */
export const MemoryKind = { float32: 0, float64: 1, float80: 2, int16: 3, int32: 4, int64: 5, decimal: 6 } as const;
export type MemoryKind = (typeof MemoryKind)[keyof typeof MemoryKind];
export const MEMORY_BYTES = [4, 8, 10, 2, 4, 8, 10] as const;

/** The ModRM.reg field of D8…DE arithmetic. */
export const Arithmetic = { add: 0, mul: 1, sub: 4, subReversed: 5, div: 6, divReversed: 7 } as const;

const OPERATIONS: Record<number, arithmetic.ExtendedOperation> = {
  [Arithmetic.add]: arithmetic.add, [Arithmetic.mul]: arithmetic.multiply, [Arithmetic.sub]: arithmetic.subtract, [Arithmetic.div]: arithmetic.divide,
};

/** A memory operand as a register value, and whether reading it raises DE. */
interface MemoryValue {
  readonly value: Extended;
  readonly denormal: boolean;
}

export class X87Operations {
  readonly unit: X87;
  private readonly view: DataView;

  constructor(memory: { readonly view: DataView; readonly i32: Int32Array }) {
    this.unit = new X87(memory);
    this.view = memory.view;
  }

  /** ST(destination) := ST(destination) op ST(source), reversed for the R forms; pops afterwards if asked. */
  arithmetic(operation: number, destination: number, source: number, pop: boolean): void {
    const { unit } = this;
    if (unit.isEmpty(destination) || unit.isEmpty(source)) {
      if (unit.stackFault(false)) this.finish(destination, INDEFINITE, pop);
      return;
    }
    this.compute(operation, destination, { value: unit.read(source), denormal: false }, pop);
  }

  /** ST(0) := ST(0) op SCRATCH. */
  arithmeticMemory(operation: number, kind: MemoryKind): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    this.compute(operation, 0, this.readMemory(kind), false);
  }

  private compute(operation: number, destination: number, source: MemoryValue, pop: boolean): void {
    const { unit } = this;
    const target = unit.read(destination);
    const reversed = operation === Arithmetic.subReversed || operation === Arithmetic.divReversed;
    const apply = OPERATIONS[reversed ? operation - 1 : operation];
    const outcome = reversed ? apply(source.value, target, unit.rounding()) : apply(target, source.value, unit.rounding());
    const denormal = source.denormal && (outcome.flags & (Exception.invalid | Exception.zeroDivide)) === 0 && !isNaNClass(classify(target));
    if (unit.accept(outcome.flags | (denormal ? Exception.denormal : 0), outcome.up)) this.finish(destination, outcome.value, pop);
  }

  private finish(destination: number, value: Extended, pop: boolean): void {
    this.unit.write(destination, value);
    if (pop) this.unit.pop();
  }

  // ── loads and stores ──────────────────────────────────────────────────────────────────────────

  /** Pushes SCRATCH. */
  load(kind: MemoryKind): void {
    const { unit } = this;
    if (kind === MemoryKind.float32 || kind === MemoryKind.float64) {
      const format = formatOf(kind);
      unit.pushOutcome(convert.fromBinary(format, this.bits(kind)));
      return;
    }
    unit.pushOutcome({ value: this.readMemory(kind).value, flags: 0, up: false });
  }

  /** FLD ST(i). */
  loadRegister(i: number): void {
    const { unit } = this;
    if (unit.isEmpty(i)) {
      if (unit.stackFault(false)) unit.push(INDEFINITE);
      return;
    }
    unit.pushOutcome({ value: unit.read(i), flags: 0, up: false });
  }

  /** Pushes a constant that may depend on the rounding mode. */
  loadConstant(value: (mode: Rounding) => Extended): void {
    this.unit.pushOutcome({ value: value(this.unit.mode), flags: 0, up: false });
  }

  /** ST(0) to SCRATCH, popping if asked; `truncate` for FISTTP. Returns 1 when the emitted code is to store it. */
  store(kind: MemoryKind, pop: boolean, truncate: boolean): number {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (!unit.stackFault(false)) return 0;
      this.writeScratch(kind, this.fromRegister(kind, INDEFINITE, truncate).bits);
    } else {
      const outcome = this.fromRegister(kind, unit.read(0), truncate);
      // Nothing is rounded then, so that there is no PE either.
      const stop = outcome.flags & ~unit.control & (Exception.invalid | Exception.overflow | Exception.underflow);
      if (stop !== 0) {
        unit.report(stop, false);
        return 0;
      }
      unit.report(outcome.flags, outcome.up);
      this.writeScratch(kind, outcome.bits);
    }
    if (pop) unit.pop();
    return 1;
  }

  /** As `store`, but leaves the register stack as it is. */
  previewStore(kind: MemoryKind, truncate: boolean): number {
    const { unit } = this;
    const { statusWord, tags } = unit;
    const stored = this.store(kind, false, truncate);
    unit.statusWord = statusWord;
    unit.tags = tags;
    return stored;
  }

  private fromRegister(kind: MemoryKind, value: Extended, truncate: boolean): convert.MemoryOutcome {
    const { unit } = this;
    const mode = truncate ? Rounding.zero : unit.mode;
    switch (kind) {
      case MemoryKind.float32:
      case MemoryKind.float64:
        return convert.toBinary(formatOf(kind), value, unit.rounding());
      case MemoryKind.float80:
        return { bits: value.significand | (BigInt(value.signExponent) << 64n), flags: 0, up: false };
      case MemoryKind.int16:
        return convert.toInteger(value, 16, mode);
      case MemoryKind.int32:
        return convert.toInteger(value, 32, mode);
      case MemoryKind.int64:
        return convert.toInteger(value, 64, mode);
      case MemoryKind.decimal:
        return convert.toDecimal(value, mode);
    }
  }

  /** FST ST(i), FSTP ST(i). */
  storeRegister(i: number, pop: boolean): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) this.finish(i, INDEFINITE, pop);
      return;
    }
    unit.report(0, false);
    this.finish(i, unit.read(0), pop);
  }

  exchange(i: number): void {
    const { unit } = this;
    if (unit.isEmpty(0) || unit.isEmpty(i)) {
      if (!unit.stackFault(false)) return;
      if (unit.isEmpty(0)) unit.write(0, INDEFINITE);
      if (unit.isEmpty(i)) unit.write(i, INDEFINITE);
    } else unit.report(0, false);
    const first = unit.read(0);
    unit.write(0, unit.read(i));
    unit.write(i, first);
  }

  /** FCMOVcc with a true condition; `taken` 0 only checks for empty registers. */
  conditionalMove(i: number, taken: number): void {
    const { unit } = this;
    if (unit.isEmpty(0) || unit.isEmpty(i)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    if (taken !== 0) unit.write(0, unit.read(i));
  }

  // ── comparison ────────────────────────────────────────────────────────────────────────────────

  /** FCOM, FUCOM and their pops: C3, C2, C0. */
  compare(i: number, pops: number, quietIsInvalid: boolean): void {
    const { unit } = this;
    if (unit.isEmpty(0) || unit.isEmpty(i)) {
      this.compareFault(pops);
      return;
    }
    this.setComparison(arithmetic.compare(unit.read(0), unit.read(i), quietIsInvalid), pops);
  }

  compareMemory(kind: MemoryKind, pops: number): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      this.compareFault(pops);
      return;
    }
    const source = this.readMemory(kind);
    const comparison = arithmetic.compare(unit.read(0), source.value, true);
    const denormal = source.denormal && comparison.order !== undefined ? Exception.denormal : 0;
    this.setComparison({ order: comparison.order, flags: comparison.flags | denormal }, pops);
  }

  /** FTST. */
  compareZero(): void {
    const { unit } = this;
    if (unit.isEmpty(0)) this.compareFault(0);
    else this.setComparison(arithmetic.compare(unit.read(0), extended(0, 0, 0n), true), 0);
  }

  private setComparison(comparison: arithmetic.Comparison, pops: number): void {
    const { unit } = this;
    const { order } = comparison;
    const accepted = unit.accept(comparison.flags, false);
    unit.setConditions(order === undefined ? Status.c3 | Status.c2 | Status.c0 : order < 0 ? Status.c0 : order === 0 ? Status.c3 : 0);
    if (!accepted) return;
    for (let n = 0; n < pops; n++) unit.pop();
  }

  private compareFault(pops: number): void {
    const { unit } = this;
    const masked = unit.stackFault(false);
    unit.setConditions(Status.c3 | Status.c2 | Status.c0);
    if (!masked) return;
    for (let n = 0; n < pops; n++) unit.pop();
  }

  /** FCOMI, FUCOMI: ZF, PF and CF in their rflags places. An unmasked exception keeps only the pop from happening. */
  compareToFlags(i: number, pop: boolean, quietIsInvalid: boolean): number {
    const { unit } = this;
    let bits = 0x45;
    let accepted: boolean;
    if (unit.isEmpty(0) || unit.isEmpty(i)) accepted = unit.stackFault(false);
    else {
      const { order, flags } = arithmetic.compare(unit.read(0), unit.read(i), quietIsInvalid);
      // C1 stays as it is.
      unit.report(flags, unit.c1);
      accepted = (flags & ~unit.control) === 0;
      if (order !== undefined) bits = order < 0 ? 1 : order === 0 ? 0x40 : 0;
    }
    if (pop && accepted) unit.pop();
    return bits;
  }

  /** FXAM. */
  examine(): void {
    const { unit } = this;
    const value = unit.read(0);
    const c1 = signOf(value) ? Status.c1 : 0;
    const codes = {
      unsupported: 0, quiet: Status.c0, signaling: Status.c0, normal: Status.c2, infinity: Status.c2 | Status.c0,
      zero: Status.c3, denormal: Status.c3 | Status.c2,
    };
    unit.setConditions(c1 | (unit.isEmpty(0) ? Status.c3 | Status.c0 : codes[classify(value)]));
  }

  // ── one operand ───────────────────────────────────────────────────────────────────────────────

  /** FCHS (`flip`) and FABS: the sign bit of whatever is there. */
  changeSign(flip: boolean): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    unit.report(0, false);
    const value = unit.read(0);
    unit.write(0, { significand: value.significand, signExponent: flip ? value.signExponent ^ 0x8000 : value.signExponent & 0x7fff });
  }

  /** ST(0) := f(ST(0)). */
  replace(compute: (value: Extended, unit: X87) => ExtendedOutcome): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    const outcome = compute(unit.read(0), unit);
    if (unit.accept(outcome.flags, outcome.up)) unit.write(0, outcome.value);
  }

  squareRoot(): void {
    this.replace((value, unit) => arithmetic.squareRoot(value, unit.rounding()));
  }

  roundToInteger(): void {
    this.replace((value, unit) => arithmetic.roundToInteger(value, unit.rounding()));
  }

  /** FSCALE. */
  scale(): void {
    const { unit } = this;
    if (unit.isEmpty(0) || unit.isEmpty(1)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    const outcome = arithmetic.scale(unit.read(0), unit.read(1), unit.rounding());
    if (unit.accept(outcome.flags, outcome.up)) unit.write(0, outcome.value);
  }

  /** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
  extract(): void {
    const { unit } = this;
    if (unit.isEmpty(0)) {
      if (!unit.stackFault(false)) return;
      unit.write(0, INDEFINITE);
      unit.push(INDEFINITE);
      return;
    }
    if (!unit.isEmpty(7)) {
      if (!unit.stackFault(true)) return;
      unit.write(0, INDEFINITE);
      unit.push(INDEFINITE);
      return;
    }
    const parts = arithmetic.extract(unit.read(0));
    if (!unit.accept(parts.flags, false)) return;
    unit.write(0, parts.exponent);
    unit.push(parts.significand);
  }

  /** FPREM, FPREM1. */
  remainder(nearest: boolean): void {
    const { unit } = this;
    // Unless there is a quotient, C0 and C3 stay.
    unit.setConditions(unit.statusWord & (Status.c0 | Status.c3));
    if (unit.isEmpty(0) || unit.isEmpty(1)) {
      if (unit.stackFault(false)) unit.write(0, INDEFINITE);
      return;
    }
    const outcome = arithmetic.remainder(unit.read(0), unit.read(1), nearest, unit.rounding());
    if (!unit.accept(outcome.flags, outcome.up)) return;
    unit.write(0, outcome.value);
    const { quotient, partial } = outcome;
    if (quotient === undefined) return;
    unit.setConditions(partial ? Status.c2 : (quotient & 1 ? Status.c1 : 0) | (quotient & 2 ? Status.c3 : 0) | (quotient & 4 ? Status.c0 : 0));
  }

  // ── memory operands ───────────────────────────────────────────────────────────────────────────

  private readMemory(kind: MemoryKind): MemoryValue {
    const { view } = this;
    switch (kind) {
      case MemoryKind.float32:
      case MemoryKind.float64: {
        const format = formatOf(kind);
        const bits = this.bits(kind);
        const { value } = convert.fromBinary(format, bits);
        // Kept signaling, so that NaN selection sees what it is.
        if (isSignaling(format, bits)) return { value: { ...value, significand: value.significand & ~QUIET_BIT }, denormal: false };
        return { value, denormal: !isNaNBits(format, bits) && isDenormal(format, bits) };
      }
      case MemoryKind.float80:
        return { value: { significand: view.getBigUint64(SCRATCH, true), signExponent: view.getUint16(SCRATCH + 8, true) }, denormal: false };
      case MemoryKind.int16:
        return { value: convert.fromInteger(BigInt(view.getInt16(SCRATCH, true))), denormal: false };
      case MemoryKind.int32:
        return { value: convert.fromInteger(BigInt(view.getInt32(SCRATCH, true))), denormal: false };
      case MemoryKind.int64:
        return { value: convert.fromInteger(view.getBigInt64(SCRATCH, true)), denormal: false };
      case MemoryKind.decimal:
        return { value: convert.fromDecimal(view.getBigUint64(SCRATCH, true) | (BigInt(view.getUint16(SCRATCH + 8, true)) << 64n)), denormal: false };
    }
  }

  private bits(kind: typeof MemoryKind.float32 | typeof MemoryKind.float64): bigint {
    return kind === MemoryKind.float64 ? this.view.getBigUint64(SCRATCH, true) : BigInt(this.view.getUint32(SCRATCH, true));
  }

  private writeScratch(kind: MemoryKind, bits: bigint): void {
    this.view.setBigUint64(SCRATCH, BigInt.asUintN(64, bits), true);
    if (MEMORY_BYTES[kind] > 8) this.view.setUint16(SCRATCH + 8, Number(bits >> 64n), true);
  }
}

function formatOf(kind: typeof MemoryKind.float32 | typeof MemoryKind.float64): BinaryFormat {
  return kind === MemoryKind.float64 ? BINARY64 : BINARY32;
}

