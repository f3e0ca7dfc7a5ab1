/** What the adapter shows of a stopped kernel, against gdb: frames, lines, variables, types, values, at stops all over a boot. */
import { expect, it } from 'vitest';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { compare, gdbViews, ourViews } from './oracle.ts';

const SEED = 1;
const BREAKPOINTS = 1500;
const LONG = 240_000;

/** DWARF 5 and 4, and 32 bits. */
const KERNELS = [{ version: '6.12', variant: 'static', stops: 60, least: 2000 }, { version: '6.12', variant: 'i386', stops: 15, least: 400 }, { version: '6.1', variant: 'older', stops: 20, least: 600 }] as const;

it.each(KERNELS)('agrees with gdb at $stops stops of a boot of Linux $version ($variant)', async ({ variant, stops, least }) => {
  const kernel = umlKernel(variant);
  const initrd = variant === 'i386' ? initramfsI386() : initramfs();
  const ours = await ourViews(kernel, initrd, SEED, BREAKPOINTS, stops);
  expect(ours.length).toBe(stops);
  const theirs = await gdbViews(kernel, initrd, ours.map(({ stop }) => stop));
  expect(theirs.length).toBe(stops);
  const { compared, differences } = compare(theirs, ours);
  const rate = 1 - differences.length / compared;
  console.log(`gdb and the adapter agree in ${(rate * 100).toFixed(2)} % of ${compared} comparisons${differences.map((line) => `\n  ${line}`).join('')}`);
  expect(compared).toBeGreaterThan(least);
  expect(rate).toBeGreaterThanOrEqual(0.99);
}, LONG);
