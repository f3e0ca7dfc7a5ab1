/**
 * Executions of source lines, functions and branches of a program. A line's count is the largest of its instructions' counts, which is not gcc's:
 * gcov counts basic blocks of the unoptimised program, and lines that the optimiser merged, moved or copied differ. A branch is a conditional
 * jump of the machine: the optimiser makes some into other instructions, and some out of loops.
 */
import type { CodeImage } from './code-image.ts';
import type { Profile } from './profile.ts';

export interface FunctionCoverage {
  readonly line: number;
  /** Of its last line. */
  endLine: number;
  count: number;
}

/** A conditional jump; both 0: it was never reached. */
export interface BranchCoverage {
  readonly address: number;
  readonly taken: number;
  readonly fallsThrough: number;
}

export interface LineCoverage {
  count: number;
  /** The first function that has code on it. */
  readonly function: string;
  /** In the order of their addresses. */
  readonly branches: BranchCoverage[];
  /** Some of its instructions were not executed. */
  partial: boolean;
}

export interface FileCoverage {
  readonly lines: Map<number, LineCoverage>;
  readonly functions: Map<string, FunctionCoverage>;
}

/** By source file; also what was never executed. */
export function coverageOf(profile: Profile, image: CodeImage): Map<string, FileCoverage> {
  const files = new Map<string, FileCoverage>();
  const of = (file: string): FileCoverage => {
    let known = files.get(file);
    if (known === undefined) files.set(file, (known = { lines: new Map(), functions: new Map() }));
    return known;
  };
  const executed = new Map<number, number>();
  for (const one of profile.functions) if (one.image === image) for (const { address, count } of one.instructions) executed.set(address, count);
  const taken = profile.taken.get(image);
  for (const one of image.functions) {
    const start = image.lineAt(one.low);
    if (start === undefined || !profile.tellsOf(one)) continue;
    const { functions } = of(start.file);
    const count = executed.get(one.low) ?? 0;
    let known = functions.get(one.name);
    if (known === undefined) functions.set(one.name, (known = { line: start.line, endLine: start.line, count }));
    else known.count += count;
    for (const address of image.instructions(one.low, one.high)) {
      const place = image.lineAt(address);
      if (place === undefined) continue;
      if (place.file === start.file) known.endLine = Math.max(known.endLine, place.line);
      const { lines } = of(place.file);
      let line = lines.get(place.line);
      if (line === undefined) lines.set(place.line, (line = { count: 0, function: one.name, branches: [], partial: false }));
      const times = executed.get(address) ?? 0;
      line.count = Math.max(line.count, times);
      if (times === 0) line.partial = true;
      if (!image.isConditional(address)) continue;
      const yes = taken?.get(address) ?? 0;
      line.branches.push({ address, taken: yes, fallsThrough: times - yes });
    }
  }
  return files;
}

/** Those of which something was executed, by path. */
export function executedFiles(files: ReadonlyMap<string, FileCoverage>): (readonly [string, FileCoverage])[] {
  return [...files].filter(([, { lines }]) => [...lines.values()].some(({ count }) => count > 0)).sort(([a], [b]) => (a < b ? -1 : 1));
}
