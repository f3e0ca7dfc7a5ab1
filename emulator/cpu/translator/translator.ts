/**
 * Tier 1: turns hot code into regions. A request forms the region at once (what is decoded is what was hot); emission and compilation
 * happen in batches, since functions that share a module share code pages and one instance. When a region becomes
 * available depends on the worker's speed, so nothing a guest can see may depend on whether one is.
 */
import { FunctionBuilder } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { ModuleImports } from '../module-imports.ts';
import type { CodePage, RegionHost, Translator } from '../translator-interface.ts';
import type { PageAccess } from '../../memory/page-access.ts';
import { CodeReader } from './code-reader.ts';
import { CoveredCode, coverageOf, type Coverage } from './covered-code.ts';
import { setEngineFlags } from './engine-flags.ts';
import { ModuleCompiler, type CompileMode } from './module-compiler.ts';
import { REGION_PARAMS, REGION_RESULTS } from './region-abi.ts';
import { RegionEmitter } from './region-emitter.ts';
import { loopNest } from './loop-nest.ts';
import { findRegion, type Region } from './region.ts';

/** Regions and guest instructions of one module at most. */
const BATCH_REGIONS = 32;
const BATCH_INSTRUCTIONS = 2000;

/** A region from its request until it is dropped. */
interface Candidate {
  readonly entry: number;
  readonly codeContext: number;
  readonly pages: readonly CodePage[];
  /** Key of the request. */
  readonly key: string;
  readonly coverage: Coverage;
}

interface Request extends Candidate {
  readonly region: Region;
}

export class RegionTranslator implements Translator {
  /** Figures for `Cpu.stats`. */
  readonly stats = { requested: 0, refused: 0, regions: 0, instructions: 0, modules: 0, bytes: 0, stale: 0, dropped: 0 };
  private readonly host: RegionHost;
  private readonly compiler: ModuleCompiler;
  private readonly builder = new FunctionBuilder();
  private queue: Request[] = [];
  private readonly batches = new Map<number, readonly Candidate[]>();
  private nextBatch = 0;
  /** Requests that must not be made again: on their way, or installed. */
  private readonly known = new Set<string>();
  private readonly covered = new CoveredCode();
  private readonly installed = new Map<number, Candidate>();

  constructor(host: RegionHost, mode: CompileMode) {
    setEngineFlags();
    this.host = host;
    this.compiler = new ModuleCompiler(mode);
  }

  request(rip: number, mode: 64 | 32, space: PageAccess): boolean {
    const codeContext = space.codeContext * 2 + (mode === 32 ? 1 : 0);
    const key = `${codeContext}:${rip}`;
    if (this.known.has(key)) return true;
    if (this.covered.has(codeContext, rip)) return false;
    const reader = new CodeReader(this.host, space, mode);
    let region = findRegion(reader, rip);
    const nest = region === undefined ? undefined : loopNest(region, (address) => reader.runs(address));
    if (nest !== undefined) {
      if (!this.known.has(`${codeContext}:${nest.outer}`)) {
        this.translate(nest.outer, codeContext, findRegion(reader, nest.outer), reader);
        return false;
      }
      // Hot all the same: the inner loop gets a region for those who come back into the middle of it.
      region = findRegion(reader, rip, nest.inner);
    }
    this.translate(rip, codeContext, region, reader);
    return true;
  }

  private translate(rip: number, codeContext: number, region: Region | undefined, reader: CodeReader): void {
    this.stats.requested++;
    const pages = region?.pages.map((page) => reader.page(page)).filter((page) => page !== undefined);
    if (region === undefined || pages === undefined || pages.length !== region.pages.length) {
      this.stats.refused++;
      return;
    }
    const key = `${codeContext}:${rip}`;
    this.known.add(key);
    const coverage = coverageOf(region, codeContext);
    this.covered.add(coverage);
    this.queue.push({ entry: rip, region, codeContext, pages, key, coverage });
    this.poll();
  }

  poll(): void {
    for (let answer = this.compiler.take(); answer !== undefined; answer = this.compiler.take()) this.install(answer.id, answer.module);
    // One module is compiled at a time; what is requested meanwhile becomes the next one.
    while (this.queue.length > 0 && this.compiler.pending === 0) {
      this.submit();
      const answer = this.compiler.take();
      if (answer !== undefined) this.install(answer.id, answer.module);
    }
  }

  /** Requests and modules which are not installed yet. */
  get pending(): number {
    return this.queue.length + this.batches.size;
  }

  dropped(tableIndex: number): void {
    const candidate = this.installed.get(tableIndex);
    if (candidate === undefined) return;
    this.installed.delete(tableIndex);
    this.known.delete(candidate.key);
    this.covered.remove(candidate.coverage);
    this.stats.dropped++;
    this.host.freeSlot(tableIndex);
  }

  close(): void {
    this.compiler.close();
  }

  private submit(): void {
    const batch: Request[] = [];
    let instructions = 0;
    while (this.queue.length > 0 && batch.length < BATCH_REGIONS && instructions < BATCH_INSTRUCTIONS) {
      const candidate = this.queue.shift() as Request;
      batch.push(candidate);
      for (const block of candidate.region.blocks) instructions += block.instructions.length;
    }
    const module = new ModuleBuilder();
    const { counters } = this.host;
    const imports = new ModuleImports(module, this.host.linear.wasmPages, counters !== undefined);
    const emitter = new RegionEmitter(this.builder, imports, module.type(REGION_PARAMS, REGION_RESULTS), counters);
    const facts = batch.map(({ region }) => emitter.scan(region));
    // All imports are known now, and so is where functions begin.
    const first = module.nextFunctionIndex;
    const bodies = batch.map((candidate, i) => emitter.emit(candidate.region, facts[i], neighboursOf(candidate, batch, first)));
    if (module.nextFunctionIndex !== first) throw new Error('translator: an import turned up after the scan');
    bodies.forEach((body, i) => module.add(body, `r${i}`));
    this.host.requireHelpers(imports.helpers);
    const bytes = module.finish();
    const id = this.nextBatch++;
    this.batches.set(id, batch.map(({ entry, codeContext, pages, key, coverage }) => ({ entry, codeContext, pages, key, coverage })));
    this.stats.modules++;
    this.stats.instructions += instructions;
    this.stats.bytes += bytes.length;
    this.compiler.submit(id, bytes);
  }

  private install(id: number, module: WebAssembly.Module): void {
    const batch = this.batches.get(id);
    if (batch === undefined) throw new Error(`translator: module ${id} was not asked for`);
    this.batches.delete(id);
    const { exports } = new WebAssembly.Instance(module, this.host.importObject);
    batch.forEach((candidate, i) => {
      const { entry, codeContext, pages, key, coverage } = candidate;
      const tableIndex = this.host.allocateSlot();
      this.host.table.set(tableIndex, exports[`r${i}`]);
      if (this.host.install({ rip: entry, codeContext, pages, tableIndex })) {
        this.installed.set(tableIndex, candidate);
        coverage.installed = true;
        this.stats.regions++;
      } else {
        this.host.freeSlot(tableIndex);
        this.known.delete(key);
        this.covered.remove(coverage);
        this.stats.stale++;
      }
    });
  }
}

/**
 * Regions which this one may call directly: all their pages are its own, so that whatever makes them invalid (in a context, or for good)
 * makes it invalid, too.
 */
function neighboursOf({ codeContext, pages }: Candidate, batch: readonly Candidate[], first: number): Map<number, number> {
  const own = new Set(pages.map(({ page }) => page));
  const neighbours = new Map<number, number>();
  batch.forEach((other, i) => {
    if (other.codeContext === codeContext && other.pages.every(({ page }) => own.has(page))) neighbours.set(other.entry, first + i);
  });
  return neighbours;
}
