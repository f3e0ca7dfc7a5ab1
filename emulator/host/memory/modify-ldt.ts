/** modify_ldt(2) on any address space (arch/x86/kernel/ldt.c has the rules): what the system call does to the caller's, and PTRACE_LDT to a tracee's. */
import type { AddressSpace } from '../../memory/address-space.ts';
import { LDT_ENTRIES, LDT_ENTRY_BYTES } from '../../memory/ldt.ts';
import { Errno } from '../errno.ts';
import { descriptorOf, DescFlag, isEmpty, readUserDesc, USER_DESC_BYTES } from './user-desc.ts';

/** modify_ldt's first argument. */
export const LdtFunction = { read: 0, writeOld: 1, readDefault: 2, write: 0x11 } as const;

/** Contents of a conforming code segment. */
const CONFORMING = 3;
/** What a default LDT is said to be by a 64-bit host: 128 bytes of zeros. */
const DEFAULT_LDT_BYTES = 128;

/**
 * @param space whose table it is about
 * @param caller whose memory `address` is in
 * @returns bytes read, 0, or -errno
 */
export function modifyLdt(space: AddressSpace, caller: AddressSpace, request: number, address: number, byteCount: number): number {
  switch (request) {
    case LdtFunction.read:
      return space.ldt.count === 0 ? 0 : give(caller, address, space.ldt.bytes, Math.min(byteCount, LDT_ENTRIES * LDT_ENTRY_BYTES));
    case LdtFunction.readDefault:
      return give(caller, address, new Uint8Array(0), Math.min(byteCount, DEFAULT_LDT_BYTES));
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
  const desc = readUserDesc(caller, address);
  if (desc === undefined) return -Errno.EFAULT;
  const { entry, base, limit, flags } = desc;
  if (entry >= LDT_ENTRIES) return -Errno.EINVAL;
  const contents = (flags >>> DescFlag.contents) & 3;
  if (contents === CONFORMING && (old || (flags & DescFlag.notPresent) === 0)) return -Errno.EINVAL;
  if (isEmpty(desc) || (old && base === 0 && limit === 0)) {
    space.ldt.set(entry, 0, 0);
    return 0;
  }
  const [low, high] = descriptorOf(old ? { ...desc, flags: flags & ~DescFlag.useable } : desc);
  space.ldt.set(entry, low, high);
  return 0;
}
