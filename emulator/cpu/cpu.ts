/**
 * The CPU: runs a thread's context in an address space until something happens that the host must know of.
 *
 * Emitted code does the work (interpreter/, translator/); this class answers when it comes back: finds or builds blocks, puts
 * the state right after a fault in the middle of a block, runs single instructions that need care, and counts exactly.
 */
import { BlockBuilder, BuildFailure, HANDLERS_PER_BLOCK, type BuilderHost } from './block-builder.ts';
import { CodeCache } from './code-cache.ts';
import { countingImports } from './counting/counting-code.ts';
import type { TransferSite } from './counting/transfer.ts';
import type { CountingContext, TransferCounters } from './counting/transfer-counters.ts';
import { engineFunctions } from './engine-functions.ts';
import { cpuid } from './cpuid.ts';
import { disassemble } from './disassembler.ts';
import {
  BLOCK_COUNT, BLOCK_HEADER, BLOCK_LIMIT, FIRST_REGION_SLOT, LEFT_AT, LEFT_IN, RECORD, RECORD_LENGTH, SINGLE_BLOCK,
} from './engine-area.ts';
import { Exit, PageFaultError, Vector } from './exits.ts';
import { Flag } from './flags.ts';
import { HelperLibrary } from './helper-library.ts';
import { handlerModule, INLINE_HANDLERS, linkHandlers, makeRoomForHandlers } from './interpreter/handlers.ts';
import { interpreterModule, Left } from './interpreter/interpreter-function.ts';
import { readRflags, writeRflags } from './lazy-flags.ts';
import { SlowPath } from './slow-path.ts';
import {
  BUDGET, CODE_CONTEXT, CONTEXT_SIZE, CPU, EXIT_ARGUMENT, EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, FLAGS_OTHER, FPU_CONTROL, GPR, MXCSR, Reg, RIP, SELECTOR, Segment, TLB_BASE,
  PAGE_SIZE, USER_CS_32, USER_CS_64, USER_DS, USER_END,
} from './state.ts';
import { setEngineFlags } from './translator/engine-flags.ts';
import { RegionTranslator } from './translator/translator.ts';
import { Watchpoints, type Watchpoint } from './watchpoints.ts';
import { Access, type CodeWatcher, type PageAccess } from '../memory/page-access.ts';
import { Tlb } from '../memory/tlb.ts';
import type { CodePage, FinishedRegion, KnownBlock, RegionHost, Translator } from './translator-interface.ts';
import type { Helper } from './semantics/emitter.ts';
import type { LinearMemory } from '../memory/linear-memory.ts';
import type { ThreadContext } from '../host/process/thread-context.ts';

export interface CpuOptions {
  /** Runs after which a block is offered to the translator. */
  readonly threshold?: number;
  /** Translate hot code; otherwise everything is interpreted. Guests cannot tell. Default: no. */
  readonly regions?: boolean;
  /** Another translator than the usual one, for tests. */
  readonly translator?: (host: RegionHost) => Translator;
  /** Interpreter handlers at most; when they are used up, all code is decoded anew. For tests. */
  readonly handlerLimit?: number;
}

/** Where transfers are counted, and for whom. */
export interface Counting {
  readonly counters: TransferCounters;
  contextOf(context: ThreadContext, space: PageAccess): CountingContext;
}

export interface CpuStats {
  /** Blocks decoded. */
  blocks: number;
  /** Regions installed. */
  regions: number;
  /** Times the emitted code came back to JavaScript. */
  returns: number;
  /** Instructions done one by one in the slow step. */
  slowSteps: number;
}

const DEFAULT_THRESHOLD = 4000;
/** Returns from emitted code without an instruction retired which can only be a mistake of ours. */
const IDLE_RETURNS = 1000;

export class Cpu implements CodeWatcher, BuilderHost, RegionHost {
  readonly linear: LinearMemory;
  readonly table: WebAssembly.Table;
  readonly stats: CpuStats = { blocks: 0, regions: 0, returns: 0, slowSteps: 0 };
  /** Whether a breakpoint counts in this space; all do without it. */
  breakpointFilter: ((address: number, space: PageAccess) => boolean) | undefined;
  /** What RDTSC reads, given the instructions retired in this run so far. */
  timestamp: (retiredInRun: number) => number = (retired) => retired;
  /** Instructions retired by the last `run` or `step`. */
  retired = 0;
  private readonly cache: CodeCache;
  private readonly builder: BlockBuilder;
  private readonly slow: SlowPath;
  private readonly library: HelperLibrary;
  private readonly threshold: number;
  private interpret: (start: number) => number;
  private counting: Counting | undefined;
  private readonly linked = new Uint8Array(FIRST_REGION_SLOT);
  private readonly handlerLimit: number;
  /** What {@link makeRoomForHandlers} answered when the present records were made. */
  private handlerGeneration: number;
  private readonly breakpoints = new Map<number, number>();
  private readonly watchpoints = new Watchpoints();
  private readonly tlbs = new Map<number, Tlb>();
  /** By frame: some write TLB may have it. */
  private readonly writable: Uint8Array;
  private readonly translator: Translator | undefined;
  private readonly freeSlots: number[] = [];
  private nextSlot = FIRST_REGION_SLOT;
  private current: PageAccess | undefined;
  private budget = 0;

  constructor(linear: LinearMemory, options: CpuOptions = {}) {
    setEngineFlags();
    this.linear = linear;
    this.handlerLimit = options.handlerLimit ?? FIRST_REGION_SLOT;
    this.handlerGeneration = makeRoomForHandlers(0, FIRST_REGION_SLOT);
    this.writable = new Uint8Array(linear.u8.length / PAGE_SIZE);
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: FIRST_REGION_SLOT * 2 });
    this.cache = new CodeCache(linear);
    this.builder = new BlockBuilder(linear, this);
    this.slow = new SlowPath(linear, this.watchpoints, this);
    this.library = new HelperLibrary(linear.memory, this.table, engineFunctions(linear.memory, this.slow.access), {
      memory: linear.memory,
      u8: linear.u8,
      view: linear.view,
      i32: linear.i32,
      guestRead: (va, bytes) => this.slow.guestAccess(va, bytes, false),
      guestWrite: (va, bytes) => this.slow.guestAccess(va, bytes, true),
      ldt: () => this.space.ldt,
    });
    const usual = options.regions === true ? (host: RegionHost): Translator => new RegionTranslator(host, 'background') : undefined;
    const translator = options.translator ?? usual;
    this.threshold = translator === undefined ? 0 : (options.threshold ?? DEFAULT_THRESHOLD);
    this.interpret = this.interpreter();
    this.translator = translator?.(this);
    this.cache.onRegionDropped = (slot) => this.translator?.dropped(slot);
    this.cache.onCopied = (from, to, bytes) => this.counting?.counters.recordsCopied(from, to, bytes);
    this.cache.onFlush = () => this.counting?.counters.arenaFlushed();
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  /**
   * Runs until `budget` instructions have retired or an exit comes first. The context's slot holds the state before and after.
   * @param budget at least 1.
   */
  run(context: ThreadContext, space: PageAccess, budget: number): Exit {
    this.enter(context, space, budget);
    this.translator?.poll();
    const exit = this.trapping ? this.trapOrBreakpoint(space) : this.loop(space);
    this.leave(context);
    return exit;
  }

  /** Exactly one instruction, even at a breakpoint. `Exit.budget` when it simply retired. */
  step(context: ThreadContext, space: PageAccess): Exit {
    this.enter(context, space, 1);
    let exit = this.trapping ? this.trappedStep(space) : this.singleStep(space);
    if (this.goesOn(exit)) exit = Exit.budget;
    this.leave(context);
    return exit;
  }

  /** During a run, at a breakpoint: instructions it has retired so far; otherwise 0. */
  get retiredSoFar(): number {
    return this.current === undefined ? 0 : this.budget - this.linear.i32[BUDGET >>> 2];
  }

  /** During a run, at a breakpoint: brings the context's slot up to date. */
  publish(context: ThreadContext): void {
    if (this.current !== undefined) this.linear.u8.copyWithin(context.slot, CPU, CPU + CONTEXT_SIZE);
  }

  /** The argument of the last exit: an interrupt's vector, a watchpoint's id. */
  get exitArgument(): bigint {
    return this.linear.u64[EXIT_ARGUMENT >>> 3];
  }

  /** Why the last page fault happened (page-access.ts TouchFault). */
  get touchFault(): number {
    return this.slow.touchFault;
  }

  /** Ends the translator's workers. */
  close(): void {
    this.translator?.close();
  }

  // ── counting ──────────────────────────────────────────────────────────────────────────────────

  /** Counts control transfers from now on, or no longer. Only between runs: all code is made anew, which the guest cannot tell. */
  setCounting(counting: Counting | undefined): void {
    this.cache.flush();
    this.counting = counting;
    if (counting !== undefined) this.library.provide(countingImports(counting.counters, this.linear.memory));
    this.interpret = this.interpreter();
  }

  get counters(): TransferCounters | undefined {
    return this.counting?.counters;
  }

  noteTransfer(record: number, site: TransferSite, target: number | undefined): number {
    return this.counting?.counters.noteRecord(record, site, target) ?? 0;
  }

  // ── contexts ──────────────────────────────────────────────────────────────────────────────────

  /** State as Linux gives it to a new program: all registers zero but what must not be. */
  initialise(context: ThreadContext): void {
    const { u8, view } = this.linear;
    u8.fill(0, context.slot, context.slot + CONTEXT_SIZE);
    view.setInt32(context.at(MXCSR), 0x1f80, true);
    view.setInt32(context.at(FPU_CONTROL), 0x37f, true);
    this.writeRflags(context, 0x202);
    view.setInt32(context.at(FLAGS_OTHER), 0x200, true);
    context.setSelector(Segment.cs, USER_CS_64);
    context.setSelector(Segment.ss, USER_DS);
  }

  readRflags(context: ThreadContext): number {
    return readRflags(this.linear.view, context);
  }

  writeRflags(context: ThreadContext, value: number): void {
    writeRflags(this.linear.view, context, value);
  }

  // ── breakpoints and watchpoints ───────────────────────────────────────────────────────────────

  /** Counted: as many removals as additions. */
  addBreakpoint(address: number): void {
    const count = this.breakpoints.get(address) ?? 0;
    this.breakpoints.set(address, count + 1);
    if (count === 0) this.cache.dropAddress(address);
  }

  removeBreakpoint(address: number): void {
    const count = this.breakpoints.get(address) ?? 0;
    if (count > 1) this.breakpoints.set(address, count - 1);
    else this.breakpoints.delete(address);
  }

  isBreakpoint(address: number): boolean {
    return this.breakpoints.size > 0 && this.breakpoints.has(address);
  }

  addWatchpoint(watchpoint: Watchpoint): void {
    this.watchpoints.add(watchpoint);
    for (const tlb of this.tlbs.values()) tlb.flushAll();
  }

  removeWatchpoint(id: number): void {
    this.watchpoints.remove(id);
  }

  // ── code ──────────────────────────────────────────────────────────────────────────────────────

  frameChanged(linear: number): void {
    this.cache.dropFrame(linear);
  }

  hasCode(linear: number): boolean {
    return this.cache.hasCode(linear);
  }

  noteWritable(frame: number): void {
    this.writable[frame >>> 12] = 1;
  }

  /** Forgets all decoded and translated code. */
  flushCode(): void {
    this.cache.flush();
  }

  codeFrame(page: number): number {
    return this.codeFrameIn(this.space, page);
  }

  linkHandlers(numbers: readonly number[]): void {
    const { linked } = this;
    for (const number of numbers) {
      if (number < INLINE_HANDLERS || linked[number] !== 0) continue;
      const made = handlerModule(number, numbers, () => this.builder.upcoming());
      this.library.require(made.helpers);
      linkHandlers(made, this.table, this.importObject);
      for (const n of made.numbers) linked[n] = 1;
    }
  }

  /** Bytes and disassembly of the instruction at `rip`, for messages. */
  describe(space: PageAccess, rip: number, mode: 64 | 32 = 64): string {
    const bytes: number[] = [];
    for (let i = 0; i < 15; i++) {
      const frame = rip + i < USER_END ? space.touch(Math.floor((rip + i) / PAGE_SIZE), Access.execute) : 0;
      if (frame <= 0) break;
      bytes.push(this.linear.u8[frame + ((rip + i) % PAGE_SIZE)]);
    }
    if (bytes.length === 0) return `${rip.toString(16)}: not executable`;
    const { text, length } = disassemble(Uint8Array.from(bytes), rip, mode);
    const shown = bytes.slice(0, Math.max(length, 1)).map((byte) => byte.toString(16).padStart(2, '0'));
    return `${rip.toString(16)}: ${shown.join(' ')}  ${text}`;
  }

  // ── for the translator ────────────────────────────────────────────────────────────────────────

  get importObject(): WebAssembly.Imports {
    return this.library.importObject;
  }

  requireHelpers(helpers: readonly Helper[]): void {
    this.library.require(helpers);
  }

  knowsHelper(name: string): boolean {
    return this.library.has(name);
  }

  allocateSlot(): number {
    const slot = this.freeSlots.pop() ?? this.nextSlot++;
    if (slot >= this.table.length) this.table.grow(this.table.length);
    return slot;
  }

  freeSlot(tableIndex: number): void {
    this.table.set(tableIndex, null);
    this.freeSlots.push(tableIndex);
  }

  codePage(space: PageAccess, page: number): CodePage | undefined {
    // Only what has been executed already: the guest can see which of its pages are present.
    if (space.resident(page, Access.execute) === 0) return undefined;
    const frame = this.codeFrameIn(space, page);
    return frame > 0 ? { page, frame, version: this.cache.version(frame) } : undefined;
  }

  blocksIn(page: CodePage, mode: 64 | 32): readonly KnownBlock[] {
    return this.cache.blocksIn(page.frame, mode);
  }

  install(region: FinishedRegion): boolean {
    for (const address of this.breakpoints.keys()) {
      if (region.pages.some(({ page }) => page === Math.floor(address / PAGE_SIZE))) return false;
    }
    const installed = this.cache.install(region);
    if (installed) this.stats.regions++;
    return installed;
  }

  // ── private ───────────────────────────────────────────────────────────────────────────────────

  private get space(): PageAccess {
    if (this.current === undefined) throw new Error('Cpu used outside of run');
    return this.current;
  }

  private enter(context: ThreadContext, space: PageAccess, budget: number): void {
    if (!(budget >= 1)) throw new Error(`budget of ${budget} instructions`);
    const { i32, u8 } = this.linear;
    u8.copyWithin(CPU, context.slot, context.slot + CONTEXT_SIZE);
    let tlb = this.tlbs.get(space.tlb);
    if (tlb === undefined) {
      tlb = new Tlb(this.linear, space.tlb);
      this.tlbs.set(space.tlb, tlb);
    }
    this.current = space;
    this.slow.use(space, tlb);
    this.slow.useCodeContext(space.codeContext * 2 + (this.mode === 32 ? 1 : 0));
    i32[TLB_BASE >>> 2] = space.tlb;
    i32[BUDGET >>> 2] = budget;
    this.budget = budget;
    if (this.counting !== undefined) this.counting.counters.enter(this.counting.contextOf(context, space), this.rip, budget);
  }

  private leave(context: ThreadContext): void {
    const { i32, u8 } = this.linear;
    u8.copyWithin(context.slot, CPU, CPU + CONTEXT_SIZE);
    this.retired = this.budget - i32[BUDGET >>> 2];
    this.counting?.counters.leave(this.rip, this.retired);
    this.stats.blocks = this.cache.built;
    this.current = undefined;
  }

  private interpreter(): (start: number) => number {
    const { module, helpers } = interpreterModule(this.threshold, this.counting?.counters.mode);
    this.library.require(helpers);
    const { run } = new WebAssembly.Instance(module, this.importObject).exports;
    if (typeof run !== 'function') throw new Error('interpreter module without run');
    return run as (start: number) => number;
  }

  private get mode(): 64 | 32 {
    return this.linear.i32[(SELECTOR >>> 2) + Segment.cs] === USER_CS_32 ? 32 : 64;
  }

  private get rip(): number {
    const { u32 } = this.linear;
    return u32[RIP >>> 2] + u32[(RIP >>> 2) + 1] * 0x100000000;
  }

  private set rip(value: number) {
    const { i32 } = this.linear;
    i32[RIP >>> 2] = value | 0;
    i32[(RIP >>> 2) + 1] = Math.floor(value / 0x100000000);
  }

  private loop(space: PageAccess): Exit {
    const { i32 } = this.linear;
    let start = 0;
    let budget = -1;
    let idle = 0;
    for (;;) {
      if (i32[BUDGET >>> 2] !== budget) {
        budget = i32[BUDGET >>> 2];
        idle = 0;
      } else if (++idle === IDLE_RETURNS) throw new Error(`the engine makes no progress at ${this.describe(space, this.rip, this.mode)}`);
      const why = this.interpret(start);
      start = 0;
      this.stats.returns++;
      let reason: Exit = Exit.none;
      switch (why) {
        case Left.lookup:
          start = this.lookup(space);
          break;
        case Left.short:
          if (i32[BUDGET >>> 2] === 0) return Exit.budget;
          start = this.partial(i32[BUDGET >>> 2]);
          break;
        case Left.hot:
          if (!this.enterKnownRegion(space) && this.translator?.request(this.rip, this.mode, space) === false) this.coolDown();
          this.translator?.poll();
          break;
        default:
          reason = this.settle(why);
          if (reason === Exit.slowStep) {
            this.stats.slowSteps++;
            reason = this.singleStep(space);
          }
          if (reason === Exit.trapFlag) return i32[BUDGET >>> 2] === 0 ? Exit.budget : this.trapOrBreakpoint(space);
          if (this.goesOn(reason)) continue;
          return reason;
      }
      if (start < 0) return -start as Exit;
    }
  }

  /** After emitted code left with a reason: puts RIP and BUDGET right, and returns it. */
  private settle(why: number): Exit {
    const { i32 } = this.linear;
    const reason = i32[EXIT_REASON >>> 2] as Exit;
    if (why === Left.region) return reason;
    const at = i32[LEFT_AT >>> 2];
    const block = i32[LEFT_IN >>> 2];
    const index = (at - block - BLOCK_HEADER) / RECORD;
    const retired = index + (why === Left.retired || reason === Exit.again ? 1 : 0);
    i32[BUDGET >>> 2] += i32[(block + BLOCK_COUNT) >>> 2] - retired;
    const passed = why === Left.retired ? index + 1 : index;
    const { u8 } = this.linear;
    let rip = this.cache.ripOf(block);
    for (let i = 0; i < passed; i++) rip += u8[block + BLOCK_HEADER + i * RECORD + RECORD_LENGTH];
    this.rip = this.mode === 32 ? rip % 0x100000000 : rip;
    return reason;
  }

  /** Block for RIP which is not in the jump cache: 0 when it is now, its address when it must not be, or a negated Exit. */
  private lookup(space: PageAccess): number {
    const { rip, mode } = this;
    this.renewHandlers();
    let cacheable = true;
    if (this.isBreakpoint(rip)) {
      if (this.breakpointFilter === undefined || this.breakpointFilter(rip, space)) return -Exit.breakpoint;
      cacheable = false;
    }
    const frame = this.fetchFrame(rip);
    if (frame <= 0) return -Exit.exception;
    const context = this.linear.i32[CODE_CONTEXT >>> 2];
    const page = Math.floor(rip / PAGE_SIZE);
    let header = this.cache.find(rip, mode, frame, () => this.codeFrame(page + 1));
    if (header === 0) {
      if (!this.builder.read(rip, mode, frame, BLOCK_LIMIT)) return -this.unbuildable();
      header = this.cache.allocate(this.builder.count);
      // Allocating may have flushed everything, marks included.
      if (this.codeFrame(page) !== frame) throw new Error('frame of code changed while it was decoded');
      if (this.builder.crosses) this.codeFrame(page + 1);
      this.builder.write(header);
      this.cache.add(header, rip, mode);
    } else if (cacheable && this.translator !== undefined) {
      const region = this.cache.regionEntry(rip, mode, context, (n) => space.resident(n, Access.execute));
      // A block that is hot elsewhere has to become hot here once more.
      if (region !== 0) header = region;
      else this.cache.coolDown(header);
    }
    if (!cacheable) {
      this.cache.isolate(header);
      return header;
    }
    this.cache.cacheFrame(frame, page, mode, context);
    this.cache.cache(header, rip, context);
    return 0;
  }

  /** Before a block is built: numbers for its handlers. When they had to begin anew, what was made with the old ones goes. */
  private renewHandlers(): void {
    const generation = makeRoomForHandlers(HANDLERS_PER_BLOCK, this.handlerLimit);
    if (generation === this.handlerGeneration) return;
    this.handlerGeneration = generation;
    this.cache.flush();
    for (let number = INLINE_HANDLERS; number < FIRST_REGION_SLOT; number++) {
      if (this.linked[number] !== 0) this.table.set(number, null);
    }
    this.linked.fill(0);
  }

  /** The next `count` instructions (or fewer) as a block of their own; or a negated Exit. */
  private partial(count: number): number {
    const { rip } = this;
    this.renewHandlers();
    const frame = this.fetchFrame(rip);
    if (frame <= 0) return -Exit.exception;
    if (!this.builder.read(rip, this.mode, frame, count)) return -this.unbuildable();
    this.builder.write(SINGLE_BLOCK);
    return SINGLE_BLOCK;
  }

  /** Runs the instruction at RIP alone, with everything allowed. `none` (or `again`) when it has simply retired. */
  private singleStep(space: PageAccess): Exit {
    const { i32 } = this.linear;
    const rest = i32[BUDGET >>> 2] - 1;
    const start = this.partial(1);
    if (start < 0) return -start as Exit;
    i32[BUDGET >>> 2] = 1;
    this.counting?.counters.setAside(rest);
    this.slow.beginStep();
    const why = this.interpret(start);
    const done = why === Left.lookup || why === Left.short;
    const reason = done ? Exit.none : this.settle(why);
    const hit = this.slow.finishStep(i32[BUDGET >>> 2] === 0);
    i32[BUDGET >>> 2] += rest;
    this.counting?.counters.setAside(-rest);
    this.slow.useCodeContext(space.codeContext * 2 + (i32[CODE_CONTEXT >>> 2] & 1));
    if (hit === undefined) return reason;
    this.linear.u64[EXIT_ARGUMENT >>> 3] = BigInt(hit.id);
    return Exit.watchpoint;
  }

  /** TF is set: the next instruction ends in #DB. */
  private get trapping(): boolean {
    return (this.linear.i32[FLAGS_OTHER >>> 2] & Flag.tf) !== 0;
  }

  private trapOrBreakpoint(space: PageAccess): Exit {
    const { rip } = this;
    const stops = this.isBreakpoint(rip) && (this.breakpointFilter === undefined || this.breakpointFilter(rip, space));
    return stops ? Exit.breakpoint : this.trappedStep(space);
  }

  /** The instruction at RIP, begun with TF set: #DB after it, unless it leaves in another way. */
  private trappedStep(space: PageAccess): Exit {
    const { i32 } = this.linear;
    const reason = this.singleStep(space);
    if (!this.goesOn(reason)) return reason;
    i32[FAULT_VECTOR >>> 2] = Vector.debug;
    i32[FAULT_ERROR >>> 2] = 0;
    return Exit.exception;
  }

  /** Whether the guest goes on after this reason; an instruction left to JavaScript is done then. */
  private goesOn(reason: Exit): boolean {
    if (reason === Exit.again && this.counting !== undefined) this.countAgain();
    return reason === Exit.none || reason === Exit.again || reason === Exit.trapFlag || this.emulate(reason);
  }

  /** Part of a repeated string instruction is done and has retired; no transfer tells that it is executed once more. */
  private countAgain(): void {
    const { rip } = this;
    const frame = this.codeFrame(Math.floor(rip / PAGE_SIZE));
    if (frame <= 0 || !this.builder.read(rip, this.mode, frame, 1)) throw new Error(`no instruction at ${rip.toString(16)}, which is being repeated`);
    this.counting?.counters.again(rip, rip + this.builder.length);
  }

  /** Does what an instruction left to JavaScript. False when the exit is for the host. */
  private emulate(reason: Exit): boolean {
    switch (reason) {
      case Exit.cpuid: {
        const [a, b, c, d] = cpuid(this.register(Reg.rax), this.register(Reg.rcx));
        this.setRegister(Reg.rax, a);
        this.setRegister(Reg.rbx, b);
        this.setRegister(Reg.rcx, c);
        this.setRegister(Reg.rdx, d);
        return true;
      }
      case Exit.rdtsc: {
        const time = this.timestamp(this.budget - this.linear.i32[BUDGET >>> 2]);
        this.setRegister(Reg.rax, time | 0);
        this.setRegister(Reg.rdx, Math.floor(time / 0x100000000) | 0);
        return true;
      }
      default:
        return false;
    }
  }

  private register(n: number): number {
    return this.linear.i32[(GPR >>> 2) + n * 2];
  }

  /** Writes the low half and clears the high one. */
  private setRegister(n: number, value: number): void {
    this.linear.i32[(GPR >>> 2) + n * 2] = value;
    this.linear.i32[(GPR >>> 2) + n * 2 + 1] = 0;
  }

  /** Frame to execute at `rip` from; 0 after recording a fault. */
  private fetchFrame(rip: number): number {
    if (rip >= USER_END) {
      return this.slow.beyondUser(this.linear.i32[RIP >>> 2], this.linear.i32[(RIP >>> 2) + 1], PageFaultError.fetch);
    }
    const frame = this.codeFrame(Math.floor(rip / PAGE_SIZE));
    if (frame > 0) return frame;
    this.slow.pageFault(rip, frame, PageFaultError.fetch);
    return 0;
  }

  private unbuildable(): Exit {
    if (this.builder.failure === BuildFailure.invalid) return Exit.undefined;
    this.slow.pageFault(this.builder.faultAddress, this.builder.touchFault, PageFaultError.fetch);
    return Exit.exception;
  }

  /** Whether a region made elsewhere starts at RIP and fits this space too; from now on it is used. */
  private enterKnownRegion(space: PageAccess): boolean {
    const { rip, mode } = this;
    const context = this.linear.i32[CODE_CONTEXT >>> 2];
    const entry = this.cache.regionEntry(rip, mode, context, (n) => space.resident(n, Access.execute));
    if (entry !== 0) this.cache.cache(entry, rip, context);
    return entry !== 0;
  }

  /** The block at RIP has to become hot again. */
  private coolDown(): void {
    const { rip } = this;
    const header = this.cache.find(rip, this.mode, this.codeFrame(Math.floor(rip / PAGE_SIZE)), () => this.codeFrame(Math.floor(rip / PAGE_SIZE) + 1));
    if (header !== 0) this.cache.coolDown(header);
  }

  private codeFrameIn(space: PageAccess, page: number): number {
    const frame = space.touch(page, Access.execute);
    if (frame <= 0) return frame;
    if (this.cache.mark(frame, page) && this.writable[frame >>> 12] !== 0) {
      this.writable[frame >>> 12] = 0;
      for (const tlb of this.tlbs.values()) tlb.flushWritesTo(frame);
    }
    return frame;
  }
}
