/**
 * The one WebAssembly.Memory which holds everything: CPU state and engine tables at the bottom, page frames above.
 * It is created at its full size (the operating system commits pages when they are touched), so views never detach.
 */
import { PAGE_SIZE } from '../cpu/state.ts';

/** Linear memory below this belongs to the CPU and its engine (state.ts, code records, jump cache). */
export const ENGINE_BYTES = 128 * 1024 * 1024;
const WASM_PAGE = 65536;

export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly view: DataView;
  /** Size in 64 KiB pages, for module imports. */
  readonly wasmPages: number;

  /** @param guestBytes room for page frames; the engine's own area comes on top. At most 4 GiB together. */
  constructor(guestBytes: number) {
    const total = ENGINE_BYTES + Math.ceil(guestBytes / PAGE_SIZE) * PAGE_SIZE;
    this.wasmPages = Math.ceil(total / WASM_PAGE);
    this.memory = new WebAssembly.Memory({ initial: this.wasmPages, maximum: this.wasmPages });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.view = new DataView(buffer);
  }
}
