/** /proc/<pid>/mem: a process's memory by address, as it was when the file was opened (an exec leaves it behind). */
import type { AddressSpace } from '../../../memory/address-space.ts';
import { Errno } from '../../errno.ts';
import type { SyscallCall } from '../../syscall.ts';
import type { Dentry } from '../dentry.ts';
import { OpenFile } from '../open-file.ts';

export class ProcMemoryFile extends OpenFile {
  private readonly space: AddressSpace;

  constructor(space: AddressSpace, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.space = space.retain();
  }

  protected override closed(): void {
    this.space.release();
  }

  override get seekable(): boolean {
    return true;
  }

  override read(_call: SyscallCall, into: Uint8Array, offset: number | undefined): number {
    const at = offset ?? this.position;
    const count = this.space.peekInto(at, into);
    if (count === 0 && into.length > 0) return -Errno.EIO;
    if (offset === undefined) this.position = at + count;
    return count;
  }

  override write(_call: SyscallCall, from: Uint8Array, offset: number | undefined): number {
    const at = offset ?? this.position;
    if (!this.space.poke(at, from)) return -Errno.EIO;
    if (offset === undefined) this.position = at + from.length;
    return from.length;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === 0 ? offset : whence === 1 ? this.position + offset : -1;
    if (whence > 1) return -Errno.EINVAL;
    this.position = target < 0 ? target + 2 ** 64 : target;
    return target;
  }
}
