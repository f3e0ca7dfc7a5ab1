/**
 * Compiles wasm modules, at once or on a worker thread. The engine never returns to the event loop while the guest runs, so
 * finished modules are fetched by polling the message port.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { COMPILE_WORKER, type CompileAnswer, type CompileRequest } from './compile-worker.ts';

export type CompileMode = 'sync' | 'background';

export class ModuleCompiler {
  /** Modules submitted and not yet handed over. */
  pending = 0;
  private readonly finished: CompileAnswer[] = [];
  private readonly mode: CompileMode;
  private worker: Worker | undefined;
  private port: MessagePort | undefined;

  constructor(mode: CompileMode) {
    this.mode = mode;
  }

  submit(id: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.pending++;
    if (this.mode === 'sync') {
      this.finished.push({ id, module: new WebAssembly.Module(bytes) });
      return;
    }
    const request: CompileRequest = { id, bytes };
    this.start().postMessage(request, [bytes.buffer]);
  }

  /** The next finished module, if there is one. */
  take(): CompileAnswer | undefined {
    if (this.pending === 0) return undefined;
    let answer = this.finished.shift();
    if (answer === undefined && this.port !== undefined) {
      const received: { message: CompileAnswer } | undefined = receiveMessageOnPort(this.port);
      answer = received?.message;
    }
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

  private start(): MessagePort {
    if (this.port !== undefined) return this.port;
    const { port1, port2 } = new MessageChannel();
    this.worker = new Worker(COMPILE_WORKER, { eval: true, workerData: { port: port2 }, transferList: [port2] });
    // Neither may keep the process alive.
    this.worker.unref();
    port1.unref();
    this.port = port1;
    return port1;
  }
}
