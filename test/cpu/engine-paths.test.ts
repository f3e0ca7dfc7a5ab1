/**
 * One program, several ways to run it: instruction by instruction in step mode, in runs of random length through blocks, chains and
 * fused handlers, and with regions. All must pass through the same states: timers, signals and replay depend on it.
 */
import { describe, expect, it } from 'vitest';
import { Cpu, type CpuOptions } from '../../emulator/cpu/cpu.ts';
import { Exit } from '../../emulator/cpu/exits.ts';
import { CONTEXT_SIZE, Reg } from '../../emulator/cpu/state.ts';
import { RegionTranslator } from '../../emulator/cpu/translator/translator.ts';
import { ThreadContext } from '../../emulator/host/process/thread-context.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { FlatSpace } from '../../emulator/cpu/flat-space.ts';

const CODE = 0x400000;
const DATA = 0x600000;
const DATA_PAGES = 4;
const STACK_TOP = 0x710000;

/** A small generator of pseudo-random numbers (Numerical Recipes' constants), so that failures repeat. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * below);
  };
}

/** Instructions without a displacement in the code: registers rax–rdx and rdi, memory [rsi + small], [rsi + rdi*4 + 0xff0]. */
function plain(random: (below: number) => number): number[] {
  const modrm = 0xc0 | (random(4) << 3) | random(4);
  const disp = random(256);
  switch (random(16)) {
    case 0: return [0x48, [0x01, 0x29, 0x31, 0x21, 0x09, 0x39, 0x11, 0x19][random(8)], modrm];
    case 1: return [[0x01, 0x29, 0x31, 0x21, 0x09, 0x39, 0x85][random(7)], modrm];
    case 2: return [[0x00, 0x28, 0x30, 0x38, 0x84][random(5)], modrm | 4];
    case 3: return [0x48, 0x83, 0xc0 | (random(8) << 3) | random(4), disp];
    case 4: return [0x48, 0x8b, 0x46 | (random(4) << 3), disp & 0x7f];
    case 5: return [0x48, 0x89, 0x46 | (random(4) << 3), disp & 0x7f];
    case 6: return [0x48, 0x01, 0x84 | (random(4) << 3), 0xbe, 0xf0 - random(8), 0x0f, 0, 0];
    case 7: return [0x44 | random(2), 0x8b, 0x84, 0xbe, 0xf8 - random(4), 0x0f, 0, 0];
    case 8: return [0xff, 0xc0 | (random(2) << 3) | random(4)];
    case 9: return [0x48, 0xc1, 0xe0 | (random(2) << 3) | random(4), random(70)];
    case 10: return [0x0f, 0x90 | random(16), 0xc0 | random(4)];
    case 11: return [0x48, 0x0f, 0x40 | random(16), modrm];
    case 12: return [0x50 | random(4), 0x58 | random(4)];
    case 13: return [0x83, 0x7e, disp & 0x7f, random(256)];
    case 14: return [0x83, 0xe7, 7];
    default: return [0x0f, 0xb6, modrm];
  }
}

/** `count` pieces; every few of them a conditional branch, forwards or back, then a jump to the start. */
function program(seed: number, count: number): number[] {
  const random = generator(seed);
  const code: number[] = [];
  const starts: number[] = [];
  const fixes: { at: number; to: number }[] = [];
  for (let i = 0; i < count; i++) {
    starts.push(code.length);
    if (random(4) === 0) {
      code.push(0x0f, 0x80 | random(16), 0, 0, 0, 0);
      fixes.push({ at: code.length, to: Math.max(0, Math.min(count - 1, i + random(12) - 5)) });
    } else code.push(...plain(random));
  }
  code.push(0xe9, 0, 0, 0, 0);
  fixes.push({ at: code.length, to: 0 });
  for (const { at, to } of fixes) {
    const distance = starts[to] - at;
    for (let b = 0; b < 4; b++) code[at - 4 + b] = (distance >> (8 * b)) & 0xff;
  }
  return code;
}

function machine(code: readonly number[], seed: number, options: CpuOptions) {
  const linear = new LinearMemory(16 * 1024 * 1024);
  const cpu = new Cpu(linear, options);
  const space = new FlatSpace(linear);
  space.map(CODE, 4, 'rx');
  space.map(DATA, DATA_PAGES, 'rw');
  space.map(STACK_TOP - 0x1000, 2, 'rw');
  // Near the end of a page, so that blocks and instructions cross into the next one.
  const entry = CODE + 0x1000 - Math.floor(code.length / 2);
  space.write(entry, code);
  const random = generator(seed);
  for (let at = 0; at < DATA_PAGES * 0x1000; at++) space.write(DATA + at, [random(256)]);
  const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
  cpu.initialise(context);
  context.rip = entry;
  context.setGprNumber(Reg.rsp, STACK_TOP - 8);
  context.setGprNumber(Reg.rsi, DATA);
  context.setGprNumber(Reg.rdi, 2);
  /** Everything the guest can see, with flags as PUSHF would show them. */
  const state = (): string => {
    const registers = Array.from({ length: 16 }, (_, n) => context.gpr(n).toString(16));
    return [context.rip.toString(16), cpu.readRflags(context).toString(16), ...registers].join(' ');
  };
  const memory = (): string => Buffer.from(space.read(DATA, DATA_PAGES * 0x1000)).toString('base64');
  return { cpu, context, space, state, memory };
}

const STEPS = 3000;
const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

describe.each(SEEDS)('random program %i', (seed) => {
  const code = program(seed, 60);
  const reference = machine(code, seed, {});
  const states: string[] = [reference.state()];
  for (let i = 0; i < STEPS; i++) {
    expect(reference.cpu.step(reference.context, reference.space)).toBe(Exit.budget);
    states.push(reference.state());
  }
  const memory = reference.memory();

  it.each([
    ['blocks', {}],
    ['regions', { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') }],
  ] satisfies [string, CpuOptions][])('runs the same with %s, however it is cut', (_name, options) => {
    const { cpu, context, space, state, memory: finalMemory } = machine(code, seed, options);
    const random = generator(seed * 7919);
    let done = 0;
    while (done < STEPS) {
      const budget = Math.min(STEPS - done, 1 + random(random(3) === 0 ? 4 : 150));
      expect(cpu.run(context, space, budget)).toBe(Exit.budget);
      expect(cpu.retired).toBe(budget);
      done += budget;
      expect(state()).toBe(states[done]);
    }
    expect(finalMemory()).toBe(memory);
    expect(cpu.stats.regions > 0).toBe('threshold' in options);
  });
});

