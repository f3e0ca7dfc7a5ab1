/**
 * The interpreter alone (regions off) on flat code: a ring of distinct blocks in shuffled order, each of eight instructions, so
 * that nothing is hot and the records come from memory. Million instructions per second, in the engine, without a host around it.
 */
import { Cpu } from '../../emulator/cpu/cpu.ts';
import { FlatSpace } from '../../emulator/cpu/flat-space.ts';
import { CONTEXT_SIZE, PAGE_SIZE, Reg } from '../../emulator/cpu/state.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { ThreadContext } from '../../emulator/host/process/thread-context.ts';

const CODE = 0x400000;
const DATA = 0x4000000;
const DATA_BYTES = 1 << 16;
const SLOT = 64;
const INSTRUCTIONS = 8;
const RINGS: readonly number[] = [100, 2000, 20_000];
const RUN = 20_000_000;

export interface InterpreterRow {
  readonly blocks: number;
  readonly mips: number;
}

const dword = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];

/** Loads, stores, arithmetic and an address calculation, then `jmp` by `distance` from the slot's start. */
function blockCode(random: () => number, distance: number): number[] {
  const offset = (): number[] => dword((random() % (DATA_BYTES / 8)) * 8);
  const code = [
    0x48, 0x8b, 0x86, ...offset(), // mov rax, [rsi + disp32]
    0x48, 0x05, ...dword(random() & 0x7fffffff), // add rax, imm32
    0x48, 0x31, 0xc3, // xor rbx, rax
    0x48, 0x8d, 0x4b, random() & 0x7f, // lea rcx, [rbx + disp8]
    0x48, 0x89, 0x8e, ...offset(), // mov [rsi + disp32], rcx
    0x48, 0xc1, 0xe9, 1 + (random() % 30), // shr rcx, imm8
    0x48, 0x01, 0xca, // add rdx, rcx
  ];
  return [...code, 0xe9, ...dword(distance - code.length - 5)];
}

function mipsOf(blocks: number): number {
  const linear = new LinearMemory(256 << 20);
  const cpu = new Cpu(linear);
  try {
    const space = new FlatSpace(linear);
    space.map(CODE, Math.ceil((blocks * SLOT) / PAGE_SIZE), 'rx');
    space.map(DATA, DATA_BYTES / PAGE_SIZE, 'rw');
    let seed = 1;
    const random = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
    const order = Array.from({ length: blocks }, (_, i) => i);
    for (let i = blocks - 1; i > 0; i--) {
      const j = random() % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    order.forEach((slot, i) => space.write(CODE + slot * SLOT, blockCode(random, (order[(i + 1) % blocks] - slot) * SLOT)));
    const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
    cpu.initialise(context);
    context.rip = CODE;
    context.setGprNumber(Reg.rsi, DATA);
    // Once around decodes everything.
    cpu.run(context, space, 2 * blocks * INSTRUCTIONS);
    let best = 0;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      cpu.run(context, space, RUN);
      best = Math.max(best, cpu.retired / (performance.now() - start) / 1000);
    }
    return best;
  } finally {
    cpu.close();
  }
}

export function benchInterpreter(report: (line: string) => void): { rows: InterpreterRow[] } {
  const rows = RINGS.map((blocks) => ({ blocks, mips: mipsOf(blocks) }));
  for (const { blocks, mips } of rows) report(`interpreter, ring of ${String(blocks).padStart(6)} blocks of ${INSTRUCTIONS}: ${mips.toFixed(0).padStart(5)} MIPS`);
  report('(bar: ≥ 100 MIPS on the largest, which is flat code)');
  return { rows };
}
