/** Edges and filters: the set of edges is what single steps through the whole program see, count for count. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CodeImage } from '../../emulator/profile/code-image.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';
import { gdb, listen } from '../gdb/dialogue.ts';
import { parseCallgrind } from './callgrind-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'skas-edges-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly kind: string;
  readonly names: string;
}

function edges(file: string): Edge[] {
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const [from, to, count, kind, name, toName] = line.split('\t');
    return { from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), count: Number(count), kind, names: `${name} ${toName}` };
  });
}

it('edges are those of single steps', async () => {
  const program = guestProgram('edges.c', ['-O1', '-g', '-static', '-nostdlib', '-fno-stack-protector', '-fno-pie', '-no-pie', '-fcf-protection=none']);
  const { status } = skas(['run', '--profile', `edges=${path('edges.tsv')}`, program]);
  const ours = edges(path('edges.tsv'));
  const machine = await listen(['run', '--gdb', ':0', '--wait', program]);
  const script = ['import gdb', 'while True:', '    print("pc", hex(gdb.selected_frame().pc()))', '    gdb.execute("stepi", to_string=True)', '    if not gdb.selected_inferior().threads(): break'].join('\n');
  const text = await gdb(machine.port, [`python exec(${JSON.stringify(script)})`], { symbols: program });
  expect(await machine.ended).toBe(status);
  const pcs = [...text.matchAll(/^pc 0x([0-9a-f]+)$/gm)].map(([, pc]) => Number.parseInt(pc, 16));
  expect(pcs.length).toBeGreaterThan(300);
  const image = new CodeImage(readFileSync(program), program);
  const sites = new Set(ours.map(({ from }) => from));
  const stepped = new Map<string, number>();
  pcs.forEach((from, i) => {
    const to = pcs[i + 1];
    // (A jump by table may lead to what follows it.)
    if (to === undefined || (to === from + (image.lengthAt(from) ?? 0) && !sites.has(from))) return;
    const key = `${from.toString(16)} ${to.toString(16)}`;
    stepped.set(key, (stepped.get(key) ?? 0) + 1);
  });
  expect(Object.fromEntries(ours.map(({ from, to, count }) => [`${from.toString(16)} ${to.toString(16)}`, count]))).toEqual(Object.fromEntries(stepped));
  expect(new Set(ours.map(({ kind }) => kind))).toEqual(new Set(['branch', 'next', 'jump', 'call', 'return']));
  expect(ours.filter(({ kind, names }) => kind === 'call' && names === '_start choose').map(({ count }) => count)).toEqual([12]);
}, 60_000);

it('profiles tell of the functions and files one asks for', () => {
  const program = guestProgram('profile-program.c', ['-O1', '-g', '-static']);
  const wanted = { callgrind: path('some.out'), collapsed: path('some.txt'), lcov: path('some.info'), edges: path('some.tsv'), gmon: path('some.gmon') };
  const request = Object.entries(wanted).map(([format, file]) => `${format}=${file}`).join(',');
  const all = skas(['run', '--profile', `callgrind=${path('all.out')}`, program]);
  const some = skas(['run', '--profile', request, '--profile-only', 'functions=^(leaf|middle)$', '--profile-only', 'files=profile-program\\.c$', program]);
  expect([all.status, some.status]).toEqual([0, 0]);
  const [whole, part] = [parseCallgrind(readFileSync(path('all.out'), 'utf8')), parseCallgrind(readFileSync(wanted.callgrind, 'utf8'))];
  expect([...part.functions.keys()].sort()).toEqual(['leaf', 'middle']);
  for (const name of ['leaf', 'middle']) expect(part.functions.get(name)?.self).toBe(whole.functions.get(name)?.self);
  const expected = (whole.functions.get('leaf')?.self ?? 0) + (whole.functions.get('middle')?.self ?? 0);
  expect(part.total).toBe(expected);
  const chains = readFileSync(wanted.collapsed, 'utf8').trim().split('\n');
  expect(chains.every((chain) => /;(leaf|middle) \d+$/.test(chain))).toBe(true);
  expect(chains.reduce((sum, chain) => sum + Number(chain.slice(chain.lastIndexOf(' '))), 0)).toBe(expected);
  expect([...readFileSync(wanted.lcov, 'utf8').matchAll(/^FN:\d+,(.*)$/gm)].map(([, name]) => name).sort()).toEqual(['leaf', 'middle']);
  expect(new Set(edges(wanted.edges).map(({ names }) => names.split(' ')[0]))).toEqual(new Set(['leaf', 'middle']));
  const wrong = skas(['run', '--profile', request, '--profile-only', 'functions=(', program]);
  expect([wrong.status, /--profile-only: profile functions=\(: .*regular expression/i.test(wrong.stderr)]).toEqual([2, true]);
  expect(skas(['run', '--profile-only', 'nonsense', program]).stderr).toMatch(/functions=REGEX, files=REGEX or tasks=REGEX expected/);
});
