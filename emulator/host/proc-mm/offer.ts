/**
 * Who is offered the skas3 interface: /proc/mm, /dev/mm and ptrace requests 52 to 56. 32-bit callers get all of it. No unmodified 64-bit
 * UML can use it: one that finds PTRACE_FAULTINFO takes its first guest page fault for a fatal one, so those are to find neither /proc/mm nor 52
 * and run in skas0; 64-bit programs written for the interface use /proc/mm64 or /dev/mm, and PTRACE_EX_FAULTINFO.
 */

/** `standard` is the above, `everyone` gives 64-bit callers all of it, `nobody` is a host without the patch. */
export type Skas3Offer = 'standard' | 'everyone' | 'nobody';

/** Parts of the interface which not everybody sees. */
export type Skas3Part = '/proc/mm' | 'faultinfo' | 'rest';

export function isOffered(offer: Skas3Offer, part: Skas3Part, wordSize: 4 | 8): boolean {
  if (offer !== 'standard') return offer === 'everyone';
  return wordSize === 4 || part === 'rest';
}
