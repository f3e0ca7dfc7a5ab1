import { describe, expect, it } from 'vitest';
import { TLB_BYTES, TLB_ENTRIES, TLB_MASK, TLB_SHIFT } from '../cpu/state.ts';
import { ENGINE_BYTES, LinearMemory } from './linear-memory.ts';
import { Tlb } from './tlb.ts';

const linear = new LinearMemory(1024 * 1024);
const BASE = ENGINE_BYTES;

/** What emitted code does: linear address, or undefined for a miss. */
function translate(address: bigint, bytes: number, write: boolean): number | undefined {
  const entry = BASE + (write ? TLB_BYTES : 0) + (Number(address >> BigInt(TLB_SHIFT)) & TLB_MASK);
  const difference = BigInt.asUintN(64, address ^ linear.view.getBigInt64(entry, true));
  if (difference > BigInt(4096 - bytes)) return undefined;
  return (Number(BigInt.asIntN(32, address)) + linear.view.getInt32(entry + 8, true)) >>> 0;
}

describe('Tlb', () => {
  it('knows nothing at first, wherever one looks', () => {
    linear.u8.fill(0, BASE, BASE + 2 * TLB_BYTES);
    new Tlb(linear, BASE);
    for (let page = 0; page < 2 * TLB_ENTRIES; page++) {
      for (const write of [false, true]) expect(translate(BigInt(page) << 12n, 1, write)).toBeUndefined();
    }
  });

  it('translates addresses anywhere below 2^47, frames anywhere below 4 GiB', () => {
    const tlb = new Tlb(linear, BASE);
    for (const [page, frame] of [[0, 0x8001000], [1, 0xfffff000], [0x7fffffff, 0x9000000], [0x7ff_ffff_ff, 0x80000000]] as const) {
      tlb.installRead(page, frame);
      expect(translate((BigInt(page) << 12n) | 0xff8n, 8, false)).toBe(frame + 0xff8);
      expect(translate((BigInt(page) << 12n) | 0xff8n, 8, true)).toBeUndefined();
      expect(translate((BigInt(page) << 12n) | 0xff9n, 8, false)).toBeUndefined();
      expect(translate((BigInt(page) << 12n) | (1n << 63n), 8, false)).toBeUndefined();
    }
  });

  it('forgets what it is told to, and no other page of the same entry', () => {
    const tlb = new Tlb(linear, BASE);
    const at = (page: number): bigint => BigInt(page) << 12n;
    tlb.installRead(5, 0x8000000);
    tlb.installWrite(5, 0x8000000);
    tlb.flushPage(5 + TLB_ENTRIES);
    expect(translate(at(5), 4, false)).toBeDefined();
    tlb.flushPage(5);
    expect(translate(at(5), 4, false) ?? translate(at(5), 4, true)).toBeUndefined();
    for (const page of [6, 7, 8]) tlb.installWrite(page, 0x8000000 + page * 4096);
    tlb.flushRange(6, 2);
    expect([6, 7, 8].map((page) => translate(at(page), 4, true) !== undefined)).toEqual([false, false, true]);
    tlb.installRead(8, 0x8000000);
    tlb.flushWrites();
    expect([translate(at(8), 4, true), translate(at(8), 4, false)]).toEqual([undefined, 0x8000000]);
    tlb.flushRange(0, 5000);
    expect(translate(at(8), 4, false)).toBeUndefined();
  });

  it('forgets stores to a frame under all its addresses', () => {
    const tlb = new Tlb(linear, BASE);
    tlb.installWrite(0x123456, 0xf0000000);
    tlb.installWrite(9, 0xf0000000);
    tlb.installWrite(10, 0xf0001000);
    tlb.flushWritesTo(0xf0000000);
    expect([0x123456, 9, 10].map((page) => translate(BigInt(page) << 12n, 1, true) !== undefined)).toEqual([false, false, true]);
  });
});
