/** What a scan finds out about a region's blocks, and what follows for the places where they start. */
import type { BlockAccess } from './access-groups.ts';
import type { FlowGraph } from './flow-graph.ts';
import { meetShapes, type FlagShape } from './region-flags.ts';
import type { Region } from './region.ts';

/** What the scan finds for a block. Bit n of a mask: general register n; bit n + 16: xmm n. */
export interface BlockFacts {
  used: number;
  set: number;
  flags: FlagShape;
  /** Guest memory accesses, in the order of emission. */
  accesses: BlockAccess[];
  /** Numbers of accesses before which helpers may have changed the mapping. */
  barriers: number[];
}

export function noFacts(): BlockFacts {
  return { used: 0, set: 0, flags: 'memory', accesses: [], barriers: [] };
}

/** What is known of the flags where each block starts. */
export function shapesAtEntry(graph: FlowGraph, region: Region, facts: readonly BlockFacts[]): FlagShape[] {
  const shapes: (FlagShape | undefined)[] = region.blocks.map(() => undefined);
  shapes[0] = 'memory';
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.order) {
      let shape: FlagShape | undefined = node === 0 ? 'memory' : undefined;
      for (const from of graph.predecessors[node]) {
        const after = region.blocks[from].ending === 'call' || facts[from].flags !== 'memory' ? facts[from].flags : shapes[from];
        if (after !== undefined) shape = shape === undefined ? after : meetShapes(shape, after);
      }
      if (shape !== undefined && shape !== shapes[node]) {
        const known = shapes[node];
        if (known !== undefined && known !== 'mixed' && meetShapes(known, shape) === known) continue;
        shapes[node] = shape;
        changed = true;
      }
    }
  }
  return shapes.map((shape) => shape ?? 'mixed');
}

/** Registers that may differ from memory where each block starts. */
export function dirtyAtEntry(graph: FlowGraph, region: Region, facts: readonly BlockFacts[]): number[] {
  const dirty = new Array<number>(region.blocks.length).fill(0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.order) {
      let mask = dirty[node];
      for (const from of graph.predecessors[node]) mask |= region.blocks[from].ending === 'call' ? 0 : dirty[from] | facts[from].set;
      if (mask !== dirty[node]) {
        dirty[node] = mask;
        changed = true;
      }
    }
  }
  return dirty;
}
