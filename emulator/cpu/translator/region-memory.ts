/**
 * Guest memory accesses of a region: the look-up in the TLB inline, one for several accesses where they share a base value
 * (access-groups.ts).
 */
import type { Form, OperandSpec } from '../decode/form.ts';
import type { Instruction } from '../decode/instruction.ts';
import { PAGE_SIZE, Reg, TLB_BYTES, TLB_MASK, TLB_SHIFT } from '../state.ts';
import type { I32, I64, Local, Val, Word } from '../wasm/function-builder.ts';
import { LOAD, STORE } from '../wasm/opcodes.ts';
import type { AccessGroup, SymbolicAddress } from './access-groups.ts';
import { EXIT_INTERPRET, RegionState } from './region-state.ts';

export abstract class RegionMemory extends RegionState {
  /** Symbolic addresses of locals of the current instruction, by index. */
  protected readonly addresses = new Map<number, SymbolicAddress>();
  /** Groups of the block by access; linear address of each one's first byte once checked. */
  protected groups: (AccessGroup | undefined)[] = [];
  protected readonly stretches = new Map<AccessGroup, Local<'i32'>>();
  /** Nesting of the block itself: what is emitted deeper in may not be executed. */
  protected nesting = 0;

  override loadAt<K extends keyof typeof LOAD>(op: K, address: Local<'i64'>): Val<(typeof LOAD)[K][1]> {
    const { host, offset } = this.access(address, 1 << LOAD[op][2], false);
    return this.f.load[op](host, offset);
  }

  override storeAt<K extends keyof typeof STORE>(op: K, address: Local<'i64'>, value: Val<(typeof STORE)[K][1]>): void {
    const kept = this.keep(value);
    const { host, offset } = this.access(address, 1 << STORE[op][2], true);
    this.f.store[op](host, this.f.get(kept), offset);
  }

  protected override translate(address: Local<'i64'>, bytes: number, write: boolean): I32 {
    const { host, offset } = this.access(address, bytes, write);
    return offset === 0 ? host : this.f.i32.add(host, this.f.i32.const(offset));
  }

  /** Pushes the linear address of an access, less a constant offset. */
  protected access(address: Local<'i64'>, bytes: number, write: boolean): { host: I32; offset: number } {
    const { f } = this;
    const number = this.facts.accesses.length;
    const at = f.nesting === this.nesting ? this.addresses.get(address.index) : undefined;
    this.facts.accesses.push({ at, bytes, write });
    const group = this.groups[number];
    if (group === undefined || at === undefined) return { host: this.probe(address, bytes, write), offset: 0 };
    const offset = at.offset - group.start;
    let stretch = this.stretches.get(group);
    if (stretch === undefined) {
      stretch = f.local('i32');
      const start = f.keep(offset === 0 ? f.get(address) : f.i64.sub(f.get(address), f.i64.const(offset)));
      f.set(stretch, this.probe(start, group.end - group.start, group.write));
      f.release(start);
      this.stretches.set(group, stretch);
    }
    const host = f.get(stretch);
    if (number === group.last) {
      this.stretches.delete(group);
      f.release(stretch);
    }
    return { host, offset };
  }

  /**
   * The look-up in the TLB, tuned for TurboFan: the entry is found with 32-bit arithmetic, and the result of the addition is the index of
   * the access as it is. After a miss the interpreter does the access, block and all, from precise state: a call of the slow path here
   * would have to keep every register alive across it, and cost TurboFan a third more time (measured).
   */
  private probe(address: Local<'i64'>, bytes: number, write: boolean): I32 {
    const { f } = this;
    const entry = f.local('i32');
    const table = write ? TLB_BYTES : 0;
    const low = (): I32 => f.convert.i32WrapI64(f.get(address));
    f.set(entry, f.i32.add(f.i32.and(f.i32.shrU(low(), f.i32.const(TLB_SHIFT)), f.i32.const(TLB_MASK)), this.tlbBase()));
    f.if(
      f.i64.gtU(f.i64.xor(f.get(address), f.load.i64Load(f.get(entry), table)), f.i64.const(PAGE_SIZE - bytes)),
      () => this.leaveAt(this.instruction.address, this.count, EXIT_INTERPRET),
      undefined,
      false,
    );
    f.release(entry);
    return f.i32.add(f.load.i32Load(f.get(entry), table + 8), low());
  }

  override linearAddress(operand: number, bytes?: number, move?: (offset: I64) => I64): Local<'i64'> {
    const address = super.linearAddress(operand, bytes, move);
    const { base, index, displacement, ripRelative, addressSize } = this.instruction;
    const plain = move === undefined && addressSize === 8 && this.segment < 0 && index < 0 && base >= 0 && !ripRelative;
    if (plain) this.addresses.set(address.index, this.symbols.get(base, displacement));
    return address;
  }

  override push(size: number, value: Word): void {
    if (this.mode === 32) {
      super.push(size, value);
      return;
    }
    const { f } = this;
    const kept = this.keep(value);
    const top = this.keep(f.i64.sub(f.get(this.local(Reg.rsp)), f.i64.const(size)));
    const at = this.symbols.get(Reg.rsp, -size);
    this.addresses.set(top.index, at);
    const { host, offset } = this.access(top, size, true);
    if (size === 8) f.store.i64Store(host, f.get(kept) as I64, offset);
    else f.store.i32Store16(host, f.get(kept) as I32, offset);
    this.assign(Reg.rsp, f.get(top));
    this.symbols.set(Reg.rsp, at);
  }

  override pop(size: number): Word {
    if (this.mode === 32) return super.pop(size);
    const address = this.keep(this.f.get(this.local(Reg.rsp)));
    this.addresses.set(address.index, this.symbols.get(Reg.rsp, 0));
    return size === 8 ? this.loadAt('i64Load', address) : this.loadAt('i32Load16U', address);
  }

  override adjustStack(bytes: number): void {
    if (this.mode === 32) {
      super.adjustStack(bytes);
      return;
    }
    const { f } = this;
    const at = this.symbols.get(Reg.rsp, bytes);
    this.assign(Reg.rsp, f.i64.add(f.get(this.local(Reg.rsp)), f.i64.const(bytes)));
    this.symbols.set(Reg.rsp, at);
  }

  /** For instructions that only move a register's value by a constant: which register gets which value. */
  protected movedAddress(form: Form): { register: number; to: SymbolicAddress } | undefined {
    const { operandSize, addressSize, memory, base, index, displacement, ripRelative, immediate } = this.instruction;
    if (operandSize !== 8 || this.mode === 32) return undefined;
    const [first, second] = form.operands;
    if (form.mnemonic === 'LEA') {
      if (addressSize !== 8 || base < 0 || index >= 0 || ripRelative) return undefined;
      return { register: this.instruction.reg, to: this.symbols.get(base, displacement) };
    }
    if (memory || first === undefined || second === undefined || first.size === 1) return undefined;
    const register = registerOf(first, this.instruction);
    if (register < 0) return undefined;
    if (second.method === 'imm' && (form.mnemonic === 'ADD' || form.mnemonic === 'SUB')) {
      return { register, to: this.symbols.get(register, form.mnemonic === 'ADD' ? immediate : -immediate) };
    }
    const from = form.mnemonic === 'MOV' ? registerOf(second, this.instruction) : -1;
    return from < 0 ? undefined : { register, to: this.symbols.get(from, 0) };
  }
}

/** Number of the general register an operand names, or -1. */
function registerOf({ method, register }: OperandSpec, { reg, rm, opcodeReg }: Instruction): number {
  switch (method) {
    case 'rm':
    case 'rmReg':
      return rm;
    case 'reg':
      return reg;
    case 'opcodeReg':
      return opcodeReg;
    case 'fixed':
      return register ?? -1;
    default:
      return -1;
  }
}
