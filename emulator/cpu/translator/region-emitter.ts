/**
 * The translator's emitter: guest registers and flags in wasm locals, operands known while emitting.
 *
 * A region is emitted twice. The first run of the semantic functions only finds out which registers are used and set and which
 * flag setter each block leaves (a *scan*, its code is thrown away); the second one knows what to load at the entry, what to
 * write back, and where a flag setter is known because every way there has the same one.
 *
 * Instructions are counted while emitting: `count` is how many have retired since the budget local was last brought up to date.
 */
import type { Form, OperandSpec } from '../decode/form.ts';
import type { Instruction } from '../decode/instruction.ts';
import { Exit } from '../exits.ts';
import { SLOW_PATH, SLOW_STRETCH, SLOW_WRITE, type ModuleImports } from '../module-imports.ts';
import { EmitterBase, type DynamicFlags, type FlagSetter } from '../semantics/emitter-base.ts';
import type { ComplexEffects, Helper, WordLocal } from '../semantics/emitter.ts';
import type { FlagSource } from '../semantics/flag-formulas.ts';
import {
  BUDGET, EXIT_REASON, FPU_REGS, GPR, MAPPING_CHANGED, PAGE_SIZE, Reg, RIP, Segment, TLB_BASE, TLB_BYTES, TLB_MASK, TLB_SHIFT, XMM,
} from '../state.ts';
import type { FunctionBody, FunctionBuilder, I32, I64, Label, Local, V128, Val, ValType, Word } from '../wasm/function-builder.ts';
import { LOAD, STORE } from '../wasm/opcodes.ts';
import { groupAccesses, SymbolicRegisters, type AccessGroup, type BlockAccess, type SymbolicAddress } from './access-groups.ts';
import { analyseFlow, longestPaths, type FlowGraph } from './flow-graph.ts';
import { regionAt, regionAtLocal } from './jump-links.ts';
import { INTERPRET, REGION_PARAMS, REGION_RESULTS } from './region-abi.ts';
import { RegionFlags, meetShapes, type FlagShape } from './region-flags.ts';
import { relativeTarget, type Block, type Region } from './region.ts';
import { emitStructured, type NodeExit } from './structured-flow.ts';

/** What the scan finds for a block. Bit n of a mask: general register n; bit n + 16: xmm n. */
export interface BlockFacts {
  used: number;
  set: number;
  flags: FlagShape;
  /** Guest memory accesses, in the order of emission. */
  accesses: BlockAccess[];
  /** Numbers of accesses before which helpers may have changed the mapping. */
  barriers: number[];
}

function noFacts(): BlockFacts {
  return { used: 0, set: 0, flags: 'memory', accesses: [], barriers: [] };
}

/** What is known where a block ends. */
interface BlockEnd {
  count: number;
  dirty: number;
  shape: FlagShape;
}

/** Exit site: rip << 16 | flags | instructions to count. */
const EXIT_RIP_SHIFT = 16;
const EXIT_COUNT_MASK = 0x3fff;
/** The status is INTERPRET. */
const EXIT_INTERPRET = 0x8000;
/** If EXIT_REASON is `again`, the instruction counts. */
const EXIT_AGAIN = 0x4000;
/** Different sets of registers for which exits share code; exits with yet another one have their own. */
const SHARED_EXITS = 12;
const BYTE = 0xffn;
const WORD = 0xffffn;

export class RegionEmitter extends EmitterBase {
  mode: 64 | 32 = 64;
  /** Type index of a region function in the module. */
  private readonly type: number;
  private region!: Region;
  private neighbours: ReadonlyMap<number, number> = new Map();
  private block!: Block;
  private instruction!: Instruction;
  private flags!: RegionFlags;
  private registers: Local<'i64'>[] = [];
  private vectors: Local<'v128'>[] = [];
  private budget!: Local<'i32'>;
  private tlb!: Local<'i32'>;
  /** What the shared exit is told: see `packExit`. */
  private exitSite!: Local<'i64'>;
  private exitLabels: Label[] = [];
  /** Registers each of the exits writes back, in the order in which they were first needed. */
  private exitMasks: number[] = [];
  private withFlags!: Label;
  private withoutFlags!: Label;
  private count = 0;
  /** Registers that have a local. */
  private usedMask = 0;
  /** Registers whose local may differ from memory. */
  private dirty = 0;
  private facts: BlockFacts = noFacts();
  private ending: NodeExit | undefined;
  private readonly symbols = new SymbolicRegisters();
  /** Symbolic addresses of locals of the current instruction, by index. */
  private readonly addresses = new Map<number, SymbolicAddress>();
  /** Groups of the block by access; linear address of each one's first byte once checked. */
  private groups: (AccessGroup | undefined)[] = [];
  private readonly stretches = new Map<AccessGroup, Local<'i32'>>();
  /** Nesting of the block itself: what is emitted deeper in may not be executed. */
  private nesting = 0;
  /** Of the block being emitted, filled when it is finished: ways out of the region are emitted later, after other blocks. */
  private after: BlockEnd = { count: 0, dirty: 0, shape: 'memory' };

  constructor(f: FunctionBuilder, imports: ModuleImports, type: number) {
    super(f, imports);
    this.type = type;
  }

  /** Facts about each block, from a run whose code is thrown away. It also makes all the imports known that `emit` will use. */
  scan(region: Region): BlockFacts[] {
    this.begin(region, 0xffffffff);
    this.openExits();
    return region.blocks.map((block) => {
      this.facts = noFacts();
      this.groups = [];
      this.flags.shape = 'memory';
      this.body(block);
      if (block.ending !== 'call') this.facts.flags = this.flags.shape;
      return this.facts;
    });
  }

  /**
   * The region as a function of type REGION_PARAMS → REGION_RESULTS.
   * @param neighbours function indices of regions in the same module, by entry address, that are valid wherever this one is
   */
  emit(region: Region, facts: readonly BlockFacts[], neighbours: ReadonlyMap<number, number>): FunctionBody {
    const { f } = this;
    this.neighbours = neighbours;
    const graph = analyseFlow(region.successors);
    const check = region.blocks.map((_, i) => i === 0 || graph.loopHead[i]);
    for (const block of region.blocks) {
      const next = block.ending === 'call' ? region.blockAt.get(block.next) : undefined;
      if (next !== undefined) check[next] = true;
    }
    const longest = longestPaths(graph, region.blocks.map((block) => block.instructions.length), check);
    const shapes = shapesAtEntry(graph, region, facts);
    const dirty = dirtyAtEntry(graph, region, facts);
    const used = facts.reduce((mask, fact) => mask | fact.used | fact.set, 0);
    const pending = new Array<number>(region.blocks.length).fill(0);
    const flushed = (node: number): boolean => !graph.reducible || check[node] || graph.merge[node];

    this.begin(region, used);
    this.openExits();
    this.loadState(used);
    emitStructured(f, graph, (node) => {
      const block = region.blocks[node];
      this.count = flushed(node) ? 0 : pending[graph.dominator[node]];
      this.flags.shape = shapes[node];
      this.dirty = dirty[node];
      this.facts = noFacts();
      this.groups = groupAccesses(facts[node].accesses, facts[node].barriers);
      if (check[node]) this.checkBudget(block, longest[node]);
      const ending = this.body(block);
      if (graph.successors[node].some(flushed)) this.flushCount();
      pending[node] = this.count;
      Object.assign(this.after, { count: this.count, dirty: this.dirty, shape: this.flags.shape });
      return ending;
    });
    f.unreachable();
    this.closeExits();
    return f.end();
  }

  // ── region ────────────────────────────────────────────────────────────────────────────────────

  private begin(region: Region, used: number): void {
    const { f } = this;
    f.begin(REGION_PARAMS, REGION_RESULTS);
    this.region = region;
    this.mode = region.mode;
    this.flags = new RegionFlags(f);
    this.registers = [];
    this.vectors = [];
    for (let n = 0; n < 16; n++) {
      if (used & (1 << n)) this.registers[n] = f.local('i64');
      if (used & (0x10000 << n)) this.vectors[n] = f.local('v128');
    }
    this.budget = f.local('i32');
    this.tlb = f.local('i32');
    this.exitSite = f.local('i64');
    this.count = 0;
    this.dirty = 0;
    this.usedMask = used;
  }

  private loadState(mask: number): void {
    const { f } = this;
    this.loadRegisters(mask);
    this.flags.load();
    f.set(this.budget, f.load.i32Load(f.i32.const(0), BUDGET));
    f.set(this.tlb, f.load.i32Load(f.i32.const(0), TLB_BASE));
    this.dirty = 0;
  }

  private loadRegisters(mask: number): void {
    const { f } = this;
    for (let n = 0; n < 16; n++) {
      if (mask & (1 << n)) f.set(this.registers[n], f.load.i64Load(f.i32.const(0), GPR + n * 8));
      if (mask & (0x10000 << n)) f.set(this.vectors[n], f.load.v128Load(f.i32.const(0), XMM + n * 16));
    }
  }

  private storeRegisters(mask: number): void {
    const { f } = this;
    for (let n = 0; n < 16; n++) {
      if (mask & (1 << n)) f.store.i64Store(f.i32.const(0), f.get(this.registers[n]), GPR + n * 8);
      if (mask & (0x10000 << n)) f.store.v128Store(f.i32.const(0), f.get(this.vectors[n]), XMM + n * 16);
    }
  }

  /** Registers, flags and budget to memory, as after the `count` instructions counted so far. */
  private storeState(): void {
    const { f } = this;
    this.storeRegisters(this.dirty);
    this.flags.store();
    f.store.i32Store(f.i32.const(0), f.i32.sub(f.get(this.budget), f.i32.const(this.count)), BUDGET);
  }

  /**
   * Exits that are rarely taken share code: one stretch for each set of registers to write back, then one for the flags. Only
   * what may really differ from memory is written, so that nothing else has to be loaded (TurboFan drops loads without use).
   */
  private openExits(): void {
    const { f } = this;
    this.exitMasks = [];
    this.exitLabels = [];
    this.withoutFlags = f.open('block');
    this.withFlags = f.open('block');
    for (let i = 0; i < 2 * SHARED_EXITS; i++) this.exitLabels.push(f.open('block'));
  }

  private closeExits(): void {
    const { f } = this;
    for (let i = 2 * SHARED_EXITS - 1; i >= 0; i--) {
      f.close();
      const mask = this.exitMasks[i >> 1];
      if (mask === undefined) f.unreachable();
      else {
        this.storeRegisters(mask);
        f.br(i & 1 ? this.withFlags : this.withoutFlags);
      }
    }
    f.close();
    this.flags.storeMixed();
    f.close();
    const site = (): I64 => f.get(this.exitSite);
    const reason = (): I32 => f.load.i32Load(f.i32.const(0), EXIT_REASON);
    f.store.i64Store(f.i32.const(0), f.i64.shrU(site(), f.i64.const(EXIT_RIP_SHIFT)), RIP);
    const count = f.i32.and(f.convert.i32WrapI64(site()), f.i32.const(EXIT_COUNT_MASK));
    // One chunk of a repeated string instruction is done and counts.
    const again = f.i64.ne(f.i64.and(site(), f.i64.const(EXIT_AGAIN)), f.i64.const(0));
    const retired = f.i32.add(count, f.i32.and(again, f.i32.eq(reason(), f.i32.const(Exit.again))));
    const left = f.keep(retired);
    f.store.i32Store(f.i32.const(0), f.i32.sub(f.get(this.budget), f.get(left)), BUDGET);
    f.if(f.i64.ne(f.i64.and(site(), f.i64.const(EXIT_INTERPRET)), f.i64.const(0)), () => f.return(f.i32.const(INTERPRET)));
    f.return(reason());
  }

  /** To the shared exit that writes back what may differ from memory here. */
  private toExit(): void {
    const { f } = this;
    const flags = this.flags.shape !== 'memory';
    let index = this.exitMasks.indexOf(this.dirty);
    if (index < 0 && this.exitMasks.length < SHARED_EXITS) index = this.exitMasks.push(this.dirty) - 1;
    if (index < 0) {
      this.storeRegisters(this.dirty);
      f.br(flags ? this.withFlags : this.withoutFlags);
    } else f.br(this.exitLabels[2 * index + (flags ? 1 : 0)]);
  }

  /** Out through the shared exit, with EXIT_REASON as status or as one of EXIT_INTERPRET and EXIT_AGAIN says. One constant tells it all: fewer values to merge. */
  private leaveAt(rip: number, count: number, how: number): void {
    const { f } = this;
    f.set(this.exitSite, f.i64.const((BigInt(rip) << BigInt(EXIT_RIP_SHIFT)) | BigInt(count | how)));
    this.toExit();
  }

  private checkBudget(block: Block, longest: number): void {
    const { f } = this;
    f.if(
      f.i32.ltS(f.get(this.budget), f.i32.const(longest)),
      () => this.leaveAt(block.address, 0, EXIT_INTERPRET),
      undefined,
      false,
    );
  }

  private flushCount(): void {
    if (this.count === 0) return;
    const { f } = this;
    f.set(this.budget, f.i32.sub(f.get(this.budget), f.i32.const(this.count)));
    this.count = 0;
  }

  private body(block: Block): NodeExit {
    this.ending = undefined;
    this.block = block;
    this.after = { count: 0, dirty: 0, shape: 'memory' };
    this.nesting = this.f.nesting;
    this.symbols.reset();
    this.stretches.clear();
    for (const instruction of block.instructions) {
      const form = instruction.form as Form;
      this.instruction = instruction;
      const moved = this.movedAddress(form);
      this.emitForm(form, instruction);
      this.addresses.clear();
      if (moved !== undefined) this.symbols.set(moved.register, moved.to);
      if (this.ending === undefined) this.count++;
    }
    return this.ending ?? this.goOn(block.next);
  }

  // ── control flow ──────────────────────────────────────────────────────────────────────────────

  /** Unconditionally to a guest address, inside the region or not. */
  private goOn(address: number): NodeExit {
    const node = this.region.blockAt.get(address);
    if (node !== undefined) return { kind: 'jump', to: node };
    this.transfer(address);
    return { kind: 'none' };
  }

  private way(address: number): number | (() => void) {
    const node = this.region.blockAt.get(address);
    if (node !== undefined) return node;
    return this.later(() => this.transfer(address));
  }

  /** What is to be emitted at the end of this block, but after others. */
  private later(emit: () => void): () => void {
    const { after } = this;
    return () => {
      this.count = after.count;
      this.dirty = after.dirty;
      this.flags.shape = after.shape;
      emit();
    };
  }

  /** Leaves for a known address: to its region if there is one, else to the dispatcher. */
  private transfer(address: number): void {
    const { f } = this;
    this.storeState();
    const neighbour = this.neighbours.get(address);
    if (neighbour === undefined) this.tailCall(regionAt(f, address), () => f.i64.const(address));
    else f.returnCall(neighbour, [f.get(f.param(0, 'i32'))]);
  }

  /** Goes on in a region, or at `rip` in the dispatcher when there is none. All state but RIP is in memory. */
  private tailCall(found: I32, rip: () => I64): void {
    const { f } = this;
    const target = f.keep(found);
    f.if(f.get(target), () => f.returnCallIndirect(this.type, [f.get(f.param(0, 'i32'))], f.get(target)), undefined, true);
    f.release(target);
    f.store.i64Store(f.i32.const(0), rip(), RIP);
    f.return(f.i32.const(Exit.none));
  }

  /** Runs the callee at `rip` as a nested wasm call; all state but RIP is in memory. Afterwards at the return point, or gone. */
  private callRegion(found: I32, rip: () => I64): NodeExit {
    const { f } = this;
    const target = f.keep(found);
    const depth = (): I32 => f.get(f.param(0, 'i32'));
    this.unlessCallable(f.i32.or(f.i32.eqz(f.get(target)), f.i32.eqz(depth())), rip);
    const status = f.keep(f.callIndirect(this.type, [f.i32.sub(depth(), f.i32.const(1))], f.get(target), 'i32'));
    f.release(target);
    return this.afterCall(status);
  }

  private callNeighbour(index: number, rip: () => I64): NodeExit {
    const { f } = this;
    const depth = (): I32 => f.get(f.param(0, 'i32'));
    this.unlessCallable(f.i32.eqz(depth()), rip);
    return this.afterCall(f.keep(f.call(index, [f.i32.sub(depth(), f.i32.const(1))], 'i32')));
  }

  private unlessCallable(not: I32, rip: () => I64): void {
    const { f } = this;
    const toDispatcher = (): void => {
      f.store.i64Store(f.i32.const(0), rip(), RIP);
      f.return(f.i32.const(Exit.none));
    };
    f.if(not, toDispatcher, undefined, false);
  }

  private afterCall(status: Local<'i32'>): NodeExit {
    const { f } = this;
    const next = this.nextGuestAddress();
    f.if(
      f.i32.or(f.get(status), f.i64.ne(f.load.i64Load(f.i32.const(0), RIP), f.i64.const(next))),
      () => f.return(f.get(status)),
      undefined,
      false,
    );
    f.release(status);
    const node = this.region.blockAt.get(next);
    if (node === undefined) {
      this.tailCall(regionAt(f, next), () => f.i64.const(next));
      return { kind: 'none' };
    }
    this.loadState(this.usedMask);
    this.count = 0;
    return { kind: 'jump', to: node };
  }

  private nextGuestAddress(): number {
    const { address, length } = this.instruction;
    return this.mode === 32 ? (address + length) >>> 0 : address + length;
  }

  private targetAddress(): number {
    return relativeTarget(this.instruction, this.mode);
  }

  nextAddress(): I64 {
    return this.f.i64.const(this.nextGuestAddress());
  }

  jump(): void {
    this.count++;
    this.ending = this.goOn(this.targetAddress());
  }

  branch(condition: I32): void {
    this.count++;
    this.ending = { kind: 'branch', condition, taken: this.way(this.targetAddress()), otherwise: this.way(this.nextGuestAddress()) };
  }

  override call(): void {
    const { f } = this;
    const size = this.mode === 64 ? 8 : this.operandSize;
    const next = this.nextAddress();
    this.push(size, size === 8 ? next : f.convert.i32WrapI64(next));
    this.count++;
    this.storeState();
    const target = this.targetAddress();
    const rip = (): I64 => f.i64.const(target);
    const neighbour = this.neighbours.get(target);
    this.ending = neighbour === undefined ? this.callRegion(regionAt(f, target), rip) : this.callNeighbour(neighbour, rip);
  }

  jumpIndirect(kind: 'jmp' | 'call' | 'ret', target: Local<'i64'>): void {
    const { f } = this;
    this.count++;
    if (kind === 'jmp' && this.block.likely.length > 0) {
      this.ending = this.jumpInside(target);
      return;
    }
    this.storeState();
    if (kind === 'call') {
      this.ending = this.callRegion(regionAtLocal(f, target), () => f.get(target));
      return;
    }
    this.ending = { kind: 'none' };
    if (kind === 'jmp') {
      this.tailCall(regionAtLocal(f, target), () => f.get(target));
      return;
    }
    f.store.i64Store(f.i32.const(0), f.get(target), RIP);
    f.return(f.i32.const(Exit.none));
  }

  /** Indirect jump to one of the blocks it is likely to go to, or out. */
  private jumpInside(target: Local<'i64'>): NodeExit {
    const { f } = this;
    const address = f.keep(f.get(target));
    const cases = this.block.likely.flatMap((likely) => {
      const to = this.region.blockAt.get(likely);
      return to === undefined ? [] : [{ to, when: () => f.i64.eq(f.get(address), f.i64.const(likely)) }];
    });
    const otherwise = this.later(() => {
      this.storeState();
      this.tailCall(regionAtLocal(f, address), () => f.get(address));
    });
    return { kind: 'switch', cases, otherwise };
  }

  protected leave(retired: boolean): void {
    if (retired) this.leaveAt(this.nextGuestAddress(), this.count + 1, 0);
    else this.leaveAt(this.instruction.address, this.count, 0);
  }

  override exit(reason: Exit, argument?: I64): void {
    super.exit(reason, argument);
    this.ending = { kind: 'none' };
  }

  override when(condition: I32, body: () => void): void {
    const before = this.flags.shape;
    super.when(condition, body);
    this.flags.shape = meetShapes(before, this.flags.shape);
  }

  // ── helpers on CPU state in memory ────────────────────────────────────────────────────────────

  override complex(helper: Helper<'i32'>, args: readonly Val<ValType>[], effects: ComplexEffects): void {
    const { f } = this;
    const status = this.keep(this.callComplex(helper, args, effects));
    this.afterComplex(effects);
    f.if(f.get(status), () => this.leaveAt(this.instruction.address, this.count, EXIT_AGAIN), undefined, false);
  }

  private callComplex(helper: Helper<'i32'>, args: readonly Val<ValType>[], effects: ComplexEffects): I32 {
    this.barrier();
    this.beforeComplex(effects);
    return this.f.call(this.imports.helper(helper), args, 'i32');
  }

  override callHelper<R extends ValType>(helper: Helper<R>, args: readonly Val<ValType>[]): Val<R> {
    this.barrier();
    return super.callHelper(helper, args);
  }

  override callVoid(helper: Helper<undefined>, args: readonly Val<ValType>[]): void {
    this.barrier();
    super.callVoid(helper, args);
  }

  /** What was checked before does not count afterwards: a helper may touch guest memory. */
  private barrier(): void {
    this.facts.barriers.push(this.facts.accesses.length);
  }

  // What a helper sets only sometimes must be there beforehand, too.
  protected beforeComplex(effects: ComplexEffects): void {
    const mask = registerMask(effects.reads) | registerMask(effects.writes);
    this.facts.used |= mask;
    this.storeRegisters(this.dirty & mask);
    if (effects.readsXmm || effects.writesXmm) this.storeRegisters(this.dirty & ~0xffff);
    if (effects.readsFlags || effects.writesFlags) this.flags.store();
  }

  protected afterComplex(effects: ComplexEffects): void {
    this.loadRegisters(registerMask(effects.writes));
    if (effects.writesXmm) this.loadRegisters(this.usedMask & ~0xffff);
    if (effects.writesFlags) this.flags.load();
  }

  // ── registers ─────────────────────────────────────────────────────────────────────────────────

  /** The register number and the bit where an operand of `size` bytes starts. */
  private place(operand: number, size: number): { n: number; shift: number } {
    const { method, register } = this.spec(operand);
    const { reg, rm, opcodeReg, rex } = this.instruction;
    const n = method === 'fixed' ? (register ?? 0) : method === 'reg' ? reg : method === 'opcodeReg' ? opcodeReg : rm;
    if (size === 1 && method !== 'fixed' && !rex && n >= 4 && n < 8) return { n: n - 4, shift: 8 };
    return { n, shift: 0 };
  }

  private local(n: number): Local<'i64'> {
    this.facts.used |= 1 << n;
    return this.registers[n];
  }

  private assign(n: number, value: I64): void {
    this.f.set(this.registers[n], value);
    this.symbols.forget(n);
    this.facts.set |= 1 << n;
    this.dirty |= 1 << n;
  }

  private readAt(n: number, shift: number, size: number): Word {
    const { f } = this;
    const whole = f.get(this.local(n));
    if (size === 8) return whole;
    const word = f.convert.i32WrapI64(whole);
    if (size === 4) return word;
    return f.i32.and(shift === 0 ? word : f.i32.shrU(word, f.i32.const(shift)), f.i32.const(size === 1 ? 0xff : 0xffff));
  }

  private writeAt(n: number, shift: number, size: number, value: Word): void {
    const { f } = this;
    if (size === 8) {
      this.assign(n, value as I64);
      return;
    }
    const wide = f.convert.i64ExtendI32U(value as I32);
    if (size === 4) {
      this.assign(n, wide);
      return;
    }
    const mask = size === 1 ? BYTE : WORD;
    const low = f.i64.and(wide, f.i64.const(mask));
    const placed = shift === 0 ? low : f.i64.shl(low, f.i64.const(shift));
    this.assign(n, f.i64.or(placed, f.i64.and(f.get(this.local(n)), f.i64.const(~(mask << BigInt(shift))))));
  }

  protected readRegister(operand: number, size: number): Word {
    const { n, shift } = this.place(operand, size);
    return this.readAt(n, shift, size);
  }

  protected writeRegister(operand: number, size: number, value: Word): void {
    const { n, shift } = this.place(operand, size);
    this.writeAt(n, shift, size, value);
  }

  gpr(n: number, size: number): Word {
    return this.readAt(n, 0, size);
  }

  setGpr(n: number, size: number, value: Word): void {
    this.writeAt(n, 0, size, value);
  }

  sameRegister(a: number, b: number): boolean {
    if (this.kind(a) !== this.kind(b) || this.sizeOf(a) !== this.sizeOf(b)) return false;
    switch (this.kind(a)) {
      case 'reg': {
        const x = this.place(a, this.sizeOf(a));
        const y = this.place(b, this.sizeOf(b));
        return x.n === y.n && x.shift === y.shift;
      }
      case 'xmm':
      case 'mmx':
        return this.vectorNumber(a) === this.vectorNumber(b);
      default:
        return false;
    }
  }

  private vectorNumber(operand: number): number {
    const { method, register } = this.spec(operand);
    if (register !== undefined) return register;
    const { reg, rm } = this.instruction;
    return method === 'xmmReg' || method === 'mmxReg' ? reg : rm;
  }

  registerNumber(operand: number): I32 {
    const number = this.vectorNumber(operand);
    return this.f.i32.const(this.kind(operand) === 'xmm' ? number : number & 7);
  }

  xmm(n: number): V128 {
    this.facts.used |= 0x10000 << n;
    return this.f.get(this.vectors[n]);
  }

  setXmm(n: number, value: V128): void {
    this.f.set(this.vectors[n], value);
    this.facts.set |= 0x10000 << n;
    this.dirty |= 0x10000 << n;
  }

  protected readXmmOperand(operand: number): V128 {
    return this.xmm(this.vectorNumber(operand));
  }

  protected writeXmmOperand(operand: number, value: V128): void {
    this.setXmm(this.vectorNumber(operand), value);
  }

  protected mmxAddress(operand: number): I32 {
    return this.f.i32.const(FPU_REGS + (this.vectorNumber(operand) & 7) * 16);
  }

  // ── operands ──────────────────────────────────────────────────────────────────────────────────

  protected immediate(operand: number, size: number): Word {
    const { f } = this;
    const { immediate, immediateHigh } = this.instruction;
    if (this.isSecondImmediate(operand)) return f.word(size).const(this.instruction.immediate2);
    if (size === 8) return f.i64.const((BigInt(immediateHigh) << 32n) | BigInt(immediate >>> 0));
    return f.i32.const(size === 4 ? immediate : immediate & (size === 1 ? 0xff : 0xffff));
  }

  private isSecondImmediate(operand: number): boolean {
    for (let i = 0; i < operand; i++) if (this.spec(i).method === 'imm') return true;
    return false;
  }

  staticImmediate(operand: number): number | undefined {
    const { method } = this.spec(operand);
    if (method === 'one') return 1;
    if (method !== 'imm') return undefined;
    if (this.isSecondImmediate(operand)) return this.instruction.immediate2;
    const { immediate } = this.instruction;
    return this.form.attributes.has('imm8-static') ? immediate & 0xff : immediate;
  }

  protected segmentNumber(operand: number): number {
    return this.spec(operand).register ?? this.instruction.reg;
  }

  protected segmentMatters(n: number): boolean {
    return n === Segment.fs || n === Segment.gs;
  }

  // ── guest memory ──────────────────────────────────────────────────────────────────────────────

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
  private access(address: Local<'i64'>, bytes: number, write: boolean): { host: I32; offset: number } {
    const { f } = this;
    const number = this.facts.accesses.length;
    const at = f.nesting === this.nesting ? this.addresses.get(address.index) : undefined;
    this.facts.accesses.push({ at, bytes, write });
    const group = this.groups[number];
    if (group === undefined || at === undefined) return { host: this.translateAlone(address, bytes, write), offset: 0 };
    const offset = at.offset - group.start;
    let stretch = this.stretches.get(group);
    if (stretch === undefined) {
      stretch = f.local('i32');
      const start = f.keep(offset === 0 ? f.get(address) : f.i64.sub(f.get(address), f.i64.const(offset)));
      f.set(stretch, this.translateStretch(start, group.end - group.start, group.write));
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

  private translateAlone(address: Local<'i64'>, bytes: number, write: boolean): I32 {
    return this.probe(address, bytes, write, (addend) => {
      this.slowAccess(address, bytes, write, addend);
      if (this.stretches.size > 0) this.leaveIfMappingChanged();
    });
  }

  /** A stretch that cannot be had as one is left to the interpreter, instruction by instruction. */
  private translateStretch(start: Local<'i64'>, bytes: number, write: boolean): I32 {
    const { f } = this;
    return this.probe(start, bytes, write, (addend) => {
      const access = bytes | SLOW_STRETCH | (write ? SLOW_WRITE : 0);
      f.set(addend, f.call(this.imports.engine(SLOW_PATH), [f.get(start), f.i32.const(access)], 'i32'));
      f.if(f.i32.eqz(f.get(addend)), () => this.interpretFromHere(), undefined, false);
      if (this.stretches.size > 0) this.leaveIfMappingChanged();
    });
  }

  private leaveIfMappingChanged(): void {
    const { f } = this;
    f.if(f.load.i32Load(f.i32.const(0), MAPPING_CHANGED), () => this.interpretFromHere(), undefined, false);
  }

  private interpretFromHere(): void {
    this.leaveAt(this.instruction.address, this.count, EXIT_INTERPRET);
  }

  /**
   * The look-up in the TLB, tuned for TurboFan: the entry is found with 32-bit arithmetic, and what meets after a miss is the addend,
   * not the address, so that the result of an addition is the index of the access and needs no zero extension.
   * @param miss sets its argument to the linear address, or leaves
   */
  private probe(address: Local<'i64'>, bytes: number, write: boolean, miss: (addend: Local<'i32'>) => void): I32 {
    const { f } = this;
    const entry = f.local('i32');
    const addend = f.local('i32');
    const table = write ? TLB_BYTES : 0;
    const low = (): I32 => f.convert.i32WrapI64(f.get(address));
    f.set(entry, f.i32.add(f.i32.and(f.i32.shrU(low(), f.i32.const(TLB_SHIFT)), f.i32.const(TLB_MASK)), this.tlbBase()));
    f.if(
      f.i64.gtU(f.i64.xor(f.get(address), f.load.i64Load(f.get(entry), table)), f.i64.const(PAGE_SIZE - bytes)),
      () => {
        miss(addend);
        f.set(addend, f.i32.sub(f.get(addend), low()));
      },
      () => f.set(addend, f.load.i32Load(f.get(entry), table + 8)),
      false,
    );
    f.release(entry);
    f.release(addend);
    return f.i32.add(f.get(addend), low());
  }

  override linearAddress(operand: number): Local<'i64'> {
    const address = super.linearAddress(operand);
    const { base, index, displacement, ripRelative, addressSize } = this.instruction;
    const plain = addressSize === 8 && this.segment < 0 && index < 0 && base >= 0 && !ripRelative;
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
  private movedAddress(form: Form): { register: number; to: SymbolicAddress } | undefined {
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

  protected tlbBase(): I32 {
    return this.f.get(this.tlb);
  }

  protected addressSum(): I64 {
    const { f } = this;
    const { base, index, scale, displacement, ripRelative, address, length, addressSize, immediateHigh } = this.instruction;
    if (ripRelative) return f.i64.const(address + length + displacement);
    if (base < 0 && index < 0) {
      const absolute = addressSize === 8 && this.form.operands.some(({ method }) => method === 'moffs');
      return f.i64.const(absolute ? (BigInt(immediateHigh) << 32n) | BigInt(displacement >>> 0) : displacement);
    }
    let sum: I64 | undefined;
    if (base >= 0) sum = f.get(this.local(base));
    if (index >= 0) {
      const register = f.get(this.local(index));
      const scaled = scale === 0 ? register : f.i64.shl(register, f.i64.const(scale));
      sum = sum === undefined ? scaled : f.i64.add(sum, scaled);
    }
    return displacement === 0 ? (sum as I64) : f.i64.add(sum as I64, f.i64.const(displacement));
  }

  // ── flags ─────────────────────────────────────────────────────────────────────────────────────

  protected knownFlags(): FlagSource | undefined {
    return this.flags.known();
  }

  protected dynamicFlags(): DynamicFlags {
    return this.flags.dynamic();
  }

  protected storeFlags(setter: FlagSetter): void {
    this.flags.set(setter, this.mnemonic === 'CMP');
  }

  protected storeFlagBits(size: number, result: WordLocal, bits: Local<'i32'>): void {
    this.flags.setBits(size, result, bits);
  }

  protected storeAllFlags(bits: Local<'i32'>): void {
    this.flags.setAll(bits);
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

function registerMask(numbers: readonly number[] | undefined): number {
  return (numbers ?? []).reduce((mask, n) => mask | (1 << n), 0);
}

/** What is known of the flags where each block starts. */
function shapesAtEntry(graph: FlowGraph, region: Region, facts: readonly BlockFacts[]): FlagShape[] {
  const shapes: (FlagShape | undefined)[] = region.blocks.map(() => undefined);
  shapes[0] = 'memory';
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.order) {
      let shape: FlagShape | undefined = node === 0 ? 'memory' : undefined;
      for (const from of graph.predecessors[node]) {
        const after = region.blocks[from].ending === 'call' || facts[from].flags !== 'memory' ? facts[from].flags : shapes[from];
        if (after !== undefined) shape = shape === undefined ? after : meetShapes(shape, after);
      }
      if (shape !== undefined && shape !== shapes[node]) {
        const known = shapes[node];
        if (known !== undefined && known !== 'mixed' && meetShapes(known, shape) === known) continue;
        shapes[node] = shape;
        changed = true;
      }
    }
  }
  return shapes.map((shape) => shape ?? 'mixed');
}

/** Registers that may differ from memory where each block starts. */
function dirtyAtEntry(graph: FlowGraph, region: Region, facts: readonly BlockFacts[]): number[] {
  const dirty = new Array<number>(region.blocks.length).fill(0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.order) {
      let mask = dirty[node];
      for (const from of graph.predecessors[node]) mask |= region.blocks[from].ending === 'call' ? 0 : dirty[from] | facts[from].set;
      if (mask !== dirty[node]) {
        dirty[node] = mask;
        changed = true;
      }
    }
  }
  return dirty;
}
