/** What is written to /proc/mm: struct proc_mm_op in the layouts of both word sizes. */
import { Errno } from '../errno.ts';

/** Operations (host patch's include/linux/proc_mm.h). */
export const MmOperation = { mmap: 54, munmap: 55, mprotect: 56, copySegments: 57 } as const;

export type MmRequest =
  | { readonly kind: 'mmap'; readonly address: number; readonly length: number; readonly prot: number; readonly flags: number; readonly fd: number; readonly offset: number }
  | { readonly kind: 'munmap'; readonly address: number; readonly length: number }
  | { readonly kind: 'mprotect'; readonly address: number; readonly length: number; readonly prot: number }
  | { readonly kind: 'copy-segments'; readonly fd: number };

/** The union's members by operation: how many words they begin with, and whether a C int follows. */
const MEMBERS: ReadonlyMap<number, { readonly words: number; readonly int: boolean }> = new Map([
  [MmOperation.mmap, { words: 6, int: false }], [MmOperation.munmap, { words: 2, int: false }], [MmOperation.mprotect, { words: 2, int: true }],
  [MmOperation.copySegments, { words: 0, int: true }],
]);
/** Words of the largest member. */
const UNION_WORDS = 6;

/** sizeof(struct proc_mm_op): the operation, padded to a word, and the union. */
export function requestBytes(wordSize: 4 | 8): number {
  return wordSize * (1 + UNION_WORDS);
}

/**
 * Reads a request. Shorter writes will do if all fields of the operation are there.
 * @returns -EINVAL for an unknown operation, and for one that is cut off or too long
 */
export function parseRequest(bytes: Uint8Array, wordSize: 4 | 8): MmRequest | number {
  if (bytes.length < 4 || bytes.length > requestBytes(wordSize)) return -Errno.EINVAL;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const operation = view.getInt32(0, true);
  const member = MEMBERS.get(operation);
  if (member === undefined || bytes.length < wordSize * (1 + member.words) + (member.int ? 4 : 0)) return -Errno.EINVAL;
  // A word beyond 2^53 is inexact, and no valid address or length whatever its low bits
  const word = (i: number): number => view.getUint32(wordSize * (1 + i), true) + (wordSize === 8 ? view.getUint32(12 + i * 8, true) * 0x100000000 : 0);
  const int = (i: number): number => view.getInt32(wordSize * (1 + i), true);
  switch (operation) {
    case MmOperation.mmap:
      return { kind: 'mmap', address: word(0), length: word(1), prot: int(2), flags: int(3), fd: int(4), offset: word(5) };
    case MmOperation.munmap:
      return { kind: 'munmap', address: word(0), length: word(1) };
    case MmOperation.mprotect:
      return { kind: 'mprotect', address: word(0), length: word(1), prot: int(2) };
    default:
      return { kind: 'copy-segments', fd: int(0) };
  }
}
