import { describe, expect, it } from 'vitest';
import { Cpu, type CpuOptions } from './cpu.ts';
import { Exit, PageFaultError, Vector } from './exits.ts';
import { FIXED_HANDLERS, handlerCount } from './interpreter/handlers.ts';
import { CONTEXT_SIZE, FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, Reg, Segment, USER_CS_32, XMM } from './state.ts';
import { RegionTranslator } from './translator/translator.ts';
import { LinearMemory } from '../memory/linear-memory.ts';
import { ThreadContext } from '../host/process/thread-context.ts';
import { FlatSpace } from './flat-space.ts';

const CODE = 0x400000;
const DATA = 0x600000;
const STACK_TOP = 0x702000;

/** A machine with two pages of code, data and stack each, and `code` at CODE. */
function machine(code: readonly number[], codeAccess = 'rx', options: CpuOptions = {}) {
  const linear = new LinearMemory(16 * 1024 * 1024);
  const cpu = new Cpu(linear, options);
  const space = new FlatSpace(linear);
  space.map(CODE, 2, codeAccess);
  space.map(DATA, 2, 'rw');
  space.map(STACK_TOP - 0x2000, 2, 'rw');
  space.write(CODE, code);
  const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
  cpu.initialise(context);
  context.rip = CODE;
  context.setGprNumber(Reg.rsp, STACK_TOP);
  const fault = (): { vector: number; error: number; address: number } => ({
    vector: linear.view.getInt32(context.at(FAULT_VECTOR), true),
    error: linear.view.getInt32(context.at(FAULT_ERROR), true),
    address: Number(linear.view.getBigUint64(context.at(FAULT_ADDRESS), true)),
  });
  return { linear, cpu, space, context, fault };
}

const SYSCALL = [0x0f, 0x05];
/** mov rax, [abs32] and mov [abs32], rax */
const loadRax = (address: number): number[] => [0x48, 0x8b, 0x04, 0x25, ...dword(address)];
const storeRax = (address: number): number[] => [0x48, 0x89, 0x04, 0x25, ...dword(address)];
const movEax = (value: number): number[] => [0xb8, ...dword(value)];
function dword(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}

/** ecx = 10; eax = 0; loop { rax += rcx; rcx -= 1 } while not zero; [DATA] = rax; syscall: 34 instructions. */
const SUM = [0xb9, ...dword(10), 0x31, 0xc0, 0x48, 0x01, 0xc8, 0x48, 0x83, 0xe9, 1, 0x75, 0xf7, ...storeRax(DATA), ...SYSCALL];
const SUM_LENGTH = 34;

describe('budgets', () => {
  it('retires exactly as many instructions as there are', () => {
    const { cpu, context, space } = machine(SUM);
    expect(cpu.run(context, space, 1000)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(SUM_LENGTH);
    expect(context.gpr(Reg.rax)).toBe(55n);
    expect(context.rip).toBe(CODE + SUM.length);
  });

  it('is exact and goes through the same states for every way to cut a run', () => {
    const states: string[] = [];
    const state = ({ cpu, context }: ReturnType<typeof machine>): string =>
      `${context.rip.toString(16)} ${context.gpr(0)} ${context.gpr(1)} ${cpu.readRflags(context).toString(16)}`;
    const single = machine(SUM);
    for (let i = 0; i < SUM_LENGTH - 1; i++) {
      expect(single.cpu.run(single.context, single.space, 1)).toBe(Exit.budget);
      expect(single.cpu.retired).toBe(1);
      states.push(state(single));
    }
    expect(single.cpu.run(single.context, single.space, 1)).toBe(Exit.syscall);
    const split = machine(SUM);
    for (let first = 1; first < SUM_LENGTH; first++) {
      split.context.rip = CODE;
      split.cpu.writeRflags(split.context, 0x202);
      expect(split.cpu.run(split.context, split.space, first)).toBe(Exit.budget);
      expect(split.cpu.retired).toBe(first);
      expect(state(split)).toBe(states[first - 1]);
      expect(split.cpu.run(split.context, split.space, 1000)).toBe(Exit.syscall);
      expect(split.cpu.retired).toBe(SUM_LENGTH - first);
      expect(split.context.gpr(Reg.rax)).toBe(55n);
    }
  });

  it('steps one instruction at a time, over breakpoints too', () => {
    const { cpu, context, space } = machine(SUM);
    cpu.addBreakpoint(CODE);
    expect(cpu.step(context, space)).toBe(Exit.budget);
    expect(context.rip).toBe(CODE + 5);
    expect(cpu.retired).toBe(1);
  });
});

describe('interpreter handlers', () => {
  // 300 PSHUFDs with another immediate or other operand kinds each: xmm1 = [rdi] or xmm0 shuffled, counted in eax.
  const shuffles = (n: number): number[] => {
    const code: number[] = [];
    for (let i = 0; i < n; i++) code.push(0x66, 0x0f, 0x70, i < 256 ? 0xc8 : 0x0f, i & 0xff, 0x83, 0xc0, 1);
    return [...code, ...SYSCALL];
  };

  it('begin anew when their numbers are used up, in every machine', () => {
    const limit = FIXED_HANDLERS + 270;
    const program = shuffles(300);
    const one = machine(program, 'rx', { handlerLimit: limit });
    const other = machine(program, 'rx');
    const run = ({ cpu, context, space, linear }: typeof one): number => {
      context.rip = CODE;
      context.setGprNumber(Reg.rax, 0);
      context.setGprNumber(Reg.rdi, DATA);
      linear.view.setInt32(context.at(XMM) + 4, 0x11223344, true);
      expect(cpu.run(context, space, 10_000)).toBe(Exit.syscall);
      expect(context.gpr(Reg.rax)).toBe(300n);
      expect(cpu.retired).toBe(601);
      return linear.view.getInt32(context.at(XMM) + 16, true);
    };
    const wanted = run(other);
    // The other machine has numbers of its own in its records, and in its table.
    for (const m of [one, other, one, other]) expect(run(m)).toBe(wanted);
    expect(run(one)).toBe(wanted);
    expect(handlerCount()).toBeLessThanOrEqual(limit);
  });
});

describe('the trap flag', () => {
  // pushfq; or dword [rsp], 0x100; popfq; inc eax (ff c0); inc eax; syscall
  const TRAP = [0x9c, 0x81, 0x0c, 0x24, ...dword(0x100), 0x9d, 0xff, 0xc0, 0xff, 0xc0, ...SYSCALL];
  const tiers: [string, CpuOptions][] = [['interpreted', {}], ['translated', { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') }]];

  it.each(tiers)('ends the instruction after the one which sets it in #DB, %s', (_, options) => {
    const { cpu, context, space, fault } = machine(TRAP, 'rx', options);
    for (let i = 0; i < 20; i++) {
      context.rip = CODE;
      context.setGprNumber(Reg.rax, 0);
      cpu.writeRflags(context, 0x202);
      expect(cpu.run(context, space, 100)).toBe(Exit.exception);
      expect(fault()).toMatchObject({ vector: Vector.debug, error: 0 });
      expect([context.rip, context.gprNumber(Reg.rax), cpu.retired]).toEqual([CODE + 11, 1, 4]);
      expect(cpu.readRflags(context) & 0x100).toBe(0x100);
      expect(cpu.run(context, space, 100)).toBe(Exit.exception);
      expect([context.rip, cpu.retired]).toEqual([CODE + 13, 1]);
      expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    }
  });

  it('holds across the end of a budget, under single steps and breakpoints', () => {
    const { cpu, context, space } = machine(TRAP);
    expect(cpu.run(context, space, 3)).toBe(Exit.budget);
    cpu.addBreakpoint(CODE + 9);
    expect(cpu.run(context, space, 100)).toBe(Exit.breakpoint);
    expect(cpu.step(context, space)).toBe(Exit.exception);
    expect([context.rip, cpu.retired]).toEqual([CODE + 11, 1]);
    cpu.writeRflags(context, 0x202);
    expect(cpu.step(context, space)).toBe(Exit.budget);
    expect(cpu.step(context, space)).toBe(Exit.syscall);
  });
});

describe('what is 2 GiB away', () => {
  const tiers: [string, CpuOptions][] = [['interpreted', {}], ['translated', { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') }]];

  /** A program at the end of a page, with data and code just below and above 2 GiB from it. */
  function far(options: CpuOptions, displacement: number, build: (displacement: number) => readonly number[]) {
    const m = machine([], 'rx', options);
    const start = CODE + 0xff0;
    const program = build(displacement);
    const target = start + program.length + displacement;
    const page = Math.floor(target / 0x1000);
    m.space.map(page * 0x1000, 2, 'rwx');
    m.space.write(start, program);
    const run = (): Exit => {
      m.context.rip = start;
      m.context.setGprNumber(Reg.rsp, STACK_TOP);
      return m.cpu.run(m.context, m.space, 100);
    };
    return { ...m, run, start, target };
  }
  const distances = [0x7fffffff, 0x7ffffff0, 0x7fffe000, 0x7fffdfff, 0x7fff0000];

  it.each(tiers)('can be an operand, %s', (_, options) => {
    for (const distance of distances) {
      const { run, context, space, target } = far(options, distance, (d) => [0x8b, 0x05, ...dword(d)]);
      space.write(CODE + 0xff6, SYSCALL);
      space.write(target, [0x78, 0x56, 0x34, 0x12]);
      for (let i = 0; i < 6; i++) {
        context.setGprNumber(Reg.rax, 0);
        expect(run()).toBe(Exit.syscall);
        expect(context.gprNumber(Reg.rax)).toBe(0x12345678);
      }
      // The same with an immediate after it: add dword [rip + d], 1
      const other = far(options, distance, (d) => [0x83, 0x05, ...dword(d), 1]);
      other.space.write(CODE + 0xff7, SYSCALL);
      other.space.write(other.target, dword(0));
      for (let i = 1; i < 6; i++) {
        expect(other.run()).toBe(Exit.syscall);
        expect([...other.space.read(other.target, 4)]).toEqual(dword(i));
      }
    }
  });

  it.each(tiers)('can be called, jumped to and branched to, %s', (_, options) => {
    for (const distance of distances) {
      for (const opcode of [[0xe8], [0xe9], [0x0f, 0x84]]) {
        const { run, cpu, context, space, start, target } = far(options, distance, (d) => [...opcode, ...dword(d)]);
        space.write(target, SYSCALL);
        cpu.writeRflags(context, 0x242);
        for (let i = 0; i < 6; i++) {
          expect(run()).toBe(Exit.syscall);
          expect(context.rip).toBe(target + 2);
          if (opcode[0] === 0xe8) expect([...space.read(STACK_TOP - 8, 4)]).toEqual(dword(start + 5));
        }
      }
    }
  });

  it('can lie the other way', () => {
    const { cpu, context, space } = machine([]);
    space.map(0x90000000, 1, 'rx');
    space.map(0x10000000, 2, 'rwx');
    space.write(0x90000000, [0x8b, 0x05, ...dword(-0x80000000), 0xe9, ...dword(-0x80000000)]);
    space.write(0x10000006, dword(77));
    space.write(0x1000000b, SYSCALL);
    context.rip = 0x90000000;
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect([context.gprNumber(Reg.rax), context.rip]).toEqual([77, 0x1000000d]);
  });
});

describe('faults', () => {
  // mov eax,1; mov ebx,[rdi]; mov eax,2
  const CODE_WITH_LOAD = [...movEax(1), 0x8b, 0x1f, ...movEax(2), ...SYSCALL];

  it('leaves rip, count and registers at the faulting instruction', () => {
    const { cpu, context, space, fault } = machine(CODE_WITH_LOAD);
    context.setGprNumber(Reg.rdi, 0x12345678);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(cpu.retired).toBe(1);
    expect(context.rip).toBe(CODE + 5);
    expect(context.gpr(Reg.rax)).toBe(1n);
    expect(fault()).toEqual({ vector: Vector.pageFault, error: PageFaultError.user, address: 0x12345678 });
  });

  it('tells a forbidden store from one to nowhere', () => {
    const { cpu, context, space, fault } = machine([0x89, 0x07]);
    context.setGprNumber(Reg.rdi, CODE + 8);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault()).toEqual({ vector: Vector.pageFault, error: PageFaultError.user | PageFaultError.write | PageFaultError.present, address: CODE + 8 });
  });

  it('reports a fetch from a page that is not there, and one which runs into it', () => {
    const { cpu, context, space, fault } = machine([0xe9, ...dword(0x100000)]);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(cpu.retired).toBe(1);
    expect(context.rip).toBe(CODE + 5 + 0x100000);
    expect(fault()).toEqual({ vector: Vector.pageFault, error: PageFaultError.user | PageFaultError.fetch, address: CODE + 5 + 0x100000 });
    space.write(CODE + 0x1ffe, [0x48, 0x8b]);
    context.rip = CODE + 0x1ffe;
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault().address).toBe(CODE + 0x2000);
    expect(context.rip).toBe(CODE + 0x1ffe);
  });

  it('answers #GP(0) for addresses that are not canonical and a page fault for the kernel half', () => {
    const { cpu, context, space, fault } = machine(CODE_WITH_LOAD);
    context.setGpr(Reg.rdi, 0x8000_0000_0000n);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault()).toMatchObject({ vector: Vector.generalProtection, error: 0 });
    context.rip = CODE;
    context.setGpr(Reg.rdi, 0xffff_8000_0000_0000n);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault()).toMatchObject({ vector: Vector.pageFault, error: PageFaultError.user | PageFaultError.present });
  });

  it('names what is no instruction', () => {
    const { cpu, context, space } = machine([0x90, 0x0f, 0x0b]);
    const exit = cpu.run(context, space, 100);
    expect([Exit.undefined, Exit.exception]).toContain(exit);
    expect(context.rip).toBe(CODE + 1);
    expect(cpu.retired).toBe(1);
    expect(cpu.describe(space, CODE + 1)).toContain('0f 0b');
  });
});

describe('accesses that cross pages', () => {
  it('load and store across two frames which are not neighbours', () => {
    const { cpu, context, space, linear } = machine([...loadRax(DATA + 0xffd), 0x48, 0xff, 0xc0, ...storeRax(DATA + 0xffb), ...SYSCALL]);
    const far = space.map(0x900000, 3, 'rw');
    space.mapFrame((DATA + 0x1000) / 0x1000, far + 0x2000, 'rw');
    space.write(DATA + 0xffd, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(4);
    expect(context.gpr(Reg.rax)).toBe(0x0807060504030202n);
    expect([...space.read(DATA + 0xffb, 8)]).toEqual([2, 2, 3, 4, 5, 6, 7, 8]);
    expect(linear.u8[far + 0x2000]).toBe(6);
  });

  it('store nothing when the second page cannot be written, and fault at its start', () => {
    const { cpu, context, space, fault } = machine(storeRax(DATA + 0x1ffc));
    context.setGpr(Reg.rax, 0x1111111122222222n);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault()).toEqual({ vector: Vector.pageFault, error: PageFaultError.user | PageFaultError.write, address: DATA + 0x2000 });
    expect([...space.read(DATA + 0x1ffc, 4)]).toEqual([0, 0, 0, 0]);
    expect(cpu.retired).toBe(0);
  });
});

describe('self-modifying code', () => {
  it('runs what was stored', () => {
    // call f; add ebx,eax; mov byte [f+1],2; call f; add ebx,eax; syscall;  f: mov eax,1; ret
    const f = 24;
    const program = [0xe8, ...dword(f - 5), 0x01, 0xc3, 0xc6, 0x04, 0x25, ...dword(CODE + f + 1), 2, 0xe8, ...dword(f - 20), 0x01, 0xc3, ...SYSCALL, ...movEax(1), 0xc3];
    expect(program.length).toBe(f + 6);
    const { cpu, context, space } = machine(program, 'rwx');
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect(context.gpr(Reg.rbx)).toBe(3n);
    expect(cpu.retired).toBe(10);
  });

  it('sees an instruction changed later in the running block', () => {
    // mov byte [CODE+9], 7; mov eax, 1; syscall: the store hits the immediate of the next instruction.
    const { cpu, context, space } = machine([0xc6, 0x04, 0x25, ...dword(CODE + 9), 7, ...movEax(1), ...SYSCALL], 'rwx');
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect(context.gpr(Reg.rax)).toBe(7n);
    expect(cpu.retired).toBe(3);
  });

  it('drops code when the host says that a frame changed', () => {
    const { cpu, context, space } = machine([...movEax(1), ...SYSCALL]);
    cpu.run(context, space, 100);
    const frame = space.touch(CODE / 0x1000, 2);
    expect(cpu.hasCode(frame)).toBe(true);
    space.write(CODE + 1, [5]);
    cpu.frameChanged(frame);
    expect(cpu.hasCode(frame)).toBe(false);
    context.rip = CODE;
    cpu.run(context, space, 100);
    expect(context.gpr(Reg.rax)).toBe(5n);
  });

  it('runs other code at the same address in another space', () => {
    const { linear, cpu, context, space } = machine([...movEax(1), ...SYSCALL]);
    const other = new FlatSpace(linear, 1);
    other.map(CODE, 1, 'rx');
    other.write(CODE, [...movEax(2), ...SYSCALL]);
    for (const [where, value] of [[space, 1n], [other, 2n], [space, 1n]] as const) {
      context.rip = CODE;
      cpu.run(context, where, 100);
      expect(context.gpr(Reg.rax)).toBe(value);
    }
  });

  it('follows a page that is mapped to another frame, once the code context says so', () => {
    const { cpu, context, space } = machine([...movEax(1), ...SYSCALL]);
    cpu.run(context, space, 100);
    space.map(CODE, 1, 'rx');
    space.write(CODE, [...movEax(3), ...SYSCALL]);
    space.codeContext += 1000;
    context.rip = CODE;
    cpu.run(context, space, 100);
    expect(context.gpr(Reg.rax)).toBe(3n);
  });
});

describe('breakpoints', () => {
  it('stop before the instruction, also inside a block that has been run already', () => {
    const { cpu, context, space } = machine(SUM);
    cpu.run(context, space, 1000);
    cpu.addBreakpoint(CODE + 10);
    context.rip = CODE;
    expect(cpu.run(context, space, 1000)).toBe(Exit.breakpoint);
    expect(context.rip).toBe(CODE + 10);
    expect(cpu.retired).toBe(3);
    expect(cpu.run(context, space, 1000)).toBe(Exit.breakpoint);
    expect(cpu.retired).toBe(0);
    expect(cpu.step(context, space)).toBe(Exit.budget);
    expect(cpu.run(context, space, 1000)).toBe(Exit.breakpoint);
    expect(cpu.retired).toBe(2);
    cpu.removeBreakpoint(CODE + 10);
    expect(cpu.run(context, space, 1000)).toBe(Exit.syscall);
    expect(context.gpr(Reg.rax)).toBe(55n);
  });

  it('count only where the filter says', () => {
    const { cpu, context, space } = machine(SUM);
    cpu.addBreakpoint(CODE + 7);
    cpu.breakpointFilter = () => false;
    expect(cpu.run(context, space, 1000)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(SUM_LENGTH);
  });
});

describe('watchpoints', () => {
  it('report the store after it has retired, and only stores in the range', () => {
    const { cpu, context, space } = machine([...movEax(9), ...storeRax(DATA + 64), ...storeRax(DATA), ...movEax(1), ...SYSCALL]);
    cpu.addWatchpoint({ id: 3, address: DATA + 4, length: 2, kind: 'write' });
    expect(cpu.run(context, space, 100)).toBe(Exit.watchpoint);
    expect(cpu.exitArgument).toBe(3n);
    expect(cpu.retired).toBe(3);
    expect([...space.read(DATA, 1)]).toEqual([9]);
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(2);
  });

  it('see reads when they should, in a page the TLB knew', () => {
    const { cpu, context, space } = machine([...loadRax(DATA), ...loadRax(DATA), ...SYSCALL]);
    expect(cpu.run(context, space, 1)).toBe(Exit.budget);
    cpu.addWatchpoint({ id: 1, address: DATA + 7, length: 1, kind: 'read' });
    expect(cpu.run(context, space, 100)).toBe(Exit.watchpoint);
    cpu.removeWatchpoint(1);
    context.rip = CODE;
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
  });
});

describe('string instructions', () => {
  // mov ecx, 6000; rep stosb; syscall: chunks end at page boundaries, each counts as one instruction.
  const FILL = [0xb9, ...dword(6000), 0xf3, 0xaa, ...SYSCALL];

  it('count one per chunk and can be cut between chunks', () => {
    const { cpu, context, space } = machine(FILL);
    context.setGprNumber(Reg.rdi, DATA + 0x800);
    context.setGprNumber(Reg.rax, 0x5a);
    expect(cpu.run(context, space, 2)).toBe(Exit.budget);
    expect(context.rip).toBe(CODE + 5);
    expect(context.gprNumber(Reg.rcx)).toBe(6000 - 0x800);
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(2);
    expect([...space.read(DATA + 0x800, 6000)].every((byte) => byte === 0x5a)).toBe(true);
    expect([...space.read(DATA + 0x7ff, 1), ...space.read(DATA + 0x800 + 6000, 1)]).toEqual([0, 0]);
  });

  // rep movs/stos of each size, from and to places that are apart, overlap either way, or end with the page.
  it.each([[1, [0xf3, 0xa4]], [4, [0xf3, 0xa5]], [8, [0xf3, 0x48, 0xa5]], [1, [0xf3, 0xaa]], [4, [0xf3, 0xab]], [8, [0xf3, 0x48, 0xab]]] as const)(
    'copy and fill elements of %i bytes as one by one would: % x',
    (size, code) => {
      const { cpu, context, space } = machine([...code, ...SYSCALL]);
      const moves = code.at(-1) === 0xa4 || code.at(-1) === 0xa5;
      for (const [from, to] of [[0, 0x100], [3, 0x105], [0, 4], [0, 1], [0x40, 0x3c], [8, 8], [0x10, 0xff8], [0xff0, 0x20], [0xfe0, 0xfe0]] as const) {
        for (const count of [1, 2, 3, 7, 8, 30]) {
          const before = Array.from({ length: 0x2000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
          space.write(DATA, before);
          const accumulator = count % 2 === 0 ? 0n : 0x1122334455667788n;
          context.rip = CODE;
          context.setGprNumber(Reg.rsi, DATA + from);
          context.setGprNumber(Reg.rdi, DATA + to);
          context.setGprNumber(Reg.rcx, count);
          context.setGpr(Reg.rax, accumulator);
          expect(cpu.run(context, space, 10_000)).toBe(Exit.syscall);
          for (let i = 0; i < count * size; i += size) {
            const element = moves ? before.slice(from + i, from + i + size) : Array.from({ length: size }, (_, n) => Number((accumulator >> BigInt(8 * n)) & 0xffn));
            before.splice(to + i, size, ...element);
          }
          expect([...space.read(DATA, 0x2000)]).toEqual(before);
          const end = [context.gprNumber(Reg.rsi) - DATA, context.gprNumber(Reg.rdi) - DATA, context.gprNumber(Reg.rcx)];
          expect(end).toEqual([from + (moves ? count * size : 0), to + count * size, 0]);
        }
      }
    },
  );

  it('stop at the first byte that cannot be written', () => {
    const { cpu, context, space, fault } = machine(FILL);
    context.setGprNumber(Reg.rdi, DATA + 0x1f00);
    expect(cpu.run(context, space, 100)).toBe(Exit.exception);
    expect(fault().address).toBe(DATA + 0x2000);
    expect(context.gprNumber(Reg.rcx)).toBe(6000 - 0x100);
    expect(context.gprNumber(Reg.rdi)).toBe(DATA + 0x2000);
    expect(context.rip).toBe(CODE + 5);
  });

  it('are seen by watchpoints', () => {
    const { cpu, context, space } = machine(FILL);
    context.setGprNumber(Reg.rdi, DATA);
    cpu.addWatchpoint({ id: 8, address: DATA + 0x100, length: 4, kind: 'access' });
    expect(cpu.run(context, space, 100)).toBe(Exit.watchpoint);
    expect(cpu.exitArgument).toBe(8n);
    expect(cpu.run(context, space, 100)).toBe(Exit.syscall);
  });
});

describe('32-bit mode', () => {
  // mov eax, 1; inc eax (40); push eax; pop ecx; call f; int 0x80;  f: lea edx, [ecx + 0xffffffff]; ret
  const PROGRAM = [...movEax(1), 0x40, 0x50, 0x59, 0xe8, ...dword(2), 0xcd, 0x80, 0x8d, 0x51, 0xff, 0xc3];

  it('uses 32-bit stack, registers and addresses', () => {
    const { cpu, context, space } = machine(PROGRAM);
    context.setSelector(Segment.cs, USER_CS_32);
    context.setGpr(Reg.rcx, 0xffffffffffffffffn);
    expect(cpu.run(context, space, 100)).toBe(Exit.interrupt);
    expect(cpu.exitArgument).toBe(0x80n);
    expect([context.gpr(Reg.rax), context.gpr(Reg.rcx), context.gpr(Reg.rdx)]).toEqual([2n, 2n, 1n]);
    expect(context.gprNumber(Reg.rsp)).toBe(STACK_TOP);
    expect(context.rip).toBe(CODE + 15);
    expect(cpu.retired).toBe(8);
  });

  it('wraps addresses at 4 GiB', () => {
    const { cpu, context, space } = machine([0x8b, 0x81, ...dword(DATA - 0x10), 0xcd, 0x80]);
    space.write(DATA, [7]);
    context.setSelector(Segment.cs, USER_CS_32);
    context.setGpr(Reg.rcx, 0x10n);
    expect(cpu.run(context, space, 100)).toBe(Exit.interrupt);
    context.rip = CODE;
    space.write(CODE + 2, dword(DATA + 0x20));
    cpu.frameChanged(space.touch(CODE / 0x1000, 2));
    context.setGpr(Reg.rcx, 0xffffffe0n);
    expect(cpu.run(context, space, 100)).toBe(Exit.interrupt);
    expect(context.gpr(Reg.rax)).toBe(7n);
  });

  it('is other code than the same bytes in 64-bit mode', () => {
    // 40 is inc eax, or a REX prefix of the nop after it.
    const { cpu, context, space } = machine([0x40, 0x90, 0xcd, 0x80]);
    for (const [selector, value] of [[USER_CS_32, 1n], [0x33, 0n], [USER_CS_32, 1n]] as const) {
      context.setSelector(Segment.cs, selector);
      context.rip = CODE;
      context.setGpr(Reg.rax, 0n);
      expect(cpu.run(context, space, 100)).toBe(Exit.interrupt);
      expect(context.gpr(Reg.rax)).toBe(value);
    }
  });
});

describe('code shared by several spaces', () => {
  it('is looked up once per space, however often they take turns, and gone from all of them when it changes', () => {
    const { cpu, context, space, linear } = machine(SUM);
    const frame = space.touch(CODE / 0x1000, 2);
    const spaces = [space];
    for (let i = 0; i < 300; i++) {
      const other = new FlatSpace(linear);
      other.codeContext = 1000 + i;
      other.mapFrame(CODE / 0x1000, frame, 'rx');
      other.mapFrame(DATA / 0x1000, space.touch(DATA / 0x1000, 1), 'rw');
      spaces.push(other);
    }
    const run = (where: FlatSpace): number => {
      context.rip = CODE;
      expect(cpu.run(context, where, 1000)).toBe(Exit.syscall);
      return context.gprNumber(Reg.rax);
    };
    for (const each of spaces.slice(0, 3)) expect(run(each)).toBe(55);
    const returns = cpu.stats.returns;
    for (let i = 0; i < 10; i++) for (const each of spaces.slice(0, 3)) run(each);
    expect(cpu.stats.returns - returns).toBe(30);
    for (const each of spaces) expect(run(each)).toBe(55);
    space.write(CODE + 1, [4]);
    cpu.frameChanged(frame);
    for (const each of spaces) expect(run(each)).toBe(10);
  });
});

describe('the code arena', () => {
  it('is flushed when full, and the run goes on', () => {
    const linear = new LinearMemory(64 * 1024 * 1024);
    const cpu = new Cpu(linear);
    const space = new FlatSpace(linear);
    const pages = 1100;
    space.map(CODE, pages, 'rx');
    const end = CODE + pages * 0x1000 - 5;
    for (let page = 0; page < pages; page++) linear.u8.fill(0x90, space.touch(CODE / 0x1000 + page, 2), space.touch(CODE / 0x1000 + page, 2) + 0x1000);
    space.write(end, [0xe9, ...dword(CODE - end - 5)]);
    const context = new ThreadContext(linear, linear.u8.length - CONTEXT_SIZE);
    cpu.initialise(context);
    context.rip = CODE;
    const length = end - CODE + 1;
    expect(cpu.run(context, space, length + 1000)).toBe(Exit.budget);
    expect(context.rip).toBe(CODE + 1000);
    expect(cpu.stats.blocks).toBeGreaterThan(60_000);
  }, 30_000);
});

describe('with regions', () => {
  const options: CpuOptions = { threshold: 3, translator: (host) => new RegionTranslator(host, 'sync') };
  /** L: add rax, 1; mov [DATA], rax; cmp rax, rcx; jne L; syscall */
  const LOOP = [0x48, 0x83, 0xc0, 1, ...storeRax(DATA), 0x48, 0x39, 0xc8, 0x75, 0xef, ...SYSCALL];

  function warm() {
    const m = machine(LOOP, 'rwx', options);
    m.context.setGprNumber(Reg.rcx, 1000);
    for (let i = 0; i < 4; i++) {
      m.context.rip = CODE;
      m.context.setGpr(Reg.rax, 0n);
      expect(m.cpu.run(m.context, m.space, 10_000)).toBe(Exit.syscall);
      expect(m.cpu.retired).toBe(4001);
    }
    expect(m.cpu.stats.regions).toBeGreaterThan(0);
    m.context.rip = CODE;
    m.context.setGpr(Reg.rax, 0n);
    return m;
  }

  it('a breakpoint set later stops inside what was translated', () => {
    const { cpu, context, space } = warm();
    cpu.addBreakpoint(CODE + 12);
    expect(cpu.run(context, space, 10_000)).toBe(Exit.breakpoint);
    expect(context.rip).toBe(CODE + 12);
    expect(cpu.retired).toBe(2);
    cpu.removeBreakpoint(CODE + 12);
    expect(cpu.run(context, space, 10_000)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(3999);
  });

  it('a watchpoint reports the store, with everything before it done and nothing after', () => {
    const { cpu, context, space } = warm();
    cpu.addWatchpoint({ id: 5, address: DATA, length: 8, kind: 'write' });
    for (let i = 1; i <= 3; i++) {
      expect(cpu.run(context, space, 10_000)).toBe(Exit.watchpoint);
      expect(context.rip).toBe(CODE + 12);
      expect(context.gpr(Reg.rax)).toBe(BigInt(i));
      expect(cpu.retired).toBe(i === 1 ? 2 : 4);
    }
  });

  it('a store into translated code takes effect', () => {
    const { cpu, context, space } = warm();
    const other = new ThreadContext(cpu.linear, cpu.linear.u8.length - 2 * CONTEXT_SIZE);
    cpu.initialise(other);
    // mov byte [CODE+3], 5; syscall: the loop now adds 5.
    space.write(CODE + 0x100, [0xc6, 0x04, 0x25, ...dword(CODE + 3), 5, ...SYSCALL]);
    other.rip = CODE + 0x100;
    expect(cpu.run(other, space, 10)).toBe(Exit.syscall);
    expect(cpu.run(context, space, 10_000)).toBe(Exit.syscall);
    expect(cpu.retired).toBe(801);
  });

  it('another space with the same frames uses the same region; one with other code does not', () => {
    const { linear, cpu, context, space } = warm();
    const { regions } = cpu.stats;
    const same = new FlatSpace(linear, 1);
    same.mapFrame(CODE / 0x1000, space.touch(CODE / 0x1000, 2), 'rx');
    const other = new FlatSpace(linear, 2);
    other.map(CODE, 1, 'rx');
    other.write(CODE, LOOP);
    other.write(CODE + 3, [2]);
    for (const where of [same, other]) where.map(DATA, 1, 'rw');
    for (const [where, retired] of [[same, 4001], [other, 2001], [space, 4001]] as const) {
      for (let i = 0; i < 8; i++) {
        context.rip = CODE;
        context.setGpr(Reg.rax, 0n);
        expect(cpu.run(context, where, 10_000)).toBe(Exit.syscall);
        expect(cpu.retired).toBe(retired);
      }
      if (where === same) expect(cpu.stats.regions).toBe(regions);
    }
    expect(cpu.stats.regions).toBeGreaterThan(regions);
  });

  it('a fault in the loop leaves the exact state', () => {
    const { cpu, context, space, fault } = warm();
    space.unmap(DATA / 0x1000);
    expect(cpu.run(context, space, 10_000)).toBe(Exit.exception);
    expect(fault().address).toBe(DATA);
    expect(context.rip).toBe(CODE + 4);
    expect(context.gpr(Reg.rax)).toBe(1n);
    expect(cpu.retired).toBe(1);
  });
});
