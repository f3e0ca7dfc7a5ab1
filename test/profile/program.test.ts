/** Profiles of a program under the real tools: what callgrind counts natively, gprof, lcov, and what the formats say of each other. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
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
  const files = { callgrind: 'callgrind.out', gmon: 'gmon.out', lcov: 'lcov.info', gcov: 'gcov.json.gz', pprof: 'profile.pb.gz', cpuprofile: 'x.cpuprofile', speedscope: 'speedscope.json', collapsed: 'collapsed.txt' };
  const request = Object.entries(files).map(([format, name]) => `${format}=${path(name)}`).join(',');
  const { status, stdout, stderr } = skas(['run', '--stats', '--profile', request, program]);
  expect(status, stderr).toBe(0);
  expect(stdout).toBe(execFileSync(program, { encoding: 'utf8' }));
  retired = Number(/instructions +([\d ]+)/.exec(stderr)?.[1].replaceAll(' ', ''));
  ours = parseCallgrind(text('callgrind.out'));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface GcovFile {
  readonly file: string;
  readonly functions: readonly { readonly name: string; readonly execution_count: number }[];
  readonly lines: readonly { readonly line_number: number; readonly count: number }[];
}

/** The whole document, and what it has of the program's source. */
function coverageOf(json: string): { readonly whole: object; readonly file: GcovFile } {
  const whole = JSON.parse(json) as { readonly files: readonly GcovFile[] };
  const file = whole.files.find(({ file: name }) => name.endsWith(SOURCE));
  if (file === undefined) throw new Error(`nothing of ${SOURCE} in ${json.slice(0, 500)}`);
  return { whole, file };
}

/** Number of the line with this text in it. */
const lineOf = (source: string): number => readFileSync(join(import.meta.dirname, '..', 'guests', SOURCE), 'utf8').split('\n').findIndex((one) => one.includes(source)) + 1;
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
    expect(lines.get(lineOf('return n < 2'))).toBe(1973);
    expect(lines.get(lineOf('return leaf(n) + middle(n)'))).toBe(0);
    expect(lines.get(lineOf('*(const int *)a'))).toBeGreaterThan(1000);
  });

  it('tells of each conditional jump how often it was taken, and genhtml shows it', () => {
    const [record = ''] = text('lcov.info').split('end_of_record').filter((one) => one.includes(SOURCE));
    const ways = (source: string): (string | undefined)[] => [...record.matchAll(new RegExp(`^BRDA:${lineOf(source)},\\d+,\\d+,(.*)$`, 'gm'))].map(([, count]) => count);
    // At -O1 `n < 2` is one jump: 1973 calls, of which 987 return n at once.
    expect(ways('return n < 2').map(Number).sort((a, b) => a - b)).toEqual([986, 987]);
    expect(ways('if (depth == 0)').map(Number).sort((a, b) => a - b)).toEqual([1, 5]);
    expect(ways('if (argc > 100)').map(Number).sort((a, b) => a - b)).toEqual([0, 1]);
    const found = Number(/^BRF:(\d+)$/m.exec(record)?.[1]);
    expect([...record.matchAll(/^BRDA:/gm)]).toHaveLength(found);
    const html = spawnSync('genhtml', ['--branch-coverage', '--ignore-errors', 'source', '-o', path('html'), path('lcov.info')], { encoding: 'utf8' });
    expect(html.stderr + html.stdout).toMatch(/branches\.+: [\d.]+% \(\d+ of \d+ branches\)/);
  });

  it('is what gcov says of the program built for it, in its JSON, where the compiler leaves lines alone', () => {
    const source = join(import.meta.dirname, '..', 'guests', SOURCE);
    execFileSync('gcc', ['-O0', '-g', '-static', '-o', path('plain'), source]);
    expect(skas(['run', '--profile', `gcov=${path('plain.json.gz')}`, path('plain')]).status).toBe(0);
    execFileSync('gcc', ['-O0', '-g', '--coverage', '-o', path('counted'), source], { cwd: folder });
    execFileSync(path('counted'), { cwd: folder });
    const notes = readdirSync(folder).find((name) => name.endsWith('.gcda')) ?? '';
    const gcov = spawnSync('gcov', ['--json-format', '--stdout', '-b', notes], { cwd: folder, encoding: 'utf8' });
    const theirs = coverageOf(gcov.stdout);
    const ours = coverageOf(gunzipSync(readFileSync(path('plain.json.gz'))).toString());
    const keys = (value: object): string[] => Object.keys(value).sort();
    expect(keys(theirs.whole)).toEqual(keys(ours.whole));
    expect(keys(theirs.file.lines[0])).toEqual(keys(ours.file.lines[0]));
    expect(keys(theirs.file.functions[0])).toEqual(expect.arrayContaining(keys(ours.file.functions[0])));
    const counts = ({ file }: { file: GcovFile }): [string, number][] => file.functions.map(({ name, execution_count: count }): [string, number] => [name, count]).sort();
    expect(counts(ours)).toEqual(counts(theirs));
    const lines = new Map(ours.file.lines.map((line) => [line.line_number, line.count]));
    const differing = theirs.file.lines.filter(({ line_number: line, count }) => lines.get(line) !== count).map(({ line_number: line }) => line);
    // Its second return is nothing gcov has seen a call for.
    expect(differing).toEqual([lineOf('setjmp(out) == 0')]);
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
  });

  it('go tool pprof reads the same counts and callers', () => {
    const report = (...options: string[]): string => execFileSync('go', ['tool', 'pprof', ...options, path('profile.pb.gz')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, PPROF_TMPDIR: folder, HOME: folder } });
    const top = report('-top', '-nodefraction=0', '-nodecount=100000');
    expect(top).toContain(`of ${retired} total`);
    const flat = (name: string): number => Number(new RegExp(`^ *(\\d+) .* ${name}$`, 'm').exec(top)?.[1]);
    for (const name of OWN.filter((one) => one !== 'main')) expect(flat(name), name).toBe(selfOf(name));
    // What follows a longjmp is the longjmp's, in chains, until the next call or return.
    expect(flat('main') + flat('__longjmp')).toBe((selfOf('main') ?? 0) + (selfOf('__longjmp') ?? 0));
    expect((selfOf('main') ?? 0) - flat('main')).toBeLessThan(10);
    expect(report('-traces', '-focus=^leaf$')).toMatch(/ leaf\n +middle\n +main\n +__libc_start_call_main\n +__libc_start_main_impl\n +_start\n/);
  });

  it('a program built for gprof writes its own, every time the same', () => {
    const built = guestProgram(SOURCE, ['-O1', '-g', '-pg', '-static']);
    const written = ['first', 'second'].map((name) => {
      const { status, stderr } = skas(['run', '--share', `${folder}:rw`, '--env', `GMON_OUT_PREFIX=${path(name)}`, built]);
      expect(status, stderr).toBe(0);
      const file = readdirSync(folder).find((each) => each.startsWith(`${name}.`));
      return path(file ?? 'none');
    });
    expect(readFileSync(written[0])).toEqual(readFileSync(written[1]));
    const flat = execFileSync('gprof', ['-b', '-p', built, written[0]], { encoding: 'utf8' });
    // As the source has it: main calls leaf 50 times, middle 1225 times.
    for (const [name, calls] of [['leaf', 1275], ['middle', 50], ['escape', 1]] as const) expect(flat).toMatch(new RegExp(` ${calls} .* ${name}$`, 'm'));
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
