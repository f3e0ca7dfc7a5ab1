/**
 * What the worker thread that compiles modules does. Making a `WebAssembly.Module` there runs TurboFan there; the finished module is
 * posted back, and costs the engine's thread no more than an instantiation.
 *
 * The worker gets this function's text, not this file: to load TypeScript, Node starts a wasm module of some megabytes, which
 * under the engine's flags TurboFan would compile whole (measured: 4 s of CPU).
 */
import type { MessagePort } from 'node:worker_threads';

export interface CompileRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
export interface CompileAnswer {
  readonly id: number;
  readonly module: WebAssembly.Module;
}

/** The worker's program. It must not refer to anything outside itself. */
function serve(): void {
  const { port }: { port: MessagePort } = process.getBuiltinModule('node:worker_threads').workerData;
  port.on('message', ({ id, bytes }: CompileRequest) => {
    const answer: CompileAnswer = { id, module: new WebAssembly.Module(bytes) };
    port.postMessage(answer);
  });
}

/** For `new Worker(…, { eval: true })`, with a `port` in workerData. */
export const COMPILE_WORKER = `(${serve.toString()})()`;
