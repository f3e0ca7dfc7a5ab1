/**
 * Tier 1: turns hot code into regions. A request forms the region at once (what is decoded is what was hot); emission and compilation
 * happen in batches, both on the worker where it has the program to emit. When a region becomes available depends on the
 * worker's speed, so nothing a guest can see may depend on whether one is.
 */
import type { CodePage, RegionHost, Translator } from '../translator-interface.ts';
import type { PageAccess } from '../../memory/page-access.ts';
import { CodeReader } from './code-reader.ts';
import { CoveredCode, coverageOf, type Coverage } from './covered-code.ts';
import { setEngineFlags } from './engine-flags.ts';
import { ModuleCompiler, type CompileMode } from './module-compiler.ts';
import type { CompileAnswer } from './compile-worker.ts';
import { loopNest } from './loop-nest.ts';
import { emitBatch, helpersOf, type BatchRegion } from './region-batch.ts';
import { toMessage, type RegionMessage } from './region-message.ts';
import { findRegion, type Region } from './region.ts';

/** Regions and guest instructions of one module at most. */
const BATCH_REGIONS = 32;
const BATCH_INSTRUCTIONS = 600;
/** Modules on their way at most: the next one is there when the worker has finished one. */
const MODULES_AHEAD = 2;

/** A region from its request until it is dropped. */
interface Candidate {
  readonly entry: number;
  readonly codeContext: number;
  readonly pages: readonly CodePage[];
  /** Key of the request. */
  readonly key: string;
  readonly coverage: Coverage;
}

interface Request extends Candidate, BatchRegion {
  /** Where the worker emits. */
  readonly message: RegionMessage | undefined;
}

/** A module on its way. */
interface Batch {
  readonly candidates: readonly Candidate[];
  /** Kept as long as its helpers are not known. */
  readonly regions: readonly BatchRegion[];
}

export class RegionTranslator implements Translator {
  /** Figures for `Cpu.stats`. */
  readonly stats = { requested: 0, refused: 0, regions: 0, instructions: 0, modules: 0, bytes: 0, stale: 0, dropped: 0 };
  private readonly host: RegionHost;
  private readonly compiler: ModuleCompiler;
  private queue: Request[] = [];
  private readonly batches = new Map<number, Batch>();
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
    const emitsThere = this.compiler.emits && this.host.counters === undefined;
    const message = emitsThere ? toMessage(region, (address) => reader.byteAt(address)) : undefined;
    this.queue.push({ entry: rip, region, codeContext, pages, key, coverage, message });
    this.poll();
  }

  poll(): void {
    this.compiler.prepare();
    for (let answer = this.compiler.take(); answer !== undefined; answer = this.compiler.take()) this.install(answer);
    // What is requested meanwhile becomes the next module.
    while (this.queue.length > 0 && this.compiler.pending < MODULES_AHEAD) {
      this.submit();
      const answer = this.compiler.take();
      if (answer !== undefined) this.install(answer);
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
    const id = this.nextBatch++;
    const candidates = batch.map(({ entry, codeContext, pages, key, coverage }) => ({ entry, codeContext, pages, key, coverage }));
    this.stats.modules++;
    this.stats.instructions += instructions;
    const memoryPages = this.host.linear.wasmPages;
    const { counters } = this.host;
    const messages = batch.flatMap(({ message, codeContext }) => (message === undefined ? [] : [{ region: message, codeContext }]));
    if (counters === undefined && messages.length === batch.length) {
      this.batches.set(id, { candidates, regions: batch.map(({ region, codeContext }) => ({ region, codeContext })) });
      this.compiler.submitRegions({ id, batch: messages, memoryPages });
      return;
    }
    const { bytes, helpers } = emitBatch(batch, memoryPages, counters);
    this.host.requireHelpers(helpers);
    this.batches.set(id, { candidates, regions: [] });
    this.compiler.submit(id, bytes);
  }

  private install({ id, module, size, helpers }: CompileAnswer): void {
    const batch = this.batches.get(id);
    if (batch === undefined) throw new Error(`translator: module ${id} was not asked for`);
    this.batches.delete(id);
    this.stats.bytes += size;
    this.requireHelpers(helpers, batch.regions);
    const { exports } = new WebAssembly.Instance(module, this.host.importObject);
    batch.candidates.forEach((candidate, i) => {
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

  /**
   * Helpers are functions, which cannot be posted. The interpreter has used most of them on the same code; those that are new are found as the
   * worker has found them.
   */
  private requireHelpers(names: readonly string[], regions: readonly BatchRegion[]): void {
    for (let at = 0; !names.every((name) => this.host.knowsHelper(name)); at++) {
      if (at === regions.length) throw new Error(`translator: nobody has the helpers ${names.join()}`);
      this.host.requireHelpers(helpersOf(regions[at]));
    }
  }
}
