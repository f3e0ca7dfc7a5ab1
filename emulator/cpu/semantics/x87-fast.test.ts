import { expect, test } from 'vitest';
import { Random } from '../soft-float/native-oracle.ts';
import { SCRATCH } from '../state.ts';
import type { Helper, HelperEnvironment } from './emitter.ts';
import { exchange, fastHelper, type FastBody, load, loadRegister, memoryArithmetic, registerArithmetic, store, storeRegister } from './x87-fast.ts';
import { Arithmetic, MemoryKind, X87Operations } from './x87-operations.ts';

const memory = new WebAssembly.Memory({ initial: 1 });
const env: HelperEnvironment = {
  memory, u8: new Uint8Array(memory.buffer), view: new DataView(memory.buffer), i32: new Int32Array(memory.buffer), guestRead: () => 0, guestWrite: () => 0, ldt: () => undefined,
};
const exact = new X87Operations(env);
let declined = 0;

/** The fast function; what it declines is counted and not done. */
function fast(parameters: number, body: FastBody): (...args: number[]) => void {
  const params = Array.from({ length: parameters }, () => 'i32' as const);
  const slow: Helper<undefined> = { name: 'declined', params, result: undefined, make: () => () => void declined++ };
  const made = fastHelper('fast', body, slow).make(env);
  return made as (...args: number[]) => void;
}

function state(): string {
  const { unit } = exact;
  const registers = [0, 1, 2, 3].map((i) => (unit.isEmpty(i) ? '-' : `${unit.read(i).signExponent.toString(16)}:${unit.read(i).significand.toString(16)}`));
  return [unit.statusWord.toString(16), unit.tagWord.toString(16), ...registers, env.view.getBigUint64(SCRATCH, true).toString(16)].join(' ');
}

/** Runs both on the same state `rounds` times; where the fast one does not decline, they must agree. Returns how often it declined. */
function compare(rounds: number, seed: number, prepare: (random: Random) => { args: number[]; ours: () => void }, run: (...args: number[]) => void): number {
  const random = new Random(seed);
  const before = declined;
  for (let i = 0; i < rounds; i++) {
    const significand = (): bigint => random.pick([1n << 63n, (1n << 64n) - 1n, (1n << 63n) | 1n, (1n << 63n) | random.bits(63), (1n << 63n) | (random.bits(20) << 43n)]);
    const first = random.below(50) === 0 ? random.below(0x8000) : 0x3fff + random.below(60) - 30;
    const second = random.below(2) === 0 ? first + random.below(5) - 2 : 0x3fff + random.below(160) - 80;
    const values = [first, second].map((exponent) => ({ signExponent: (exponent & 0x7fff) | (random.below(2) << 15), significand: significand() }));
    const { args, ours } = prepare(random);
    const scratch = env.view.getBigUint64(SCRATCH, true);
    const start = (): void => {
      env.view.setBigUint64(SCRATCH, scratch, true);
      exact.unit.initialise();
      for (const value of values) exact.unit.push(value);
    };
    start();
    ours();
    const wanted = state();
    start();
    const count = declined;
    run(...args);
    if (declined === count) expect(`${args.join()}: ${state()}`).toBe(`${args.join()}: ${wanted}`);
  }
  return declined - before;
}

const operations = Object.values(Arithmetic);

test('register arithmetic', () => {
  const run = fast(4, registerArithmetic);
  const rounds = 20_000;
  const skipped = compare(rounds, 1, (random) => {
    const operation = random.pick(operations);
    const destination = random.below(2);
    const pop = random.below(2);
    return { args: [operation, destination, 1 - destination, pop], ours: () => exact.arithmetic(operation, destination, 1 - destination, pop === 1) };
  }, run);
  expect(skipped).toBeLessThan(rounds / 20);
});

test('memory operands and loads', () => {
  const kinds = [MemoryKind.float32, MemoryKind.float64, MemoryKind.int16, MemoryKind.int32, MemoryKind.int64];
  const fill = (random: Random, kind: MemoryKind): void => {
    const small = BigInt(random.below(2000) - 1000);
    env.view.setBigInt64(SCRATCH, kind === MemoryKind.float32 || kind === MemoryKind.float64 ? 0n : random.pick([small, BigInt.asIntN(64, random.bits(64))]), true);
    if (kind === MemoryKind.float64) env.view.setFloat64(SCRATCH, (random.u32() - 2 ** 31) * 2 ** (random.below(80) - 40), true);
    if (kind === MemoryKind.float32) env.view.setFloat32(SCRATCH, (random.u32() - 2 ** 31) * 2 ** (random.below(80) - 40), true);
  };
  const skippedArithmetic = compare(10_000, 2, (random) => {
    const kind = random.pick(kinds);
    const operation = random.pick(operations);
    fill(random, kind);
    return { args: [operation, kind], ours: () => exact.arithmeticMemory(operation, kind) };
  }, fast(2, memoryArithmetic));
  const skippedLoads = compare(5_000, 3, (random) => {
    const kind = random.pick(kinds);
    fill(random, kind);
    return { args: [kind], ours: () => exact.load(kind) };
  }, fast(1, load));
  expect(skippedArithmetic).toBeLessThan(1000);
  expect(skippedLoads).toBeLessThan(500);
});

test('stores', () => {
  const skipped = compare(10_000, 7, (random) => {
    const kind = random.pick([MemoryKind.float32, MemoryKind.float64]);
    const pop = random.below(2);
    env.view.setBigInt64(SCRATCH, 0n, true);
    return { args: [kind, pop, 0], ours: () => void exact.store(kind, pop === 1, false) };
  }, fast(3, store));
  expect(skipped).toBeLessThan(1000);
});

test('moves between registers', () => {
  compare(500, 4, (random) => {
    const i = random.below(3);
    return { args: [i], ours: () => exact.loadRegister(i) };
  }, fast(1, loadRegister));
  compare(500, 5, (random) => {
    const i = random.below(4);
    const pop = random.below(2);
    return { args: [i, pop], ours: () => exact.storeRegister(i, pop === 1) };
  }, fast(2, storeRegister));
  compare(500, 6, (random) => {
    const i = random.below(3);
    return { args: [i], ours: () => exact.exchange(i) };
  }, fast(1, exchange));
});
