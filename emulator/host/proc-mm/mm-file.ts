/**
 * An open /proc/mm, /proc/mm64 or /dev/mm: a handle of an address space that was made empty by opening it. Each write is one operation on it. The
 * space lives until the last descriptor is closed and the last process that was switched into it has left.
 */
import { PAGE_SIZE } from '../../cpu/state.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { MapFlag } from '../../memory/protection.ts';
import { Errno } from '../errno.ts';
import type { Dentry } from '../files/dentry.ts';
import type { DescriptorTable } from '../files/descriptor-table.ts';
import { OpenFile } from '../files/open-file.ts';
import { OpenFlag } from '../files/open-flags.ts';
import { mapObject } from '../memory/memory-syscalls.ts';
import { Resource } from '../misc/limits.ts';
import { layout32, layout64 } from '../process/program.ts';
import type { Thread } from '../process/thread.ts';
import type { SyscallCall } from '../syscall.ts';
import { parseRequest, requestBytes, type MmRequest } from './mm-request.ts';

export class MmFile extends OpenFile {
  readonly space: AddressSpace;

  constructor(space: AddressSpace, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.space = space;
  }

  protected override closed(): void {
    this.space.release();
  }

  override writeLimit(call: SyscallCall): number {
    return requestBytes(call.wordSize);
  }

  /** The count, or -errno. */
  override write(call: SyscallCall, from: Uint8Array): number {
    const request = parseRequest(from, call.wordSize);
    if (typeof request === 'number') return request;
    const result = this.perform(call, request);
    return result < 0 ? result : from.length;
  }

  override get extraInfo(): string {
    return `mm:\t${this.space.id}\n`;
  }

  private perform(call: SyscallCall, request: MmRequest): number {
    const { space } = this;
    switch (request.kind) {
      case 'mmap': {
        // The caller's own place for it would mean nothing here
        if ((request.flags & MapFlag.fixed) === 0) return -Errno.EINVAL;
        if (call.wordSize === 8 && request.offset % PAGE_SIZE !== 0) return -Errno.EINVAL;
        const { address, length, prot, flags, fd } = request;
        return mapObject(space, call.thread.descriptors, { address, length, prot, flags, fd, pageOffset: Math.floor(request.offset / PAGE_SIZE) });
      }
      case 'munmap':
        return space.unmap(request.address, request.length);
      case 'mprotect':
        return space.protect(request.address, request.length, request.prot);
      case 'copy-segments': {
        const from = mmOf(call.thread.descriptors, request.fd);
        if (typeof from === 'number') return from;
        space.ldt.copyFrom(from.ldt);
        return 0;
      }
    }
  }
}

/** Opens a handle of a new, empty address space; -ENOMEM when there are as many as there may be. */
export function openMm(opener: Thread, dentry: Dentry, flags: number): MmFile | number {
  const { kernel, process, wordSize } = opener;
  const layout = wordSize === 4 ? layout32 : layout64;
  const space = kernel.spaces.create(layout(process.limits.soft(Resource.STACK)), process.spaceLimits);
  return space === undefined ? -Errno.ENOMEM : new MmFile(space, dentry, flags);
}

/** The address space a descriptor is a handle of; -EBADF, or -EINVAL for a file of another kind. */
export function mmOf(descriptors: DescriptorTable, fd: number): AddressSpace | number {
  const file = descriptors.get(fd);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  return file instanceof MmFile ? file.space : -Errno.EINVAL;
}
