/** Regions which become one module: functions that share a module share code pages and one instance, and may call each other directly. */
import type { TransferCounters } from '../counting/transfer-counters.ts';
import { ModuleImports } from '../module-imports.ts';
import type { Helper } from '../semantics/emitter.ts';
import { FunctionBuilder } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { REGION_PARAMS, REGION_RESULTS } from './region-abi.ts';
import { RegionEmitter } from './region-emitter.ts';
import type { Region } from './region.ts';

export interface BatchRegion {
  readonly region: Region;
  readonly codeContext: number;
}

export interface EmittedBatch {
  /** The module. It exports the batch's regions as `r0`, `r1`, … */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly helpers: readonly Helper[];
}

const functions = new FunctionBuilder();

/**
 * @param memoryPages size of linear memory in 64 KiB pages
 * @param counters where the regions are to count their control transfers, if at all
 */
export function emitBatch(batch: readonly BatchRegion[], memoryPages: number, counters?: TransferCounters): EmittedBatch {
  const module = new ModuleBuilder();
  const imports = new ModuleImports(module, memoryPages, counters !== undefined);
  const emitter = new RegionEmitter(functions, imports, module.type(REGION_PARAMS, REGION_RESULTS), counters);
  const facts = batch.map(({ region }) => emitter.scan(region));
  // All imports are known now, and so is where functions begin.
  const first = module.nextFunctionIndex;
  const bodies = batch.map((one, i) => emitter.emit(one.region, facts[i], neighboursOf(one, batch, first)));
  if (module.nextFunctionIndex !== first) throw new Error('translator: an import turned up after the scan');
  bodies.forEach((body, i) => module.add(body, `r${i}`));
  return { bytes: module.finish(), helpers: imports.helpers };
}

/** The helpers which the region's code calls. */
export function helpersOf({ region }: BatchRegion): readonly Helper[] {
  const module = new ModuleBuilder();
  const imports = new ModuleImports(module, 1);
  const emitter = new RegionEmitter(functions, imports, module.type(REGION_PARAMS, REGION_RESULTS));
  emitter.scan(region);
  return imports.helpers;
}

/**
 * Regions which this one may call directly: all their pages are its own, so that whatever makes them invalid (in a context, or for good)
 * makes it invalid, too.
 */
function neighboursOf({ codeContext, region }: BatchRegion, batch: readonly BatchRegion[], first: number): Map<number, number> {
  const own = new Set(region.pages);
  const neighbours = new Map<number, number>();
  batch.forEach((other, i) => {
    if (other.codeContext === codeContext && other.region.pages.every((page) => own.has(page))) neighbours.set(other.region.entry, first + i);
  });
  return neighbours;
}
