/**
 * What the worker thread does: it compiles modules, or emits them as well, given regions. Making a `WebAssembly.Module` there runs TurboFan there;
 * the finished module is posted back, and costs the engine's thread no more than an instantiation.
 *
 * The worker gets this function's text, not this file: to load TypeScript, Node starts a wasm module of some megabytes, which
 * under the engine's flags TurboFan would compile whole (measured: 4 s of CPU). To emit, it needs the program as one
 * JavaScript file ({@link provideWorkerProgram}); without one it only compiles.
 */
import type { MessagePort } from 'node:worker_threads';
import { emitBatch } from './region-batch.ts';
import { fromMessage, type RegionMessage } from './region-message.ts';

export interface CompileRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface EmitRequest {
  readonly id: number;
  readonly batch: readonly { readonly region: RegionMessage; readonly codeContext: number }[];
  readonly memoryPages: number;
}

export interface CompileAnswer {
  readonly id: number;
  readonly module: WebAssembly.Module;
  /** Size of the module. */
  readonly size: number;
  /** Names of the helpers it imports, if the worker has emitted it. */
  readonly helpers: readonly string[];
}

/** Something went wrong which can only be a mistake of ours. */
export interface FailedAnswer {
  readonly id: number;
  readonly error: string;
}

/** The program as a script whose value is a function `(exports, require, module)`; it exports {@link emitForWorker}. */
export interface WorkerProgram {
  readonly source: string;
  readonly filename: string;
  /** V8's code for it. */
  readonly code: Uint8Array | undefined;
  /** File which `require` starts from. */
  readonly requireFrom: string;
}

export interface WorkerData {
  readonly port: MessagePort;
  readonly program: WorkerProgram | undefined;
}

let provided: WorkerProgram | undefined;

/** For all workers started from now on. */
export function provideWorkerProgram(program: WorkerProgram): void {
  provided = program;
}

export function workerProgram(): WorkerProgram | undefined {
  return provided;
}

/** The worker's part in emitting. */
export function emitForWorker({ batch, memoryPages }: EmitRequest): { bytes: Uint8Array<ArrayBuffer>; helpers: string[] } {
  const { bytes, helpers } = emitBatch(batch.map(({ region, codeContext }) => ({ region: fromMessage(region), codeContext })), memoryPages);
  return { bytes, helpers: helpers.map(({ name }) => name) };
}

/** The worker's program. It must not refer to anything outside itself. */
function serve(): void {
  const { port, program }: WorkerData = process.getBuiltinModule('node:worker_threads').workerData;
  const module: { exports: { emitForWorker?: typeof emitForWorker } } = { exports: {} };
  if (program !== undefined) {
    const { Script } = process.getBuiltinModule('node:vm');
    const require = process.getBuiltinModule('node:module').createRequire(program.requireFrom);
    const script = new Script(program.source, { filename: program.filename, ...(program.code === undefined ? {} : { cachedData: program.code }) });
    script.runInThisContext()(module.exports, require, module);
  }
  const answer = (request: CompileRequest | EmitRequest): CompileAnswer => {
    const emitted = 'bytes' in request ? { bytes: request.bytes, helpers: [] } : module.exports.emitForWorker?.(request);
    if (emitted === undefined) throw new Error('a worker without a program was asked to emit');
    return { id: request.id, module: new WebAssembly.Module(emitted.bytes), size: emitted.bytes.length, helpers: emitted.helpers };
  };
  port.on('message', (request: CompileRequest | EmitRequest) => {
    try {
      port.postMessage(answer(request));
    } catch (error) {
      const failed: FailedAnswer = { id: request.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
      port.postMessage(failed);
    }
  });
}

/** For `new Worker(…, { eval: true })`, with WorkerData. */
export const COMPILE_WORKER = `(${serve.toString()})()`;
