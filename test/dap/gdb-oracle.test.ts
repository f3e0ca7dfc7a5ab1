/** What the adapter shows of a stopped kernel, against gdb: frames, lines, variables, types, values, at stops all over a boot. */
import { expect, it } from 'vitest';
import { compare, gdbViews, ourViews } from './oracle.ts';

const SEED = 1;
const BREAKPOINTS = 1500;
const STOPS = 60;
const LONG = 240_000;

it(`agrees with gdb at ${STOPS} stops of a boot`, async () => {
  const ours = await ourViews(SEED, BREAKPOINTS, STOPS);
  expect(ours.length).toBe(STOPS);
  const theirs = await gdbViews(ours.map(({ stop }) => stop));
  expect(theirs.length).toBe(STOPS);
  const { compared, differences } = compare(theirs, ours);
  const rate = 1 - differences.length / compared;
  console.log(`gdb and the adapter agree in ${(rate * 100).toFixed(2)} % of ${compared} comparisons${differences.map((line) => `\n  ${line}`).join('')}`);
  expect(compared).toBeGreaterThan(2000);
  expect(rate).toBeGreaterThanOrEqual(0.99);
}, LONG);
