/** What the launcher (bin/) loads as one file, here and in the engine's worker. */
export { emitForWorker, provideWorkerProgram } from '../../emulator/cpu/translator/compile-worker.ts';
export { setEngineFlags, ENGINE_FLAGS } from '../../emulator/cpu/translator/engine-flags.ts';
export { CompiledModules, useCompiledModules } from '../../emulator/cpu/wasm/compiled-modules.ts';
export { main } from './main.ts';
