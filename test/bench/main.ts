/**
 * `npm run bench [interpreter] [kernels] [programs] [boot] [i386]`: ratios measured side by side in one run, as a table on stdout and as JSON in
 * out/bench.json. Nothing here is a test: the machine it runs on decides the figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchBoot, benchBootI386 } from './boot.ts';
import { benchInterpreter } from './interpreter.ts';
import { benchKernels } from './kernels.ts';
import { benchPrograms } from './programs.ts';

const wanted = new Set(process.argv.slice(2));
const all = wanted.size === 0;
const report = (line: string): void => console.log(line);
const results = {
  machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`,
  interpreter: all || wanted.has('interpreter') ? benchInterpreter(report) : undefined,
  kernels: all || wanted.has('kernels') ? benchKernels(report) : undefined,
  programs: all || wanted.has('programs') ? benchPrograms(report) : undefined,
  boot: all || wanted.has('boot') ? await benchBoot(report) : undefined,
  i386: all || wanted.has('i386') ? { kernels: benchKernels(report, 32), boot: await benchBootI386(report) } : undefined,
};
mkdirSync('out', { recursive: true });
writeFileSync('out/bench.json', JSON.stringify(results, undefined, 2) + '\n');
report(`${results.machine}; JSON in out/bench.json`);
