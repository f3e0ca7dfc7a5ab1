/** modify_ldt(2) on any address space (arch/x86/kernel/ldt.c has the rules): what the system call does to the caller's, and PTRACE_LDT to a tracee's. */
import type { AddressSpace } from '../../memory/address-space.ts';
import { LDT_ENTRIES, LDT_ENTRY_BYTES } from '../../memory/ldt.ts';
import { RecordLayout } from '../../image/record.ts';
import { Errno } from '../errno.ts';

/** modify_ldt's first argument. */
export const LdtFunction = { read: 0, writeOld: 1, readDefault: 2, write: 0x11 } as const;

/** struct user_desc. */
const USER_DESC = RecordLayout.little('user_desc').u32('entry').u32('base').u32('limit').u32('flags');
const USER_DESC_BYTES = 16;
/** Bits of user_desc's last word; `contents` is two bits wide. */
const Flag = { is32Bit: 0x01, contents: 1, readExecuteOnly: 0x08, limitInPages: 0x10, notPresent: 0x20, useable: 0x40, longMode: 0x80 } as const;
/** Contents of a conforming code segment. */
const CONFORMING = 3;
/** What a default LDT is said to be: 128 bytes of zeros on a 64-bit host, five descriptors on a 32-bit one. */
const DEFAULT_LDT_BYTES = { 8: 128, 4: 5 * LDT_ENTRY_BYTES } as const;

/**
 * @param space whose table it is about
 * @param caller whose memory `address` is in
 * @returns bytes read, 0, or -errno
 */
export function modifyLdt(space: AddressSpace, caller: AddressSpace, wordSize: 4 | 8, request: number, address: number, byteCount: number): number {
  switch (request) {
    case LdtFunction.read:
      return space.ldt.count === 0 ? 0 : give(caller, address, space.ldt.bytes, Math.min(byteCount, LDT_ENTRIES * LDT_ENTRY_BYTES));
    case LdtFunction.readDefault:
      return give(caller, address, new Uint8Array(0), Math.min(byteCount, DEFAULT_LDT_BYTES[wordSize]));
    case LdtFunction.writeOld:
    case LdtFunction.write:
      return writeEntry(space, caller, address, byteCount, request === LdtFunction.writeOld);
    default:
      return -Errno.ENOSYS;
  }
}

/** Copies what there is and clears the rest of the caller's buffer. */
function give(caller: AddressSpace, address: number, bytes: Uint8Array, room: number): number {
  const all = new Uint8Array(room);
  all.set(bytes.subarray(0, room));
  return caller.write(address, all) ? room : -Errno.EFAULT;
}

function writeEntry(space: AddressSpace, caller: AddressSpace, address: number, byteCount: number, old: boolean): number {
  if (byteCount !== USER_DESC_BYTES) return -Errno.EINVAL;
  const bytes = caller.read(address, USER_DESC_BYTES);
  if (bytes === undefined) return -Errno.EFAULT;
  const { entry, base, limit, flags } = USER_DESC.read(bytes);
  if (entry >= LDT_ENTRIES) return -Errno.EINVAL;
  const contents = (flags >>> Flag.contents) & 3;
  if (contents === CONFORMING && (old || (flags & Flag.notPresent) === 0)) return -Errno.EINVAL;
  if (isEmpty(base, limit, flags) || (old && base === 0 && limit === 0)) {
    space.ldt.set(entry, 0, 0);
    return 0;
  }
  const high = descriptorHigh(base, limit, old ? flags & ~Flag.useable : flags);
  space.ldt.set(entry, ((base & 0xffff) << 16) | (limit & 0xffff), high);
  return 0;
}

/** LDT_empty: nothing but "read/execute only" and "not present". */
function isEmpty(base: number, limit: number, flags: number): boolean {
  return base === 0 && limit === 0 && (flags & 0xff) === (Flag.readExecuteOnly | Flag.notPresent);
}

/** High word of the descriptor: base 31–24 and 23–16, limit 19–16, attributes of an accessed segment of privilege 3. */
function descriptorHigh(base: number, limit: number, flags: number): number {
  const has = (flag: number, bit: number): number => ((flags & flag) === 0 ? 0 : bit);
  const type = (has(Flag.readExecuteOnly, 1) === 0 ? 2 : 0) | (((flags >>> Flag.contents) & 3) << 2) | 1;
  const access = (type << 8) | (1 << 12) | (3 << 13) | ((has(Flag.notPresent, 1) ^ 1) << 15);
  const size = has(Flag.useable, 1 << 20) | has(Flag.is32Bit, 1 << 22) | has(Flag.limitInPages, 1 << 23);
  return (base & 0xff000000) | ((base >>> 16) & 0xff) | (limit & 0xf0000) | access | size;
}
