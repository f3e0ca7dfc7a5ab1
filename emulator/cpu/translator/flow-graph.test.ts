import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { FunctionBuilder, type Local } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { analyseFlow, longestPaths } from './flow-graph.ts';
import { emitStructured } from './structured-flow.ts';

/** Random graph: two successors at most per node; the second may be missing. */
const graphs = fc
  .integer({ min: 1, max: 14 })
  .chain((n) => fc.array(fc.uniqueArray(fc.nat(n - 1), { maxLength: 2 }), { minLength: n, maxLength: n }));

/** Which nodes a walk visits: at each node the low bit of a generator says which way to go; ends after `steps` nodes or at a node without successors. */
function walk(successors: readonly (readonly number[])[], seed: number, steps: number): number {
  let node = 0;
  let hash = 0;
  let random = seed;
  for (let i = 0; i < steps; i++) {
    hash = (Math.imul(hash, 31) + node + 1) | 0;
    random = (Math.imul(random, 1664525) + 1013904223) | 0;
    const to = successors[node];
    if (to.length === 0) break;
    node = to.length === 1 || random < 0 ? to[0] : to[1];
  }
  return hash;
}

/** The same walk as a wasm function. */
function compileWalk(successors: readonly (readonly number[])[]): (seed: number, steps: number) => number {
  const f = new FunctionBuilder();
  f.begin(['i32', 'i32'], ['i32']);
  const random: Local<'i32'> = f.param(0, 'i32');
  const steps = f.param(1, 'i32');
  const hash = f.local('i32');
  f.set(hash, f.i32.const(0));
  emitStructured(f, analyseFlow(successors), (node) => {
    f.if(f.i32.eqz(f.get(steps)), () => f.return(f.get(hash)));
    f.set(steps, f.i32.sub(f.get(steps), f.i32.const(1)));
    f.set(hash, f.i32.add(f.i32.mul(f.get(hash), f.i32.const(31)), f.i32.const(node + 1)));
    f.set(random, f.i32.add(f.i32.mul(f.get(random), f.i32.const(1664525)), f.i32.const(1013904223)));
    const to = successors[node];
    if (to.length === 0) {
      f.return(f.get(hash));
      return { kind: 'none' };
    }
    if (to.length === 1) return { kind: 'jump', to: to[0] };
    return { kind: 'branch', condition: f.i32.ltS(f.get(random), f.i32.const(0)), taken: to[0], otherwise: to[1] };
  });
  f.unreachable();
  const module = new ModuleBuilder();
  module.add(f.end(), 'walk');
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {});
  return instance.exports['walk'] as (seed: number, steps: number) => number;
}

describe('structured control flow', () => {
  it('walks every graph as the graph says, reducible or not', () => {
    let irreducible = 0;
    fc.assert(
      fc.property(graphs, fc.integer(), (successors, seed) => {
        if (!analyseFlow(successors).reducible) irreducible++;
        const run = compileWalk(successors);
        for (const steps of [1, 7, 50]) expect(run(seed, steps)).toBe(walk(successors, seed, steps));
      }),
      { numRuns: 300 },
    );
    expect(irreducible).toBeGreaterThan(0);
  });

  it('recognises an irreducible graph', () => {
    expect(analyseFlow([[1, 2], [2], [1]]).reducible).toBe(false);
    expect(analyseFlow([[1], [1, 2], []]).reducible).toBe(true);
  });
});

describe('longest paths', () => {
  it('counts up to the next check', () => {
    // 0 → 1 ⇄ 2, 1 → 3: node 1 is a loop head.
    const graph = analyseFlow([[1], [2, 3], [1], []]);
    expect(graph.loopHead).toEqual([false, true, false, false]);
    expect(longestPaths(graph, [3, 5, 7, 11], [true, true, false, false])).toEqual([3, 16, 7, 11]);
  });

  it('is never exceeded by a walk between checks', () => {
    fc.assert(
      fc.property(graphs, fc.integer(), (successors, seed) => {
        const graph = analyseFlow(successors);
        const weights = successors.map((_, i) => i + 1);
        const check = graph.loopHead.map((head, node) => head || node === 0);
        const longest = longestPaths(graph, weights, check);
        let node = 0;
        let random = seed;
        let left = longest[0];
        for (let i = 0; i < 60; i++) {
          if (check[node]) left = longest[node];
          left -= weights[node];
          expect(left).toBeGreaterThanOrEqual(0);
          random = (Math.imul(random, 1664525) + 1013904223) | 0;
          const to = successors[node];
          if (to.length === 0) break;
          node = to[(random >>> 16) % to.length];
        }
      }),
    );
  });
});
