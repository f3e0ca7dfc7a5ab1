import { describe, expect, it } from 'vitest';
import { AgentError, evaluateAgent, type AgentContext } from './bytecode.ts';
import { HitFilters } from '../../emulator/debug/hit-filters.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { AgentOp } from './opcodes.ts';
import { HitAgent } from './hit-agent.ts';
import { AgentVariables } from './variables.ts';
import { wordOf } from './thread-place.ts';
import { agentPrintf } from './printf.ts';

const MEMORY_AT = 0x1000n;
const MEMORY = Uint8Array.of(0x80, 0xff, 0xfe, 0xff, 0x01, 0x02, 0x03, 0xf4, 0x68, 0x69, 0x00);
const REGISTERS: readonly (Uint8Array | undefined)[] = [Uint8Array.of(0xef, 0xbe, 0xad, 0xde, 0, 0, 0, 0x80), Uint8Array.of(0xff, 0xff, 0xff, 0xff), new Uint8Array(16), undefined];

const printed: { format: string; values: readonly bigint[] }[] = [];
const variables = new AgentVariables();
const context: AgentContext = {
  register: (number) => {
    const bytes = REGISTERS[number];
    return bytes === undefined || bytes.length > 8 ? undefined : wordOf(bytes);
  },
  word: (address, length) => {
    const bytes = context.memory(address, length);
    return bytes.length < length ? undefined : wordOf(bytes);
  },
  memory: (address, length) => (address < MEMORY_AT ? new Uint8Array() : MEMORY.subarray(Number(address - MEMORY_AT), Number(address - MEMORY_AT) + length)),
  variable: (number) => variables.get(number),
  setVariable: (number, value) => void variables.set(number, value),
  print: (format, values) => void printed.push({ format, values }),
};
const { const8, const16, const32, const64, end } = AgentOp;
const run = (...code: number[]): bigint | undefined => evaluateAgent(Uint8Array.from(code), context);
const big = (value: bigint): number[] => [const64, ...Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(56 - i * 8)) & 0xffn))];
const word = (value: bigint): bigint => BigInt.asUintN(64, value);

describe('agent expressions', () => {
  it('pushes constants, registers and memory', () => {
    expect(run(const8, 0xfe, end)).toBe(0xfen);
    expect(run(const16, 0x12, 0x34, end)).toBe(0x1234n);
    expect(run(const32, 0xff, 0, 0, 1, end)).toBe(0xff000001n);
    expect(run(...big(0x8123456789abcdefn), end)).toBe(0x8123456789abcdefn);
    expect(run(AgentOp.reg, 0, 0, end)).toBe(0x80000000deadbeefn);
    expect(run(AgentOp.reg, 0, 1, end)).toBe(0xffffffffn);
    expect([AgentOp.ref8, AgentOp.ref16, AgentOp.ref32, AgentOp.ref64].map((op) => run(const16, 0x10, 0, op, end))).toEqual([0x80n, 0xff80n, 0xfffeff80n, 0xf4030201fffeff80n]);
  });

  // Expected values are C's, of int64_t and uint64_t.
  it.each([
    ['add', -1n, 2n, 1n], ['sub', 1n, 2n, -1n], ['mul', 1n << 40n, 1n << 40n, 0n], ['divSigned', -7n, 2n, -3n], ['remSigned', -7n, 2n, -1n],
    ['divUnsigned', -7n, 2n, 0x7ffffffffffffffcn], ['remUnsigned', -7n, 2n, 1n], ['lsh', 1n, 63n, -(1n << 63n)], ['lsh', 1n, 64n, 0n], ['rshSigned', -8n, 1n, -4n],
    ['rshSigned', -8n, 200n, -1n], ['rshUnsigned', -8n, 1n, 0x7ffffffffffffffcn], ['rshUnsigned', -8n, -1n, 0n], ['bitAnd', 12n, 10n, 8n], ['bitOr', 12n, 10n, 14n], ['bitXor', 12n, 10n, 6n],
    ['equal', 5n, 5n, 1n], ['equal', 5n, 6n, 0n], ['lessSigned', -1n, 1n, 1n], ['lessSigned', 1n, -1n, 0n], ['lessUnsigned', -1n, 1n, 0n], ['lessUnsigned', 1n, -1n, 1n],
    ['divSigned', -(1n << 63n), -1n, -(1n << 63n)],
  ] as const)('%s %d %d = %d', (name, a, b, result) => {
    expect(run(...big(word(a)), ...big(word(b)), AgentOp[name], end)).toBe(word(result));
  });

  it('negates, extends, arranges the stack', () => {
    expect(run(const8, 0, AgentOp.logNot, end)).toBe(1n);
    expect(run(const8, 9, AgentOp.logNot, end)).toBe(0n);
    expect(run(const8, 0, AgentOp.bitNot, end)).toBe(word(-1n));
    expect(run(const8, 0x80, AgentOp.ext, 8, end)).toBe(word(-128n));
    expect(run(...big(word(-1n)), AgentOp.zeroExt, 12, end)).toBe(0xfffn);
    expect(run(...big(word(-2n)), AgentOp.ext, 64, end)).toBe(word(-2n));
    expect(run(const8, 1, const8, 2, AgentOp.swap, AgentOp.sub, end)).toBe(1n);
    expect(run(const8, 7, AgentOp.dup, AgentOp.mul, end)).toBe(49n);
    expect(run(const8, 1, const8, 2, AgentOp.pop, end)).toBe(1n);
    expect(run(const8, 1, const8, 2, const8, 3, AgentOp.pick, 2, end)).toBe(1n);
    // a b c: c a b
    const rotated = [const8, 1, const8, 2, const8, 3, AgentOp.rot];
    expect([run(...rotated, end), run(...rotated, AgentOp.pop, end), run(...rotated, AgentOp.pop, AgentOp.pop, end)]).toEqual([2n, 1n, 3n]);
  });

  it('jumps', () => {
    expect(run(const8, 1, AgentOp.ifGoto, 0, 8, const8, 5, end, const8, 6, end)).toBe(6n);
    expect(run(const8, 0, AgentOp.ifGoto, 0, 8, const8, 5, end, const8, 6, end)).toBe(5n);
    expect(run(AgentOp.goto, 0, 4, end, const8, 3, end)).toBe(3n);
    expect(run(end)).toBeUndefined();
  });

  it('hands printf its arguments in order', () => {
    printed.length = 0;
    const format = [...Buffer.from('%d %d\\n'), 0];
    expect(run(const8, 2, const8, 1, const8, 0, const8, 0, AgentOp.printf, 2, 0, format.length, ...format, end)).toBeUndefined();
    expect(printed).toEqual([{ format: '%d %d\\n', values: [1n, 2n] }]);
  });

  it.each([
    ['nothing', []], ['the end missing', [const8, 1]], ['an operand cut off', [const64, 1, 2]], ['an empty stack', [AgentOp.add, end]], ['one word for two', [const8, 1, AgentOp.add, end]],
    ['division by zero', [const8, 1, const8, 0, AgentOp.divSigned, end]], ['remainder by zero', [const8, 1, const8, 0, AgentOp.remUnsigned, end]], ['a jump out', [AgentOp.goto, 0xff, 0xff]],
    ['no such operation', [0x31]], ['zero', [0]], ['beyond', [0xff, end]], ['no such register', [AgentOp.reg, 0xff, 0xff, end]], ['an unavailable register', [AgentOp.reg, 0, 3, end]],
    ['a wide register', [AgentOp.reg, 0, 2, end]], ['memory that is not there', [const8, 0, AgentOp.ref8, end]], ['memory at the end', [const16, 0x10, 0x0a, AgentOp.ref64, end]],
    ['a loop', [AgentOp.goto, 0, 0]], ['a stack without end', [const8, 1, AgentOp.goto, 0, 0]], ['a width of 0', [const8, 1, AgentOp.ext, 0, end]], ['a width of 65', [const8, 1, AgentOp.zeroExt, 65, end]],
    ['pick too deep', [const8, 1, AgentOp.pick, 1, end]], ['tracepoints', [const8, 1, const8, 1, AgentOp.trace, end]], ['floating point', [AgentOp.float]],
    ['an endless format', [const8, 0, const8, 0, AgentOp.printf, 0, 0, 9, 65, end]], ['a format without zero', [const8, 0, const8, 0, AgentOp.printf, 0, 0, 1, 65, end]],
    ['arguments missing', [const8, 0, const8, 0, AgentOp.printf, 255, 0, 1, 0, end]],
  ])('refuses %s', (_, code) => {
    expect(() => run(...code)).toThrow(AgentError);
  });

  it('survives anything', () => {
    let state = 1;
    const random = (below: number): number => (state = (state * 48271) % 0x7fffffff) % below;
    let fine = 0;
    for (let i = 0; i < 4000; i++) {
      const code = Array.from({ length: 1 + random(24) }, () => (random(3) === 0 ? random(256) : 1 + random(0x34)));
      try {
        const value = run(...code, end);
        fine++;
        if (value !== undefined) expect(value >= 0n && value < 1n << 64n).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(AgentError);
      }
    }
    expect(fine).toBeGreaterThan(50);
  });
});

describe('hits', () => {
  const silent = { print: () => undefined, variables };
  const zero = Uint8Array.of(const8, 0, end);
  const one = Uint8Array.of(const8, 1, end);
  const faulty = Uint8Array.of(const8, 0, AgentOp.ref32, end);

  it('count when one condition holds, or cannot be told', () => {
    const holds = (...conditions: Uint8Array[]): boolean => new HitAgent({ conditions }, silent).holds(context);
    expect([holds(), holds(zero), holds(one), holds(zero, one), holds(zero, zero), holds(faulty)]).toEqual([true, false, true, true, false, true]);
    const agent = new HitAgent({ conditions: [faulty] }, silent);
    agent.holds(context);
    expect(agent.takeTrouble()).toBe("The breakpoint's condition cannot be evaluated: cannot access memory at 0x0.");
    expect(agent.takeTrouble()).toBeUndefined();
  });

  it('are counted, each once however often it is looked at', () => {
    variables.set(7, 0n);
    // Counts, and holds from the third time on.
    const third = Uint8Array.of(AgentOp.getv, 0, 7, const8, 1, AgentOp.add, AgentOp.setv, 0, 7, const8, 3, AgentOp.lessUnsigned, AgentOp.logNot, end);
    const filter = new HitAgent({ conditions: [one, third] }, silent).filter({ of: () => context });
    const onlyThird = new HitAgent({ conditions: [third] }, silent).filter({ of: () => context });
    const filters = new HitFilters();
    const thread = {} as Thread;
    expect([10, 10, 20, 20].map((retired) => filters.passes(filter, thread, retired))).toEqual([false, false, false, false]);
    expect(variables.get(7)).toBe(2n);
    expect([30, 30].map((retired) => filters.passes(onlyThird, thread, retired))).toEqual([false, false]);
    expect(variables.get(7)).toBe(3n);
    variables.set(7, 0n);
    expect([40, 40, 50].map((retired) => filters.passes(onlyThird, thread, retired))).toEqual([true, true, true]);
    expect(() => run(AgentOp.getv, 0, 8, end)).toThrow('there is no variable 8');
  });

  it('say why a command cannot be done', () => {
    let text = '';
    new HitAgent({ commands: [faulty] }, { print: (more) => (text += more), variables }).act(context);
    expect(text).toBe('<dprintf: cannot access memory at 0x0>\n');
  });
});

describe('agent printf', () => {
  const print = (format: string, ...values: bigint[]): string => agentPrintf(format, values, (address, length) => context.memory(address, length));
  it('writes as C does', () => {
    expect(print('%d %i|%5d|%-5d|%05d|%+d\\n', word(-1n), 2n, 3n, 4n, word(-5n), 6n)).toBe('-1 2|    3|4    |-0005|+6\n');
    expect(print('%u %x %#x %X %o %lx %hhx', word(-1n), 0xabn, 0xabn, 0xabn, 8n, word(-1n), 0x1ffn)).toBe('4294967295 ab 0xab AB 10 ffffffffffffffff ff');
    expect(print('%ld %lld %zu', word(-1n), word(-2n), 3n)).toBe('-1 -2 3');
    expect(print('%c%% %p [%4s] [%.1s]', 65n, 0x10n, 0x1008n, 0x1008n)).toBe('A% 0x10 [  hi] [h]');
    expect(print('\\ttab \\"q\\" \\101\\\\')).toBe('\ttab "q" A\\');
    expect(print('%08.3d|%.0d|%#010x', 5n, 0n, 0xabn)).toBe('     005||0x000000ab');
  });
  it('quotes strings of the target as gdb does', () => {
    expect(print('%.3q %.1q', 0x1008n, 0x1008n)).toBe('"hi" "h"');
    expect(print('%Q', 0x1001n)).toBe('0x1001 "\\377\\376\\377\\001\\002\\003\\364hi"');
    expect(print('%Q %Q %Q', 0n, 0x10n, BigInt.asUintN(64, -2n))).toBe('0x0 0x10 <cannot access memory at 0x10> ERR_PTR(-ENOENT)');
  });
  it('refuses what it cannot do', () => {
    expect(() => print('%d')).toThrow(/more conversions than the 0 values/);
    expect(() => print('%f', 1n)).toThrow(/%f/);
    expect(() => print('%s', 0n)).toThrow(/cannot access memory at 0x0/);
    expect(() => print('%n', 0n)).toThrow(AgentError);
  });
});
