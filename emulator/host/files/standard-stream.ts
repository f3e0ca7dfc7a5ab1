/**
 * Standard input, output and error when they are not a terminal: to guests they are pipes. Input comes in whenever the outside has
 * some; its end comes after the bytes.
 */
import { Errno } from '../errno.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../syscall.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Dentry } from './dentry.ts';
import { FileType } from './file-mode.ts';
import type { FileSystem } from './file-system.ts';
import { Inode } from './inode.ts';
import { Ioctl } from './ioctl-numbers.ts';
import { OpenFile, Poll } from './open-file.ts';
import { isReadable, isWritable, OpenFlag } from './open-flags.ts';
import { Readiness } from './readiness.ts';

/** A stream between the guest and the outside; its inode is a fifo's, so that /dev/stdin can be opened again. */
export class StandardStream extends Inode {
  readonly readiness = new Readiness();
  private readonly bytes = new ByteQueue();
  private readonly output: ((bytes: Uint8Array) => void) | undefined;
  private readonly wanted: (() => void) | undefined;
  private ended = false;

  /**
   * @param output where written bytes go; undefined for an input stream
   * @param wanted called when a reader finds nothing: the outside may want to read more
   */
  constructor(fileSystem: FileSystem, output: ((bytes: Uint8Array) => void) | undefined, wanted?: () => void) {
    super(fileSystem, FileType.fifo | 0o600);
    this.output = output;
    this.wanted = wanted;
  }

  /** Bytes from outside; call it between slices only. */
  input(bytes: Uint8Array): void {
    this.bytes.push(bytes);
    this.readiness.notify(Poll.in | Poll.rdnorm);
  }

  /** No more input after what has come. */
  end(): void {
    this.ended = true;
    this.readiness.notify(Poll.in | Poll.hup);
  }

  open(_call: SyscallCall, dentry: Dentry, flags: number): OpenFile {
    return new StandardFile(this, dentry, flags);
  }

  get available(): number {
    return this.bytes.length;
  }

  get atEnd(): boolean {
    return this.ended && this.bytes.length === 0;
  }

  /** Takes bytes; undefined when there are none yet. */
  take(into: Uint8Array): number | undefined {
    if (this.output !== undefined || this.atEnd) return 0;
    if (this.bytes.length > 0) return this.bytes.shift(into);
    this.wanted?.();
    return undefined;
  }

  give(bytes: Uint8Array): number {
    if (this.output === undefined) return -Errno.EPIPE;
    this.output(bytes);
    return bytes.length;
  }

  get isOutput(): boolean {
    return this.output !== undefined;
  }
}

export class StandardFile extends OpenFile {
  private readonly stream: StandardStream;

  constructor(stream: StandardStream, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.stream = stream;
  }

  override read(_call: SyscallCall, into: Uint8Array): SyscallResult {
    if (into.length === 0) return 0;
    const count = this.stream.take(into);
    if (count !== undefined) return count;
    return (this.flags & OpenFlag.nonBlock) !== 0 ? -Errno.EAGAIN : new Wait([this.stream.readiness]);
  }

  override write(_call: SyscallCall, from: Uint8Array): number {
    return this.stream.give(from);
  }

  override ioctl(call: SyscallCall, request: number, argument: number): SyscallResult {
    if (request !== Ioctl.FIONREAD) return -Errno.ENOTTY;
    return call.thread.space.writeU32(argument, this.stream.available) ? 0 : -Errno.EFAULT;
  }

  override poll(): number {
    let events = 0;
    if (isReadable(this.flags) && !this.stream.isOutput) {
      if (this.stream.available > 0) events |= Poll.in | Poll.rdnorm;
      if (this.stream.atEnd) events |= Poll.hup;
    }
    if (isWritable(this.flags) && this.stream.isOutput) events |= Poll.out | Poll.wrnorm;
    return events;
  }

  override get readiness(): Readiness {
    return this.stream.readiness;
  }
}
