/** Call trees as JavaScript sees them: gives contexts their stacks and roots, tells emitted code which one runs, and reads the nodes. */
import { COUNTING_CLOCK, COUNTING_STACK } from '../state.ts';
import type { LinearMemory } from '../../memory/linear-memory.ts';
import {
  NODE_BYTES, NODE_CALLS, NODE_PARENT, NODE_SELF, NODE_SITE, NODE_TARGET, STACK_BYTES, STACK_CLOCK, STACK_FRAMES, STACK_LIMIT, STACK_NODE, TREE_BUCKETS, TREE_FREE, TREE_FULL, TREE_NODES, TREE_STACKS,
} from './call-tree-layout.ts';
import type { CountingContext } from './transfer-counters.ts';

/** A chain of calls from a context's beginning. */
export interface CallNode {
  /** Undefined for a root. */
  readonly parent: CallNode | undefined;
  readonly context: CountingContext;
  /** Address behind the call; 0 for a root. */
  readonly next: number;
  /** Address of the function called; 0 for a root, which stands for what ran without having been called. */
  readonly target: number;
  readonly calls: number;
  /** Instructions of this function itself, in this chain. */
  readonly self: number;
}

interface Stack {
  readonly address: number;
  /** rip where its last run ended: going on elsewhere means that somebody set the registers. */
  rip: number | undefined;
  /** A handler has been put between. */
  handler: HandlerRange | undefined;
}

/** Values of rsp with which a signal handler is running. */
export interface HandlerRange {
  readonly lowest: number;
  readonly highest: number;
}

/** The emitted functions. */
export interface TreeFunctions {
  treeTransfer(event: number, next: bigint, target: bigint): void;
  treeEnter(interrupted: bigint, handler: bigint, lowest: bigint, highest: bigint): void;
  treeSettle(): void;
}

export class CallTrees {
  functions: TreeFunctions | undefined;
  private readonly linear: LinearMemory;
  private readonly view: DataView;
  private readonly stacks = new Map<CountingContext, Stack>();
  /** All contexts with a root, also those that are over. */
  private readonly roots = new Map<number, CountingContext>();
  private readonly free: number[] = [];
  private nextStack = TREE_STACKS;

  constructor(memory: WebAssembly.Memory, linear: LinearMemory) {
    this.linear = linear;
    this.view = new DataView(memory.buffer);
    this.view.setUint32(TREE_FREE, TREE_NODES, true);
  }

  /** Takes the emitted functions, for emitted code's events and its own. */
  link(exports: WebAssembly.Exports): void {
    const { treeTransfer, treeEnter, treeSettle } = exports;
    if (typeof treeTransfer !== 'function' || typeof treeEnter !== 'function' || typeof treeSettle !== 'function') throw new Error('emitted code keeps no call trees');
    this.functions = {
      treeTransfer: (event, next, target) => void treeTransfer(event, next, target),
      treeEnter: (interrupted, handler, lowest, highest) => void treeEnter(interrupted, handler, lowest, highest),
      treeSettle: () => void treeSettle(),
    };
  }

  /** A run of `budget` instructions at most begins in a context. */
  enter(context: CountingContext, rip: number, budget: number): void {
    const stack = this.stacks.get(context) ?? this.begin(context);
    this.linear.i32[COUNTING_STACK >>> 2] = stack.address;
    this.setClock(context.totals.retired + budget);
    if (stack.rip === rip || stack.rip === undefined) return;
    if (stack.handler === undefined) this.functions?.treeSettle();
    else {
      const { lowest, highest } = stack.handler;
      stack.handler = undefined;
      this.functions?.treeEnter(BigInt(stack.rip), BigInt(rip), BigInt(lowest), BigInt(highest));
    }
  }

  /** A run begins of which no tree is kept. */
  rest(): void {
    this.linear.i32[COUNTING_STACK >>> 2] = 0;
  }

  leave(context: CountingContext, rip: number): void {
    const stack = this.stacks.get(context);
    if (stack !== undefined) stack.rip = rip;
  }

  /** A signal handler has been put between: it begins with the context's next run. */
  handler(context: CountingContext, range: HandlerRange): void {
    const stack = this.stacks.get(context);
    if (stack !== undefined) stack.handler = range;
  }

  /** BUDGET is less than what is left by so many instructions. */
  setAside(instructions: number): void {
    this.linear.u64[COUNTING_CLOCK >>> 3] -= BigInt(instructions);
  }

  /** Emitted code's clock is this minus BUDGET. */
  private setClock(value: number): void {
    this.linear.u64[COUNTING_CLOCK >>> 3] = BigInt(value);
  }

  /** Nobody will run in this context again. */
  release(context: CountingContext): void {
    const stack = this.stacks.get(context);
    if (stack === undefined) return;
    this.charge(context, stack);
    this.stacks.delete(context);
    this.free.push(stack.address);
  }

  /** Forgets all nodes. Only when no context has a stack any more. */
  clear(): void {
    if (this.stacks.size > 0) throw new Error('call trees are in use');
    new Uint8Array(this.view.buffer, TREE_BUCKETS, this.view.getUint32(TREE_FREE, true) - TREE_BUCKETS).fill(0);
    this.view.setUint32(TREE_FREE, TREE_NODES, true);
    this.view.setUint32(TREE_FULL, 0, true);
    this.roots.clear();
  }

  /** True when some calls had to be counted for their callers: there were too many different chains. */
  get full(): boolean {
    return this.view.getUint32(TREE_FULL, true) !== 0;
  }

  /** All nodes, parents before children. */
  nodes(): CallNode[] {
    for (const [context, stack] of this.stacks) this.charge(context, stack);
    const { view } = this;
    const nodes = new Map<number, CallNode>();
    const end = view.getUint32(TREE_FREE, true);
    for (let at = TREE_NODES; at < end; at += NODE_BYTES) {
      const parent = nodes.get(view.getUint32(at + NODE_PARENT, true));
      const context = parent?.context ?? this.roots.get(at);
      if (context === undefined) throw new Error('call tree node without a context');
      const number = (offset: number): number => Number(view.getBigUint64(at + offset, true));
      nodes.set(at, { parent, context, next: number(NODE_SITE), target: number(NODE_TARGET), calls: number(NODE_CALLS), self: number(NODE_SELF) });
    }
    return [...nodes.values()];
  }

  /** What the running node has used since the last event. */
  private charge({ totals }: CountingContext, { address }: Stack): void {
    const { view } = this;
    const node = view.getUint32(address + STACK_NODE, true);
    const spent = totals.retired - Number(view.getBigUint64(address + STACK_CLOCK, true));
    view.setBigUint64(node + NODE_SELF, view.getBigUint64(node + NODE_SELF, true) + BigInt(spent), true);
    view.setBigUint64(address + STACK_CLOCK, BigInt(totals.retired), true);
  }

  private begin(context: CountingContext): Stack {
    const { view } = this;
    const root = view.getUint32(TREE_FREE, true);
    const address = this.free.pop() ?? (this.nextStack < TREE_STACKS + STACK_LIMIT * STACK_BYTES ? this.nextStack : 0);
    if (address === 0) throw new Error(`more than ${STACK_LIMIT} contexts with call trees`);
    if (address === this.nextStack) this.nextStack += STACK_BYTES;
    view.setUint32(TREE_FREE, root + NODE_BYTES, true);
    view.setUint32(address, address + STACK_FRAMES, true);
    view.setUint32(address + STACK_NODE, root, true);
    view.setBigUint64(address + STACK_CLOCK, BigInt(context.totals.retired), true);
    this.roots.set(root, context);
    const stack: Stack = { address, rip: undefined, handler: undefined };
    this.stacks.set(context, stack);
    return stack;
  }
}
