/**
 * The translator's emitter: guest registers and flags in wasm locals, operands known while emitting.
 *
 * A region is emitted twice. The first run of the semantic functions only finds out which registers are used and set and which
 * flag setter each block leaves (a *scan*, its code is thrown away); the second one knows what to load at the entry, what to
 * write back, and where a flag setter is known because every way there has the same one.
 */
import type { Form } from '../decode/form.ts';
import { Exit } from '../exits.ts';
import { FIND_REGION, type ModuleImports } from '../module-imports.ts';
import type { ComplexEffects, Helper } from '../semantics/emitter.ts';
import { RIP } from '../state.ts';
import type { FunctionBody, FunctionBuilder, I32, I64, Local, Val, ValType } from '../wasm/function-builder.ts';
import { groupAccesses } from './access-groups.ts';
import { analyseFlow, longestPaths } from './flow-graph.ts';
import type { TransferCounters } from '../counting/transfer-counters.ts';
import { RegionCounting } from './region-counting.ts';
import { regionAt, regionAtLocal } from './jump-links.ts';
import { dirtyAtEntry, noFacts, shapesAtEntry, type BlockFacts } from './region-facts.ts';
import { meetShapes, type FlagShape } from './region-flags.ts';
import { RegionMemory } from './region-memory.ts';
import { EXIT_AGAIN, EXIT_GO_ON, EXIT_INTERPRET, registerMask } from './region-state.ts';
import { relativeTarget, type Block, type Region } from './region.ts';
import { emitStructured, type NodeExit } from './structured-flow.ts';

/** What is known where a block ends. */
interface BlockEnd {
  count: number;
  dirty: number;
  shape: FlagShape;
}

const TRANSFER_KIND = { jmp: 'jump', call: 'call', ret: 'return' } as const;

export class RegionEmitter extends RegionMemory {
  /** Type index of a region function in the module. */
  private readonly type: number;
  private readonly counting: RegionCounting | undefined;
  private neighbours: ReadonlyMap<number, number> = new Map();
  private block!: Block;
  private ending: NodeExit | undefined;
  /** Of the block being emitted, filled when it is finished: ways out of the region are emitted later, after other blocks. */
  private after: BlockEnd = { count: 0, dirty: 0, shape: 'memory' };

  /** @param counters where the region is to count its control transfers, if at all */
  constructor(f: FunctionBuilder, imports: ModuleImports, type: number, counters?: TransferCounters) {
    super(f, imports);
    this.type = type;
    this.counting = counters === undefined ? undefined : new RegionCounting(f, imports, counters);
  }

  /** Facts about each block, from a run whose code is thrown away. It also makes all the imports known that `emit` will use. */
  scan(region: Region): BlockFacts[] {
    this.begin(region, 0xffffffff);
    this.openExits();
    // Ways out, which are not scanned, may need it.
    this.imports.engine(FIND_REGION);
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
  private checkBudget(block: Block, longest: number): void {
    const { f } = this;
    f.if(
      f.i32.ltS(f.get(this.budget), f.i32.const(longest)),
      () => this.leaveAt(block.address, 0, EXIT_INTERPRET),
      undefined,
      false,
    );
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
    if (this.region.cold.has(address)) {
      this.leaveAt(address, this.count, EXIT_GO_ON);
      return;
    }
    this.storeState();
    const neighbour = this.neighbours.get(address);
    if (neighbour === undefined) this.tailCall(regionAt(f, this.imports, address), () => f.i64.const(address));
    else f.returnCall(neighbour, [f.get(f.param(0, 'i32'))]);
  }

  protected goOnAt(address: Local<'i64'>): void {
    this.tailCall(regionAtLocal(this.f, this.imports, address), () => this.f.get(address));
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
    const { next } = this.block;
    f.if(
      f.i32.or(f.get(status), f.i64.ne(f.load.i64Load(f.i32.const(0), RIP), f.i64.const(next))),
      () => f.return(f.get(status)),
      undefined,
      false,
    );
    f.release(status);
    const node = this.region.blockAt.get(next);
    if (node === undefined) {
      this.tailCall(regionAt(f, this.imports, next), () => f.i64.const(next));
      return { kind: 'none' };
    }
    this.loadState(this.usedMask);
    this.count = 0;
    return { kind: 'jump', to: node };
  }

  private targetAddress(): number {
    return relativeTarget(this.instruction, this.mode);
  }

  nextAddress(): I64 {
    return this.f.i64.const(this.nextGuestAddress());
  }

  jump(): void {
    this.count++;
    if (this.counting?.tells(this.instruction, 'jump', this.targetAddress()) === true) this.storeState();
    this.counting?.direct(this.instruction, 'jump', this.targetAddress());
    this.ending = this.goOn(this.targetAddress());
  }

  branch(condition: I32): void {
    this.count++;
    if (this.counting !== undefined) {
      const kept = this.f.keep(condition);
      this.counting.branch(this.instruction, this.targetAddress(), kept);
      condition = this.f.get(kept);
      this.f.release(kept);
    }
    this.ending = { kind: 'branch', condition, taken: this.way(this.targetAddress()), otherwise: this.way(this.nextGuestAddress()) };
  }

  override call(): void {
    const { f } = this;
    const size = this.mode === 64 ? 8 : this.operandSize;
    const next = this.nextAddress();
    this.push(size, size === 8 ? next : f.convert.i32WrapI64(next));
    this.count++;
    const target = this.targetAddress();
    const inline = this.block.ending === 'inline';
    if (!inline || this.counting?.keepsTrees === true) this.storeState();
    this.counting?.direct(this.instruction, 'call', target);
    if (inline) {
      this.ending = this.goOn(target);
      return;
    }
    const rip = (): I64 => f.i64.const(target);
    const neighbour = this.neighbours.get(target);
    this.ending = neighbour === undefined ? this.callRegion(regionAt(f, this.imports, target), rip) : this.callNeighbour(neighbour, rip);
  }

  jumpIndirect(kind: 'jmp' | 'call' | 'ret', target: Local<'i64'>): void {
    const { f } = this;
    this.count++;
    if (this.counting !== undefined) {
      if (this.counting.keepsTrees) this.storeState();
      this.counting.indirect(this.instruction, TRANSFER_KIND[kind], target);
    }
    if (kind !== 'call' && this.block.likely.length > 0) {
      this.ending = this.jumpInside(kind, target);
      return;
    }
    this.storeState();
    if (kind === 'call' || this.block.ending === 'call') {
      this.ending = this.callRegion(regionAtLocal(f, this.imports, target), () => f.get(target));
      return;
    }
    this.ending = { kind: 'none' };
    if (kind === 'jmp') {
      this.tailCall(regionAtLocal(f, this.imports, target), () => f.get(target));
      return;
    }
    this.returnTo(target);
  }

  /** To the dispatcher, or to the caller if that is where `target` is. */
  private returnTo(target: Local<'i64'>): void {
    const { f } = this;
    f.store.i64Store(f.i32.const(0), f.get(target), RIP);
    f.return(f.i32.const(Exit.none));
  }

  /** Indirect jump or return to one of the blocks it is likely to go to, or out. */
  private jumpInside(kind: 'jmp' | 'ret', target: Local<'i64'>): NodeExit {
    const { f } = this;
    const address = f.keep(f.get(target));
    const cases = this.block.likely.flatMap((likely) => {
      const to = this.region.blockAt.get(likely);
      return to === undefined ? [] : [{ to, when: () => f.i64.eq(f.get(address), f.i64.const(likely)) }];
    });
    const otherwise = this.later(() => {
      this.storeState();
      if (kind === 'ret') this.returnTo(address);
      else this.tailCall(regionAtLocal(f, this.imports, address), () => f.get(address));
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
}
