/**
 * Hot code is noticed in inner loops first. A region that starts at an inner loop's head would make one loop of the whole nest, as all
 * of it comes back to the region's entry; started from the loop around it, the inner loop stays a loop of its own.
 */
import { analyseFlow, type FlowGraph } from './flow-graph.ts';
import type { Region } from './region.ts';

/** The loop around must come by about as often as this fraction of the inner one's rounds, so that the region is entered soon. */
const SELDOM = 64;

export interface LoopNest {
  /** Where a region with the same code had better start. */
  readonly outer: number;
  /** Addresses of the blocks of the innermost loop around the region's entry. */
  readonly inner: ReadonlySet<number>;
}

/**
 * The loops which a region's entry is the head of, if there are several and an outer one comes by often enough.
 * @param runs how often the interpreter was at an address
 */
export function loopNest(region: Region, runs: (address: number) => number): LoopNest | undefined {
  const graph = analyseFlow(region.successors);
  const latches = graph.predecessors[0];
  if (latches.length < 2) return undefined;
  const loops = latches.map((latch) => naturalLoop(graph, latch));
  const inner = loops.reduce((smallest, loop) => (loop.size < smallest.size ? loop : smallest));
  let outer = -1;
  let most = runs(region.entry) / SELDOM;
  for (const latch of latches) {
    const { address } = region.blocks[latch];
    if (inner.has(latch) || runs(address) <= most) continue;
    outer = address;
    most = runs(address);
  }
  return outer < 0 ? undefined : { outer, inner: new Set([...inner].map((node) => region.blocks[node].address)) };
}

/** The nodes from which the latch can be reached without coming by the entry, and the entry. */
function naturalLoop(graph: FlowGraph, latch: number): Set<number> {
  const loop = new Set([0]);
  const rest = [latch];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (loop.has(node)) continue;
    loop.add(node);
    rest.push(...graph.predecessors[node]);
  }
  return loop;
}
