/** Machine code as text, with iced-x86; and finding where to begin, for x86 instructions cannot be read backwards. */
import { Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax } from 'iced-x86';

export interface DisassembledInstruction {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Target of a direct branch or call. */
  readonly target: bigint | undefined;
}

const LONGEST = 15;

/** Instructions from the start of `bytes` on; what cannot be decoded is `(bad)`. */
export function disassemble(bytes: Uint8Array, address: bigint, wordSize: 4 | 8, limit = Infinity): DisassembledInstruction[] {
  const decoder = new Decoder(wordSize * 8, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Gas);
  decoder.ip = address;
  const found: DisassembledInstruction[] = [];
  try {
    for (let at = 0; at < bytes.length && found.length < limit;) {
      const instruction = decoder.decode();
      try {
        const length = Math.max(1, instruction.length);
        const bad = instruction.isInvalid;
        const branches = instruction.flowControl === FlowControl.Call || instruction.flowControl === FlowControl.ConditionalBranch || instruction.flowControl === FlowControl.UnconditionalBranch;
        found.push({
          address: BigInt.asUintN(64, address + BigInt(at)), bytes: bytes.subarray(at, at + length), text: bad ? '(bad)' : formatter.format(instruction),
          target: branches && !bad ? instruction.nearBranchTarget : undefined,
        });
        at += length;
      } finally {
        instruction.free();
      }
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return found;
}

/** Length of the instruction at the start if it calls; undefined if it does not. */
export function callLength(bytes: Uint8Array, wordSize: 4 | 8, address: bigint): number | undefined {
  if (bytes.length === 0) return undefined;
  const decoder = new Decoder(wordSize * 8, bytes.subarray(0, LONGEST), DecoderOptions.None);
  decoder.ip = address;
  const instruction = decoder.decode();
  const calls = instruction.flowControl === FlowControl.Call || instruction.flowControl === FlowControl.IndirectCall;
  const { length } = instruction;
  instruction.free();
  decoder.free();
  return calls ? length : undefined;
}
