/** A thread's segment registers and TLS descriptors, as the system and its tracer set them. */
import { loadSegment, TLS_ENTRIES, TLS_FIRST } from '../../cpu/segment-load.ts';
import { Segment, TLS_DESCRIPTORS } from '../../cpu/state.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { Errno } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { modifyLdt } from '../memory/modify-ldt.ts';
import { describe, descriptorOf, DescFlag, isEmpty, readUserDesc, USER_DESC_BYTES, writeUserDesc, type UserDesc } from '../memory/user-desc.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import type { Thread } from './thread.ts';

const DATA_SEGMENTS = [Segment.es, Segment.ds, Segment.fs, Segment.gs] as const;
/** Index part of a selector, and the bit that says LDT. */
const INDEX = 0xfff8;
const IN_LDT = 4;
/** set_thread_area's entry number that asks for any free one. */
const ANY_ENTRY = 0xffffffff;

/** Loads a segment register; a selector that cannot be loaded leaves it null, as the kernel's own loads do. */
export function setSegment(thread: Thread, segment: number, selector: number): void {
  const { context, kernel, space } = thread;
  const { view } = kernel.linear;
  if (loadSegment(view, context.slot, segment, selector, space.ldt) !== 'done') loadSegment(view, context.slot, segment, 0, space.ldt);
}

/** Loads again what names a descriptor of the LDT, when that has changed or the thread has come into another address space. */
export function refreshLdtSegments(thread: Thread): void {
  refresh(thread, (selector) => (selector & IN_LDT) !== 0);
}

/** The same for all threads in an address space. */
export function ldtChanged(kernel: Kernel, space: AddressSpace): void {
  for (const thread of kernel.threads.values()) if (thread.space === space && thread.state.kind !== 'dead') refreshLdtSegments(thread);
}

function refresh(thread: Thread, concerns: (selector: number) => boolean): void {
  for (const segment of DATA_SEGMENTS) {
    const selector = thread.context.selector(segment);
    if (selector > 3 && concerns(selector)) setSegment(thread, segment, selector);
  }
}

function tlsAddress(thread: Thread, entry: number): number {
  return thread.context.at(TLS_DESCRIPTORS) + (entry - TLS_FIRST) * 8;
}

function isTlsEntry(entry: number): boolean {
  return entry >= TLS_FIRST && entry < TLS_FIRST + TLS_ENTRIES;
}

/** May a TLS entry be this? Not code, not 16-bit, not absent; "empty" and all zeros clear the entry. */
function isAllowed(desc: UserDesc): boolean {
  if (isEmpty(desc) || isZero(desc)) return true;
  return (desc.flags & DescFlag.is32Bit) !== 0 && ((desc.flags >>> DescFlag.contents) & 3) < 2 && (desc.flags & DescFlag.notPresent) === 0;
}

function isZero({ base, limit, flags }: UserDesc): boolean {
  return base === 0 && limit === 0 && (flags & 0xff) === 0;
}

/**
 * set_thread_area: a TLS entry of `thread` from a struct user_desc in the caller's memory.
 * @param asked entry number; undefined: the structure's
 * @param mayChoose −1 there asks for a free entry, whose number is stored
 * @returns 0 or -errno
 */
export function setThreadArea(thread: Thread, caller: Thread, address: number, asked: number | undefined, mayChoose: boolean): number {
  const desc = readUserDesc(caller.space, address);
  if (desc === undefined) return -Errno.EFAULT;
  if (!isAllowed(desc)) return -Errno.EINVAL;
  let entry = asked ?? desc.entry;
  const { view } = thread.kernel.linear;
  if (entry === ANY_ENTRY && mayChoose) {
    const free = Array.from({ length: TLS_ENTRIES }, (_, i) => TLS_FIRST + i).find((each) => view.getBigUint64(tlsAddress(thread, each), true) === 0n);
    if (free === undefined) return -Errno.ESRCH;
    if (!caller.space.writeU32(address, free)) return -Errno.EFAULT;
    entry = free;
  }
  if (!isTlsEntry(entry)) return -Errno.EINVAL;
  const [low, high] = isEmpty(desc) || isZero(desc) ? [0, 0] : descriptorOf(desc);
  view.setInt32(tlsAddress(thread, entry), low, true);
  view.setInt32(tlsAddress(thread, entry) + 4, high, true);
  refresh(thread, (selector) => (selector & (INDEX | IN_LDT)) === entry << 3);
  return 0;
}

/** get_thread_area. */
export function getThreadArea(thread: Thread, caller: Thread, address: number, asked: number | undefined): number {
  const entry = asked ?? caller.space.readU32(address);
  if (entry === undefined) return -Errno.EFAULT;
  if (!isTlsEntry(entry)) return -Errno.EINVAL;
  const { view } = thread.kernel.linear;
  const at = tlsAddress(thread, entry);
  return writeUserDesc(caller.space, address, describe(entry, view.getInt32(at, true), view.getInt32(at + 4, true))) ? 0 : -Errno.EFAULT;
}

/** Bytes of NT_386_TLS: a struct user_desc for each entry. */
export const TLS_BYTES = TLS_ENTRIES * USER_DESC_BYTES;

/** Copies the first TLS entries to a tracer's memory; 0 or -errno. */
export function getTls(tracer: Thread, tracee: Thread, address: number, length: number): number {
  return eachEntry(length, (entry, offset) => getThreadArea(tracee, tracer, address + offset, entry));
}

/** Sets them from there. */
export function setTls(tracer: Thread, tracee: Thread, address: number, length: number): number {
  return eachEntry(length, (entry, offset) => setThreadArea(tracee, tracer, address + offset, entry, false));
}

function eachEntry(length: number, act: (entry: number, offset: number) => number): number {
  for (let offset = 0; offset < length; offset += USER_DESC_BYTES) {
    const result = act(TLS_FIRST + offset / USER_DESC_BYTES, offset);
    if (result < 0) return result;
  }
  return 0;
}

/** The system call's result is an unsigned int, errors too: a 64-bit caller sees a large positive number. */
function modifyOwnLdt(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const { kernel, space } = thread;
  const result = modifyLdt(space, space, call.int(0), call.args[1], call.args[2]);
  ldtChanged(kernel, space);
  return wordSize === 8 ? result >>> 0 : result;
}

export const segmentSyscalls: readonly SyscallRow[] = [{ name: 'modify_ldt', args: ['int', 'ptr', 'size'], handler: modifyOwnLdt }];

/** i386 only. */
export const threadAreaSyscalls: readonly SyscallRow[] = [
  { name: 'set_thread_area', args: ['ptr'], handler: ({ thread, args }) => setThreadArea(thread, thread, args[0], undefined, true) },
  { name: 'get_thread_area', args: ['ptr'], handler: ({ thread, args }) => getThreadArea(thread, thread, args[0], undefined) },
];
