/** The emitted side of counting: increments in line for direct transfers, one shared function for indirect ones. See bank-layout.ts. */
import { COUNT_INDIRECT, IMPORT_MODULE, type ModuleImports } from '../module-imports.ts';
import { COUNTING_BANK } from '../state.ts';
import { treeEnter, treeSettle, treeTransfer } from './call-tree-code.ts';
import { FunctionBuilder, type I32, type I64 } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { EDGE_CELLS, INDIRECT_COUNT, INDIRECT_ENTRIES, INDIRECT_ENTRY, INDIRECT_PROBES, INDIRECT_TABLE, INDIRECT_TAIL, INDIRECT_TARGET, RECORD_CELL_SHIFT } from './bank-layout.ts';
import type { TransferCounters } from './transfer-counters.ts';

const bank = (f: FunctionBuilder): I32 => f.load.i32Load(f.i32.const(0), COUNTING_BANK);

/** Adds `amount` to the cell at an address plus offset in the counts' memory. */
function increment(f: FunctionBuilder, address: I32, offset: number, amount: () => I64): void {
  const cell = f.keep(address);
  const sum = f.keep(f.i64.add(f.counts.load.i64Load(f.get(cell), offset), amount()));
  f.counts.store.i64Store(f.get(cell), f.get(sum), offset);
  f.release(cell);
  f.release(sum);
}

/** Counts a direct transfer of the record at `ip`, which is in the arena. */
export function countRecord(f: FunctionBuilder, ip: () => I32): void {
  increment(f, f.i32.add(bank(f), f.i32.shrU(ip(), f.i32.const(RECORD_CELL_SHIFT))), 0, () => f.i64.const(1));
}

/** Counts a direct transfer in a region: always, or as often as `amount` says. */
export function countEdge(f: FunctionBuilder, number: number, amount: () => I64 = () => f.i64.const(1)): void {
  increment(f, bank(f), EDGE_CELLS + number * 8, amount);
}

/** Counts a transfer to wherever `target` says, under a record's address or a region's site. Not 0: it is a jump into another function. */
export function countIndirect(f: FunctionBuilder, imports: ModuleImports, site: I32, target: I64): I32 {
  return f.call(imports.engine(COUNT_INDIRECT), [site, target], 'i32');
}

const compiled = new Map<boolean, WebAssembly.Module>();

function compile(trees: boolean): WebAssembly.Module {
  const builder = new ModuleBuilder();
  builder.importMemory(IMPORT_MODULE, 'memory', 1);
  builder.importMemory(IMPORT_MODULE, 'counts', 1);
  const overflow = builder.importFunction(IMPORT_MODULE, 'countOverflow', ['i32', 'i32', 'i32'], ['i32']);
  const judge = builder.importFunction(IMPORT_MODULE, 'judgeJump', ['i32', 'i32', 'i32'], ['i32']);
  const f = new FunctionBuilder();
  f.begin(COUNT_INDIRECT.params, [COUNT_INDIRECT.result]);
  const site = f.param(0, 'i32');
  const target = f.param(1, 'i64');
  const low = f.keep(f.convert.i32WrapI64(f.get(target)));
  const halves = (): readonly I32[] => [f.get(site), f.get(low), f.convert.i32WrapI64(f.i64.shrU(f.get(target), f.i64.const(32)))];
  const at = f.local('i32');
  const index = f.local('i32');
  const tries = f.local('i32');
  // Sites and targets are multiples of little and differ in their low bits: multiply, and take bits from the middle.
  const mixed = f.i32.mul(f.i32.xor(f.get(low), f.i32.mul(f.get(site), f.i32.const(0x9e3779b1))), f.i32.const(0x85ebca6b));
  f.set(index, f.i32.shrU(mixed, f.i32.const(13)));
  f.loop((again) => {
    const entry = (): I32 => f.i32.mul(f.i32.and(f.get(index), f.i32.const(INDIRECT_ENTRIES - 1)), f.i32.const(INDIRECT_ENTRY));
    f.set(at, f.i32.add(f.i32.add(bank(f), f.i32.const(INDIRECT_TABLE)), entry()));
    const same = f.i32.and(
      f.i32.eq(f.counts.load.i32Load(f.get(at)), f.get(site)),
      f.i64.eq(f.counts.load.i64Load(f.get(at), INDIRECT_TARGET), f.get(target)),
    );
    f.if(same, () => {
      increment(f, f.get(at), INDIRECT_COUNT, () => f.i64.const(1));
      f.return(f.counts.load.i32Load(f.get(at), INDIRECT_TAIL));
    });
    f.if(f.i32.eqz(f.counts.load.i32Load(f.get(at))), () => {
      f.counts.store.i32Store(f.get(at), f.get(site));
      f.counts.store.i64Store(f.get(at), f.get(target), INDIRECT_TARGET);
      f.counts.store.i64Store(f.get(at), f.i64.const(1), INDIRECT_COUNT);
      const tail = f.keep(f.call(judge, halves(), 'i32'));
      f.counts.store.i32Store(f.get(at), f.get(tail), INDIRECT_TAIL);
      f.return(f.get(tail));
    });
    f.set(index, f.i32.add(f.get(index), f.i32.const(1)));
    f.set(tries, f.i32.add(f.get(tries), f.i32.const(1)));
    f.brIf(again, f.i32.ltU(f.get(tries), f.i32.const(INDIRECT_PROBES)));
  });
  f.call(overflow, halves(), 'i32');
  builder.add(f.end(), COUNT_INDIRECT.name);
  if (trees) for (const [name, emit] of Object.entries({ treeTransfer, treeEnter, treeSettle })) builder.add(emit(f), name);
  return new WebAssembly.Module(builder.finish());
}

/** What modules that count import, by name. */
export function countingImports(counters: TransferCounters, memory: WebAssembly.Memory): Record<string, WebAssembly.ImportValue> {
  const { trees } = counters;
  const keeps = trees !== undefined;
  const module = compiled.get(keeps) ?? compile(keeps);
  compiled.set(keeps, module);
  const own = { memory, counts: counters.memory, countOverflow: counters.countOverflow, judgeJump: counters.judgeJump };
  const { exports } = new WebAssembly.Instance(module, { [IMPORT_MODULE]: own });
  trees?.link(exports);
  return { counts: counters.memory, countSingle: counters.countSingle, ...exports };
}
