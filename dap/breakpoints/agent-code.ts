/** Agent-expression bytecode under construction (gdb manual, "The GDB Agent Expression Mechanism"). Operands are big-endian. */
import { AgentOp } from '../../stub/agent/opcodes.ts';

export type OpName = keyof typeof AgentOp;

export class AgentCode {
  private readonly bytes: number[] = [];

  op(name: OpName): void {
    this.bytes.push(AgentOp[name]);
  }

  /** Pushes a 64-bit number, in its shortest form. */
  constant(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    const [name, size]: [OpName, number] = unsigned < 1n << 8n ? ['const8', 1] : unsigned < 1n << 16n ? ['const16', 2] : unsigned < 1n << 32n ? ['const32', 4] : ['const64', 8];
    this.op(name);
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) this.bytes.push(Number((unsigned >> BigInt(shift)) & 0xffn));
  }

  register(number: number): void {
    this.op('reg');
    this.bytes.push(number >> 8, number & 0xff);
  }

  /** Reads or writes a trace state variable. */
  variable(name: 'getv' | 'setv', number: number): void {
    this.op(name);
    this.bytes.push(number >> 8, number & 0xff);
  }

  printf(values: number, format: string): void {
    const text = Buffer.from(`${format}\0`);
    this.op('printf');
    this.bytes.push(values, text.length >> 8, text.length & 0xff, ...text);
  }

  /** Makes the top an integer of `bits`. */
  extend(bits: number, signed: boolean): void {
    if (bits >= 64) return;
    this.op(signed ? 'ext' : 'zeroExt');
    this.bytes.push(bits);
  }

  /** A jump whose target is set later with {@link land}. */
  jump(name: 'goto' | 'ifGoto'): number {
    this.op(name);
    this.bytes.push(0, 0);
    return this.bytes.length - 2;
  }

  land(jump: number): void {
    this.bytes[jump] = this.bytes.length >> 8;
    this.bytes[jump + 1] = this.bytes.length & 0xff;
  }

  finish(): Uint8Array {
    this.op('end');
    return Uint8Array.from(this.bytes);
  }
}
