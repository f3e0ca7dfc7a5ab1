import { describe, expect, it } from 'vitest';
import { Errno } from '../errno.ts';
import { parseRequest, requestBytes } from './mm-request.ts';

/** A request as C lays it out: the operation, then words at the union's places. */
function request(wordSize: 4 | 8, operation: number, words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(requestBytes(wordSize));
  const view = new DataView(bytes.buffer);
  view.setInt32(0, operation, true);
  words.forEach((word, i) => (wordSize === 8 ? view.setBigInt64(8 + i * 8, BigInt(word), true) : view.setInt32(4 + i * 4, word, true)));
  return bytes;
}

describe('requests to /proc/mm', () => {
  it('are 28 bytes for i386 and 56 for x86-64', () => expect([requestBytes(4), requestBytes(8)]).toEqual([28, 56]));

  it.each([4, 8] as const)('have all fields in their places, word size %d', (wordSize) => {
    expect(parseRequest(request(wordSize, 54, [0xbfffe000, 0x1000, 5, 0x12, 3, 0xfffff000]), wordSize))
      .toEqual({ kind: 'mmap', address: 0xbfffe000, length: 0x1000, prot: 5, flags: 0x12, fd: 3, offset: 0xfffff000 });
    expect(parseRequest(request(wordSize, 55, [0x8000, 0x2000]), wordSize)).toEqual({ kind: 'munmap', address: 0x8000, length: 0x2000 });
    expect(parseRequest(request(wordSize, 56, [0x8000, 0x2000, 3]), wordSize)).toEqual({ kind: 'mprotect', address: 0x8000, length: 0x2000, prot: 3 });
    expect(parseRequest(request(wordSize, 57, [-1]), wordSize)).toEqual({ kind: 'copy-segments', fd: -1 });
  });

  it.each([[4, [28, 12, 16, 8]], [8, [56, 24, 28, 12]]] as const)('may be as short as their fields, word size %d', (wordSize, lengths) => {
    lengths.forEach((length, i) => {
      const whole = request(wordSize, 54 + i, [1, 2, 3, 4, 5, 6]);
      expect(parseRequest(whole.subarray(0, length), wordSize)).toEqual(parseRequest(whole, wordSize));
      expect(parseRequest(whole.subarray(0, length - 1), wordSize)).toBe(-Errno.EINVAL);
    });
  });

  it('are refused when too long, empty or unknown', () => {
    expect(parseRequest(new Uint8Array(29), 4)).toBe(-Errno.EINVAL);
    expect(parseRequest(new Uint8Array(0), 8)).toBe(-Errno.EINVAL);
    for (const operation of [0, 53, 58, -1]) expect(parseRequest(request(8, operation, []), 8)).toBe(-Errno.EINVAL);
  });
});
