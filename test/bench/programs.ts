/**
 * Real programs on inputs made here, about a second of work for qemu-user each: native time, and qemu-user's and ours as ratios to it. Our start-up
 * (about a quarter of a second) is in; on much shorter runs it is most of the time.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { best, geomean, type Job } from './contenders.ts';

export interface ProgramRow {
  readonly name: string;
  readonly nativeSeconds: number;
  readonly qemuSeconds: number;
  readonly skasSeconds: number;
}

/** Repeatable pseudo-random text: words of a small vocabulary, so that gzip and sort have something to do. */
function sampleText(bytes: number): string {
  let seed = 12345;
  const next = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
  const words = Array.from({ length: 4000 }, () => Array.from({ length: 2 + (next() % 9) }, () => String.fromCharCode(97 + (next() % 26))).join(''));
  const lines: string[] = [];
  for (let length = 0; length < bytes; ) {
    const line = Array.from({ length: 3 + (next() % 9) }, () => words[next() % words.length]).join(' ');
    lines.push(line);
    length += line.length + 1;
  }
  return lines.join('\n') + '\n';
}

function jobs(folder: string): Record<string, Job> {
  const big = join(folder, 'big');
  writeFileSync(big, sampleText(12 << 20));
  const c = Array.from({ length: 100 }, (_, i) => `int f${i}(int a, int *b) { int s = 0; for (int i = 0; i < a; i++) { if (b[i] % ${i + 3} == 0) s += b[i] * ${i + 1}; else s ^= i << ${i % 7}; } return s + f${(i * 7) % 100}_(a); }`).map((line, i) => `int f${(i * 7) % 100}_(int);\n${line}`).join('\n');
  writeFileSync(join(folder, 'input.i'), c);
  const cc1 = execFileSync('gcc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).trim();
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : execFileSync('which', ['python3'], { encoding: 'utf8' }).trim();
  return {
    gzip: { program: '/bin/gzip', args: ['-6', '-c', big] },
    sha256sum: { program: '/usr/bin/sha256sum', args: [big, big, big, big] },
    sort: { program: '/usr/bin/sort', args: ['-o', '/dev/null', big] },
    perl: { program: '/usr/bin/perl', args: ['-e', 'my %h; for my $i (1..2000000) { $h{$i % 1000} .= "x" if $i % 3; $s += $i * 2 } print "$s\\n"'] },
    python3: { program: python, args: ['-S', '-E', '-c', 'd={}\nfor i in range(1500000):\n d[i%1000]=d.get(i%1000,0)+i*3\nprint(sum(d.values()))'] },
    cc1: { program: cc1, args: ['-quiet', '-O2', join(folder, 'input.i'), '-o', '/dev/null'] },
    bash: { program: '/bin/bash', args: ['-c', 's=0; for ((i=0;i<150000;i++)); do s=$((s+i*2)); a[i%100]=$s; done; echo $s'] },
  };
}

export function benchPrograms(report: (line: string) => void): { rows: ProgramRow[]; skasToQemu: number; skasToNative: number } {
  const folder = mkdtempSync(join(tmpdir(), 'skas-bench-'));
  try {
    const rows: ProgramRow[] = [];
    report('program      native s    qemu ×    skas ×   skas ÷ qemu');
    for (const [name, job] of Object.entries(jobs(folder))) {
      const inFolder = { ...job, cwd: folder };
      const row = { name, nativeSeconds: best('native', inFolder, 3), qemuSeconds: best('qemu', inFolder, 2), skasSeconds: best('skas', inFolder, 2) };
      rows.push(row);
      const ratio = (seconds: number): string => (seconds / row.nativeSeconds).toFixed(1).padStart(9);
      report(`${name.padEnd(10)} ${row.nativeSeconds.toFixed(3).padStart(10)} ${ratio(row.qemuSeconds)} ${ratio(row.skasSeconds)} ${(row.skasSeconds / row.qemuSeconds).toFixed(2).padStart(13)}`);
    }
    const skasToQemu = geomean(rows.map((r) => r.skasSeconds / r.qemuSeconds));
    const skasToNative = geomean(rows.map((r) => r.skasSeconds / r.nativeSeconds));
    report(`geomean ${skasToNative.toFixed(1).padStart(32)} ${skasToQemu.toFixed(2).padStart(13)}   (bar: skas ÷ qemu ≤ 2)`);
    return { rows, skasToQemu, skasToNative };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
