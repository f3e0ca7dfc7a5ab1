/**
 * Compiles the engine's own wasm modules (interpreter, handlers), or takes V8's code for them from what an earlier process left: TurboFan needs
 * 40 ms for the interpreter, loading its code 0.2 ms (measured).
 *
 * V8 has no public function for that; those which its own tests use do it (`%SerializeWasmModule`, `%DeserializeWasmModule`, runtime-test-wasm.cc).
 * The code names V8's version, its flags and the processor's features, and is refused when one of them differs. Where the functions are
 * missing, everything is compiled.
 *
 * The image is a row of records: length of the module and of its code (u32 each, little-endian), module, code.
 */
import { crc32 } from 'node:zlib';

interface Stored {
  readonly bytes: Uint8Array;
  readonly code: Uint8Array;
  used: boolean;
}

interface Natives {
  readonly serialize: (module: WebAssembly.Module) => ArrayBuffer;
  readonly deserialize: (code: ArrayBuffer, bytes: Uint8Array) => WebAssembly.Module | undefined;
}

/** Bytes of an image at most, as all of it is read at every start; what was used last stays. One program needs up to a megabyte. */
const IMAGE_LIMIT = 4 * 2 ** 20;
const HEAD = 8;

function natives(): Natives | undefined {
  try {
    return {
      serialize: new Function('module', 'return %SerializeWasmModule(module)') as Natives['serialize'],
      deserialize: new Function('code', 'bytes', 'return %DeserializeWasmModule(code, bytes)') as Natives['deserialize'],
    };
  } catch {
    return undefined;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export class CompiledModules {
  private readonly natives = natives();
  /** By checksum of the module. */
  private readonly stored = new Map<number, Stored>();
  private grown = false;

  /** @param image what {@link image} gave in another process, undamaged. */
  constructor(image: Uint8Array = new Uint8Array()) {
    const view = new DataView(image.buffer, image.byteOffset, image.length);
    for (let at = 0; at < image.length;) {
      const bytesAt = at + HEAD;
      const codeAt = bytesAt + view.getUint32(at, true);
      at = codeAt + view.getUint32(at + 4, true);
      const bytes = image.subarray(bytesAt, codeAt);
      this.stored.set(crc32(bytes), { bytes, code: image.subarray(codeAt, at), used: false });
    }
  }

  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
    if (this.natives === undefined) return new WebAssembly.Module(bytes);
    const key = crc32(bytes);
    const known = this.stored.get(key);
    if (known !== undefined && equal(known.bytes, bytes)) {
      const module = this.natives.deserialize(new Uint8Array(known.code).buffer, bytes);
      if (module !== undefined) {
        known.used = true;
        return module;
      }
    }
    const module = new WebAssembly.Module(bytes);
    this.stored.set(key, { bytes, code: new Uint8Array(this.natives.serialize(module)), used: true });
    this.grown = true;
    return module;
  }

  /** Everything for the next process, or undefined when it has no more than this one had. */
  image(): Uint8Array | undefined {
    if (!this.grown) return undefined;
    const all = [...this.stored.values()];
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const { bytes, code } of [...all.filter(({ used }) => used), ...all.filter(({ used }) => !used)]) {
      size += HEAD + bytes.length + code.length;
      if (size > IMAGE_LIMIT) break;
      const head = new DataView(new ArrayBuffer(HEAD));
      head.setUint32(0, bytes.length, true);
      head.setUint32(4, code.length, true);
      parts.push(new Uint8Array(head.buffer), bytes, code);
    }
    return Buffer.concat(parts);
  }
}

let present: CompiledModules | undefined;

/** From now on modules come from there and are kept there. */
export function useCompiledModules(modules: CompiledModules | undefined): void {
  present = modules;
}

/** As `new WebAssembly.Module`. */
export function compileModule(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  return present === undefined ? new WebAssembly.Module(bytes) : present.compile(bytes);
}
