/** Runs case records in the emulated CPU, with the harness's memory, and leaves the same result records. */
import { Cpu, type CpuOptions } from '../../emulator/cpu/cpu.ts';
import { Exit, Vector } from '../../emulator/cpu/exits.ts';
import {
  FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, FPU_CONTROL, FPU_OPCODE, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP, GPR, MXCSR, RIP, TLB_BYTES, TLS_DESCRIPTORS, USER_CS_32, USER_CS_64, USER_DS,
  XMM, PAGE_SIZE, Segment,
} from '../../emulator/cpu/state.ts';
import { loadSegment, TLS_FIRST } from '../../emulator/cpu/segment-load.ts';
import { ThreadContext } from '../../emulator/host/process/thread-context.ts';
import { ENGINE_BYTES, LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { Access, TouchFault, type PageAccess } from '../../emulator/memory/page-access.ts';
import { Case, CODE, DATA, DATA_BYTES, DATA_PAGES, FS_BASE, FS_BYTES, FS_SELECTOR, GS_BASE, GS_SELECTOR, PATCH_BYTES, Result, SPAN_BYTES } from './case-layout.ts';

/** Linear addresses: TLB, context slot, data frames, code frames. */
const TLB_AT = ENGINE_BYTES;
const CONTEXT_AT = TLB_AT + 2 * TLB_BYTES;
const DATA_AT = CONTEXT_AT + PAGE_SIZE;
const CODE_AT = DATA_AT + DATA_PAGES * PAGE_SIZE;
const FIRST_CODE_PAGE = CODE / PAGE_SIZE;
const FIRST_DATA_PAGE = DATA / PAGE_SIZE;
/** High words of descriptors of 32-bit data segments. */
const BYTE_GRANULAR = 0x0050f300;
const PAGE_GRANULAR = 0x00d0f300;
/** Enough for the longest repeated string instruction; what needs more does not end. */
const BUDGET = 4000;

/** The harness's address space: code (not writable), two writable pages of data, one read-only. */
class CaseSpace implements PageAccess {
  readonly id = 1;
  readonly codeContext = 1;
  readonly tlb = TLB_AT;
  readonly codePages: number;

  constructor(codePages: number) {
    this.codePages = codePages;
  }

  touch(page: number, access: Access): number {
    const code = page - FIRST_CODE_PAGE;
    if (code >= 0 && code < this.codePages) return access === Access.write ? TouchFault.forbidden : CODE_AT + code * PAGE_SIZE;
    const data = page - FIRST_DATA_PAGE;
    if (data < 0 || data >= DATA_PAGES) return TouchFault.unmapped;
    if (access === Access.execute || (access === Access.write && data >= 2)) return TouchFault.forbidden;
    return DATA_AT + data * PAGE_SIZE;
  }

  resident(page: number, access: Access): number {
    return Math.max(0, this.touch(page, access));
  }
}

export class EmulatedRunner {
  readonly cpu: Cpu;
  readonly space: CaseSpace;
  /** Instructions of the last `run`. */
  retired = 0;
  private readonly mode: 64 | 32;
  private readonly linear: LinearMemory;
  private readonly context: ThreadContext;
  private readonly words: Uint32Array;
  private readonly before: Uint32Array;
  private readonly pristine: Uint8Array;

  /** @param codeBytes size of the code image, whole pages. */
  constructor(codeBytes: number, data: Uint8Array, mode: 64 | 32, options: CpuOptions) {
    this.mode = mode;
    this.linear = new LinearMemory(CODE_AT - ENGINE_BYTES + codeBytes);
    this.cpu = new Cpu(this.linear, options);
    this.space = new CaseSpace(codeBytes / PAGE_SIZE);
    this.context = new ThreadContext(this.linear, CONTEXT_AT);
    this.words = this.linear.u32.subarray(DATA_AT / 4, (DATA_AT + DATA_BYTES) / 4);
    this.before = new Uint32Array(DATA_BYTES / 4);
    this.pristine = data.slice();
    new Uint8Array(this.before.buffer).set(data);
    this.linear.u8.set(data, DATA_AT);
  }

  loadCode(code: Uint8Array): void {
    this.linear.u8.set(code, CODE_AT);
    this.cpu.flushCode();
  }

  /**
   * Runs the case at `offset` of `cases`, and fills `result`.
   * @param slice how many instructions the next call of `Cpu.run` may retire
   */
  run(cases: DataView, offset: number, result: DataView, slice: () => number = () => BUDGET): void {
    this.patch(cases, offset);
    this.load(cases, offset);
    this.retired = 0;
    let exit: Exit = Exit.budget;
    while (exit === Exit.budget && this.retired < BUDGET) {
      const budget = slice();
      exit = this.cpu.run(this.context, this.space, budget);
      this.retired += this.cpu.retired;
      if (exit === Exit.budget && this.cpu.retired !== budget) throw new Error(`budget of ${budget} retired ${this.cpu.retired}`);
    }
    this.save(exit, result);
    this.unpatch(cases.getUint32(offset + Case.patchOffset, true));
  }

  private loadTls(segment: number, selector: number, base: number, limit: number, attributes: number): void {
    const { context, linear } = this;
    const at = context.at(TLS_DESCRIPTORS) + ((selector >> 3) - TLS_FIRST) * 8;
    linear.view.setInt32(at, ((base & 0xffff) << 16) | (limit & 0xffff), true);
    linear.view.setInt32(at + 4, (base & 0xff000000) | ((base >>> 16) & 0xff) | (limit & 0xf0000) | attributes, true);
    if (loadSegment(linear.view, CONTEXT_AT, segment, selector, undefined) !== 'done') throw new Error(`selector ${selector} cannot be loaded`);
  }

  private load(cases: DataView, offset: number): void {
    const { cpu, context, linear } = this;
    const { view } = linear;
    cpu.initialise(context);
    for (let at = 0; at < 128; at += 4) view.setUint32(context.at(GPR) + at, cases.getUint32(offset + Case.gpr + at, true), true);
    view.setBigUint64(context.at(RIP), cases.getBigUint64(offset + Case.rip, true), true);
    cpu.writeRflags(context, cases.getUint32(offset + Case.rflags, true));
    view.setUint32(context.at(MXCSR), cases.getUint32(offset + Case.mxcsr, true), true);
    for (let at = 0; at < 256; at += 4) view.setUint32(context.at(XMM) + at, cases.getUint32(offset + Case.xmm + at, true), true);
    context.setSelector(Segment.cs, this.mode === 64 ? USER_CS_64 : USER_CS_32);
    for (const segment of [Segment.ss, Segment.ds, Segment.es]) context.setSelector(segment, USER_DS);
    if (this.mode === 64) {
      context.setSegmentBase(Segment.fs, BigInt(FS_BASE));
      context.setSegmentBase(Segment.gs, BigInt(GS_BASE));
    } else {
      this.loadTls(Segment.fs, FS_SELECTOR, FS_BASE, FS_BYTES - 1, BYTE_GRANULAR);
      this.loadTls(Segment.gs, GS_SELECTOR, GS_BASE, 0xfffff, PAGE_GRANULAR);
    }
    const status = cases.getUint16(offset + Case.fsw, true);
    const top = (status >> 11) & 7;
    view.setInt32(context.at(FPU_CONTROL), cases.getUint16(offset + Case.fcw, true), true);
    view.setInt32(context.at(FPU_STATUS), status & ~0x3800, true);
    view.setInt32(context.at(FPU_TOP), top, true);
    view.setInt32(context.at(FPU_TAGS), cases.getUint16(offset + Case.ftw, true), true);
    for (let n = 0; n < 8; n++) {
      const to = context.at(FPU_REGS) + ((top + n) & 7) * 16;
      for (let at = 0; at < 16; at += 4) view.setUint32(to + at, cases.getUint32(offset + Case.st + n * 16 + at, true), true);
    }
  }

  private save(exit: Exit, result: DataView): void {
    const { cpu, context, linear } = this;
    const { view } = linear;
    for (let at = 0; at < 128; at += 4) result.setUint32(Result.gpr + at, view.getUint32(context.at(GPR) + at, true), true);
    result.setBigUint64(Result.rip, view.getBigUint64(context.at(RIP), true), true);
    result.setBigUint64(Result.rflags, BigInt(cpu.readRflags(context) >>> 0), true);
    result.setUint32(Result.mxcsr, view.getUint32(context.at(MXCSR), true), true);
    for (let at = 0; at < 256; at += 4) result.setUint32(Result.xmm + at, view.getUint32(context.at(XMM) + at, true), true);
    const top = view.getInt32(context.at(FPU_TOP), true) & 7;
    result.setUint16(Result.fcw, view.getInt32(context.at(FPU_CONTROL), true), true);
    result.setUint16(Result.fsw, (view.getInt32(context.at(FPU_STATUS), true) & ~0x3800) | (top << 11), true);
    result.setUint16(Result.ftw, view.getInt32(context.at(FPU_TAGS), true), true);
    result.setUint16(Result.fop, view.getInt32(context.at(FPU_OPCODE), true), true);
    for (let n = 0; n < 8; n++) {
      const from = context.at(FPU_REGS) + ((top + n) & 7) * 16;
      for (let at = 0; at < 16; at += 4) result.setUint32(Result.st + n * 16 + at, view.getUint32(from + at, true), true);
    }
    const exception = exit === Exit.exception;
    result.setUint32(Result.trap, exception ? view.getUint32(context.at(FAULT_VECTOR), true) : exit === Exit.undefined ? Vector.invalidOpcode : 0x100 + exit, true);
    result.setUint32(Result.error, exception ? view.getUint32(context.at(FAULT_ERROR), true) : 0, true);
    result.setBigUint64(Result.cr2, view.getBigUint64(context.at(FAULT_ADDRESS), true), true);
    this.saveChanges(result);
  }

  // As harness.c does it.
  private saveChanges(result: DataView): void {
    const { words, before } = this;
    const count = words.length;
    let first = 0;
    while (first < count && words[first] === before[first]) first++;
    let last = first === count ? -1 : count - 1;
    while (last > first && words[last] === before[last]) last--;
    let hash = 2166136261;
    for (let i = first; i <= last; i++) hash = Math.imul(hash ^ words[i], 16777619);
    for (let i = 0; i < SPAN_BYTES / 4; i++) result.setUint32(Result.span + i * 4, last >= 0 && first + i < count ? words[first + i] : 0, true);
    for (let i = first; i <= last; i++) words[i] = before[i];
    result.setUint32(Result.first, first, true);
    result.setUint32(Result.last, Math.max(last, 0), true);
    result.setUint32(Result.hash, hash >>> 0, true);
  }

  private patch(cases: DataView, offset: number): void {
    const at = cases.getUint32(offset + Case.patchOffset, true);
    const bytes = new Uint8Array(cases.buffer, cases.byteOffset + offset + Case.patch, PATCH_BYTES);
    this.linear.u8.set(bytes, DATA_AT + at);
    new Uint8Array(this.before.buffer).set(bytes, at);
  }

  private unpatch(at: number): void {
    const bytes = this.pristine.subarray(at, at + PATCH_BYTES);
    this.linear.u8.set(bytes, DATA_AT + at);
    new Uint8Array(this.before.buffer).set(bytes, at);
  }
}

