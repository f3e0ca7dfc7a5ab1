/** The character devices every machine has: null, zero, full, random, urandom, tty, kmsg. */
import { Errno } from '../errno.ts';
import type { SyscallCall } from '../syscall.ts';
import { SharedAnonymous } from '../../memory/shared-anonymous.ts';
import type { PageSource } from '../../memory/page-source.ts';
import type { Dentry } from './dentry.ts';
import type { DeviceOpener } from './device-registry.ts';
import { makeDevice } from './file-mode.ts';
import { OpenFile } from './open-file.ts';
import { TerminalFile } from './terminal-file.ts';
import { Terminal } from './terminal.ts';
import type { Kernel } from '../kernel.ts';

export interface DeviceDescription {
  /** Name in /dev; undefined: only its number is served. */
  readonly name: string | undefined;
  readonly number: number;
  readonly mode: number;
  readonly open: DeviceOpener;
}

class MemoryDevice extends OpenFile {
  override get seekable(): boolean {
    return true;
  }

  override seek(): number {
    return 0;
  }

  override write(_call: SyscallCall, from: Uint8Array): number {
    return from.length;
  }

  override read(_call: SyscallCall, _into: Uint8Array): number {
    return 0;
  }
}

class ZeroFile extends MemoryDevice {
  protected readonly kernel: Kernel;

  constructor(kernel: Kernel, dentry: Dentry, flags: number) {
    super(flags, dentry);
    this.kernel = kernel;
  }

  override read(_call: SyscallCall, into: Uint8Array): number {
    into.fill(0);
    return into.length;
  }

  override mapSource(): PageSource {
    return new SharedAnonymous(this.kernel.frames, this.dentry?.inode.number ?? 0);
  }
}

class FullFile extends MemoryDevice {
  override read(_call: SyscallCall, into: Uint8Array): number {
    into.fill(0);
    return into.length;
  }

  override write(): number {
    return -Errno.ENOSPC;
  }
}

class RandomFile extends MemoryDevice {
  override read(call: SyscallCall, into: Uint8Array): number {
    call.thread.kernel.random.fill(into);
    return into.length;
  }
}

/** What a process says to /dev/kmsg goes to the machine's own messages. */
class KernelLogFile extends MemoryDevice {
  override write(call: SyscallCall, from: Uint8Array): number {
    call.thread.kernel.trace.warn(`kmsg: ${Buffer.from(from).toString('utf8').trimEnd()}`);
    return from.length;
  }

  override read(): number {
    return -Errno.EAGAIN;
  }
}

const MEMORY = 1;
const CONTROLLING_TERMINAL = makeDevice(5, 0);

function openControllingTerminal(call: SyscallCall, dentry: Dentry, flags: number): OpenFile | number {
  const { terminal } = call.thread.process.session;
  return terminal instanceof Terminal ? new TerminalFile(terminal, dentry, flags) : -Errno.ENXIO;
}

export const characterDevices: readonly DeviceDescription[] = [
  { name: 'null', number: makeDevice(MEMORY, 3), mode: 0o666, open: (_call, dentry, flags) => new MemoryDevice(flags, dentry) },
  { name: 'zero', number: makeDevice(MEMORY, 5), mode: 0o666, open: (call, dentry, flags) => new ZeroFile(call.thread.kernel, dentry, flags) },
  { name: 'full', number: makeDevice(MEMORY, 7), mode: 0o666, open: (_call, dentry, flags) => new FullFile(flags, dentry) },
  { name: 'random', number: makeDevice(MEMORY, 8), mode: 0o666, open: (_call, dentry, flags) => new RandomFile(flags, dentry) },
  { name: 'urandom', number: makeDevice(MEMORY, 9), mode: 0o666, open: (_call, dentry, flags) => new RandomFile(flags, dentry) },
  { name: 'kmsg', number: makeDevice(MEMORY, 11), mode: 0o644, open: (_call, dentry, flags) => new KernelLogFile(flags, dentry) },
  { name: 'tty', number: CONTROLLING_TERMINAL, mode: 0o666, open: openControllingTerminal },
];
