/** What is written to /proc/mm: struct proc_mm_op in the layouts of both word sizes. */
import { Errno } from '../errno.ts';

/** Operations (host patch's include/linux/proc_mm.h). */
export const MmOperation = { mmap: 54, munmap: 55, mprotect: 56, copySegments: 57 } as const;

export type MmRequest =
  | { readonly kind: 'mmap'; readonly address: number; readonly length: number; readonly prot: number; readonly flags: number; readonly fd: number; readonly offset: number }
  | { readonly kind: 'munmap'; readonly address: number; readonly length: number }
  | { readonly kind: 'mprotect'; readonly address: number; readonly length: number; readonly prot: number }
  | { readonly kind: 'copy-segments'; readonly fd: number };

/** A field: its place among the words of the union; whether it is a C int, or as wide as a pointer. */
type Field = readonly [index: number, width: 'int' | 'word'];

/** The union's members by operation. */
const FIELDS: Readonly<Record<number, Readonly<Record<string, Field>>>> = {
  [MmOperation.mmap]: { address: [0, 'word'], length: [1, 'word'], prot: [2, 'word'], flags: [3, 'word'], fd: [4, 'word'], offset: [5, 'word'] },
  [MmOperation.munmap]: { address: [0, 'word'], length: [1, 'word'] },
  [MmOperation.mprotect]: { address: [0, 'word'], length: [1, 'word'], prot: [2, 'int'] },
  [MmOperation.copySegments]: { fd: [0, 'int'] },
};
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
  const fields = FIELDS[view.getInt32(0, true)];
  if (fields === undefined) return -Errno.EINVAL;
  const end = Math.max(...Object.values(fields).map(([index, width]) => wordSize * (1 + index) + (width === 'int' ? 4 : wordSize)));
  if (bytes.length < end) return -Errno.EINVAL;
  const value = (name: string): number => {
    const [index, width] = fields[name];
    const at = wordSize * (1 + index);
    // Beyond 2^53 it is inexact and no valid address or length; such are refused whatever their low bits
    return width === 'int' || wordSize === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
  };
  const low = (name: string): number => view.getInt32(wordSize * (1 + fields[name][0]), true);
  switch (view.getInt32(0, true)) {
    case MmOperation.mmap:
      return { kind: 'mmap', address: value('address'), length: value('length'), prot: low('prot'), flags: low('flags'), fd: low('fd'), offset: value('offset') };
    case MmOperation.munmap:
      return { kind: 'munmap', address: value('address'), length: value('length') };
    case MmOperation.mprotect:
      return { kind: 'mprotect', address: value('address'), length: value('length'), prot: low('prot') };
    default:
      return { kind: 'copy-segments', fd: low('fd') };
  }
}
