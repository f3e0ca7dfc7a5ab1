/** iced-x86, loaded when first needed: it is slow to compile under the engine's V8 settings, so those are lifted meanwhile. */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type * as Iced from 'iced-x86';

let loaded: typeof Iced | undefined;

function iced(): typeof Iced {
  if (loaded === undefined) {
    setFlagsFromString('--liftoff');
    setFlagsFromString('--wasm-lazy-compilation');
    const require = createRequire(import.meta.url);
    const made: typeof Iced = require('iced-x86');
    setFlagsFromString('--no-liftoff');
    setFlagsFromString('--no-wasm-lazy-compilation');
    loaded = made;
  }
  return loaded;
}

/** The instruction at the start of `bytes` in Intel syntax, and how long it is; `(bad)` when it is none. */
export function disassemble(bytes: Uint8Array, address: number, mode: 64 | 32): { text: string; length: number } {
  const { Decoder, DecoderOptions, Formatter, FormatterSyntax } = iced();
  const decoder = new Decoder(mode, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Intel);
  const text = formatter.format(instruction);
  const { length } = instruction;
  for (const object of [instruction, formatter, decoder]) object.free();
  return { text, length };
}
