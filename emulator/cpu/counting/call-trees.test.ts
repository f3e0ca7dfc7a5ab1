import { describe, expect, it } from 'vitest';
import { ThreadContext } from '../../host/process/thread-context.ts';
import { LinearMemory } from '../../memory/linear-memory.ts';
import { Cpu, type CpuOptions } from '../cpu.ts';
import { Exit } from '../exits.ts';
import { FlatSpace } from '../flat-space.ts';
import { CONTEXT_SIZE, Reg } from '../state.ts';
import { RegionTranslator } from '../translator/translator.ts';
import type { CallNode } from './call-trees.ts';
import { TransferCounters } from './transfer-counters.ts';
import { TransferTotals } from './transfer-totals.ts';

const CODE = 0x400000;
const STACK_TOP = 0x702000;
const dword = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];

/** Functions by offset. */
const FUNCTIONS = { main: 0, a: 0x40, b: 0x60, c: 0x80, d: 0xa0, handler: 0xc0 } as const;
type Name = keyof typeof FUNCTIONS;
const call = (at: number, to: Name): number[] => [0xe8, ...dword(FUNCTIONS[to] - at - 5)];
const jump = (at: number, to: Name): number[] => [0xe9, ...dword(FUNCTIONS[to] - at - 5)];

const CODE_OF: Readonly<Record<Name, readonly number[]>> = {
  main: [
    0xb9, ...dword(100), // 0 mov ecx, 100
    ...call(5, 'a'),
    0xff, 0xc9, // 10 dec ecx
    0x75, 0xf7, // 12 jnz 5
    0x48, 0x89, 0xe3, // 14 mov rbx, rsp
    ...call(17, 'd'),
    0x90, // 22 nop
    ...call(23, 'b'),
    0x0f, 0x05, // 28 syscall
  ],
  // call b; jump to c, which returns for it
  a: [...call(0x40, 'b'), ...jump(0x45, 'c')],
  b: [0x01, 0xca, 0x01, 0xca, 0xc3],
  c: [0x48, 0x8d, 0x05, ...dword(0x60 - 0x87), 0xff, 0xe0], // lea rax, [b]; jmp rax
  // calls b and never comes back: longjmp to main's nop
  d: [...call(0xa0, 'b'), 0x48, 0x89, 0xdc, 0xe9, ...dword(22 - 0xa8 - 5)],
  handler: [0x90, ...call(0xc1, 'b'), 0x0f, 0x05],
};

const tiers: readonly (readonly [string, CpuOptions])[] = [
  ['interpreted', {}],
  ['translated', { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') }],
];

function machine(options: CpuOptions) {
  const linear = new LinearMemory(16 * 1024 * 1024);
  const cpu = new Cpu(linear, options);
  const space = new FlatSpace(linear);
  space.map(CODE, 1, 'rx');
  space.map(STACK_TOP - 0x2000, 2, 'rw');
  for (const [name, code] of Object.entries(CODE_OF)) space.write(CODE + FUNCTIONS[name as Name], code);
  const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
  cpu.initialise(context);
  context.rip = CODE;
  context.setGprNumber(Reg.rsp, STACK_TOP);
  const owner = { totals: new TransferTotals() };
  const counters = new TransferCounters(linear, true);
  counters.isTailCall = (site, target) => nameOf(site) !== nameOf(target) && CODE + FUNCTIONS[nameOf(target)] === target;
  cpu.setCounting({ counters, contextOf: () => owner });
  return { cpu, space, context, owner, counters };
}

function nameOf(address: number): Name {
  const before = Object.entries(FUNCTIONS).filter(([, offset]) => CODE + offset <= address);
  return before[before.length - 1][0] as Name;
}

function chain(node: CallNode): string {
  if (node.parent === undefined) return 'main';
  return `${chain(node.parent)} > ${nameOf(node.target)}`;
}

/** Chain → calls, instructions of its own. */
function treeOf(counters: TransferCounters): Record<string, readonly [calls: number, self: number]> {
  const tree: Record<string, [number, number]> = {};
  for (const node of counters.trees?.nodes() ?? []) {
    const entry = (tree[chain(node)] ??= [0, 0]);
    entry[0] += node.calls;
    entry[1] += node.self;
  }
  return tree;
}

const TREE = {
  main: [0, 1 + 3 * 100 + 2 + 1 + 1 + 1],
  'main > a': [100, 200],
  'main > a > b': [100, 300],
  'main > a > c': [100, 200],
  'main > a > c > b': [100, 300],

  'main > d': [1, 3],
  'main > d > b': [1, 3],
  'main > b': [1, 3],
};

describe.each(tiers)('call trees, %s', (_tier, options) => {
  it.each([1_000_000, 50, 1])('hold what each function did for whom, when runs are cut into %i instructions', (budget) => {
    const { cpu, space, context, owner, counters } = machine(options);
    while (cpu.run(context, space, budget) === Exit.budget);
    const tree = treeOf(counters);
    const self = Object.values(tree).reduce((sum, [, own]) => sum + own, 0);
    expect(self).toBe(owner.totals.retired);
    // Where exactly the longjmp's target begins to count depends on when a stack pointer is looked at: with a call, or a new run.
    const lost = (tree['main > d']?.[1] ?? 0) + (tree['main']?.[1] ?? 0);
    expect(lost).toBe(TREE.main[1] + TREE['main > d'][1]);
    expect({ ...tree, main: TREE.main, 'main > d': [tree['main > d'][0], TREE['main > d'][1]] }).toEqual(TREE);
    expect(counters.trees?.full).toBe(false);
  });

  it('put a signal handler under what it interrupted, and end it when the stack pointer is back', () => {
    const { cpu, space, context, owner, counters } = machine(options);
    // In the middle of b, called from a.
    expect(cpu.run(context, space, 4)).toBe(Exit.budget);
    expect(nameOf(context.rip)).toBe('b');
    const before = { rip: context.rip, rsp: context.gprNumber(Reg.rsp) };
    context.rip = CODE + FUNCTIONS.handler;
    context.setGprNumber(Reg.rsp, before.rsp - 0x200);
    counters.trees?.handler(owner, { lowest: 0, highest: before.rsp - 0x200 });
    while (cpu.run(context, space, 100) === Exit.budget);
    context.rip = before.rip;
    context.setGprNumber(Reg.rsp, before.rsp);
    while (cpu.run(context, space, 100) === Exit.budget);
    const tree = treeOf(counters);
    expect(tree['main > a > b > handler']).toEqual([1, 3]);
    expect(tree['main > a > b > handler > b']).toEqual([1, 3]);
    expect(tree['main > a > b']).toEqual([100, 300]);
    expect(tree['main > a > c > b']).toEqual([100, 300]);
  });

  it('do not grow without end under recursion', () => {
    const { cpu, space, context, owner, counters } = machine(options);
    // a: call a
    space.write(CODE + FUNCTIONS.a, call(0x40, 'a'));
    cpu.flushCode();
    space.map(STACK_TOP - 0x102000, 0x100, 'rw');
    expect(cpu.run(context, space, 20_000)).toBe(Exit.budget);
    const nodes = counters.trees?.nodes() ?? [];
    expect(nodes.length).toBe(2049);
    expect(nodes.reduce((sum, { self }) => sum + self, 0)).toBe(owner.totals.retired);
  });
});
