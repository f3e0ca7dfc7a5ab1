/**
 * Worker thread that compiles modules. Making a `WebAssembly.Module` here runs TurboFan here; the finished module is
 * posted back, and costs the engine's thread no more than an instantiation.
 */
import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { setEngineFlags } from './engine-flags.ts';

export interface CompileRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
export interface CompileAnswer {
  readonly id: number;
  readonly module: WebAssembly.Module;
}

setEngineFlags();
const { port }: { port: MessagePort } = workerData;
port.on('message', ({ id, bytes }: CompileRequest) => {
  const answer: CompileAnswer = { id, module: new WebAssembly.Module(bytes) };
  port.postMessage(answer);
});
