/** lcov's .info (man geninfo, "FILES"): executions of functions, lines and branches. */
import type { CodeImage } from '../code-image.ts';
import { coverageOf, executedFiles, type FileCoverage, type LineCoverage } from '../coverage.ts';
import type { Profile } from '../profile.ts';

export function lcovInfo(profile: Profile, image: CodeImage): string {
  const out: string[] = [];
  for (const [file, coverage] of executedFiles(coverageOf(profile, image))) out.push('TN:', `SF:${file}`, ...functions(coverage), ...branches(coverage), ...lines(coverage), 'end_of_record');
  return out.join('\n') + '\n';
}

function functions(coverage: FileCoverage): string[] {
  const sorted = [...coverage.functions].sort(([, a], [, b]) => a.line - b.line);
  return [
    ...sorted.map(([name, { line }]) => `FN:${line},${name}`), ...sorted.map(([name, { count }]) => `FNDA:${count},${name}`),
    `FNF:${sorted.length}`, `FNH:${sorted.filter(([, { count }]) => count > 0).length}`,
  ];
}

/** Two ways each: taken, and on to what follows. */
function branches(coverage: FileCoverage): string[] {
  const ways = sortedLines(coverage).flatMap(([line, each]) => each.branches.flatMap(({ taken, fallsThrough }, i) => {
    const reached = taken + fallsThrough > 0;
    return [taken, fallsThrough].map((count, way) => ({ text: `BRDA:${line},${i},${way},${reached ? count : '-'}`, hit: count > 0 }));
  }));
  return ways.length === 0 ? [] : [...ways.map(({ text }) => text), `BRF:${ways.length}`, `BRH:${ways.filter(({ hit }) => hit).length}`];
}

function lines(coverage: FileCoverage): string[] {
  const sorted = sortedLines(coverage);
  return [...sorted.map(([line, { count }]) => `DA:${line},${count}`), `LF:${sorted.length}`, `LH:${sorted.filter(([, { count }]) => count > 0).length}`];
}

const sortedLines = ({ lines: all }: FileCoverage): (readonly [number, LineCoverage])[] => [...all].sort(([a], [b]) => a - b);
