/** Reads lcov's .info files (man geninfo, "FILES"): executions of lines, functions and branches of source files. */

export interface CoveredFunction {
  readonly name: string;
  readonly line: number;
  readonly count: number;
}

/** One way a branch can go; undefined: the branch was never reached. */
export interface CoveredBranch {
  readonly line: number;
  readonly count: number | undefined;
}

export interface CoveredFile {
  readonly path: string;
  /** Line, from 1, and executions, in order. */
  readonly lines: readonly (readonly [line: number, count: number])[];
  readonly functions: readonly CoveredFunction[];
  readonly branches: readonly CoveredBranch[];
}

/** The text is no .info file; the message names the line. */
export class LcovError extends Error {}

interface Open {
  readonly path: string;
  readonly lines: Map<number, number>;
  readonly starts: Map<string, number>;
  readonly counts: Map<string, number>;
  readonly branches: CoveredBranch[];
}

/** @throws LcovError */
export function readLcov(text: string): CoveredFile[] {
  const files: CoveredFile[] = [];
  let open: Open | undefined;
  text.split('\n').forEach((line, i) => {
    const colon = line.indexOf(':');
    const tag = colon < 0 ? line.trim() : line.slice(0, colon);
    const rest = line.slice(colon + 1);
    const fail = (): never => {
      throw new LcovError(`line ${i + 1} is not lcov's: ${line.slice(0, 80)}`);
    };
    const numbers = (fields: readonly string[]): number[] => fields.map((field) => (/^\d+$/.test(field) ? Number(field) : fail()));
    if (tag === 'SF') open = { path: rest, lines: new Map(), starts: new Map(), counts: new Map(), branches: [] };
    else if (tag === 'end_of_record' && open !== undefined) {
      files.push(closed(open));
      open = undefined;
    } else if (tag === 'DA') {
      const [at, count] = numbers(rest.split(',').slice(0, 2));
      (open ?? fail()).lines.set(at, (open?.lines.get(at) ?? 0) + count);
    } else if (tag === 'FN' || tag === 'FNDA') {
      const comma = rest.indexOf(',');
      const [number] = numbers([rest.slice(0, comma)]);
      (tag === 'FN' ? (open ?? fail()).starts : (open ?? fail()).counts).set(rest.slice(comma + 1), number);
    } else if (tag === 'BRDA') {
      const [at, , , taken] = rest.split(',');
      (open ?? fail()).branches.push({ line: numbers([at])[0], count: taken === '-' ? undefined : numbers([taken])[0] });
    } else if (line.trim() !== '' && !/^(TN|FNF|FNH|LF|LH|BRF|BRH|VER)$/.test(tag)) fail();
  });
  if (open !== undefined) throw new LcovError('the last record has no end: the file is cut off');
  return files;
}

function closed({ path, lines, starts, counts, branches }: Open): CoveredFile {
  const functions = [...starts].map(([name, line]) => ({ name, line, count: counts.get(name) ?? 0 })).sort((a, b) => a.line - b.line);
  return { path, lines: [...lines].sort(([a], [b]) => a - b), functions, branches };
}
