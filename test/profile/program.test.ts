/** Profiles of a program under the real tools: what callgrind counts natively, gprof, lcov, and what the formats say of each other. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';
import { parseCallgrind, type CallgrindFile } from './callgrind-file.ts';

const SOURCE = 'profile-program.c';
/** Functions of the program itself; the C library's choose by CPUID, which Valgrind and this machine answer differently. */
const OWN = ['main', 'leaf', 'middle', 'fibonacci', 'compare', 'escape'];

let folder: string;
let program: string;
let ours: CallgrindFile;
let retired: number;
const path = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(path(name), 'utf8');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'skas-profile-'));
  program = guestProgram(SOURCE, ['-O1', '-g', '-static']);
  const files = { callgrind: 'callgrind.out', gmon: 'gmon.out', lcov: 'lcov.info', pprof: 'profile.pb.gz', cpuprofile: 'x.cpuprofile', speedscope: 'speedscope.json', collapsed: 'collapsed.txt' };
  const request = Object.entries(files).map(([format, name]) => `${format}=${path(name)}`).join(',');
  const { status, stdout, stderr } = skas(['run', '--stats', '--profile', request, program]);
  expect(status, stderr).toBe(0);
  expect(stdout).toBe(execFileSync(program, { encoding: 'utf8' }));
  retired = Number(/instructions +([\d ]+)/.exec(stderr)?.[1].replaceAll(' ', ''));
  ours = parseCallgrind(text('callgrind.out'));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const selfOf = (name: string): number | undefined => ours.functions.get(name)?.self;

describe('a profile of a program', () => {
  it('counts every instruction, once', () => {
    expect(retired).toBeGreaterThan(100_000);
    expect(ours.total).toBe(retired);
    expect([...ours.functions.values()].reduce((sum, { self }) => sum + self, 0)).toBe(retired);
  });

  it('does not change what is counted', () => {
    const { stderr } = skas(['run', '--stats', program]);
    expect(Number(/instructions +([\d ]+)/.exec(stderr)?.[1].replaceAll(' ', ''))).toBe(retired);
  });

  it('agrees with callgrind, run natively, on instructions, calls and what calls cost', () => {
    const file = path('valgrind.out');
    execFileSync('valgrind', ['--tool=callgrind', '--compress-pos=no', `--callgrind-out-file=${file}`, program], { stdio: 'pipe' });
    const native = parseCallgrind(readFileSync(file, 'utf8'));
    for (const name of OWN) {
      const [mine, theirs] = [ours.functions.get(name), native.functions.get(name)];
      expect([name, mine?.self]).toEqual([name, theirs?.self]);
      for (const callee of OWN) {
        expect([name, callee, mine?.calls.get(callee)?.count]).toEqual([name, callee, theirs?.calls.get(callee)?.count]);
        // Valgrind adds up the nested costs of recursion differently, and takes longjmp for returns.
        if (name !== callee && callee !== 'escape') expect([name, callee, mine?.calls.get(callee)?.inclusive]).toEqual([name, callee, theirs?.calls.get(callee)?.inclusive]);
      }
    }
  });

  it('is read by callgrind_annotate', () => {
    const output = execFileSync('callgrind_annotate', ['--threshold=100', path('callgrind.out')], { encoding: 'utf8', cwd: folder });
    expect(output).toMatch(new RegExp(`${retired.toLocaleString('en-US')} \\(100\\.0%\\)  PROGRAM TOTALS`));
    for (const name of OWN) expect(output).toMatch(new RegExp(`${selfOf(name)?.toLocaleString('en-US')} .*:${name} `));
  });

  it('is read by gprof: instructions by function, calls, executions of lines', () => {
    const flat = execFileSync('gprof', ['-b', '-p', program, path('gmon.out')], { encoding: 'utf8' });
    for (const name of OWN) {
      const [, millions, calls] = new RegExp(`^ *[\\d.]+ +[\\d.]+ +([\\d.]+) +(?:(\\d+) +[\\d.]+ +[\\d.]+ +)?${name}$`, 'm').exec(flat) ?? [];
      expect([name, Number(millions)]).toEqual([name, Number(((selfOf(name) ?? 0) / 1e6).toFixed(2))]);
      const called = [...ours.functions].reduce((sum, [caller, { calls: callees }]) => sum + (caller === name ? 0 : (callees.get(name)?.count ?? 0)), 0);
      if (name !== 'main') expect([name, Number(calls)]).toEqual([name, called]);
    }
    const graph = execFileSync('gprof', ['-b', '-q', program, path('gmon.out')], { encoding: 'utf8' });
    expect(graph).toMatch(/50\/1275 +main \[\d+\]/);
    expect(graph).toMatch(/1225\/1275 +middle \[\d+\]/);
    const annotated = spawnSync('gprof', ['-l', '-A', '-x', program, path('gmon.out')], { encoding: 'utf8' }).stdout;
    expect(annotated).toMatch(/1973.* -> .*(fibonacci\(int n\)|n < 2)/);
  });

  it('is read by lcov', () => {
    const summary = spawnSync('lcov', ['--summary', path('lcov.info')], { encoding: 'utf8' });
    expect(summary.stdout + summary.stderr).toMatch(/functions\.+: [\d.]+% \(\d+ of \d+ functions\)/);
    const [record = ''] = text('lcov.info').split('end_of_record').filter((one) => one.includes(SOURCE));
    expect(record).toMatch(/^FNDA:0,never$/m);
    expect(record).toMatch(/^FNDA:1275,leaf$/m);
    const lines = new Map([...record.matchAll(/^DA:(\d+),(\d+)$/gm)].map(([, line, count]) => [Number(line), Number(count)]));
    const lineOf = (source: string): number => readFileSync(join(import.meta.dirname, '..', 'guests', SOURCE), 'utf8').split('\n').findIndex((one) => one.includes(source)) + 1;
    expect(lines.get(lineOf('return n < 2'))).toBe(1973);
    expect(lines.get(lineOf('return leaf(n) + middle(n)'))).toBe(0);
    expect(lines.get(lineOf('*(const int *)a'))).toBeGreaterThan(1000);
  });

  it('says the same in all formats that hold chains of calls', () => {
    const collapsed = text('collapsed.txt').trim().split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const);
    expect(collapsed.reduce((sum, [, count]) => sum + count, 0)).toBe(retired);
    const leaves = collapsed.filter(([chain]) => chain.endsWith(';main;middle;leaf')).reduce((sum, [, count]) => sum + count, 0);
    expect(leaves).toBe(ours.functions.get('middle')?.calls.get('leaf')?.inclusive);
    const speedscope = JSON.parse(text('speedscope.json')) as { profiles: { endValue: number; weights: number[] }[] };
    expect(speedscope.profiles.map(({ endValue }) => endValue)).toEqual([retired]);
    const cpu = JSON.parse(text('x.cpuprofile')) as { nodes: { id: number; hitCount: number; callFrame: { functionName: string } }[]; samples: number[]; timeDeltas: number[]; endTime: number };
    expect(cpu.endTime).toBe(retired);
    expect(cpu.timeDeltas.reduce((sum, delta) => sum + delta, 0)).toBe(retired);
    expect(cpu.samples).toHaveLength(cpu.timeDeltas.length);
    expect(cpu.nodes.filter(({ callFrame }) => callFrame.functionName === 'leaf').reduce((sum, { hitCount }) => sum + hitCount, 0)).toBe(selfOf('leaf'));
    const pprof = gunzipSync(readFileSync(path('profile.pb.gz'))).toString('latin1');
    for (const name of OWN) expect(pprof).toContain(name);
  });

  it('refuses what it cannot write, in a line', () => {
    const wrong = skas(['run', '--profile', 'nonsense=x', program]);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/FORMAT is one of gmon, lcov/);
    const unwritable = skas(['run', '--profile', `gmon=${join(folder, 'no', 'such', 'folder')}`, program]);
    expect(unwritable.status).toBeGreaterThan(0);
    expect(unwritable.stderr).toMatch(/no such file or directory/);
  });
});
