/**
 * Counts control transfers while emitted code runs: owns the memory of the counts, hands out banks and the numbers emitted code
 * counts under, and takes the sums out. The emitted side is counting-code.ts; the idea is in bank-layout.ts.
 */
import { ARENA, RECORD } from '../engine-area.ts';
import { COUNTING_BANK } from '../state.ts';
import type { LinearMemory } from '../../memory/linear-memory.ts';
import {
  BANK_BYTES, BANKS, EDGE_CELL_LIMIT, EDGE_CELLS, INDIRECT_COUNT, INDIRECT_ENTRIES, INDIRECT_ENTRY, INDIRECT_TABLE, INDIRECT_TARGET, RECORD_CELL_SHIFT, REGION_SITE,
} from './bank-layout.ts';
import { COUNTS_BYTES, COUNTS_BYTES_WITHOUT_TREES, TreeEvent } from './call-tree-layout.ts';
import { CallTrees } from './call-trees.ts';
import { transferCode, type CountingMode, type TransferKind, type TransferSite } from './transfer.ts';
import { TransferTotals } from './transfer-totals.ts';

const WASM_PAGE = 0x10000;

/** An execution context whose counts are kept apart. */
export interface CountingContext {
  readonly totals: TransferTotals;
  /** No call tree is kept of it. */
  readonly flat?: boolean;
}

interface Bank {
  readonly base: number;
  owner: CountingContext | undefined;
  /** For finding the one that has not been used for longest. */
  lastUse: number;
}

interface Edge extends TransferSite {
  readonly target: number;
}

export class TransferCounters {
  readonly memory: WebAssembly.Memory;
  readonly trees: CallTrees | undefined;
  /** Whether a jump leads into another function, which then counts as called; for call trees. */
  isTailCall: (site: number, target: number) => boolean = () => false;
  private readonly linear: LinearMemory;
  private readonly banks: Bank[] = [];
  private readonly bankOf = new Map<CountingContext, Bank>();
  /** Sites of the interpreter's records in the arena, by record address; direct ones with their target. */
  private readonly records = new Map<number, TransferSite & { readonly target: number | undefined }>();
  private readonly edges: Edge[] = [];
  private readonly edgeNumbers = new Map<string, number>();
  private readonly sites: TransferSite[] = [];
  private readonly siteNumbers = new Map<number, number>();
  private current: Bank | undefined;
  private uses = 0;

  /** @param trees whether call trees are kept, too */
  constructor(linear: LinearMemory, trees = false) {
    this.linear = linear;
    // At its full size at once: growing it makes V8 collect garbage.
    const pages = (trees ? COUNTS_BYTES : COUNTS_BYTES_WITHOUT_TREES) / WASM_PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.trees = trees ? new CallTrees(this.memory, linear) : undefined;
  }

  get mode(): CountingMode {
    return this.trees === undefined ? 'transfers' : 'trees';
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  /** A run of `budget` instructions at most begins at `rip`, counted for `context`. The CPU's registers are the context's. */
  enter(context: CountingContext, rip: number, budget: number): void {
    if (this.current?.owner !== context) {
      this.current = this.bank(context);
      this.linear.i32[COUNTING_BANK >>> 2] = this.current.base;
    }
    this.current.lastUse = ++this.uses;
    context.totals.began(rip);
    if (context.flat === true) this.trees?.rest();
    else this.trees?.enter(context, rip, budget);
  }

  /** The run ended before the instruction at `rip`, having retired so many. */
  leave(rip: number, retired: number): void {
    const { running } = this;
    running.totals.ended(rip);
    running.totals.retired += retired;
    this.trees?.leave(running, rip);
  }

  /** The instruction at `rip`, which ends at `next`, has retired and will be executed again. */
  again(rip: number, next: number): void {
    const { totals } = this.running;
    totals.began(rip);
    totals.ended(next);
  }

  /** One instruction is run by itself: BUDGET is less than what is left by so much (and is put right afterwards, with the negative). */
  setAside(instructions: number): void {
    this.trees?.setAside(instructions);
  }

  // ── what emitted code counts under ────────────────────────────────────────────────────────────

  /** The block builder has written a transfer's record. Gives what the record is to say of it, see {@link transferCode}. */
  noteRecord(record: number, site: TransferSite, target: number | undefined): number {
    this.records.set(record, { ...site, target });
    return transferCode(site.kind, target !== undefined, target !== undefined && this.isTailCall(site.site, target));
  }

  /** The block builder's records in `bytes` bytes from `from` on are at `to`, too: the entry of a region. */
  recordsCopied(from: number, to: number, bytes: number): void {
    for (let offset = 0; offset < bytes; offset += RECORD) {
      const known = this.records.get(from + offset);
      if (known !== undefined) this.records.set(to + offset, known);
    }
  }

  /** Number of a direct transfer's cell, or undefined when there are none left (then it is counted as an indirect one). */
  edge(site: number, next: number, kind: TransferKind, target: number): number | undefined {
    const key = `${site}:${next}:${target}`;
    const known = this.edgeNumbers.get(key);
    if (known !== undefined) return known;
    if (this.edges.length === EDGE_CELL_LIMIT) return undefined;
    const number = this.edges.push({ site, next, kind, target }) - 1;
    this.edgeNumbers.set(key, number);
    return number;
  }

  /** What the indirect table calls a region's site. Two instructions of different length at one address are told apart by `next`. */
  site(site: number, next: number, kind: TransferKind): number {
    const key = site * 16 + (next - site);
    let number = this.siteNumbers.get(key);
    if (number === undefined) this.siteNumbers.set(key, (number = this.sites.push({ site, next, kind }) - 1));
    return REGION_SITE + number;
  }

  /** Emitted code: a transfer of the block that is used once; its record will be another's soon. */
  readonly countSingle = (record: number, low: number, high: number): void => {
    const site = this.siteOf(record);
    const target = addressOf(low, high);
    this.running.totals.add(site, target, 1);
    const event = site.kind === 'call' ? TreeEvent.call : site.kind === 'return' ? TreeEvent.return : site.kind === 'jump' && this.isTailCall(site.site, target) ? TreeEvent.tail : undefined;
    if (event !== undefined) this.trees?.functions?.treeTransfer(event, BigInt(site.next), BigInt(target));
  };

  /** Emitted code: a jump is taken to this target for the first time. Not 0 if it leads into another function. */
  readonly judgeJump = (site: number, low: number, high: number): number => {
    const { site: address, kind } = this.siteOf(site >>> 0);
    return kind === 'jump' && this.isTailCall(address, addressOf(low, high)) ? 1 : 0;
  };

  /** Emitted code: there is no room for an indirect transfer in its bank. */
  readonly countOverflow = (site: number, low: number, high: number): number => {
    const bank = this.current;
    if (bank?.owner === undefined) throw new Error('counting outside of a run');
    this.takeIndirect(bank, bank.owner.totals);
    bank.owner.totals.add(this.siteOf(site >>> 0), addressOf(low, high), 1);
    return this.judgeJump(site, low, high);
  };

  // ── taking the sums out ───────────────────────────────────────────────────────────────────────

  /** Moves everything counted so far into the contexts' totals. */
  collect(): void {
    for (const bank of this.banks) this.take(bank);
  }

  /** The arena is about to be used anew: its records will be others. */
  arenaFlushed(): void {
    this.collect();
    for (const record of [...this.records.keys()]) if (record >= ARENA) this.records.delete(record);
  }

  /** Empties the context's bank for another. */
  private release(context: CountingContext): void {
    const bank = this.bankOf.get(context);
    if (bank === undefined) return;
    this.take(bank);
    this.bankOf.delete(context);
    bank.owner = undefined;
    if (this.current === bank) this.current = undefined;
  }

  /** The execution context itself is over: its calls will not return. */
  end(context: CountingContext): void {
    this.release(context);
    this.trees?.release(context);
  }

  private get running(): CountingContext {
    const owner = this.current?.owner;
    if (owner === undefined) throw new Error('counting outside of a run');
    return owner;
  }

  private siteOf(number: number): TransferSite {
    const site = number >= REGION_SITE ? this.sites[number - REGION_SITE] : this.records.get(number);
    if (site === undefined) throw new Error(`count of an unknown site ${number.toString(16)}`);
    return site;
  }

  private bank(context: CountingContext): Bank {
    const known = this.bankOf.get(context);
    if (known !== undefined) return known;
    let bank = this.banks.find(({ owner }) => owner === undefined);
    if (bank === undefined && this.banks.length < BANKS) {
      bank = { base: this.banks.length * BANK_BYTES, owner: undefined, lastUse: 0 };
      this.banks.push(bank);
    }
    if (bank === undefined) {
      bank = this.banks.reduce((oldest, other) => (other.lastUse < oldest.lastUse ? other : oldest));
      if (bank.owner !== undefined) this.release(bank.owner);
    }
    bank.owner = context;
    this.bankOf.set(context, bank);
    return bank;
  }

  private take(bank: Bank): void {
    const { owner, base } = bank;
    if (owner === undefined) return;
    const { totals } = owner;
    const cells = new BigUint64Array(this.memory.buffer, base, BANK_BYTES / 8);
    const empty = (cell: number): number => {
      const count = Number(cells[cell]);
      if (count !== 0) cells[cell] = 0n;
      return count;
    };
    for (const [record, site] of this.records) {
      if (record < ARENA || site.target === undefined) continue;
      const count = empty((record >>> RECORD_CELL_SHIFT) >>> 3);
      if (count !== 0) totals.add(site, site.target, count);
    }
    for (let i = 0; i < this.edges.length; i++) {
      const count = empty((EDGE_CELLS >>> 3) + i);
      if (count !== 0) totals.add(this.edges[i], this.edges[i].target, count);
    }
    this.takeIndirect(bank, totals);
  }

  private takeIndirect({ base }: Bank, totals: TransferTotals): void {
    const words = new Uint32Array(this.memory.buffer, base + INDIRECT_TABLE, (INDIRECT_ENTRIES * INDIRECT_ENTRY) / 4);
    for (let at = 0; at < words.length; at += INDIRECT_ENTRY / 4) {
      const site = words[at];
      if (site === 0) continue;
      const target = at + INDIRECT_TARGET / 4;
      const count = at + INDIRECT_COUNT / 4;
      totals.add(this.siteOf(site), addressOf(words[target], words[target + 1]), words[count] + words[count + 1] * 0x100000000);
      words.fill(0, at, at + INDIRECT_ENTRY / 4);
    }
  }
}

/** A guest address from its halves. */
const addressOf = (low: number, high: number): number => (low >>> 0) + (high >>> 0) * 0x100000000;
