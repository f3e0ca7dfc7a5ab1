/** How a region counts the control transfers it takes (counting/): each before it happens. */
import { TreeEvent } from '../counting/call-tree-layout.ts';
import { countEdge, countIndirect } from '../counting/counting-code.ts';
import type { TransferKind } from '../counting/transfer.ts';
import type { TransferCounters } from '../counting/transfer-counters.ts';
import type { Instruction } from '../decode/instruction.ts';
import { TREE_TRANSFER, type ModuleImports } from '../module-imports.ts';
import type { FunctionBuilder, I32, I64, Local } from '../wasm/function-builder.ts';

export class RegionCounting {
  private readonly f: FunctionBuilder;
  private readonly imports: ModuleImports;
  private readonly counters: TransferCounters;

  constructor(f: FunctionBuilder, imports: ModuleImports, counters: TransferCounters) {
    this.f = f;
    this.imports = imports;
    this.counters = counters;
  }

  /** A jump or call to a known address. Registers and BUDGET must be in memory if {@link tells} says so. */
  direct(instruction: Instruction, kind: 'jump' | 'call', target: number): void {
    const { f } = this;
    const number = this.edge(instruction, kind, target);
    if (number === undefined) f.drop(countIndirect(f, this.imports, this.site(instruction, kind), f.i64.const(target)));
    else countEdge(f, number);
    if (this.tells(instruction, kind, target)) this.tree(instruction, kind === 'call' ? TreeEvent.call : TreeEvent.tail, f.i64.const(target));
  }

  /** Whether a direct transfer goes into the call tree. */
  tells({ address }: Instruction, kind: 'jump' | 'call', target: number): boolean {
    return this.counters.trees !== undefined && (kind === 'call' || this.counters.isTailCall(address, target));
  }

  /** A conditional branch; `condition` is not zero when it is taken. */
  branch(instruction: Instruction, target: number, condition: Local<'i32'>): void {
    const { f } = this;
    const number = this.edge(instruction, 'branch', target);
    if (number === undefined) f.if(f.get(condition), () => f.drop(countIndirect(f, this.imports, this.site(instruction, 'branch'), f.i64.const(target))));
    else countEdge(f, number, () => f.convert.i64ExtendI32U(f.i32.ne(f.get(condition), f.i32.const(0))));
  }

  /** A transfer to an address in a local. Registers and BUDGET must be in memory where trees are kept. */
  indirect(instruction: Instruction, kind: 'jump' | 'call' | 'return', target: Local<'i64'>): void {
    const { f } = this;
    const tail = countIndirect(f, this.imports, this.site(instruction, kind), f.get(target));
    if (this.counters.trees === undefined) f.drop(tail);
    else if (kind === 'jump') f.if(tail, () => this.tree(instruction, TreeEvent.tail, f.get(target)));
    else {
      f.drop(tail);
      this.tree(instruction, TreeEvent[kind], f.get(target));
    }
  }

  get keepsTrees(): boolean {
    return this.counters.trees !== undefined;
  }

  private tree({ address, length }: Instruction, event: number, target: I64): void {
    const { f } = this;
    const to = f.keep(target);
    f.call(this.imports.procedure(TREE_TRANSFER), [f.i32.const(event), f.i64.const(address + length), f.get(to)]);
    f.release(to);
  }

  private edge({ address, length }: Instruction, kind: TransferKind, target: number): number | undefined {
    return this.counters.edge(address, address + length, kind, target);
  }

  private site({ address, length }: Instruction, kind: TransferKind): I32 {
    return this.f.i32.const(this.counters.site(address, address + length, kind));
  }
}
