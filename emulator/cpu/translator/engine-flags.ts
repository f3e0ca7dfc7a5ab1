/**
 * V8 settings the engine depends on. They are flags of the whole process, so this must run before the first
 * WebAssembly module is compiled; a flag which a version of V8 does not know is ignored by it.
 *
 * Without Liftoff there is no waiting for tier-up: a loop entered in baseline code would stay there, as V8 cannot replace a running
 * wasm frame. Eager compilation puts the work where the Module is made, which is the worker.
 */
import { setFlagsFromString } from 'node:v8';

export const ENGINE_FLAGS: readonly string[] = [
  '--no-liftoff',
  '--no-wasm-lazy-compilation',
  '--experimental-wasm-branch-hinting',
  // For wasm/compiled-modules.ts.
  '--allow-natives-syntax',
  // What only the start needs would be missing in the code that is kept for the next one.
  '--no-flush-bytecode',
];
let done = false;

export function setEngineFlags(): void {
  if (done) return;
  done = true;
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
}
