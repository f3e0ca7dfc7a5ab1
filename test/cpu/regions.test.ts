/** The two tiers beside each other: whatever the budget, both must retire the same instructions and leave the same state. */
import { describe, expect, it } from 'vitest';
import { Cpu } from '../../emulator/cpu/cpu.ts';
import { Exit } from '../../emulator/cpu/exits.ts';
import { CONTEXT_SIZE, FAULT_ADDRESS, PAGE_SIZE, Reg, XMM } from '../../emulator/cpu/state.ts';
import { RegionTranslator } from '../../emulator/cpu/translator/translator.ts';
import { ThreadContext } from '../../emulator/host/process/thread-context.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { FlatSpace } from '../../emulator/cpu/flat-space.ts';
import { randomProgram } from './random-program.ts';
import { Random } from './random-values.ts';

const CODE = 0x400000;
const DATA = 0x600000;
const STACK = 0x7f0000;
const DATA_PAGES = 2;
const STACK_PAGES = 4;

class Machine {
  readonly linear = new LinearMemory(8 << 20);
  readonly space = new FlatSpace(this.linear);
  readonly context: ThreadContext;
  readonly cpu: Cpu;
  translator: RegionTranslator | undefined;

  constructor(code: ArrayLike<number>, regions: boolean) {
    this.cpu = new Cpu(this.linear, regions ? { threshold: 2, translator: (host) => (this.translator = new RegionTranslator(host, 'sync')) } : {});
    const slot = this.space.map(0x10000, 1, 'r');
    if (CONTEXT_SIZE > PAGE_SIZE) throw new Error('context does not fit');
    this.context = new ThreadContext(this.linear, slot);
    this.space.map(CODE, 2);
    this.space.map(DATA, DATA_PAGES, 'rw');
    this.space.map(STACK, STACK_PAGES, 'rw');
    this.space.write(CODE, code);
    this.cpu.initialise(this.context);
    this.context.rip = CODE;
    this.context.setGprNumber(Reg.rsp, STACK + STACK_PAGES * PAGE_SIZE - 64);
    this.context.setGprNumber(14, DATA);
  }

  run(budget: number): Exit {
    return this.cpu.run(this.context, this.space, budget);
  }

  get state(): string {
    const parts = [this.cpu.retired, this.context.rip.toString(16), this.cpu.readRflags(this.context).toString(16)];
    for (let n = 0; n < 16; n++) parts.push(this.context.gpr(n).toString(16));
    for (let n = 0; n < 16; n++) parts.push(this.linear.view.getBigUint64(this.context.at(XMM) + n * 8, true).toString(16));
    return parts.join(' ');
  }

  get memory(): Uint8Array {
    return Uint8Array.from([...this.space.read(DATA, DATA_PAGES * PAGE_SIZE), ...this.space.read(STACK, STACK_PAGES * PAGE_SIZE)]);
  }
}

/** Runs the same slices in both tiers until `total` instructions have been tried. */
function compare(code: Uint8Array, random: Random, total: number): { regions: number; faults: number } {
  const plain = new Machine(code, false);
  const translated = new Machine(code, true);
  let faults = 0;
  for (let done = 0; done < total; ) {
    const budget = 1 + random.below(random.chance(0.2) ? 3000 : 200);
    const expected = plain.run(budget);
    const actual = translated.run(budget);
    expect(`${actual} ${translated.state}`).toBe(`${expected} ${plain.state}`);
    done += budget;
    if (expected === Exit.budget) continue;
    faults++;
    for (const machine of [plain, translated]) {
      machine.context.rip = CODE;
      machine.context.setGprNumber(Reg.rsp, STACK + STACK_PAGES * PAGE_SIZE - 64);
    }
  }
  expect(translated.memory).toEqual(plain.memory);
  return { regions: translated.translator?.stats.regions ?? 0, faults };
}

describe('interpreter and translator', () => {
  it('agree on random programs, whatever the budget', () => {
    const random = new Random(42);
    let regions = 0;
    let faults = 0;
    for (let i = 0; i < 16; i++) {
      const result = compare(randomProgram(random, 4 + random.below(20), DATA_PAGES * PAGE_SIZE), random, 20_000);
      regions += result.regions;
      faults += result.faults;
    }
    expect(regions).toBeGreaterThan(30);
    expect(faults).toBeGreaterThan(0);
  }, 120_000);
});

describe('regions', () => {
  it('leave a fault in a loop exactly at the access', () => {
    // mov rcx, DATA; loop: mov rax, [rcx]; add rcx, 8; jmp loop
    const code = [0x48, 0xc7, 0xc1, 0, 0, 0x60, 0, 0x48, 0x8b, 0x01, 0x48, 0x83, 0xc1, 0x08, 0xeb, 0xf7];
    const machine = new Machine(code, true);
    expect(machine.run(100_000)).toBe(Exit.exception);
    const end = DATA + DATA_PAGES * PAGE_SIZE;
    expect(machine.translator?.stats.regions).toBeGreaterThan(0);
    expect(machine.context.rip).toBe(CODE + 7);
    expect(machine.context.gprNumber(Reg.rcx)).toBe(end);
    expect(machine.linear.view.getBigUint64(machine.context.at(FAULT_ADDRESS), true)).toBe(BigInt(end));
    expect(machine.cpu.retired).toBe(1 + 3 * ((end - DATA) / 8));
  });

  it('see what they write into their own code', () => {
    // xor ebx, ebx; mov ecx, 200; loop: mov [rip + 1], cl (the next instruction's immediate); mov eax, 0; add ebx, eax; dec ecx; jnz loop; ud2
    const code = [0x31, 0xdb, 0xb9, 200, 0, 0, 0, 0x88, 0x0d, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0x01, 0xc3, 0xff, 0xc9, 0x75, 0xef, 0x0f, 0x0b];
    for (const regions of [false, true]) {
      const machine = new Machine(code, regions);
      expect(machine.run(100_000)).toBe(Exit.exception);
      expect(machine.context.gprNumber(Reg.rbx)).toBe((200 * 201) / 2);
      expect(machine.cpu.retired).toBe(2 + 200 * 5);
    }
  });

  it('stop at a breakpoint set inside of them', () => {
    // loop: inc eax; nop; jmp loop
    const machine = new Machine([0xff, 0xc0, 0x90, 0xeb, 0xfb], true);
    expect(machine.run(30_000)).toBe(Exit.budget);
    expect(machine.translator?.stats.regions).toBeGreaterThan(0);
    machine.cpu.addBreakpoint(CODE + 2);
    expect(machine.run(30_000)).toBe(Exit.breakpoint);
    expect(machine.context.rip).toBe(CODE + 2);
    machine.cpu.removeBreakpoint(CODE + 2);
    expect(machine.run(30_000)).toBe(Exit.budget);
  });

  it('call each other and come back, deeper than native calls may nest', () => {
    // mov ecx, 3000; call f; ud2; f: test ecx, ecx; jz out; dec ecx; inc eax; call f; out: ret
    const code = [0xb9, 0xb8, 0x0b, 0, 0, 0xe8, 2, 0, 0, 0, 0x0f, 0x0b, 0x85, 0xc9, 0x74, 9, 0xff, 0xc9, 0xff, 0xc0, 0xe8, 0xf3, 0xff, 0xff, 0xff, 0xc3];
    const results = [false, true].map((regions) => {
      const machine = new Machine(code, regions);
      machine.space.map(STACK - 16 * PAGE_SIZE, 16, 'rw');
      const exits: string[] = [];
      for (let i = 0; i < 3; i++) {
        machine.context.rip = CODE;
        exits.push(`${machine.run(1_000_000)} ${machine.state}`);
      }
      return exits;
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[0][0].startsWith(`${Exit.exception} `)).toBe(true);
  });

  it('keep a switch inside, whichever way it goes', () => {
    // loop: mov eax, esi; and eax, 3; jmp [r14 + rax * 8]; four cases: add ebx, 1, 2, 3 or 4; inc esi; jmp loop
    const code = [0x89, 0xf0, 0x83, 0xe0, 3, 0x41, 0xff, 0x24, 0xc6];
    const cases: number[] = [];
    for (let i = 1; i <= 4; i++) {
      cases.push(code.length);
      code.push(0x83, 0xc3, i, 0xff, 0xc6, 0xeb, (-(code.length + 7)) & 0xff);
    }
    const run = (regions: boolean): Machine => {
      const machine = new Machine(code, regions);
      cases.forEach((at, i) => machine.linear.view.setBigUint64(machine.space.touch(DATA / PAGE_SIZE, 0) + i * 8, BigInt(CODE + at), true));
      expect(machine.run(60_000)).toBe(Exit.budget);
      return machine;
    };
    expect(run(true).state).toBe(run(false).state);
  });
});
