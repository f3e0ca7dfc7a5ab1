import { describe, expect, it } from 'vitest';
import { decode } from '../decode/decoder.ts';
import { loopNest } from './loop-nest.ts';
import { findRegion, MAX_BLOCKS, MAX_INSTRUCTIONS, type CodeSource } from './region.ts';

const BASE = 0x1000;

function source(bytes: readonly number[], stop = -1, runs: Record<number, number> = {}): CodeSource {
  const padded = Uint8Array.from([...bytes, ...new Array<number>(16).fill(0)]);
  return {
    mode: 64,
    decode: (address, into) => {
      const offset = address - BASE;
      return offset >= 0 && offset < bytes.length && decode(padded, offset, bytes.length, address, 64, into) === 'ok';
    },
    isStop: (address) => address === stop,
    runs: (address) => runs[address - BASE] ?? 0,
    isCold: () => false,
    likelyTargets: () => [],
    pointerOf: () => undefined,
  };
}

describe('region formation', () => {
  it('follows branches and goes on behind calls', () => {
    // 0: test eax, eax; 2: jz 9; 4: call +0; 9: ret
    const region = findRegion(source([0x85, 0xc0, 0x74, 0x05, 0xe8, 0, 0, 0, 0, 0xc3]), BASE);
    expect(region?.blocks.map(({ address, ending }) => [address - BASE, ending])).toEqual([[0, 'branch'], [4, 'call'], [9, 'leave']]);
    expect(region?.successors).toEqual([[1, 2], [2], []]);
    expect(region?.pages).toEqual([BASE / 4096]);
  });

  it('splits a block that is jumped into', () => {
    // 0: inc eax; 2: inc ecx; 4: jmp 2
    const region = findRegion(source([0xff, 0xc0, 0xff, 0xc1, 0xeb, 0xfc]), BASE);
    expect(region?.blocks.map(({ address, instructions, ending }) => [address - BASE, instructions.length, ending])).toEqual([[0, 1, 'fall'], [2, 2, 'jump']]);
  });

  it('ends before system calls, breakpoints and missing code', () => {
    const blocks = (bytes: number[], stop?: number): unknown => findRegion(source(bytes, stop), BASE)?.blocks.map(({ instructions, ending, next }) => [instructions.length, ending, next - BASE]);
    expect(blocks([0xff, 0xc0, 0x0f, 0x05])).toEqual([[1, 'fall', 2]]);
    expect(blocks([0xff, 0xc0, 0xff, 0xc1], BASE + 2)).toEqual([[1, 'fall', 2]]);
    expect(blocks([0xff, 0xc0, 0xff, 0xc1])).toEqual([[2, 'fall', 4]]);
    expect(blocks([0x0f, 0x05])).toBeUndefined();
  });

  it('keeps to its limits', () => {
    const straight = findRegion(source(new Array<number>(1000).fill(0x90)), BASE);
    expect(straight?.blocks[0].instructions.length).toBe(MAX_INSTRUCTIONS);
    // jz +0, a hundred times
    const branchy = findRegion(source(new Array<number[]>(100).fill([0x74, 0]).flat()), BASE);
    expect(branchy?.blocks.length).toBe(MAX_BLOCKS);
  });

  it('ends long straight code where a hot block starts', () => {
    const region = findRegion(source(new Array<number>(1000).fill(0x90), -1, { 0: 1000, 310: 3, 320: 900 }), BASE);
    expect(region?.blocks[0].next).toBe(BASE + 320);
  });

  it('starts a nest at the loop around', () => {
    // 0: inc eax; 2: inc ecx (inner); 4: jnz 2; 6: jmp 0 — asked for at 2
    const code = source([0xff, 0xc0, 0xff, 0xc1, 0x75, 0xfc, 0xeb, 0xf8], -1, { 0: 100, 2: 1000 });
    const region = findRegion(code, BASE + 2);
    if (region === undefined) throw new Error('no region');
    const nest = loopNest(region, code.runs);
    expect(nest?.outer).toBe(BASE);
    expect([...(nest?.inner ?? [])]).toEqual([BASE + 2]);
    expect(loopNest(region, (address) => (address === BASE ? 1 : 1000))).toBeUndefined();
    expect(findRegion(code, BASE + 2, nest?.inner)?.blocks.length).toBe(1);
  });
});
