/**
 * Control flow analysis of a region: order, dominators, loops, and how many instructions can retire between
 * two budget checks. Nodes are block numbers, node 0 is the entry; unreachable nodes are not in `order`.
 */

export interface FlowGraph {
  readonly successors: readonly (readonly number[])[];
  /** Predecessors that are reachable from the entry, each edge once. */
  readonly predecessors: readonly (readonly number[])[];
  /** Reverse postorder: every node before its successors, retreating edges aside. */
  readonly order: readonly number[];
  /** Position in `order`, or -1. */
  readonly rank: readonly number[];
  /** Immediate dominator; the entry's is itself, unreachable nodes have -1. */
  readonly dominator: readonly number[];
  /** Nodes immediately dominated by each node, in reverse postorder. */
  readonly children: readonly (readonly number[])[];
  /** Targets of retreating edges: every cycle goes through one of them. */
  readonly loopHead: readonly boolean[];
  /** Two or more forward edges come in. */
  readonly merge: readonly boolean[];
  /** Every retreating edge's target dominates its source: the graph nests. */
  readonly reducible: boolean;
}

/** Analyses the graph given by successor lists. */
export function analyseFlow(successors: readonly (readonly number[])[]): FlowGraph {
  const count = successors.length;
  const order = reversePostorder(successors);
  const rank = new Array<number>(count).fill(-1);
  order.forEach((node, i) => (rank[node] = i));
  const predecessors: number[][] = Array.from({ length: count }, () => []);
  for (const node of order) for (const next of successors[node]) if (!predecessors[next].includes(node)) predecessors[next].push(node);
  const dominator = dominators(order, rank, predecessors);
  const children: number[][] = Array.from({ length: count }, () => []);
  for (const node of order) if (node !== 0) children[dominator[node]].push(node);
  const loopHead = predecessors.map((from, node) => from.some((p) => rank[p] >= rank[node]));
  const merge = predecessors.map((from, node) => from.filter((p) => rank[p] < rank[node]).length > 1);
  const dominates = (a: number, b: number): boolean => {
    let at = b;
    while (rank[at] > rank[a]) at = dominator[at];
    return at === a;
  };
  const reducible = order.every((node) => predecessors[node].every((p) => rank[p] < rank[node] || dominates(node, p)));
  return { successors, predecessors, order, rank, dominator, children, loopHead, merge, reducible };
}

/**
 * For each node, the most instructions that can retire from its start until the next node where the budget is checked (not counting
 * that one). `weights` are instructions per node; every loop head must be a check.
 */
export function longestPaths(graph: FlowGraph, weights: readonly number[], check: readonly boolean[]): number[] {
  const longest = new Array<number>(weights.length).fill(0);
  for (let i = graph.order.length - 1; i >= 0; i--) {
    const node = graph.order[i];
    let rest = 0;
    for (const next of graph.successors[node]) if (!check[next]) rest = Math.max(rest, longest[next]);
    longest[node] = weights[node] + rest;
  }
  return longest;
}

function reversePostorder(successors: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const seen = new Set<number>([0]);
  const visit = (node: number): void => {
    // The last successor is visited first, so that the first one follows its node in reverse postorder.
    for (let i = successors[node].length - 1; i >= 0; i--) {
      const next = successors[node][i];
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
    }
    order.push(node);
  };
  visit(0);
  return order.reverse();
}

// Cooper, Harvey, Kennedy: "A simple, fast dominance algorithm".
function dominators(order: readonly number[], rank: readonly number[], predecessors: readonly (readonly number[])[]): number[] {
  const dominator = new Array<number>(predecessors.length).fill(-1);
  dominator[0] = 0;
  const meet = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (rank[x] > rank[y]) x = dominator[x];
      while (rank[y] > rank[x]) y = dominator[y];
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      if (node === 0) continue;
      let found = -1;
      for (const p of predecessors[node]) if (dominator[p] >= 0) found = found < 0 ? p : meet(found, p);
      if (dominator[node] !== found) {
        dominator[node] = found;
        changed = true;
      }
    }
  }
  return dominator;
}
