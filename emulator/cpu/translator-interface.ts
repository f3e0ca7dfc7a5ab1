/**
 * How the engine core and the region translator know each other. The engine works without a translator; with one, it asks for hot
 * blocks and enters what the translator installs. How regions are called: translator/region-abi.ts.
 */
import type { LinearMemory } from '../memory/linear-memory.ts';
import type { PageAccess } from '../memory/page-access.ts';
import type { TransferCounters } from './counting/transfer-counters.ts';
import type { Helper } from './semantics/emitter.ts';

export interface Translator {
  /** The block at `rip` ran `threshold` times in the running space. May compile at once, later, or never; false: ask again after as many runs. */
  request(rip: number, mode: 64 | 32, space: PageAccess): boolean;
  /** Called between runs of emitted code, often: the place to install what a worker has finished. Cheap when there is nothing. */
  poll(): void;
  /** The region in this table slot was dropped (code changed, breakpoint set, everything flushed) and will not be entered by the dispatcher again. */
  dropped(tableIndex: number): void;
  /** Ends workers. */
  close(): void;
}

/** A page of code which a region was made from, as `RegionHost.codePage` gave it. */
export interface CodePage {
  /** Virtual page number. */
  readonly page: number;
  /** Linear address of its frame. */
  readonly frame: number;
  /** How often the frame's code has been dropped; a region made from an older version must not be installed. */
  readonly version: number;
}

export interface KnownBlock {
  readonly rip: number;
  readonly runs: number;
}

export interface FinishedRegion {
  readonly rip: number;
  /** `CODE_CONTEXT` it was made for (PageAccess.codeContext × 2, plus 1 in 32-bit mode). */
  readonly codeContext: number;
  /** All pages its code came from. */
  readonly pages: readonly CodePage[];
  /** Table slot of its function, from `allocateSlot`, filled already. */
  readonly tableIndex: number;
}

/** What the engine offers a translator. */
export interface RegionHost {
  readonly linear: LinearMemory;
  readonly table: WebAssembly.Table;
  /** Import object for modules of emitted code (module-imports.ts); call `requireHelpers` with the module's helpers before instantiating. */
  readonly importObject: WebAssembly.Imports;
  /** Regions made while this is there count their transfers in it. */
  readonly counters: TransferCounters | undefined;
  requireHelpers(helpers: readonly Helper[]): void;
  /** Whether the helper of this name has been required before, by whomever. */
  knowsHelper(name: string): boolean;
  allocateSlot(): number;
  /** Gives a slot back; the table entry is cleared. */
  freeSlot(tableIndex: number): void;
  /** The page as code: from now on a store into its frame bumps its version and drops what was made from it. Undefined when it has not been executed yet. */
  codePage(space: PageAccess, page: number): CodePage | undefined;
  /** Blocks decoded from the page so far and how often the interpreter ran them: where an indirect jump is likely to go. */
  blocksIn(page: CodePage, mode: 64 | 32): readonly KnownBlock[];
  /** A region must not run into this address. */
  isBreakpoint(address: number): boolean;
  /** False (and nothing is installed) when a page's code has changed since or a breakpoint lies in one of them. */
  install(region: FinishedRegion): boolean;
}
