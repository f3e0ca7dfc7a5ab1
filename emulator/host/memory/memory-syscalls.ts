/** The memory family: mmap and its kin, which read their arguments here and do their work in memory/address-space.ts. */
import { PAGE_SIZE } from '../../cpu/state.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { MapFlag, Prot } from '../../memory/protection.ts';
import { Errno } from '../errno.ts';
import type { DescriptorTable } from '../files/descriptor-table.ts';
import { isReadable, isWritable } from '../files/open-flags.ts';
import { Personality } from '../misc/personality.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';

const MsyncFlag = { async: 1, invalidate: 2, sync: 4 } as const;
const MlockFlag = { onFault: 1 } as const;
const MclFlag = { current: 1, future: 2, onFault: 4 } as const;
/** membarrier(2): the commands which may be answered by doing nothing, as one CPU runs everything in order. */
const MEMBARRIER_QUERY = 0;
const MEMBARRIER_COMMANDS = 0x1ff;

/** What mmap is asked for. */
export interface MapRequest {
  readonly address: number;
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly fd: number;
  readonly pageOffset: number;
}

/** The third argument; to some programs whatever can be read can be executed. */
function protArgument(call: SyscallCall): number {
  const prot = call.int(2);
  return (prot & Prot.read) !== 0 && (call.thread.personality & Personality.readImpliesExec) !== 0 ? prot | Prot.exec : prot;
}

function mmap(call: SyscallCall): SyscallResult {
  const [address, length] = call.args;
  const offset = call.args[5];
  if (offset % PAGE_SIZE !== 0) return -Errno.EINVAL;
  const { space, descriptors } = call.thread;
  return mapObject(space, descriptors, { address, length, prot: protArgument(call), flags: call.int(3), fd: call.int(4), pageOffset: offset / PAGE_SIZE });
}

/** mmap with the offset in pages, into any address space; the file is one of `descriptors`. Returns the address or -errno. */
export function mapObject(space: AddressSpace, descriptors: DescriptorTable, request: MapRequest): number {
  const { address, length, prot, flags, fd, pageOffset } = request;
  if ((flags & MapFlag.hugeTlb) !== 0) return -Errno.ENOMEM;
  if ((flags & MapFlag.anonymous) !== 0) return space.map(address, length, prot, flags);
  const file = descriptors.get(fd);
  if (file === undefined) return -Errno.EBADF;
  if (length === 0) return -Errno.EINVAL;
  const type = flags & MapFlag.typeMask;
  const shared = type === MapFlag.shared || type === MapFlag.sharedValidate;
  if (!isReadable(file.flags)) return -Errno.EACCES;
  if (shared && (prot & Prot.write) !== 0 && !isWritable(file.flags)) return -Errno.EACCES;
  const source = file.mapSource(shared, (prot & Prot.write) !== 0);
  if (typeof source === 'number') return source;
  return space.map(address, length, prot, flags, source, pageOffset, !shared || isWritable(file.flags));
}

function munmap(call: SyscallCall): SyscallResult {
  return call.thread.space.unmap(call.args[0], call.args[1]);
}

function mprotect(call: SyscallCall): SyscallResult {
  return call.thread.space.protect(call.args[0], call.args[1], protArgument(call));
}

function mremap(call: SyscallCall): SyscallResult {
  return call.thread.space.remap(call.args[0], call.args[1], call.args[2], call.int(3), call.args[4]);
}

function brk(call: SyscallCall): SyscallResult {
  return call.thread.space.brk(call.args[0]);
}

function madvise(call: SyscallCall): SyscallResult {
  return call.thread.space.advise(call.args[0], call.args[1], call.int(2));
}

function msync(call: SyscallCall): SyscallResult {
  const [address, length] = call.args;
  const flags = call.int(2);
  if ((flags & ~(MsyncFlag.async | MsyncFlag.invalidate | MsyncFlag.sync)) !== 0 || address % PAGE_SIZE !== 0) return -Errno.EINVAL;
  if ((flags & MsyncFlag.async) !== 0 && (flags & MsyncFlag.sync) !== 0) return -Errno.EINVAL;
  if (length === 0) return 0;
  const { space } = call.thread;
  if ((flags & MsyncFlag.sync) !== 0) return space.synchronise(address, length);
  return space.isMapped(address, length) ? 0 : -Errno.ENOMEM;
}

function mincore(call: SyscallCall): SyscallResult {
  const [address, length, vector] = call.args;
  const { space } = call.thread;
  if (address % PAGE_SIZE !== 0) return -Errno.EINVAL;
  if (!(address + length <= space.layout.taskSize)) return -Errno.ENOMEM;
  const pages = space.residency(address, length);
  if (pages === undefined) return -Errno.ENOMEM;
  return space.write(vector, pages) ? 0 : -Errno.EFAULT;
}

function mlock(call: SyscallCall): SyscallResult {
  return call.thread.space.lock(call.args[0], call.args[1], true);
}

function mlock2(call: SyscallCall): SyscallResult {
  if ((call.int(2) & ~MlockFlag.onFault) !== 0) return -Errno.EINVAL;
  return call.thread.space.lock(call.args[0], call.args[1], true);
}

function munlock(call: SyscallCall): SyscallResult {
  return call.thread.space.lock(call.args[0], call.args[1], false);
}

function mlockall(call: SyscallCall): SyscallResult {
  const flags = call.int(0);
  if (flags === 0 || (flags & ~7) !== 0 || flags === MclFlag.onFault) return -Errno.EINVAL;
  const { space } = call.thread;
  space.lockFuture = (flags & MclFlag.future) !== 0;
  if ((flags & MclFlag.current) !== 0) space.lockAll(true);
  return 0;
}

function munlockall(call: SyscallCall): SyscallResult {
  call.thread.space.lockFuture = false;
  call.thread.space.lockAll(false);
  return 0;
}

function membarrier(call: SyscallCall): SyscallResult {
  const command = call.int(0);
  if (call.int(1) !== 0) return -Errno.EINVAL;
  if (command === MEMBARRIER_QUERY) return MEMBARRIER_COMMANDS;
  const single = command > 0 && (command & (command - 1)) === 0;
  return single && (command & MEMBARRIER_COMMANDS) !== 0 ? 0 : -Errno.EINVAL;
}

/** mmap2 has its offset in units of 4096 bytes. */
function mmap2(call: SyscallCall): SyscallResult {
  const [address, length, , , , pageOffset] = call.args;
  const { space, descriptors } = call.thread;
  return mapObject(space, descriptors, { address, length, prot: protArgument(call), flags: call.int(3), fd: call.int(4), pageOffset });
}

/** i386 only. */
export const memorySyscalls32: readonly SyscallRow[] = [{ name: 'mmap2', args: ['ptr', 'size', 'hex', 'hex', 'fd', 'hex'], handler: mmap2 }];

export const memorySyscalls: readonly SyscallRow[] = [
  { name: 'mmap', args: ['ptr', 'size', 'hex', 'hex', 'fd', 'hex'], handler: mmap },
  { name: 'munmap', args: ['ptr', 'size'], handler: munmap },
  { name: 'mprotect', args: ['ptr', 'size', 'hex'], handler: mprotect },
  { name: 'mremap', args: ['ptr', 'size', 'size', 'hex', 'ptr'], handler: mremap },
  { name: 'brk', args: ['ptr'], handler: brk },
  { name: 'madvise', args: ['ptr', 'size', 'int'], handler: madvise },
  { name: 'msync', args: ['ptr', 'size', 'hex'], handler: msync },
  { name: 'mincore', args: ['ptr', 'size', 'ptr'], handler: mincore },
  { name: 'mlock', args: ['ptr', 'size'], handler: mlock },
  { name: 'mlock2', args: ['ptr', 'size', 'hex'], handler: mlock2 },
  { name: 'munlock', args: ['ptr', 'size'], handler: munlock },
  { name: 'mlockall', args: ['hex'], handler: mlockall },
  { name: 'munlockall', args: [], handler: munlockall },
  { name: 'membarrier', args: ['int', 'hex', 'int'], handler: membarrier },
];
