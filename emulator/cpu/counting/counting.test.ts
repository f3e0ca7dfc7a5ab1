import { describe, expect, it } from 'vitest';
import { ExecutionCounts } from '../../profile/execution-counts.ts';
import { ThreadContext } from '../../host/process/thread-context.ts';
import { LinearMemory } from '../../memory/linear-memory.ts';
import { Cpu, type CpuOptions } from '../cpu.ts';
import { Exit } from '../exits.ts';
import { FlatSpace } from '../flat-space.ts';
import { CONTEXT_SIZE, Reg } from '../state.ts';
import { RegionTranslator } from '../translator/translator.ts';
import { TransferCounters } from './transfer-counters.ts';
import { TransferTotals } from './transfer-totals.ts';

const CODE = 0x400000;
const STACK_TOP = 0x702000;

const dword = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];

/**
 * ```
 *  0  mov ecx, 1000
 *  5  call 20        next 10
 * 10  dec ecx
 * 12  jnz 5          next 14
 * 14  lea rax, [rip + 20 - 21] → 20; call rax; syscall
 * 21+: …
 * ```
 */
const MAIN = [
  0xb9, ...dword(1000), // 0 mov ecx, 1000
  0xe8, ...dword(30 - 10), // 5 call 30
  0xff, 0xc9, // 10 dec ecx
  0x75, 0xf7, // 12 jnz 5
  0x48, 0x8d, 0x05, ...dword(30 - 21), // 14 lea rax, [rip → 30]
  0xff, 0xd0, // 21 call rax
  0x0f, 0x05, // 23 syscall
];
const LEAF = [
  0xf6, 0xc1, 0x03, // 30 test cl, 3
  0x74, 0x02, // 33 jz 37
  0x01, 0xca, // 35 add edx, ecx
  0xc3, // 37 ret
];
/** Offset → executions, counted by hand: 1000 turns, and one more call with ecx 0. */
const EXPECTED = new Map([
  [0, 1], [5, 1000], [10, 1000], [12, 1000], [14, 1], [21, 1], [23, 1], [30, 1001], [33, 1001], [35, 750], [37, 1001],
]);

function machine(options: CpuOptions) {
  const linear = new LinearMemory(16 * 1024 * 1024);
  const cpu = new Cpu(linear, options);
  const space = new FlatSpace(linear);
  space.map(CODE, 2, 'rx');
  space.map(STACK_TOP - 0x2000, 2, 'rw');
  space.write(CODE, MAIN);
  space.write(CODE + 30, LEAF);
  const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
  const begin = (): void => {
    cpu.initialise(context);
    context.rip = CODE;
    context.setGprNumber(Reg.rsp, STACK_TOP);
  };
  begin();
  const totals = new TransferTotals();
  const counters = new TransferCounters(linear);
  cpu.setCounting({ counters, contextOf: () => ({ totals }) });
  return { cpu, space, context, totals, counters, begin };
}

const tiers: readonly (readonly [string, CpuOptions])[] = [
  ['interpreted', {}],
  ['translated', { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') }],
];

describe.each(tiers)('counts of transfers, %s', (_tier, options) => {
  it.each([1_000_000, 777, 7, 1])('are exact when runs are cut into %i instructions', (budget) => {
    const { cpu, space, context, totals, counters } = machine(options);
    const owner = { totals };
    cpu.setCounting({ counters, contextOf: () => owner });
    let retired = 0;
    let exit: Exit;
    do {
      exit = cpu.run(context, space, budget);
      retired += cpu.retired;
    } while (exit === Exit.budget);
    expect(exit).toBe(Exit.syscall);
    counters.collect();
    const counts = ExecutionCounts.of(totals);
    const found = [...EXPECTED.keys()].map((offset) => [offset, counts.at(CODE + offset)]);
    expect(found).toEqual([...EXPECTED]);
    expect(totals.retired).toBe(retired);
    expect(retired).toBe([...EXPECTED.values()].reduce((sum, n) => sum + n, 0));
    const calls = [...totals.transfers()].filter(({ kind }) => kind === 'call').map(({ site, target, count }) => [site - CODE, target - CODE, count]);
    expect(calls.sort()).toEqual([[21, 30, 1], [5, 30, 1000]].sort());
    const returns = [...totals.transfers()].filter(({ kind }) => kind === 'return').map(({ target, count }) => [target - CODE, count]);
    expect(returns.sort()).toEqual([[10, 1000], [23, 1]].sort());
  });

  it('of two contexts stay apart, and nothing is counted twice', () => {
    const { cpu, space, context, counters, begin } = machine(options);
    const owners = [{ totals: new TransferTotals() }, { totals: new TransferTotals() }];
    let turn = 0;
    cpu.setCounting({ counters, contextOf: () => owners[turn & 1] });
    for (turn = 0; turn < 3; turn++) {
      begin();
      while (cpu.run(context, space, 500) === Exit.budget);
      counters.collect();
    }
    expect(owners.map(({ totals }) => ExecutionCounts.of(totals).at(CODE + 30))).toEqual([2002, 1001]);
  });

  it('survive code that is made anew and the end of counting', () => {
    const { cpu, space, context, counters, begin } = machine(options);
    const owner = { totals: new TransferTotals() };
    cpu.setCounting({ counters, contextOf: () => owner });
    expect(cpu.run(context, space, 2000)).toBe(Exit.budget);
    cpu.flushCode();
    while (cpu.run(context, space, 500) === Exit.budget);
    cpu.setCounting(undefined);
    begin();
    while (cpu.run(context, space, 500) === Exit.budget);
    expect(ExecutionCounts.of(owner.totals).at(CODE + 37)).toBe(1001);
  });
});
