/**
 * The x87's register stack, tags, control and status, in CPU memory (state.ts). Instructions are written against this
 * class, in x87-operations.ts; it knows nothing of operands or memory.
 *
 * An exception that is not masked sets ES; the next waiting instruction raises #MF. The instruction which found it
 * changes nothing else if it was found before computing (IE, DE, ZE), and stores its result otherwise.
 */
import { FPU_CONTROL, FPU_DP, FPU_IP, FPU_OPCODE, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP } from '../state.ts';
import { classify, type Extended, type ExtendedControl, type ExtendedOutcome, INDEFINITE } from '../soft-float/extended.ts';
import { Exception, type Rounding } from '../soft-float/rounding.ts';

/** Bits of the status word (SDM vol. 1, figure 8-4). TOP is kept elsewhere. */
export const Status = { exceptions: 0x3f, stackFault: 0x40, summary: 0x80, c0: 0x100, c1: 0x200, c2: 0x400, c3: 0x4000, busy: 0x8000 } as const;
export const CONDITION_BITS = Status.c0 | Status.c1 | Status.c2 | Status.c3;
/** Control word after FNINIT: all masked, 64 bits, to nearest. */
export const INITIAL_CONTROL = 0x37f;
/** Bits of the control word which exist, and the one that always reads as set. */
const CONTROL_BITS = 0x1f7f;
const CONTROL_FIXED = 0x40;

/** Found before the result is computed: an unmasked one leaves the destination as it was. */
const BEFORE = Exception.invalid | Exception.denormal | Exception.zeroDivide;
const PRECISION = [24, 64, 53, 64] as const;

export class X87 {
  private readonly view: DataView;
  private readonly i32: Int32Array;

  constructor(memory: { readonly view: DataView; readonly i32: Int32Array }) {
    this.view = memory.view;
    this.i32 = memory.i32;
  }

  get control(): number {
    return this.i32[FPU_CONTROL >> 2];
  }

  set control(value: number) {
    this.i32[FPU_CONTROL >> 2] = (value & CONTROL_BITS) | CONTROL_FIXED;
    this.summarise();
  }

  get top(): number {
    return this.i32[FPU_TOP >> 2];
  }

  set top(value: number) {
    this.i32[FPU_TOP >> 2] = value & 7;
  }

  /** Abridged tags: bit n set when physical register n is in use. */
  get tags(): number {
    return this.i32[FPU_TAGS >> 2];
  }

  set tags(value: number) {
    this.i32[FPU_TAGS >> 2] = value & 0xff;
  }

  /** As FNSTSW gives it, with TOP. */
  get statusWord(): number {
    return (this.i32[FPU_STATUS >> 2] & ~0x3800) | (this.top << 11);
  }

  set statusWord(value: number) {
    this.top = value >> 11;
    this.i32[FPU_STATUS >> 2] = value & 0xc7ff;
    this.summarise();
  }

  /** As FNSTENV gives it: two bits for each physical register. */
  get tagWord(): number {
    let word = 0;
    for (let n = 0; n < 8; n++) word |= this.tagOf(n) << (n * 2);
    return word;
  }

  set tagWord(word: number) {
    let tags = 0;
    for (let n = 0; n < 8; n++) if (((word >> (n * 2)) & 3) !== 3) tags |= 1 << n;
    this.tags = tags;
  }

  initialise(): void {
    this.i32[FPU_CONTROL >> 2] = INITIAL_CONTROL;
    this.i32[FPU_STATUS >> 2] = 0;
    this.top = 0;
    this.tags = 0;
    this.i32[FPU_OPCODE >> 2] = 0;
    this.view.setBigUint64(FPU_IP, 0n, true);
    this.view.setBigUint64(FPU_DP, 0n, true);
  }

  clearExceptions(): void {
    this.i32[FPU_STATUS >> 2] &= ~(Status.exceptions | Status.stackFault | Status.summary | Status.busy);
  }

  /** Rounding and masks as soft-float wants them; `precision` overrides the precision control. */
  rounding(precision?: number): ExtendedControl {
    const { control } = this;
    return {
      precision: precision ?? PRECISION[(control >> 8) & 3],
      mode: this.mode,
      overflowMasked: (control & Exception.overflow) !== 0,
      underflowMasked: (control & Exception.underflow) !== 0,
    };
  }

  get mode(): Rounding {
    return ((this.control >> 10) & 3) as Rounding;
  }

  isEmpty(i: number): boolean {
    return ((this.tags >> this.physical(i)) & 1) === 0;
  }

  read(i: number): Extended {
    return this.readPhysical(this.physical(i));
  }

  readPhysical(n: number): Extended {
    const at = FPU_REGS + n * 16;
    return { significand: this.view.getBigUint64(at, true), signExponent: this.view.getUint16(at + 8, true) };
  }

  write(i: number, value: Extended): void {
    const n = this.physical(i);
    this.writePhysical(n, value);
    this.tags |= 1 << n;
  }

  writePhysical(n: number, value: Extended): void {
    const at = FPU_REGS + n * 16;
    this.view.setBigUint64(at, value.significand, true);
    this.view.setUint16(at + 8, value.signExponent, true);
  }

  push(value: Extended): void {
    this.top = this.top - 1;
    this.write(0, value);
  }

  pop(): void {
    this.free(0);
    this.top = this.top + 1;
  }

  free(i: number): void {
    this.tags &= ~(1 << this.physical(i));
  }

  get c1(): boolean {
    return (this.i32[FPU_STATUS >> 2] & Status.c1) !== 0;
  }

  /** C0, C2, C3 and C1 := `bits`. */
  setConditions(bits: number): void {
    this.i32[FPU_STATUS >> 2] = (this.i32[FPU_STATUS >> 2] & ~CONDITION_BITS) | bits;
  }

  /** Makes exception flags sticky and sets C1. */
  report(flags: number, c1: boolean): void {
    this.i32[FPU_STATUS >> 2] = (this.i32[FPU_STATUS >> 2] & ~Status.c1) | flags | (c1 ? Status.c1 : 0);
    this.summarise();
  }

  /** Reports `flags`; true when the destination may be written: no unmasked exception was found before computing. */
  accept(flags: number, up: boolean): boolean {
    const stop = flags & BEFORE & ~this.control;
    if (stop !== 0) {
      this.report(flags & BEFORE, false);
      return false;
    }
    this.report(flags, up);
    return true;
  }

  /** An empty register was read (`overflow` false) or a full one pushed upon. True when the masked answer, INDEFINITE, is to be given. */
  stackFault(overflow: boolean): boolean {
    this.report(Exception.invalid | Status.stackFault, overflow);
    return (this.control & Exception.invalid) !== 0;
  }

  /** Pushes a loaded value unless the stack is full or IE is unmasked; DE, unmasked or not, does not keep a load from happening. */
  pushOutcome(outcome: ExtendedOutcome): void {
    if (!this.isEmpty(7)) {
      if (this.stackFault(true)) this.push(INDEFINITE);
      return;
    }
    this.report(outcome.flags, outcome.up);
    if ((outcome.flags & ~this.control & Exception.invalid) === 0) this.push(outcome.value);
  }

  private physical(i: number): number {
    return (this.top + i) & 7;
  }

  private tagOf(n: number): number {
    if (((this.tags >> n) & 1) === 0) return 3;
    const kind = classify(this.readPhysical(n));
    return kind === 'zero' ? 1 : kind === 'normal' ? 0 : 2;
  }

  private summarise(): void {
    const status = this.i32[FPU_STATUS >> 2];
    const pending = (status & ~this.control & Status.exceptions) !== 0;
    this.i32[FPU_STATUS >> 2] = pending ? status | Status.summary | Status.busy : status & ~(Status.summary | Status.busy);
  }
}
