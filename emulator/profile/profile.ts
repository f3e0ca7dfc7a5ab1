/**
 * What was counted, in terms of programs: functions with their instructions, calls with what they cost, chains of calls.
 * The unit everywhere is retired instructions.
 */
import type { CallNode } from '../cpu/counting/call-trees.ts';
import type { CodeFunction, CodeImage, SourceLine } from './code-image.ts';
import { instructionCounts, type InstructionCount } from './instruction-counts.ts';
import { eachChange, ExecutionCounts } from './execution-counts.ts';
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
  private readonly known = new Map<CodeImage | undefined, Map<number, CountedFunction>>();
  private readonly callsBySite = new Map<CodeImage | undefined, Map<string, CountedCall>>();
  /** Address behind a call → its site, by file. */
  private readonly sites = new Map<CodeImage | undefined, Map<number, number>>();

  constructor(source: ProfileSource) {
    const contexts = source.contexts();
    this.total = contexts.reduce((sum, { totals }) => sum + totals.retired, 0);
    this.countInstructions(contexts);
    for (const context of contexts) this.countCalls(context);
    this.taken = countBranches(contexts);
    this.chains = this.readChains(source.nodes());
    const all = [...this.known.values()].flatMap((functions) => [...functions.values()]);
    this.functions = all.sort((a, b) => compareText(a.image?.path ?? '', b.image?.path ?? '') || a.low - b.low);
    for (const { instructions, callees } of this.functions) {
      instructions.sort((a, b) => a.address - b.address);
      callees.sort((a, b) => a.site - b.site || a.callee.low - b.callee.low);
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

  private countInstructions(contexts: readonly ProfileContext[]): void {
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
    const rest = [...this.known.values()].flatMap((functions) => [...functions.values()]).reduce((left, { self }) => left - self, this.total);
    if (rest < 0 || (rest > 0 && !changes.has(undefined))) throw new Error(`${this.total} instructions were counted, ${this.total - rest} found in files`);
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

function place(images: ProfileContext['images'], address: number): { readonly image: CodeImage | undefined; readonly own: number } {
  const mapped = images.at(address);
  return mapped === undefined ? { image: undefined, own: address } : { image: mapped.image, own: address - mapped.bias };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
