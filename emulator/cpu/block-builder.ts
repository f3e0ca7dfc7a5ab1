/** Decodes guest code into the interpreter's records: basic blocks which end at control flow, breakpoints and page ends. */
import { decode } from './decode/decoder.ts';
import { Instruction } from './decode/instruction.ts';
import type { Form } from './decode/form.ts';
import {
  BLOCK_BRANCHES, BLOCK_BYTES, BLOCK_COUNT, BLOCK_FRAME, BLOCK_FRAME2, BLOCK_HEADER, BLOCK_LIMIT, BLOCK_REGION, BLOCK_RIP, BLOCK_RUNS, BLOCK_UNCHAINED,
  BRANCHING_BLOCK_LIMIT, RECORD, RECORD_BASE, RECORD_CHAIN, RECORD_DISPLACEMENT, RECORD_IMMEDIATE, RECORD_INDEX, RECORD_LENGTH, RECORD_REG, RECORD_REMAINING, RECORD_RM, RECORD_SCALE, RECORD_TRANSFER,
} from './engine-area.ts';
import { FALL_THROUGH, handlerFor, handlerTransfers, pairOf } from './interpreter/handlers.ts';
import { FAR_BIAS, isFar, isWide, traitsOf, type FormTraits } from './interpreter/handler-key.ts';
import type { TransferKind, TransferSite } from './counting/transfer.ts';
import { GPR, PAGE_BASE, PAGE_SIZE, ZERO } from './state.ts';
import type { LinearMemory } from '../memory/linear-memory.ts';

/** Where a builder gets code from. */
export interface BuilderHost {
  /** Frame of a virtual page for execution, marked as code; 0 or a negative TouchFault. */
  codeFrame(page: number): number;
  isBreakpoint(address: number): boolean;
  /** Handlers a block is about to use must be in the table. */
  linkHandlers(numbers: readonly number[]): void;
  /** A record of an instruction that may transfer control has been written. `target`: where it always leads. Gives its RECORD_TRANSFER. */
  noteTransfer(record: number, site: TransferSite, target: number | undefined): number;
}

/** What stopped a block before its first instruction. */
export const BuildFailure = { none: 0, fault: 1, invalid: 2 } as const;
export type BuildFailure = (typeof BuildFailure)[keyof typeof BuildFailure];

/** Instructions looked at beyond a block which needs new handlers. */
const LOOK_AHEAD = 200;
/** Handlers which one block may ask for, with those after it. */
export const HANDLERS_PER_BLOCK = BLOCK_LIMIT + LOOK_AHEAD;
/** Longest instruction. */
const MAX_LENGTH = 15;
const ZERO_FIELD = ZERO - GPR;
const PAGE_FIELD = PAGE_BASE - GPR;

export class BlockBuilder {
  /** After a failure `fault`: the address which could not be fetched and why. */
  faultAddress = 0;
  touchFault = 0;
  failure: BuildFailure = BuildFailure.none;
  /** Instructions decoded by the last `build`. */
  count = 0;
  private readonly linear: LinearMemory;
  private readonly host: BuilderHost;
  private readonly instructions: Instruction[] = [];
  private readonly handlers = new Array<number>(BLOCK_LIMIT).fill(0);
  private readonly ahead = new Instruction();
  /** Bytes of an instruction that lies in two pages; readable beyond, as the decoder wants. */
  private readonly seam = new Uint8Array(64);
  private bytes = 0;
  private frame = 0;
  private frame2 = 0;
  private start = 0;
  private mode: 64 | 32 = 64;

  constructor(linear: LinearMemory, host: BuilderHost) {
    this.linear = linear;
    this.host = host;
    for (let i = 0; i < BLOCK_LIMIT; i++) this.instructions.push(new Instruction());
  }

  /** Decodes up to `limit` instructions at `rip`, whose page is in `frame`. `write` then stores them. False when there is not even one: see `failure`. */
  read(rip: number, mode: 64 | 32, frame: number, limit: number): boolean {
    this.start = rip;
    this.mode = mode;
    this.frame = frame;
    this.frame2 = 0;
    this.failure = BuildFailure.none;
    const pageEnd = (Math.floor(rip / PAGE_SIZE) + 1) * PAGE_SIZE;
    let address = rip;
    let count = 0;
    let branches = 0;
    while (count < limit && count < BLOCK_LIMIT && address < pageEnd) {
      if (count > 0 && this.host.isBreakpoint(address)) break;
      const instruction = this.instructions[count];
      if (!this.decodeAt(address, pageEnd, mode, instruction)) break;
      const { form } = instruction;
      if (form === undefined) throw new Error('decoder said ok without a form');
      const traits = traitsOf(form);
      if (traits.alone && count > 0) break;
      this.handlers[count] = handlerFor(instruction, form, mode);
      count++;
      address += instruction.length;
      if (traits.conditional) {
        if (++branches === BLOCK_BRANCHES || count >= BRANCHING_BLOCK_LIMIT) break;
      } else if (traits.ends || traits.alone) break;
    }
    this.count = count;
    this.bytes = address - rip;
    if (count === 0) return false;
    this.failure = BuildFailure.none;
    for (let i = 1; i < count; i++) {
      const pair = pairOf(this.handlers[i - 1], this.handlers[i]);
      if (pair !== 0) this.handlers[i - 1] = pair;
    }
    this.host.linkHandlers(this.handlers.slice(0, count));
    return true;
  }

  /** Bytes of the instructions last read. */
  get length(): number {
    return this.bytes;
  }

  /** The last instruction read lies in two pages. */
  get crosses(): boolean {
    return this.frame2 !== 0;
  }

  /** Handlers of the code that follows the block in its page: what is likely to run soon. */
  upcoming(): number[] {
    const numbers: number[] = [];
    const ahead = this.ahead;
    let address = this.start + this.bytes;
    const pageEnd = (Math.floor(this.start / PAGE_SIZE) + 1) * PAGE_SIZE;
    while (numbers.length < LOOK_AHEAD && address < pageEnd) {
      const offset = this.frame + (address % PAGE_SIZE);
      if (decode(this.linear.u8, offset, this.frame + PAGE_SIZE, address, this.mode, ahead) !== 'ok' || ahead.form === undefined) break;
      numbers.push(handlerFor(ahead, ahead.form, this.mode));
      address += ahead.length;
    }
    return numbers;
  }

  /** Stores the block at linear address `header`: room for `count + 1` records. */
  write(header: number): void {
    const { i32, u16, u8 } = this.linear;
    const base = Math.floor(this.start / PAGE_SIZE) * PAGE_SIZE;
    const at = header >>> 2;
    i32[at + (BLOCK_RIP >> 2)] = this.start | 0;
    i32[at + (BLOCK_RIP >> 2) + 1] = Math.floor(this.start / 0x100000000);
    i32[at + (BLOCK_COUNT >> 2)] = this.count;
    i32[at + (BLOCK_RUNS >> 2)] = 0;
    i32[at + (BLOCK_REGION >> 2)] = 0;
    u16[(header + BLOCK_BYTES) >>> 1] = this.bytes;
    u16[(header + BLOCK_UNCHAINED) >>> 1] = this.frame2 === 0 ? 0 : 1;
    i32[at + (BLOCK_FRAME >> 2)] = this.frame;
    i32[at + (BLOCK_FRAME2 >> 2)] = this.frame2;
    let record = header + BLOCK_HEADER;
    for (let i = 0; i < this.count; i++) {
      const instruction = this.instructions[i];
      const { form } = instruction;
      if (form === undefined) throw new Error('block without a form');
      u16[record >>> 1] = this.handlers[i];
      i32[(record + RECORD_CHAIN) >>> 2] = 0;
      u8[record + RECORD_LENGTH] = instruction.length;
      this.operands(record, instruction, form, base);
      const traits = traitsOf(form);
      if (traits.conditional) u8[record + RECORD_REMAINING] = this.count - 1 - i;
      if (traits.transfer !== undefined) this.noteTransfer(record, instruction, traits, traits.transfer);
      record += RECORD;
    }
    if (handlerTransfers(this.handlers[this.count - 1])) return;
    u16[record >>> 1] = FALL_THROUGH;
    i32[(record + RECORD_CHAIN) >>> 2] = 0;
    i32[(record + RECORD_IMMEDIATE) >>> 2] = this.start + this.bytes - base;
  }

  private decodeAt(address: number, pageEnd: number, mode: 64 | 32, into: Instruction): boolean {
    const { u8 } = this.linear;
    const offset = this.frame + (address % PAGE_SIZE);
    let result = decode(u8, offset, this.frame + PAGE_SIZE, address, mode, into);
    if (result === 'truncated') {
      const next = this.host.codeFrame(pageEnd / PAGE_SIZE);
      if (next <= 0) {
        this.failure = BuildFailure.fault;
        this.faultAddress = pageEnd;
        this.touchFault = next;
        return false;
      }
      const here = pageEnd - address;
      this.seam.set(u8.subarray(offset, offset + here));
      this.seam.set(u8.subarray(next, next + MAX_LENGTH), here);
      result = decode(this.seam, 0, here + MAX_LENGTH, address, mode, into);
      if (result === 'ok') this.frame2 = next;
    }
    if (result !== 'ok') this.failure = BuildFailure.invalid;
    return result === 'ok';
  }

  private operands(record: number, instruction: Instruction, form: Form, base: number): void {
    const { u8 } = this.linear;
    const traits = traitsOf(form);
    const next = instruction.address + instruction.length - base;
    let displacement = instruction.displacement;
    if (instruction.memory) {
      u8[record + RECORD_BASE] = instruction.ripRelative ? PAGE_FIELD : instruction.base < 0 ? ZERO_FIELD : instruction.base * 8;
      u8[record + RECORD_INDEX] = instruction.index < 0 ? ZERO_FIELD : instruction.index * 8;
      u8[record + RECORD_SCALE] = instruction.scale;
      if (instruction.ripRelative) displacement += isFar(instruction, traits, this.mode) ? next - FAR_BIAS : next;
    }
    for (const { method, register, size } of form.operands) {
      switch (method) {
        case 'reg':
          u8[record + RECORD_REG] = registerField(instruction, instruction.reg, size);
          break;
        case 'rm':
        case 'rmReg':
          if (!instruction.memory) u8[record + RECORD_RM] = registerField(instruction, instruction.rm, size);
          break;
        case 'opcodeReg':
          u8[record + RECORD_RM] = registerField(instruction, instruction.opcodeReg, size);
          break;
        case 'xmmReg':
          u8[record + RECORD_REG] = instruction.reg * 16;
          break;
        case 'mmxReg':
          u8[record + RECORD_REG] = (instruction.reg & 7) * 16;
          break;
        case 'xmmRm':
        case 'xmmRmReg':
          if (!instruction.memory) u8[record + RECORD_RM] = instruction.rm * 16;
          break;
        case 'mmxRm':
        case 'mmxRmReg':
          if (!instruction.memory) u8[record + RECORD_RM] = (instruction.rm & 7) * 16;
          break;
        case 'st':
          if (register === undefined) u8[record + RECORD_RM] = instruction.rm & 7;
          break;
        default:
      }
    }
    this.immediates(record, instruction, traits, base, displacement);
  }

  private immediates(record: number, instruction: Instruction, traits: FormTraits, base: number, displacement: number): void {
    const { i32 } = this.linear;
    const next = instruction.address + instruction.length - base;
    const first = (record + RECORD_IMMEDIATE) >>> 2;
    const second = (record + RECORD_DISPLACEMENT) >>> 2;
    i32[second] = displacement;
    if (traits.relative) {
      i32[first] = this.branchTarget(instruction, traits, base);
      i32[second] = next;
    } else if (traits.moffs) i32[first] = instruction.immediateHigh;
    else if (!traits.immediate) i32[first] = next;
    else {
      i32[first] = instruction.immediate;
      if (isWide(instruction, traits)) i32[second] = instruction.immediateHigh;
      else if (traits.twoImmediates) i32[second] = instruction.immediate2;
      else if (!instruction.memory) i32[second] = next;
    }
  }

  private noteTransfer(record: number, instruction: Instruction, traits: FormTraits, kind: TransferKind): void {
    const { address, length } = instruction;
    const target = traits.relative ? this.absoluteTarget(instruction) : undefined;
    const code = this.host.noteTransfer(record, { site: address, next: address + length, kind }, this.mode === 32 && target !== undefined ? target >>> 0 : target);
    if (!traits.conditional) this.linear.u8[record + RECORD_TRANSFER] = code;
  }

  private absoluteTarget(instruction: Instruction): number {
    const target = instruction.address + instruction.length + instruction.immediate;
    return this.mode === 32 && instruction.operandSize === 2 ? target & 0xffff : target;
  }

  /** Target of a relative branch, relative to the page. */
  private branchTarget(instruction: Instruction, traits: FormTraits, base: number): number {
    return this.absoluteTarget(instruction) - base - (this.mode === 64 && isFar(instruction, traits, this.mode) ? FAR_BIAS : 0);
  }
}

/** Byte offset of a general register operand in the register file: AH–BH are offset 1 of the first four. */
function registerField(instruction: Instruction, n: number, size: number | string): number {
  return size === 1 && n >= 4 && n < 8 && !instruction.rex ? (n - 4) * 8 + 1 : n * 8;
}
