/**
 * Makes wasm modules, at once or on a worker thread. The engine never returns to the event loop while the guest runs, so
 * finished modules are fetched by polling the message port.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { COMPILE_WORKER, workerProgram, type CompileAnswer, type CompileRequest, type EmitRequest, type FailedAnswer, type WorkerData } from './compile-worker.ts';

export type CompileMode = 'sync' | 'background';

export class ModuleCompiler {
  /** Whether it can emit a module from regions. */
  readonly emits: boolean;
  /** Modules submitted and not yet handed over. */
  pending = 0;
  private readonly finished: CompileAnswer[] = [];
  private readonly mode: CompileMode;
  private worker: Worker | undefined;
  private port: MessagePort | undefined;

  constructor(mode: CompileMode) {
    this.mode = mode;
    this.emits = mode === 'background' && workerProgram() !== undefined;
  }

  submit(id: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.pending++;
    if (this.mode === 'sync') {
      this.finished.push({ id, module: new WebAssembly.Module(bytes), size: bytes.length, helpers: [] });
      return;
    }
    const request: CompileRequest = { id, bytes };
    this.start().postMessage(request, [bytes.buffer]);
  }

  /** Only where it {@link emits}. */
  submitRegions(request: EmitRequest): void {
    this.pending++;
    this.start().postMessage(request, request.batch.map(({ region }) => region.code.buffer));
  }

  /** The next finished module, if there is one. */
  take(): CompileAnswer | undefined {
    if (this.pending === 0) return undefined;
    const answer = this.finished.shift() ?? this.receive();
    if (answer !== undefined) this.pending--;
    return answer;
  }

  /** Ends the worker; what it has not finished is lost. */
  close(): void {
    void this.worker?.terminate();
    this.worker = undefined;
    this.port = undefined;
    this.pending = 0;
  }

  private receive(): CompileAnswer | undefined {
    if (this.port === undefined) return undefined;
    const received: { message: CompileAnswer | FailedAnswer } | undefined = receiveMessageOnPort(this.port);
    if (received === undefined) return undefined;
    const { message } = received;
    if ('error' in message) throw new Error(`translator's worker: ${message.error}`);
    return message;
  }

  /** The guest is running: its first hot code will be there before a worker that is started then. */
  prepare(): void {
    if (this.mode === 'background') this.start();
  }

  private start(): MessagePort {
    if (this.port !== undefined) return this.port;
    const { port1, port2 } = new MessageChannel();
    const workerData: WorkerData = { port: port2, program: workerProgram() };
    this.worker = new Worker(COMPILE_WORKER, { eval: true, workerData, transferList: [port2] });
    // Neither may keep the process alive.
    this.worker.unref();
    port1.unref();
    this.port = port1;
    return port1;
  }
}
