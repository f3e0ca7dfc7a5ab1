/**
 * The kernel's log (dmesg), from its ring buffer: descriptors and data rings since 5.10 (kernel/printk/printk_ringbuffer.h), records in one
 * ring from 3.5 on (struct printk_log), plain text before.
 */
import { GuestDataError, LayoutError, type GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';

const NANOSECONDS = 1_000_000_000n;
/** Values of the two topmost bits of a descriptor's state which mean that its text is there. */
const COMMITTED = 1n;
const FINALIZED = 2n;
/** Larger buffers than any kernel has are nonsense. */
const LARGEST_BITS = 30;
const decoder = new TextDecoder();

function lines(nanoseconds: bigint, text: Uint8Array): string {
  const seconds = String(nanoseconds / NANOSECONDS).padStart(5);
  const fraction = String((nanoseconds % NANOSECONDS) / 1000n).padStart(6, '0');
  return decoder.decode(text).split('\n').map((line) => `[${seconds}.${fraction}] ${line}\n`).join('');
}

function bytes(kernel: KernelView, address: number, length: number): Uint8Array {
  const found = kernel.memory(address, length);
  if (found === undefined) throw new GuestDataError(`the log at 0x${address.toString(16)} cannot be read`);
  return found;
}

function bits(object: GuestObject): number {
  const count = object.number();
  if (count < 1 || count > LARGEST_BITS) throw new GuestDataError(`a ring of 2^${count} entries`);
  return count;
}

/** Text of a data block between two logical positions. Undefined: it has none. */
function blockText(kernel: KernelView, ring: GuestObject, begin: bigint, next: bigint, length: number): Uint8Array | undefined {
  // Odd positions stand for no data.
  if ((begin & 1n) !== 0n) return undefined;
  const sizeBits = bits(ring.at('size_bits'));
  const size = 1n << BigInt(sizeBits);
  const wraps = (position: bigint): bigint => position >> BigInt(sizeBits);
  let at: bigint;
  let room: bigint;
  if (wraps(begin) === wraps(next) && begin < next) {
    at = begin & (size - 1n);
    room = next - begin;
  } else if (wraps(begin + size) === wraps(next)) {
    at = 0n;
    room = next & (size - 1n);
  } else return undefined;
  const head = BigInt(kernel.image.wordSize);
  const usable = Number(room - head);
  return usable <= 0 ? undefined : bytes(kernel, ring.number('data') + Number(at + head), Math.min(length, usable));
}

function fromRings(kernel: KernelView, buffer: GuestObject): string {
  const descriptors = buffer.at('desc_ring');
  const data = buffer.at('text_data_ring');
  const mask = (1n << BigInt(bits(descriptors.at('count_bits')))) - 1n;
  const wordBits = BigInt(kernel.image.wordSize * 8);
  const idMask = (1n << (wordBits - 2n)) - 1n;
  const counter = (object: GuestObject): bigint => BigInt.asUintN(Number(wordBits), object.integer('counter'));
  const head = counter(descriptors.at('head_id')) & idMask;
  let text = '';
  for (let id = counter(descriptors.at('tail_id')) & idMask, left = mask + 1n; left > 0n; id = (id + 1n) & idMask, left--) {
    const index = Number(id & mask);
    const descriptor = descriptors.at('descs').element(index);
    const state = counter(descriptor.at('state_var'));
    const kind = state >> (wordBits - 2n);
    if ((state & idMask) === id && (kind === COMMITTED || kind === FINALIZED)) {
      const info = descriptors.at('infos').element(index);
      const where = descriptor.at('text_blk_lpos');
      const found = blockText(kernel, data, where.integer('begin'), where.integer('next'), info.number('text_len'));
      if (found !== undefined) text += lines(info.integer('ts_nsec'), found);
    }
    if (id === head) break;
  }
  return text;
}

function fromRecords(kernel: KernelView, record: string): string {
  const type = kernel.type(record);
  const start = kernel.variable('log_buf').number();
  const end = kernel.variable('log_next_idx').number();
  const total = kernel.variable('log_next_seq').integer() - kernel.variable('log_first_seq').integer();
  let text = '';
  let at = kernel.variable('log_first_idx').number();
  for (let left = total; left > 0n && (at !== end || left === total); left--) {
    let entry = kernel.object(type, start + at);
    if (entry.number('len') === 0) {
      at = 0;
      entry = kernel.object(type, start);
    }
    text += lines(entry.integer('ts_nsec'), bytes(kernel, entry.address + (type.size ?? 0), entry.number('text_len')));
    at += entry.number('len');
  }
  return text;
}

function fromText(kernel: KernelView): string {
  const buffer = kernel.variable('log_buf').number();
  const size = kernel.variable('log_buf_len').number();
  const end = kernel.variable('log_end').number();
  const count = Math.min(kernel.variable('logged_chars').number(), size);
  if (size <= 0 || (size & (size - 1)) !== 0) throw new GuestDataError(`a log of ${size} bytes`);
  const all = bytes(kernel, buffer, size);
  const text = Uint8Array.from({ length: count }, (_, i) => all[(end - count + i) & (size - 1)]);
  return decoder.decode(text).replace(/^<\d>/gm, '');
}

/** All of the log that is still there. @throws LayoutError @throws GuestDataError */
export function kernelLog(kernel: KernelView): string {
  const rings = kernel.find('prb')?.follow();
  if (rings !== undefined) return fromRings(kernel, rings);
  for (const record of ['struct printk_log', 'struct log']) {
    if (kernel.image.type(record)?.member('text_len') !== undefined && kernel.find('log_next_idx') !== undefined) return fromRecords(kernel, record);
  }
  if (kernel.find('logged_chars') !== undefined) return fromText(kernel);
  throw new LayoutError('the kernel has no log that is known here (CONFIG_PRINTK)');
}
