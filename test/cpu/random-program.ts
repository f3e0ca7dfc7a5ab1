/**
 * Random programs for comparing the tiers: blocks of integer, memory, stack and SSE instructions with branches, jumps and calls
 * between them. They need not end or make sense: whoever runs them gives a budget and starts over after a fault.
 */
import type { Random } from './random-values.ts';

/** Registers a program may change: all but rsp (only by pushes, pops, calls) and r14, which points to data. */
const REGISTERS = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15];
const DATA_REGISTER = 14;
/** ADD OR ADC SBB AND SUB XOR CMP with ModRM, and TEST. */
const ALU = [0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85];
/** PADDD PXOR PCMPEQB PSUBQ PUNPCKLBW. */
const VECTOR = [0xfe, 0xef, 0x74, 0xfb, 0x60];

class Assembler {
  readonly bytes: number[] = [];
  readonly blocks: number[] = [];
  private readonly fixups: { at: number; block: number }[] = [];

  byte(...values: number[]): void {
    for (const value of values) this.bytes.push(value & 0xff);
  }

  word32(value: number): void {
    this.byte(value, value >> 8, value >> 16, value >> 24);
  }

  /** REX, opcode bytes, ModRM with two registers. */
  registers(wide: boolean, opcode: readonly number[], reg: number, rm: number): void {
    this.byte(0x40 | (wide ? 8 : 0) | ((reg >> 3) << 2) | (rm >> 3), ...opcode, 0xc0 | ((reg & 7) << 3) | (rm & 7));
  }

  /** The same with [r14 + displacement]. */
  memory(wide: boolean, opcode: readonly number[], reg: number, displacement: number): void {
    this.byte(0x41 | (wide ? 8 : 0) | ((reg >> 3) << 2), ...opcode, 0x80 | ((reg & 7) << 3) | (DATA_REGISTER & 7));
    this.word32(displacement);
  }

  relative(block: number): void {
    this.fixups.push({ at: this.bytes.length, block });
    this.word32(0);
  }

  finish(): Uint8Array {
    for (const { at, block } of this.fixups) {
      const distance = this.blocks[block] - (at + 4);
      for (let i = 0; i < 4; i++) this.bytes[at + i] = (distance >> (8 * i)) & 0xff;
    }
    return Uint8Array.from(this.bytes);
  }
}

/** A program of `blocks` blocks; data accesses lie within [r14, r14 + dataBytes), some of them across the end. */
export function randomProgram(random: Random, blocks: number, dataBytes: number): Uint8Array {
  const a = new Assembler();
  const pick = <T>(list: readonly T[]): T => list[random.u32() % list.length];
  const below = (limit: number): number => random.u32() % limit;
  const register = (): number => pick(REGISTERS);
  const displacement = (): number => (below(8) === 0 ? below(dataBytes) : below(64));
  const instruction: readonly (() => void)[] = [
    () => a.registers(below(2) === 0, [pick(ALU)], register(), register()),
    () => a.registers(below(2) === 0, [pick(ALU)], register(), register()),
    () => a.registers(false, [pick(ALU) - 1], register(), register()),
    () => (a.registers(below(2) === 0, [0x83], below(8), register()), a.byte(random.u32())),
    () => a.registers(below(2) === 0, [0xff], below(2), register()),
    () => a.registers(below(2) === 0, [0xf7], 2 + below(2), register()),
    () => (a.registers(below(2) === 0, [0xc1], pick([0, 1, 4, 5, 7]), register()), a.byte(random.u32())),
    () => a.registers(below(2) === 0, [0xd3], pick([4, 5, 7]), register()),
    () => a.registers(below(2) === 0, [0x0f, 0xaf], register(), register()),
    () => a.registers(below(2) === 0, [0x0f, 0x40 | below(16)], register(), register()),
    () => a.registers(false, [0x0f, 0x90 | below(16)], 0, register()),
    () => a.registers(below(2) === 0, [0x89], register(), register()),
    () => a.registers(below(2) === 0, [pick([0x0f]), pick([0xb6, 0xb7, 0xbe, 0xbf])], register(), register()),
    () => a.memory(below(2) === 0, [0x8b], register(), displacement()),
    () => a.memory(below(2) === 0, [0x89], register(), displacement()),
    () => a.memory(below(2) === 0, [pick(ALU)], register(), displacement()),
    () => a.memory(false, [0x88], register(), displacement()),
    () => a.memory(true, [0x8d], register(), below(256)),
    () => (a.byte(0x41), a.byte(0x50 | below(8))),
    () => a.byte(0x50 | pick([0, 1, 2, 3, 5, 6, 7])),
    () => a.byte(0x58 | pick([0, 1, 2, 3, 5, 6, 7])),
    () => (a.byte(0xf3), a.memory(false, [0x0f, 0x6f], below(8), displacement())),
    () => (a.byte(0xf3), a.memory(false, [0x0f, 0x7f], below(8), displacement())),
    () => (a.byte(0x66), a.registers(false, [0x0f, pick(VECTOR)], below(8), below(8))),
  ];
  const ending: readonly (() => void)[] = [
    () => (a.byte(0x0f, 0x80 | below(16)), a.relative(below(blocks))),
    () => (a.byte(0x0f, 0x80 | below(16)), a.relative(below(blocks))),
    () => (a.byte(0x0f, 0x80 | below(16)), a.relative(below(blocks))),
    () => (a.byte(0xe9), a.relative(below(blocks))),
    () => (a.byte(0xe8), a.relative(below(blocks))),
    () => a.byte(0xc3),
  ];
  for (let i = 0; i < blocks; i++) {
    a.blocks.push(a.bytes.length);
    for (let n = below(8); n >= 0; n--) pick(instruction)();
    pick(ending)();
  }
  a.byte(0xe9);
  a.relative(0);
  return a.finish();
}
