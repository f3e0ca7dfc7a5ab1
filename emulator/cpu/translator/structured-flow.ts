/**
 * Turns a region's flow graph into nested wasm blocks and loops (Ramsey, "Beyond Relooper", ICFP 2022): the
 * dominator tree gives the nesting, merge points become the ends of `block`s, loop heads `loop`s. Graphs that do
 * not nest fall back to a `loop` around a `br_table` over all nodes.
 */
import type { FunctionBuilder, I32, Label } from '../wasm/function-builder.ts';
import type { FlowGraph } from './flow-graph.ts';

/** What a node leads to, given by the emitter once it has emitted the node's body. */
export type NodeExit =
  /** The node has left the function by itself. */
  | { readonly kind: 'none' }
  | { readonly kind: 'jump'; readonly to: number }
  /** The condition is on the wasm stack; a destination outside of the region is a function that emits how to leave. */
  | { readonly kind: 'branch'; readonly condition: I32; readonly taken: number | (() => void); readonly otherwise: number | (() => void) }
  /** One of several nodes, the first whose condition holds. */
  | { readonly kind: 'switch'; readonly cases: readonly { readonly when: () => I32; readonly to: number }[]; readonly otherwise: () => void };

/** Emits the body of a node up to its last branch and says where it goes. */
export type EmitNode = (node: number) => NodeExit;

/** Emits all nodes. Code after what this emits cannot be reached. */
export function emitStructured(f: FunctionBuilder, graph: FlowGraph, emitNode: EmitNode): void {
  if (graph.reducible) new StructuredFlow(f, graph, emitNode).tree(0);
  else emitDispatched(f, graph, emitNode);
}

class StructuredFlow {
  private readonly f: FunctionBuilder;
  private readonly graph: FlowGraph;
  private readonly emitNode: EmitNode;
  private readonly loops = new Map<number, Label>();
  private readonly joins = new Map<number, Label>();

  constructor(f: FunctionBuilder, graph: FlowGraph, emitNode: EmitNode) {
    this.f = f;
    this.graph = graph;
    this.emitNode = emitNode;
  }

  /** A node and everything it dominates. */
  tree(node: number): void {
    // Later merge points enclose earlier ones, so that a forward branch always finds its label open.
    const merges = this.graph.children[node].filter((child) => this.graph.merge[child]).reverse();
    if (!this.graph.loopHead[node]) {
      this.within(node, merges);
      return;
    }
    this.loops.set(node, this.f.open('loop'));
    this.within(node, merges);
    this.f.close();
    this.loops.delete(node);
  }

  private within(node: number, merges: readonly number[]): void {
    if (merges.length > 0) {
      this.joins.set(merges[0], this.f.open('block'));
      this.within(node, merges.slice(1));
      this.f.close();
      this.joins.delete(merges[0]);
      this.tree(merges[0]);
      return;
    }
    const exit = this.emitNode(node);
    if (exit.kind === 'jump') this.go(node, exit.to);
    else if (exit.kind === 'branch') {
      const { taken, otherwise } = exit;
      if (taken === otherwise && typeof taken === 'number') {
        this.f.drop(exit.condition);
        this.go(node, taken);
        return;
      }
      this.f.if(exit.condition, () => this.side(node, taken), () => this.side(node, otherwise));
      this.f.unreachable();
    } else if (exit.kind === 'switch') {
      for (const { when, to } of exit.cases) this.f.if(when(), () => this.go(node, to));
      exit.otherwise();
    }
  }

  private side(from: number, to: number | (() => void)): void {
    if (typeof to === 'number') this.go(from, to);
    else to();
  }

  private go(from: number, to: number): void {
    const label = this.graph.rank[to] <= this.graph.rank[from] ? this.loops.get(to) : this.graph.merge[to] ? this.joins.get(to) : undefined;
    if (label !== undefined) this.f.br(label);
    else this.tree(to);
  }
}

function emitDispatched(f: FunctionBuilder, graph: FlowGraph, emitNode: EmitNode): void {
  const state = f.local('i32');
  f.set(state, f.i32.const(0));
  const again = f.open('loop');
  const labels = new Map<number, Label>();
  const nodes = graph.order;
  // Blocks open in reverse: the innermost one ends where the first node's code starts.
  for (let i = nodes.length - 1; i >= 0; i--) labels.set(nodes[i], f.open('block'));
  const targets = nodes.map((node) => labels.get(node)).filter((label) => label !== undefined);
  f.brTable(targets.slice(0, -1), targets[targets.length - 1], f.get(state));
  const go = (to: number): void => {
    f.set(state, f.i32.const(graph.rank[to]));
    f.br(again);
  };
  for (const node of nodes) {
    f.close();
    const exit = emitNode(node);
    if (exit.kind === 'jump') go(exit.to);
    else if (exit.kind === 'branch') {
      const side = (to: number | (() => void)): void => (typeof to === 'number' ? go(to) : to());
      f.if(exit.condition, () => side(exit.taken), () => side(exit.otherwise));
      f.unreachable();
    } else if (exit.kind === 'switch') {
      for (const { when, to } of exit.cases) f.if(when(), () => go(to));
      exit.otherwise();
    }
  }
  f.close();
  f.unreachable();
  f.release(state);
}
