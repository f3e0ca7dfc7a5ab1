import { describe, expect, it } from 'vitest';
import { type BpfInstruction, decodeProgram, isValidProgram, runProgram } from './classic-bpf.ts';

const LD_ABS = 0x20;
const LD_IMM = 0x00;
const LDX_IMM = 0x01;
const ST = 0x02;
const LDX_MEM = 0x61;
const JEQ_K = 0x15;
const JA = 0x05;
const ALU_ADD_X = 0x0c;
const ALU_DIV_X = 0x3c;
const RET_K = 0x06;
const RET_A = 0x16;

function op(code: number, k: number, jt = 0, jf = 0): BpfInstruction {
  return { code, jt, jf, k };
}

const data = new DataView(new ArrayBuffer(64));
data.setUint32(0, 39, true);

describe('classic BPF', () => {
  it('loads, compares and returns', () => {
    const program = [op(LD_ABS, 0), op(JEQ_K, 39, 0, 1), op(RET_K, 0x50001), op(RET_K, 0x7fff0000)];
    expect(isValidProgram(program, 64)).toBe(true);
    expect(runProgram(program, data)).toBe(0x50001);
    expect(runProgram(program, new DataView(new ArrayBuffer(64)))).toBe(0x7fff0000);
  });

  it('computes modulo 2^32, keeps memory words, jumps', () => {
    const program = [op(LD_IMM, 0xffffffff), op(ST, 15), op(LDX_MEM, 15), op(ALU_ADD_X, 0), op(JA, 1), op(RET_K, 1), op(RET_A, 0)];
    expect(isValidProgram(program, 64)).toBe(true);
    expect(runProgram(program, data)).toBe(0xfffffffe);
  });

  it('ends with 0 when it divides by a zero index', () => {
    expect(runProgram([op(LD_IMM, 5), op(LDX_IMM, 0), op(ALU_DIV_X, 0), op(RET_K, 7)], data)).toBe(0);
  });

  it.each<[string, BpfInstruction[]]>([
    ['nothing', []],
    ['no return at the end', [op(LD_IMM, 1)]],
    ['an unaligned load', [op(LD_ABS, 2), op(RET_K, 0)]],
    ['a load beyond the data', [op(LD_ABS, 64), op(RET_K, 0)]],
    ['a jump to the end', [op(JEQ_K, 0, 1, 0), op(RET_K, 0)]],
    ['a long jump out', [op(JA, 0xffffffff), op(RET_K, 0)]],
    ['a division by zero', [op(0x34, 0), op(RET_K, 0)]],
    ['a memory word too far', [op(ST, 16), op(RET_K, 0)]],
    ['a byte load, which seccomp does not know', [op(0x30, 0), op(RET_K, 0)]],
  ])('refuses %s', (_, program) => {
    expect(isValidProgram(program, 64)).toBe(false);
  });

  it('decodes struct sock_filter', () => {
    expect(decodeProgram(Uint8Array.of(0x15, 0, 1, 2, 0x78, 0x56, 0x34, 0x12))).toEqual([op(JEQ_K, 0x12345678, 1, 2)]);
  });
});
