/** A thread's registers: a view of its save slot in linear memory (layout: cpu/state.ts, offsets relative to CPU). */
import { CONTEXT_SIZE, CPU, GPR, ORIG_RAX, RIP, SEGMENT_BASE, SELECTOR } from '../../cpu/state.ts';
import type { LinearMemory } from '../../memory/linear-memory.ts';

export class ThreadContext {
  /** Linear address of the slot. */
  readonly slot: number;
  private readonly memory: LinearMemory;

  constructor(memory: LinearMemory, slot: number) {
    this.memory = memory;
    this.slot = slot;
  }

  /** General register `n` (encoding order), 64 bits unsigned. */
  gpr(n: number): bigint {
    return this.memory.view.getBigUint64(this.at(GPR) + n * 8, true);
  }

  setGpr(n: number, value: bigint): void {
    this.memory.view.setBigUint64(this.at(GPR) + n * 8, BigInt.asUintN(64, value), true);
  }

  /** Register as an unsigned number: exact below 2^53. */
  gprNumber(n: number): number {
    const at = (this.at(GPR) + n * 8) >>> 2;
    return this.memory.u32[at] + this.memory.u32[at + 1] * 0x100000000;
  }

  /** Low half of a register, signed. */
  gprLow(n: number): number {
    return this.memory.i32[(this.at(GPR) + n * 8) >>> 2];
  }

  /** Sets a register from a number: two's complement for negative ones (down to -2^53). */
  setGprNumber(n: number, value: number): void {
    const at = (this.at(GPR) + n * 8) >>> 2;
    this.memory.i32[at] = value | 0;
    this.memory.i32[at + 1] = Math.floor(value / 0x100000000) | 0;
  }

  get rip(): number {
    const at = this.at(RIP) >>> 2;
    return this.memory.u32[at] + this.memory.u32[at + 1] * 0x100000000;
  }

  set rip(value: number) {
    const at = this.at(RIP) >>> 2;
    this.memory.i32[at] = value | 0;
    this.memory.i32[at + 1] = Math.floor(value / 0x100000000) | 0;
  }

  /** What a system call's entry does with rax: a copy goes to ORIG_RAX. */
  keepSyscallNumber(): void {
    const from = this.at(GPR) >>> 2;
    const to = this.at(ORIG_RAX) >>> 2;
    this.memory.i32[to] = this.memory.i32[from];
    this.memory.i32[to + 1] = this.memory.i32[from + 1];
  }

  segmentBase(n: number): bigint {
    return this.memory.view.getBigUint64(this.at(SEGMENT_BASE) + n * 8, true);
  }

  setSegmentBase(n: number, value: bigint): void {
    this.memory.view.setBigUint64(this.at(SEGMENT_BASE) + n * 8, BigInt.asUintN(64, value), true);
  }

  selector(n: number): number {
    return this.memory.i32[(this.at(SELECTOR) >>> 2) + n];
  }

  setSelector(n: number, value: number): void {
    this.memory.i32[(this.at(SELECTOR) >>> 2) + n] = value & 0xffff;
  }

  /** Linear address of a state.ts field within this slot. */
  at(field: number): number {
    return this.slot + (field - CPU);
  }

  copyFrom(other: ThreadContext): void {
    this.memory.u8.copyWithin(this.slot, other.slot, other.slot + CONTEXT_SIZE);
  }
}
