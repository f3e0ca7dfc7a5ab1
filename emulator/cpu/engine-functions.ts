/**
 * The engine's own wasm functions, which modules of emitted code import: `computeFlags`, `findRegion`, and `slowPath`, which only
 * splits the address for JavaScript (an i64 parameter would arrive there as a bigint).
 */
import { FlagKind } from './flags.ts';
import { COMPUTE_FLAGS, FIND_REGION, IMPORT_MODULE, SLOW_PATH } from './module-imports.ts';
import { flagBits } from './semantics/flag-formulas.ts';
import { findRegionBody } from './translator/jump-links.ts';
import { compileModule } from './wasm/compiled-modules.ts';
import { FunctionBuilder } from './wasm/function-builder.ts';
import { ModuleBuilder } from './wasm/module-builder.ts';

/** `(address low 32 bits, high 32 bits, bytes | SLOW_WRITE) → linear address or 0`. */
export type SlowAccess = (low: number, high: number, access: number) => number;

let compiled: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  const builder = new ModuleBuilder();
  builder.importMemory(IMPORT_MODULE, 'memory', 1);
  const slow = builder.importFunction(IMPORT_MODULE, 'slowAccess', ['i32', 'i32', 'i32'], ['i32']);
  const f = new FunctionBuilder();
  f.begin(SLOW_PATH.params, [SLOW_PATH.result]);
  const address = f.param(0, 'i64');
  f.call(
    slow,
    [f.convert.i32WrapI64(f.get(address)), f.convert.i32WrapI64(f.i64.shrU(f.get(address), f.i64.const(32))), f.get(f.param(1, 'i32'))],
    'i32',
  );
  const slowPath = f.end();
  f.begin(COMPUTE_FLAGS.params, [COMPUTE_FLAGS.result]);
  for (const kind of Object.values(FlagKind)) {
    f.if(f.i32.eq(f.get(f.param(0, 'i32')), f.i32.const(kind)), () =>
      f.return(
        flagBits(f, {
          kind,
          ops: f.word(8),
          result: () => f.get(f.param(1, 'i64')),
          a: () => f.get(f.param(2, 'i64')),
          b: () => f.get(f.param(3, 'i64')),
        }),
      ),
    );
  }
  f.unreachable();
  const computeFlags = f.end();
  builder.add(slowPath, SLOW_PATH.name);
  builder.add(computeFlags, COMPUTE_FLAGS.name);
  builder.add(findRegionBody(f), FIND_REGION.name);
  return compileModule(builder.finish());
}

/** The functions by name, for the import object. */
export function engineFunctions(memory: WebAssembly.Memory, slowAccess: SlowAccess): Record<string, WebAssembly.ExportValue> {
  compiled ??= compile();
  return { ...new WebAssembly.Instance(compiled, { [IMPORT_MODULE]: { memory, slowAccess } }).exports };
}
