/**
 * What a module of emitted code imports: memory, table, the engine's own functions and the helpers its instructions use.
 * Imports come first in wasm's function index space and bodies hold those indices, so **emit every body of a module before
 * adding the first one to its ModuleBuilder**: until then an import may be added whenever an instruction turns out to need one.
 */
import type { Helper } from './semantics/emitter.ts';
import type { ModuleBuilder } from './wasm/module-builder.ts';
import type { ValType } from './wasm/function-builder.ts';

/** Name of the import module; linear memory is `memory` and function table 0 is `table` in it. */
export const IMPORT_MODULE = 'skas';

/** A function of the engine itself, as emitted code sees it. */
export interface EngineFunction<R extends ValType> {
  readonly name: string;
  readonly params: readonly ValType[];
  readonly result: R;
}

/**
 * `(address i64, bytes | write << 8) → linear address`, or 0 after EXIT_REASON was set. Called on a TLB miss; it touches no register or flag.
 */
export const SLOW_PATH: EngineFunction<'i32'> = { name: 'slowPath', params: ['i64', 'i32'], result: 'i32' };
/** Flag in SLOW_PATH's second parameter: the access is a store (or a read-modify-write). Flags lie above the largest access, a page (helpers ask for that much). */
export const SLOW_WRITE = 0x2000;
/** `(kind i32, result i64, a i64, b i64) → the six arithmetic flags in their rflags places`: flags.ts for a kind that is not known while emitting. */
export const COMPUTE_FLAGS: EngineFunction<'i32'> = { name: 'computeFlags', params: ['i32', 'i64', 'i64', 'i64'], result: 'i32' };

/** `(address i64) → table index of its region in the running code context, or 0`: translator/jump-links.ts. */
export const FIND_REGION: EngineFunction<'i32'> = { name: 'findRegion', params: ['i64'], result: 'i32' };

/** A function of the engine without a result. */
export interface EngineProcedure {
  readonly name: string;
  readonly params: readonly ValType[];
}

/** `(site i32, target i64) → is it a jump into another function?`: counts a transfer that is known only now. Only where counting is on (counting/). */
export const COUNT_INDIRECT: EngineFunction<'i32'> = { name: 'countIndirect', params: ['i32', 'i64'], result: 'i32' };
/** `(TreeEvent i32, address behind the transfer i64, target i64)`: keeps the call tree. Registers and BUDGET must be in memory. Only where trees are kept. */
export const TREE_TRANSFER: EngineProcedure = { name: 'treeTransfer', params: ['i32', 'i64', 'i64'] };
/** `(record i32, target's low half i32, high half i32)`: counts a transfer of the block that is used once. */
export const COUNT_SINGLE: EngineProcedure = { name: 'countSingle', params: ['i32', 'i32', 'i32'] };

export class ModuleImports {
  private readonly builder: ModuleBuilder;
  private readonly indices = new Map<string, number>();
  /** Helpers imported so far: `HelperLibrary.require` them before instantiating. */
  readonly helpers: Helper[] = [];

  /**
   * @param memoryPages size of linear memory in 64 KiB pages.
   * @param counting whether the module counts, and so uses the counts' memory as well
   */
  constructor(builder: ModuleBuilder, memoryPages: number, counting = false) {
    this.builder = builder;
    builder.importMemory(IMPORT_MODULE, 'memory', memoryPages);
    if (counting) builder.importMemory(IMPORT_MODULE, 'counts', 1);
    builder.importTable(IMPORT_MODULE, 'table');
  }

  /** Function index of one of the engine's functions. */
  engine(wanted: EngineFunction<ValType>): number {
    return this.index(wanted.name, wanted.params, [wanted.result]);
  }

  /** Function index of one of those without a result. */
  procedure(wanted: EngineProcedure): number {
    return this.index(wanted.name, wanted.params, []);
  }

  helper(helper: Helper): number {
    const known = this.indices.get(helper.name);
    if (known !== undefined) return known;
    this.helpers.push(helper);
    return this.index(helper.name, helper.params, helper.result === undefined ? [] : [helper.result]);
  }

  private index(name: string, params: readonly ValType[], results: readonly ValType[]): number {
    let index = this.indices.get(name);
    if (index === undefined) {
      index = this.builder.importFunction(IMPORT_MODULE, name, params, results);
      this.indices.set(name, index);
    }
    return index;
  }
}
