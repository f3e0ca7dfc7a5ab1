/**
 * What `gcov --json-format` writes (man gcov, format version 1), compressed as it does. What only the compiler's notes know (columns, basic blocks) is
 * left out. `gcc_version` is skas's name: it has counted.
 */
import { gzipSync } from 'node:zlib';
import type { CodeImage } from '../code-image.ts';
import { coverageOf, executedFiles, type FileCoverage } from '../coverage.ts';
import type { Profile } from '../profile.ts';

export function gcovJson(profile: Profile, image: CodeImage): Uint8Array {
  const files = executedFiles(coverageOf(profile, image)).map(([file, coverage]) => ({ file, functions: functions(coverage), lines: lines(coverage) }));
  return gzipSync(JSON.stringify({ format_version: '1', gcc_version: 'skas', current_working_directory: '/', data_file: image.path, files }));
}

function functions(coverage: FileCoverage): object[] {
  return [...coverage.functions].sort(([, a], [, b]) => a.line - b.line)
    .map(([name, { line, endLine, count }]) => ({ name, demangled_name: name, start_line: line, end_line: endLine, execution_count: count }));
}

function lines(coverage: FileCoverage): object[] {
  return [...coverage.lines].sort(([a], [b]) => a - b).map(([number, { count, function: name, branches, partial }]) => ({
    line_number: number, function_name: name, count, unexecuted_block: partial,
    branches: branches.flatMap(({ taken, fallsThrough }) => [{ count: taken, throw: false, fallthrough: false }, { count: fallsThrough, throw: false, fallthrough: true }]),
  }));
}
