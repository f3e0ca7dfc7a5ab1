import { describe, expect, it } from 'vitest';
import { setEngineFlags } from '../translator/engine-flags.ts';
import { CompiledModules } from './compiled-modules.ts';
import { FunctionBuilder } from './function-builder.ts';
import { ModuleBuilder } from './module-builder.ts';

setEngineFlags();

function moduleReturning(value: number): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const f = new FunctionBuilder();
  f.begin([], ['i32']);
  f.i32.const(value);
  builder.add(f.end(), 'run');
  return builder.finish();
}

function run(module: WebAssembly.Module): unknown {
  const { run: exported } = new WebAssembly.Instance(module).exports;
  return typeof exported === 'function' ? exported() : undefined;
}

describe('compiled modules', () => {
  it('are kept for the next process', () => {
    const first = new CompiledModules();
    expect(run(first.compile(moduleReturning(42)))).toBe(42);
    expect(run(first.compile(moduleReturning(43)))).toBe(43);
    const image = first.image();
    expect(image?.length).toBeGreaterThan(0);
    const second = new CompiledModules(image);
    expect(run(second.compile(moduleReturning(43)))).toBe(43);
    expect(second.image()).toBeUndefined();
    expect(run(second.compile(moduleReturning(44)))).toBe(44);
    const third = new CompiledModules(second.image());
    for (const value of [42, 43, 44]) expect(run(third.compile(moduleReturning(value)))).toBe(value);
    expect(third.image()).toBeUndefined();
  });

  it('are compiled anew when V8 does not know its code', () => {
    const first = new CompiledModules();
    first.compile(moduleReturning(42));
    const image = first.image() ?? new Uint8Array();
    // V8's code begins with its version and flags.
    const code = 8 + new DataView(image.buffer, image.byteOffset).getUint32(0, true);
    image.fill(0xff, code, code + 16);
    const second = new CompiledModules(image);
    expect(run(second.compile(moduleReturning(42)))).toBe(42);
    expect(second.image()).toBeDefined();
  });
});
