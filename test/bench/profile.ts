/**
 * `npm run bench:profile`: time with profiling on ÷ off, writing the file included, for counts alone (gmon) and with call trees
 * (callgrind); and valgrind --tool=callgrind ÷ native for the same programs, side by side. Best of two, as a table and in out/bench-profile.json.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { SKAS } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { geomean } from './contenders.ts';

const ROUNDS = 2;
const folder = mkdtempSync(join(tmpdir(), 'skas-bench-'));
const kernels = guestProgram(join(import.meta.dirname, 'kernels.c'), ['-O2', '-fno-tree-vectorize', '-static', '-g']);
/** Name → words; a kernel is booted, a program run. */
const WORK: Readonly<Record<string, readonly string[]>> = {
  fib: [kernels, 'fib', '600'],
  qsort: [kernels, 'qsort', '150'],
  vm: [kernels, 'vm', '1500'],
  crc32: [kernels, 'crc32', '800'],
  perl: ['/usr/bin/perl', '-e', 'my %h; for my $i (1..200000) { $h{$i % 1000} .= "x" if $i % 3; $s += $i * 2 } print "$s\\n"'],
  'UML boot': [umlKernel(), 'mem=64M', `initrd=${initramfs()}`, 'skas.run=echo,UP'],
};

function seconds(command: string, args: readonly string[]): number {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', LC_ALL: 'C' } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr.toString().slice(-400)}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

interface Row {
  readonly name: string;
  readonly off: number;
  readonly counts: number;
  readonly trees: number;
  /** Callgrind ÷ native; undefined for the kernel, which Valgrind cannot run. */
  readonly callgrind: number | undefined;
}

function measure(name: string, words: readonly string[]): Row {
  const kernel = words[0] === umlKernel();
  const skas = (...options: string[]): number => seconds(process.execPath, [SKAS, kernel ? 'boot' : 'run', '--quiet', ...options, ...words]);
  let [off, counts, trees, native, callgrind] = [Infinity, Infinity, Infinity, Infinity, Infinity];
  // In turn, so that what disturbs the machine disturbs all.
  for (let round = 0; round < ROUNDS; round++) {
    off = Math.min(off, skas());
    counts = Math.min(counts, skas('--profile', `gmon=${join(folder, 'gmon')}`));
    trees = Math.min(trees, skas('--profile', `callgrind=${join(folder, 'callgrind')}`));
    if (kernel) continue;
    native = Math.min(native, seconds(words[0], words.slice(1)));
    callgrind = Math.min(callgrind, seconds('valgrind', ['--tool=callgrind', `--callgrind-out-file=${join(folder, 'valgrind')}`, ...words]));
  }
  return { name, off, counts: counts / off, trees: trees / off, callgrind: kernel ? undefined : callgrind / native };
}

try {
  console.log('what        off s   counts ×   trees ×   callgrind ÷ native');
  const rows = Object.entries(WORK).map(([name, words]) => {
    const row = measure(name, words);
    console.log(`${name.padEnd(10)} ${row.off.toFixed(2).padStart(6)} ${row.counts.toFixed(2).padStart(10)} ${row.trees.toFixed(2).padStart(9)} ${(row.callgrind?.toFixed(1) ?? '–').padStart(20)}`);
    return row;
  });
  const counts = geomean(rows.map((row) => row.counts));
  const trees = geomean(rows.map((row) => row.trees));
  console.log(`geomean ${counts.toFixed(2).padStart(20)} ${trees.toFixed(2).padStart(9)}   (bar: ≤ 1.5)`);
  mkdirSync('out', { recursive: true });
  writeFileSync('out/bench-profile.json', JSON.stringify({ rows, counts, trees }, undefined, 2) + '\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
