/** What small regions look like as WebAssembly text: a change here should be one that was meant. `vitest -u` takes over a new text. */
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { decode } from '../decode/decoder.ts';
import { ModuleImports } from '../module-imports.ts';
import { FunctionBuilder } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { REGION_PARAMS, REGION_RESULTS } from './region-abi.ts';
import { RegionEmitter } from './region-emitter.ts';
import { findRegion } from './region.ts';

const BASE = 0x401000;

async function text(bytes: readonly number[]): Promise<string> {
  const padded = Uint8Array.from([...bytes, ...new Array<number>(16).fill(0)]);
  const region = findRegion({
    mode: 64,
    decode: (address, into) => decode(padded, address - BASE, bytes.length, address, 64, into) === 'ok',
    isStop: () => false,
    isCold: () => false, pointerOf: () => undefined, runs: () => 0,
    likelyTargets: () => [],
  }, BASE);
  if (region === undefined) throw new Error('no region');
  const module = new ModuleBuilder();
  const imports = new ModuleImports(module, 1);
  const emitter = new RegionEmitter(new FunctionBuilder(), imports, module.type(REGION_PARAMS, REGION_RESULTS));
  module.add(emitter.emit(region, emitter.scan(region), new Map()), 'r0');
  const { readWasm } = await wabt();
  // Without its indentation, which the nested exits make longer than the text.
  return readWasm(module.finish(), { readDebugNames: false }).toText({ foldExprs: false, inlineExport: false }).replace(/^ +/gm, '');
}

describe('regions as text', () => {
  it('a loop of additions', async () => {
    // loop: add rax, rcx; sub ecx, 1; jnz loop; ret
    await expect(await text([0x48, 0x01, 0xc8, 0x83, 0xe9, 0x01, 0x75, 0xf8, 0xc3])).toMatchFileSnapshot('golden/loop.wat');
  });

  it('two loads off one register share a check', async () => {
    // mov rax, [rdi]; add rax, [rdi + 8]; ret
    const wat = await text([0x48, 0x8b, 0x07, 0x48, 0x03, 0x47, 0x08, 0xc3]);
    await expect(wat).toMatchFileSnapshot('golden/shared-check.wat');
    // One for both loads and one for the return address.
    expect(wat.match(/i64\.gt_u/g)?.length).toBe(2);
  });

  it('a comparison of 32-bit operands and its branch', async () => {
    // cmp edi, esi; jl +2; inc eax; ret
    await expect(await text([0x39, 0xf7, 0x7c, 0x02, 0xff, 0xc0, 0xc3])).toMatchFileSnapshot('golden/compare.wat');
  });
});
