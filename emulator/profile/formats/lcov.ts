/**
 * lcov's .info (man geninfo, "FILES"): executions of functions and lines. A line's count is the largest of its instructions' counts, which
 * is not gcc's: gcov counts basic blocks of the unoptimised program, and lines that the optimiser merged, moved or copied differ.
 */
import type { CodeImage } from '../code-image.ts';
import type { Profile } from '../profile.ts';

interface FileCounts {
  /** Line → executions. */
  readonly lines: Map<number, number>;
  readonly functions: Map<string, { readonly line: number; count: number }>;
}

/** Lines with code and how often they were executed, by source file; also those never executed, of functions in files that were. */
export function lineCounts(profile: Profile, image: CodeImage): Map<string, FileCounts> {
  const files = new Map<string, FileCounts>();
  const of = (file: string): FileCounts => {
    const known = files.get(file);
    if (known !== undefined) return known;
    const made: FileCounts = { lines: new Map(), functions: new Map() };
    files.set(file, made);
    return made;
  };
  const executed = new Map<number, number>();
  for (const one of profile.functions) if (one.image === image) for (const { address, count } of one.instructions) executed.set(address, count);
  for (const one of image.functions) {
    const start = image.lineAt(one.low);
    if (start === undefined) continue;
    const { functions } = of(start.file);
    const count = executed.get(one.low) ?? 0;
    const known = functions.get(one.name);
    if (known === undefined) functions.set(one.name, { line: start.line, count });
    else known.count += count;
    for (const address of image.instructions(one.low, one.high)) {
      const place = image.lineAt(address);
      if (place === undefined) continue;
      const { lines } = of(place.file);
      lines.set(place.line, Math.max(lines.get(place.line) ?? 0, executed.get(address) ?? 0));
    }
  }
  return files;
}

export function lcovInfo(profile: Profile, image: CodeImage): string {
  const out: string[] = [];
  for (const [file, { lines, functions }] of [...lineCounts(profile, image)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (![...lines.values()].some((count) => count > 0)) continue;
    out.push('TN:', `SF:${file}`);
    const sorted = [...functions].sort(([, a], [, b]) => a.line - b.line);
    for (const [name, { line }] of sorted) out.push(`FN:${line},${name}`);
    for (const [name, { count }] of sorted) out.push(`FNDA:${count},${name}`);
    out.push(`FNF:${sorted.length}`, `FNH:${sorted.filter(([, { count }]) => count > 0).length}`);
    for (const [line, count] of [...lines].sort(([a], [b]) => a - b)) out.push(`DA:${line},${count}`);
    out.push(`LF:${lines.size}`, `LH:${[...lines.values()].filter((count) => count > 0).length}`, 'end_of_record');
  }
  return out.join('\n') + '\n';
}
