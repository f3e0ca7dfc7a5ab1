/**
 * Classic BPF as seccomp uses it (include/uapi/linux/bpf_common.h, filter.h): an accumulator, an index register, 16 words of memory, and
 * forward jumps only, so every program ends. Data is read as 32-bit words at multiples of four.
 */

/** One instruction: struct sock_filter { u16 code; u8 jt, jf; u32 k }. */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}
export const BPF_INSTRUCTION_BYTES = 8;
export const BPF_MAX_INSTRUCTIONS = 4096;
const MEMORY_WORDS = 16;

const Class = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;
const Mode = { IMM: 0x00, ABS: 0x20, MEM: 0x60, LEN: 0x80 } as const;
const Operation = { ADD: 0x00, SUB: 0x10, MUL: 0x20, DIV: 0x30, OR: 0x40, AND: 0x50, LSH: 0x60, RSH: 0x70, NEG: 0x80, MOD: 0x90, XOR: 0xa0 } as const;
const Jump = { JA: 0x00, JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40 } as const;
const FROM_X = 0x08;
const RET_A = 0x10;
const TXA = 0x80;

export function decodeProgram(bytes: Uint8Array): BpfInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / BPF_INSTRUCTION_BYTES }, (_, i) => {
    const at = i * BPF_INSTRUCTION_BYTES;
    return { code: view.getUint16(at, true), jt: view.getUint8(at + 2), jf: view.getUint8(at + 3), k: view.getUint32(at + 4, true) };
  });
}

/** May seccomp run the program? Known instructions, jumps within it, data within `dataBytes`, memory within bounds, a return at the end. */
export function isValidProgram(program: readonly BpfInstruction[], dataBytes: number): boolean {
  const last = program.at(-1);
  if (last === undefined || program.length > BPF_MAX_INSTRUCTIONS || (last.code & 7) !== Class.RET) return false;
  return program.every((instruction, at) => isValidInstruction(instruction, program.length - at - 1, dataBytes));
}

function isValidInstruction({ code, jt, jf, k }: BpfInstruction, following: number, dataBytes: number): boolean {
  const operation = code & 0xf0;
  switch (code & 7) {
    case Class.LD:
      if (code === (Class.LD | Mode.ABS)) return (k & 3) === 0 && k < dataBytes;
      return isLoad(code, k);
    case Class.LDX:
      return isLoad(code, k);
    case Class.ST:
    case Class.STX:
      return (code & ~7) === 0 && k < MEMORY_WORDS;
    case Class.ALU:
      if (operation > Operation.XOR) return false;
      if ((operation === Operation.DIV || operation === Operation.MOD) && (code & FROM_X) === 0 && k === 0) return false;
      return !((operation === Operation.LSH || operation === Operation.RSH) && (code & FROM_X) === 0 && k >= 32);
    case Class.JMP:
      if (operation === Jump.JA) return code === Class.JMP && k < following;
      return operation <= Jump.JSET && jt < following && jf < following;
    case Class.RET:
      return code === Class.RET || code === (Class.RET | RET_A);
    default:
      return code === Class.MISC || code === (Class.MISC | TXA);
  }
}

function isLoad(code: number, k: number): boolean {
  const mode = code & ~7;
  return mode === Mode.IMM || mode === Mode.LEN || (mode === Mode.MEM && k < MEMORY_WORDS);
}

/** Runs a valid program; returns what it returns, unsigned. `data` is little-endian. */
export function runProgram(program: readonly BpfInstruction[], data: DataView): number {
  const memory = new Uint32Array(MEMORY_WORDS);
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const { code, jt, jf, k } = program[pc];
    switch (code & 7) {
      case Class.LD:
        a = loadWord(code, k, data, memory);
        break;
      case Class.LDX:
        x = loadWord(code, k, data, memory);
        break;
      case Class.ST:
        memory[k] = a;
        break;
      case Class.STX:
        memory[k] = x;
        break;
      case Class.ALU: {
        const operand = (code & FROM_X) !== 0 ? x : k;
        const operation = code & 0xf0;
        // A division by a zero index register ends the program with 0, as the kernel's does
        if (operand === 0 && (operation === Operation.DIV || operation === Operation.MOD)) return 0;
        a = calculate(operation, a, operand);
        break;
      }
      case Class.JMP:
        if ((code & 0xf0) === Jump.JA) pc += k;
        else pc += holds(code & 0xf0, a, (code & FROM_X) !== 0 ? x : k) ? jt : jf;
        break;
      case Class.RET:
        return (code & RET_A) !== 0 ? a : k;
      default:
        if ((code & TXA) !== 0) a = x;
        else x = a;
    }
  }
}

function loadWord(code: number, k: number, data: DataView, memory: Uint32Array): number {
  switch (code & ~7) {
    case Mode.ABS:
      return data.getUint32(k, true);
    case Mode.MEM:
      return memory[k];
    case Mode.LEN:
      return data.byteLength;
    default:
      return k;
  }
}

function calculate(operation: number, a: number, b: number): number {
  switch (operation) {
    case Operation.ADD:
      return (a + b) >>> 0;
    case Operation.SUB:
      return (a - b) >>> 0;
    case Operation.MUL:
      return Math.imul(a, b) >>> 0;
    case Operation.DIV:
      return Math.floor(a / b);
    case Operation.MOD:
      return a % b;
    case Operation.OR:
      return (a | b) >>> 0;
    case Operation.AND:
      return (a & b) >>> 0;
    case Operation.XOR:
      return (a ^ b) >>> 0;
    case Operation.LSH:
      return (a << (b & 31)) >>> 0;
    case Operation.RSH:
      return a >>> (b & 31);
    default:
      return -a >>> 0;
  }
}

function holds(jump: number, a: number, b: number): boolean {
  switch (jump) {
    case Jump.JEQ:
      return a === b;
    case Jump.JGT:
      return a > b;
    case Jump.JGE:
      return a >= b;
    default:
      return (a & b) !== 0;
  }
}
