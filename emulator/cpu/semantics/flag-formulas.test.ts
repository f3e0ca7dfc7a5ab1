import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { Flag, FlagKind } from '../flags.ts';
import { engineFunctions } from '../engine-functions.ts';
import { materialise } from '../lazy-flags.ts';
import { FunctionBuilder } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { conditionOfBits, flagBits, flagCarry, flagCondition, type FlagSource } from './flag-formulas.ts';

type Word = number | bigint;
type Compute = (...operands: Word[]) => number;
const SIZES = [1, 2, 4, 8] as const;
const sign = (size: number, value: bigint): bigint => BigInt.asIntN(size * 8, value);

/** Per kind and word width: the sixteen conditions, then carry, then all flags, as functions of (result, a, b). */
function emitAll(wide: boolean): Compute[][] {
  const builder = new ModuleBuilder();
  const f = new FunctionBuilder();
  const type = wide ? 'i64' : 'i32';
  const bodies = Object.values(FlagKind).flatMap((kind) =>
    Array.from({ length: 18 }, (_, what) => {
      f.begin([type, type, type], ['i32']);
      const source: FlagSource = { kind, ops: f.word(wide ? 8 : 4), result: () => f.get(f.param(0, type)), a: () => f.get(f.param(1, type)), b: () => f.get(f.param(2, type)) };
      if (what < 16) flagCondition(f, source, what);
      else if (what === 16) flagCarry(f, source);
      else flagBits(f, source);
      return f.end();
    }),
  );
  bodies.forEach((body, i) => builder.add(body, `f${i}`));
  const exports = new WebAssembly.Instance(new WebAssembly.Module(builder.finish()), {}).exports;
  return Object.values(FlagKind).map((_, kind) =>
    Array.from({ length: 18 }, (_unused, what) => {
      const compute = exports[`f${kind * 18 + what}`];
      if (typeof compute !== 'function') throw new Error('not exported');
      return compute as Compute;
    }),
  );
}

/** Does the condition hold? (SDM vol. 1, appendix B) */
function holds(code: number, flags: number): boolean {
  const set = (flag: number): boolean => (flags & flag) !== 0;
  const base = [
    set(Flag.of), set(Flag.cf), set(Flag.zf), set(Flag.cf) || set(Flag.zf), set(Flag.sf), set(Flag.pf),
    set(Flag.sf) !== set(Flag.of), set(Flag.zf) || set(Flag.sf) !== set(Flag.of),
  ][code >> 1];
  return base !== ((code & 1) === 1);
}

/** Flags by the definition: arithmetic on numbers without a size. */
function defined(kind: number, size: number, a: bigint, b: bigint, carry: bigint): { result: bigint; flags: number } {
  const bits = BigInt(size * 8);
  const unsigned = (value: bigint): bigint => BigInt.asUintN(size * 8, value);
  const adds = kind === FlagKind.add || kind === FlagKind.adc;
  const wide = adds ? unsigned(a) + unsigned(b) + carry : unsigned(a) - unsigned(b) - carry;
  const exact = adds ? a + b + carry : a - b - carry;
  const result = kind === FlagKind.logic ? sign(size, a & b) : sign(size, wide);
  let flags = (result === 0n ? Flag.zf : 0) | (result < 0n ? Flag.sf : 0);
  if ((result & 0xffn).toString(2).replaceAll('0', '').length % 2 === 0) flags |= Flag.pf;
  if (kind === FlagKind.logic) return { result, flags };
  if (wide < 0n || wide >> bits > 0n) flags |= Flag.cf;
  if (exact !== result) flags |= Flag.of;
  const low = adds ? (a & 15n) + (b & 15n) + carry : (a & 15n) - (b & 15n) - carry;
  if (low < 0n || low > 15n) flags |= Flag.af;
  return { result, flags };
}

const value = fc.oneof(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.constantFrom(0n, 1n, -1n, 127n, -128n, 32767n, -32768n, 2147483647n, -2147483648n, (1n << 63n) - 1n, -(1n << 63n)));

describe('lazy flags', () => {
  const narrow = emitAll(false);
  const wide = emitAll(true);
  const computeFlags = engineFunctions(new WebAssembly.Memory({ initial: 1 }), () => 0)['computeFlags'];
  if (typeof computeFlags !== 'function') throw new Error('no computeFlags');

  it.each(['logic', 'add', 'sub', 'adc', 'sbb'] as const)('of %s follow from the definition, in every size and both word widths', (name) => {
    const kind = FlagKind[name];
    fc.assert(
      fc.property(value, value, fc.constantFrom(...SIZES), fc.constantFrom(0n, 1n), (x, y, size, c) => {
        const a = sign(size, x);
        const b = sign(size, y);
        const { result, flags } = defined(kind, size, a, b, kind === FlagKind.adc || kind === FlagKind.sbb ? c : 0n);
        expect(materialise(kind, result, a, b)).toBe(flags);
        expect(computeFlags(kind, result, a, b)).toBe(flags);
        for (let code = 0; code < 16; code++) {
          expect(wide[kind][code](result, a, b)).toBe(holds(code, flags) ? 1 : 0);
          if (size < 8) expect(narrow[kind][code](Number(result), Number(a), Number(b))).toBe(holds(code, flags) ? 1 : 0);
        }
        expect(wide[kind][16](result, a, b)).toBe(flags & Flag.cf);
        expect(wide[kind][17](result, a, b)).toBe(flags);
        if (size < 8) expect(narrow[kind][17](Number(result), Number(a), Number(b))).toBe(flags);
      }),
      { numRuns: 300 },
    );
  });

  it('that were given as bits come back, and conditions hold of them', () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 0xfff }), (result, bits) => {
        const full = bits & 0x8d5;
        expect(computeFlags(FlagKind.full, result, BigInt(full), 0n)).toBe(full);
        expect(materialise(FlagKind.full, result, BigInt(full), 0n)).toBe(full);
        const carry = bits & (Flag.cf | Flag.af | Flag.of);
        const flags = carry | (defined(FlagKind.logic, 8, result, -1n, 0n).flags & (Flag.zf | Flag.sf | Flag.pf));
        expect(computeFlags(FlagKind.bits, result, BigInt(carry), 0n)).toBe(flags);
        expect(materialise(FlagKind.bits, result, BigInt(carry), 0n)).toBe(flags);
        for (let code = 0; code < 16; code++) {
          expect(wide[FlagKind.full][code](result, BigInt(full), 0n)).toBe(holds(code, full) ? 1 : 0);
          expect(wide[FlagKind.bits][code](result, BigInt(carry), 0n)).toBe(holds(code, flags) ? 1 : 0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('conditionOfBits agrees with the manual for every combination', () => {
    const builder = new ModuleBuilder();
    const f = new FunctionBuilder();
    const bodies = Array.from({ length: 16 }, (_, code) => {
      f.begin(['i32'], ['i32']);
      conditionOfBits(f, code, () => f.get(f.param(0, 'i32')));
      return f.end();
    });
    bodies.forEach((body, code) => builder.add(body, `c${code}`));
    const exports = new WebAssembly.Instance(new WebAssembly.Module(builder.finish()), {}).exports;
    for (let code = 0; code < 16; code++) {
      const condition = exports[`c${code}`];
      if (typeof condition !== 'function') throw new Error('not exported');
      for (let flags = 0; flags < 0x1000; flags++) expect(condition(flags)).toBe(holds(code, flags) ? 1 : 0);
    }
  });
});
