/**
 * V8's .cpuprofile (Chrome DevTools Protocol, Profiler.Profile), which VS Code shows. Times in it are microseconds; here one stands for
 * one retired instruction. `positionTicks` tells a node's instructions by line.
 */
import type { CountedChain, Profile } from '../profile.ts';
import { threadName } from './collapsed.ts';

interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly scriptId: string; readonly url: string; readonly lineNumber: number; readonly columnNumber: number };
  hitCount: number;
  readonly children: number[];
}

const url = (file: string | undefined): string => (file === undefined ? '' : file.startsWith('/') ? `file://${encodeURI(file)}` : file);

export function cpuProfile(profile: Profile): string {
  const nodes: CpuProfileNode[] = [];
  const make = (functionName: string, file: string | undefined, line: number, parent: CpuProfileNode | undefined): CpuProfileNode => {
    const node: CpuProfileNode = { id: nodes.length + 1, callFrame: { functionName, scriptId: '0', url: url(file), lineNumber: line - 1, columnNumber: 0 }, hitCount: 0, children: [] };
    nodes.push(node);
    parent?.children.push(node.id);
    return node;
  };
  const root = make('(root)', undefined, 0, undefined);
  const threads = new Map<string, CpuProfileNode>();
  const made = new Map<CountedChain, CpuProfileNode>();
  const samples: number[] = [];
  const timeDeltas: number[] = [];
  for (const chain of profile.chains) {
    const thread = threadName(chain);
    let above = chain.parent === undefined ? threads.get(thread) : made.get(chain.parent);
    if (above === undefined) threads.set(thread, (above = make(thread, undefined, 0, root)));
    const place = profile.lineOf(chain.function, chain.function.low);
    const node = make(chain.function.name, place?.file, place?.line ?? 0, above);
    made.set(chain, node);
    if (chain.self === 0) continue;
    node.hitCount = chain.self;
    samples.push(node.id);
    timeDeltas.push(chain.self);
  }
  // A sample's delta is the time before it.
  return JSON.stringify({ nodes, startTime: 0, endTime: profile.total, samples: [...samples, root.id], timeDeltas: [0, ...timeDeltas] });
}
