/**
 * What was counted, in terms of programs: functions with their instructions, calls with what they cost, chains of calls.
 * The unit everywhere is retired instructions.
 */
import type { TransferKind } from '../cpu/counting/transfer.ts';
import type { CountingContext } from '../cpu/counting/transfer-counters.ts';
import type { CallNode } from '../cpu/counting/call-trees.ts';
import type { CodeFunction, CodeImage, SourceLine } from './code-image.ts';
import { instructionCounts, type InstructionCount } from './instruction-counts.ts';
import { eachChange, ExecutionCounts } from './execution-counts.ts';
import { wantedBy, type ProfileFilter } from './filter.ts';
import type { ProfileContext } from './profiler.ts';

export interface CountedCall {
  /** Address of the instruction that calls. */
  readonly site: number;
  readonly callee: CountedFunction;
  count: number;
  /** Instructions between call and return, the callee's callees included; of a recursive call the outermost counts. 0 without call trees. */
  inclusive: number;
}

export interface CountedFunction {
  /** Undefined: code that belongs to no file. */
  readonly image: CodeImage | undefined;
  readonly name: string;
  /** Its first address. */
  readonly low: number;
  /** Instructions executed in it. */
  self: number;
  /** Times it was called. */
  calls: number;
  /** In the file's own addresses. */
  readonly instructions: InstructionCount[];
  readonly callees: CountedCall[];
}

/** A chain of calls: the last function, and the chain that called it. */
export interface CountedChain {
  readonly parent: CountedChain | undefined;
  readonly function: CountedFunction;
  /** Who ran it, at the beginning of a chain. */
  readonly context: ProfileContext;
  readonly self: number;
  readonly calls: number;
}

/** Where an edge begins or ends. */
export interface EdgeEnd {
  /** Undefined: code of no file, whose addresses mean nothing later. */
  readonly image: CodeImage | undefined;
  /** In the file's own addresses. */
  readonly own: number;
}

/** A way control has gone. `next`: on from a conditional jump that was not taken. */
export interface CountedEdge {
  readonly from: EdgeEnd;
  readonly to: EdgeEnd;
  count: number;
  readonly kind: TransferKind | 'next';
}

export interface ProfileSource {
  contexts(): readonly ProfileContext[];
  nodes(): readonly CallNode[];
}

/** The pseudo function of code in no file. */
const NO_FILE = '[no file]';

export class Profile {
  /** Instructions counted. */
  readonly total: number;
  /** Executed functions and those called, by file and address. */
  readonly functions: readonly CountedFunction[];
  /** Parents before children; empty without call trees. */
  readonly chains: readonly CountedChain[];
  /** How often conditional branches were taken, by file and address; none: never. */
  readonly taken: ReadonlyMap<CodeImage, ReadonlyMap<number, number>>;
  private readonly contexts: readonly ProfileContext[];
  private readonly wanted: ReadonlySet<CountingContext>;
  private readonly filter: ProfileFilter;
  private readonly known = new Map<CodeImage | undefined, Map<number, CountedFunction>>();
  private readonly callsBySite = new Map<CodeImage | undefined, Map<string, CountedCall>>();
  /** Address behind a call → its site, by file. */
  private readonly sites = new Map<CodeImage | undefined, Map<number, number>>();

  constructor(source: ProfileSource, filter: ProfileFilter = {}) {
    const contexts = source.contexts().filter((context) => filter.tasks?.test(nameOf(context)) ?? true);
    this.contexts = contexts;
    this.wanted = new Set(contexts);
    this.filter = filter;
    this.countInstructions(contexts, contexts.reduce((sum, { totals }) => sum + totals.retired, 0));
    for (const context of contexts) this.countCalls(context);
    this.taken = countBranches(contexts);
    this.chains = this.wantedChains(this.readChains(source.nodes().filter(({ context }) => this.wanted.has(context))));
    const all = [...this.known.values()].flatMap((functions) => [...functions.values()]).filter((one) => this.tellsOf(one));
    this.total = all.reduce((sum, { self }) => sum + self, 0);
    for (const { callees } of all) callees.splice(0, callees.length, ...callees.filter(({ callee }) => this.tellsOf(callee)));
    this.functions = all.sort((a, b) => compareText(a.image?.path ?? '', b.image?.path ?? '') || a.low - b.low);
    for (const { instructions, callees } of this.functions) {
      instructions.sort((a, b) => a.address - b.address);
      callees.sort((a, b) => a.site - b.site || a.callee.low - b.callee.low);
    }
  }

  /** Whether the filter wants a function. */
  tellsOf({ name, low, image }: Pick<CountedFunction, 'name' | 'low' | 'image'>): boolean {
    return wantedBy(this.filter, name, () => image?.lineAt(low)?.file);
  }

  /** Every transfer that was taken, and those that conditional jumps did not take; of functions the filter wants. */
  *edges(): Generator<CountedEdge> {
    const edges = new Map<string, CountedEdge>();
    for (const { totals, images } of this.contexts) {
      for (const { site, target, kind, count } of totals.transfers()) {
        const from = withoutNumber(place(images, site));
        const to = withoutNumber(place(images, target));
        const key = `${from.image?.path ?? ''} ${from.own} ${to.image?.path ?? ''} ${to.own}`;
        const known = edges.get(key);
        if (known === undefined) edges.set(key, { from, to, count, kind });
        else known.count += count;
      }
    }
    for (const edge of edges.values()) if (this.tellsOf(this.functionAt(edge.from.image, edge.from.own))) yield edge;
    for (const { image, instructions } of this.functions) {
      for (const { address, length, count } of image === undefined ? [] : instructions) {
        if (image?.isConditional(address) !== true) continue;
        const falls = count - (this.taken.get(image)?.get(address) ?? 0);
        if (falls > 0) yield { from: { image, own: address }, to: { image, own: address + length }, count: falls, kind: 'next' };
      }
    }
  }

  /** Source line of an address in a function. */
  lineOf(owner: CountedFunction, address: number): SourceLine | undefined {
    return owner.image?.lineAt(address);
  }

  /** Files with counts, in the order of their paths. */
  get images(): CodeImage[] {
    return [...new Set(this.functions.map(({ image }) => image))].filter((image) => image !== undefined);
  }

  private countInstructions(contexts: readonly ProfileContext[], total: number): void {
    const changes = new Map<CodeImage | undefined, Map<number, number>>();
    for (const { totals, images } of contexts) {
      eachChange(totals, (address, by) => {
        const { image, own } = place(images, address);
        const ofImage = changes.get(image) ?? new Map<number, number>();
        changes.set(image, ofImage.set(own, (ofImage.get(own) ?? 0) + by));
      });
    }
    for (const [image, ofImage] of changes) {
      if (image === undefined) continue;
      for (const counted of instructionCounts(new ExecutionCounts(ofImage).stretches(), (address) => image.lengthAt(address))) {
        const owner = this.functionAt(image, counted.address);
        owner.self += counted.count;
        owner.instructions.push(counted);
      }
    }
    // How many instructions a stretch without a file has is not known, but what the others leave is theirs.
    const rest = [...this.known.values()].flatMap((functions) => [...functions.values()]).reduce((left, { self }) => left - self, total);
    if (rest < 0 || (rest > 0 && !changes.has(undefined))) throw new Error(`${total} instructions were counted, ${total - rest} found in files`);
    if (changes.has(undefined)) this.functionAt(undefined, 0).self = rest;
  }

  private countCalls({ totals, images }: ProfileContext): void {
    for (const { site, next, target, kind, count } of totals.transfers()) {
      if (kind !== 'call' && kind !== 'jump') continue;
      const from = place(images, site);
      const to = place(images, target);
      const callee = this.functionAt(to.image, to.own);
      const caller = this.functionAt(from.image, from.own);
      if (kind === 'jump' && (callee === caller || callee.low !== to.own || callee.name.endsWith('.cold'))) continue;
      callee.calls += count;
      const sites = this.sites.get(from.image) ?? new Map<number, number>();
      this.sites.set(from.image, sites.set(from.own + (next - site), from.own));
      this.call(caller, from.own, callee).count += count;
    }
  }

  private readChains(nodes: readonly CallNode[]): CountedChain[] {
    const chains = new Map<CallNode, CountedChain>();
    const inclusive = new Map<CallNode, number>();
    for (const node of [...nodes].reverse()) {
      const own = (inclusive.get(node) ?? 0) + node.self;
      inclusive.set(node, own);
      if (node.parent !== undefined) inclusive.set(node.parent, (inclusive.get(node.parent) ?? 0) + own);
    }
    const arcs = new Map<CallNode, CountedCall | undefined>();
    for (const node of nodes) {
      const context = node.context as ProfileContext;
      const to = place(context.images, node.parent === undefined ? context.start : node.target);
      const parent = node.parent === undefined ? undefined : chains.get(node.parent);
      chains.set(node, { parent, function: this.functionAt(to.image, to.own), context, self: node.self, calls: node.calls });
      if (node.parent === undefined) continue;
      const from = place(context.images, node.next);
      const site = this.sites.get(from.image)?.get(from.own);
      if (site === undefined) continue;
      const call = this.call(this.functionAt(from.image, site), site, this.functionAt(to.image, to.own));
      arcs.set(node, call);
      let above: CallNode | undefined = node.parent;
      while (above !== undefined && arcs.get(above) !== call) above = above.parent;
      if (above === undefined) call.inclusive += inclusive.get(node) ?? 0;
    }
    return [...chains.values()];
  }

  /** Those that end in a function the filter wants, with what leads there. */
  private wantedChains(all: readonly CountedChain[]): CountedChain[] {
    if (this.filter.functions === undefined && this.filter.files === undefined) return [...all];
    const kept = new Set<CountedChain>();
    for (const chain of [...all].reverse()) {
      const { parent } = chain;
      if (!kept.has(chain) && !(chain.self > 0 && this.tellsOf(chain.function))) continue;
      kept.add(chain);
      if (parent !== undefined) kept.add(parent);
    }
    const made = new Map<CountedChain, CountedChain>();
    for (const chain of all) {
      if (!kept.has(chain)) continue;
      made.set(chain, { ...chain, parent: chain.parent === undefined ? undefined : made.get(chain.parent), self: this.tellsOf(chain.function) ? chain.self : 0 });
    }
    return [...made.values()];
  }

  private call(caller: CountedFunction, site: number, callee: CountedFunction): CountedCall {
    const ofImage = this.callsBySite.get(caller.image) ?? new Map<string, CountedCall>();
    this.callsBySite.set(caller.image, ofImage);
    const key = `${site}:${callee.image?.path ?? ''}:${callee.low}`;
    let call = ofImage.get(key);
    if (call === undefined) {
      call = { site, callee, count: 0, inclusive: 0 };
      ofImage.set(key, call);
      caller.callees.push(call);
    }
    return call;
  }

  private functionAt(image: CodeImage | undefined, address: number): CountedFunction {
    const found: CodeFunction | undefined = image?.functionAt(address);
    const low = found?.low ?? image?.codeRange.low ?? 0;
    const name = found?.name ?? (image === undefined ? NO_FILE : `[${image.path.slice(image.path.lastIndexOf('/') + 1)}]`);
    const ofImage = this.known.get(image) ?? new Map<number, CountedFunction>();
    this.known.set(image, ofImage);
    // Code of a file that no function claims is one function, which begins where no other does.
    const key = found === undefined ? -1 : low;
    let known = ofImage.get(key);
    if (known === undefined) ofImage.set(key, (known = { image, name, low, self: 0, calls: 0, instructions: [], callees: [] }));
    return known;
  }
}

function countBranches(contexts: readonly ProfileContext[]): Map<CodeImage, Map<number, number>> {
  const taken = new Map<CodeImage, Map<number, number>>();
  for (const { totals, images } of contexts) {
    for (const { site, kind, count } of totals.transfers()) {
      if (kind !== 'branch') continue;
      const { image, own } = place(images, site);
      if (image === undefined) continue;
      const ofImage = taken.get(image) ?? new Map<number, number>();
      taken.set(image, ofImage.set(own, (ofImage.get(own) ?? 0) + count));
    }
  }
  return taken;
}

/** Addresses of no file differ from run to run of a program. */
const withoutNumber = (end: EdgeEnd): EdgeEnd => (end.image === undefined ? { image: undefined, own: 0 } : end);

function place(images: ProfileContext['images'], address: number): { readonly image: CodeImage | undefined; readonly own: number } {
  const mapped = images.at(address);
  return mapped === undefined ? { image: undefined, own: address } : { image: mapped.image, own: address - mapped.bias };
}

/** `sh [23]`, or `sh [23.24]` of another than a process's first thread. */
export const nameOf = ({ name, pid, tid }: ProfileContext): string => `${name} [${pid === tid ? pid : `${pid}.${tid}`}]`;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
