import { describe, expect, it } from 'vitest';
import { decode } from '../decode/decoder.ts';
import { emitForWorker } from './compile-worker.ts';
import { emitBatch } from './region-batch.ts';
import { fromMessage, toMessage } from './region-message.ts';
import { findRegion, type Region } from './region.ts';

const BASE = 0x401ff0;

function regionOf(bytes: readonly number[], at: number): Region {
  const padded = Uint8Array.from([...bytes, ...new Array<number>(16).fill(0)]);
  const region = findRegion({
    mode: 64,
    decode: (address, into) => decode(padded, address - BASE, bytes.length, address, 64, into) === 'ok',
    isStop: () => false,
    runs: () => 0,
    isCold: () => false,
    pointerOf: () => undefined,
    likelyTargets: () => [BASE, BASE + 3],
  }, BASE + at);
  if (region === undefined) throw new Error('no region');
  return region;
}

// 0: add rax, rcx; 3: fs mov rdx, [rax + rcx * 4 + 0x12345678]; c: call +0; 11: sub ecx, 1; 14: jnz 0; 16: cqo; 18: idiv rbx; 1b: jmp rax; over the end of a page
const CODE = [
  0x48, 0x01, 0xc8, 0x64, 0x48, 0x8b, 0x94, 0x88, 0x78, 0x56, 0x34, 0x12, 0xe8, 0, 0, 0, 0, 0x83, 0xe9, 0x01, 0x75, 0xea, 0x48, 0x99, 0x48, 0xf7, 0xfb, 0xff, 0xe0,
];

describe('regions as messages', () => {
  const byteAt = (address: number): number => CODE[address - BASE];

  it('come out as they went in', () => {
    const region = regionOf(CODE, 0);
    expect(region.pages).toHaveLength(2);
    expect(region.blocks.length).toBeGreaterThan(2);
    expect(fromMessage(structuredClone(toMessage(region, byteAt)))).toEqual(region);
  });

  it('are emitted on the worker as they would be here', () => {
    const batch = [0, 0x11, 0x16].map((at) => ({ region: regionOf(CODE, at), codeContext: 2 }));
    const here = emitBatch(batch, 100);
    expect(here.helpers.length).toBeGreaterThan(0);
    const request = { id: 1, memoryPages: 100, batch: batch.map(({ region, codeContext }) => ({ region: toMessage(region, byteAt), codeContext })) };
    expect(emitForWorker(structuredClone(request))).toEqual({ bytes: here.bytes, helpers: here.helpers.map(({ name }) => name) });
    expect(WebAssembly.validate(here.bytes)).toBe(true);
  });

  it('are refused when they hold something else', () => {
    const message = toMessage(regionOf(CODE, 0), byteAt);
    message.code[0] = 0x06;
    expect(() => fromMessage(message)).toThrow(/no instruction at 401ff0/);
  });
});
