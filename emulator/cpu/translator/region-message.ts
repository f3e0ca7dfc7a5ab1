/** A region as a message to the worker: its instructions as the bytes they were decoded from. */
import { decode } from '../decode/decoder.ts';
import { Instruction } from '../decode/instruction.ts';
import type { Block, Region } from './region.ts';

/** How far the decoder may read. */
const MAX_LENGTH = 15;

type BlockMessage = Omit<Block, 'instructions'> & { readonly count: number };

export interface RegionMessage extends Omit<Region, 'blocks' | 'blockAt'> {
  readonly blocks: readonly BlockMessage[];
  /** The blocks' instructions, one behind the other. */
  readonly code: Uint8Array<ArrayBuffer>;
}

/** @param byteAt a byte of guest code, by address */
export function toMessage({ blocks, blockAt: _, ...rest }: Region, byteAt: (address: number) => number): RegionMessage {
  let length = 0;
  for (const { instructions } of blocks) for (const instruction of instructions) length += instruction.length;
  const code = new Uint8Array(length + MAX_LENGTH);
  let at = 0;
  for (const { instructions } of blocks) {
    for (const { address, length: bytes } of instructions) for (let i = 0; i < bytes; i++) code[at++] = byteAt(address + i);
  }
  return { ...rest, blocks: blocks.map(({ instructions, ...block }) => ({ ...block, count: instructions.length })), code };
}

export function fromMessage({ blocks, code, ...rest }: RegionMessage): Region {
  let at = 0;
  const made = blocks.map(({ count, ...block }): Block => {
    const instructions: Instruction[] = [];
    let { address } = block;
    for (let i = 0; i < count; i++) {
      const instruction = new Instruction();
      if (decode(code, at, code.length, address, rest.mode, instruction) !== 'ok') throw new Error(`translator: no instruction at ${address.toString(16)} any more`);
      instructions.push(instruction);
      at += instruction.length;
      address += instruction.length;
    }
    return { ...block, instructions };
  });
  return { ...rest, blocks: made, blockAt: new Map(made.map(({ address }, i) => [address, i])) };
}
