/** Descriptors 0, 1 and 2 of the machine's first process: the console where skas runs on a terminal, pipes elsewhere. */
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process/process.ts';
import { ConsoleTty } from './console.ts';
import { Dentry } from './dentry.ts';
import type { OpenFile } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import { StandardFile, StandardStream } from './standard-stream.ts';
import { TerminalFile } from './terminal-file.ts';

export interface StandardIoOptions {
  /** Which of descriptors 0, 1 and 2 are the terminal skas runs on. */
  readonly terminal: readonly [boolean, boolean, boolean];
  /** Takes what the guest writes: to the console (as descriptor 1) or to descriptor 1 or 2. */
  readonly onOutput: (fd: 1 | 2, bytes: Uint8Array) => void;
  /** A reader of piped standard input found nothing: give more with `input`, or `end`. */
  readonly onInputWanted?: () => void;
}

export class StandardIo {
  /** For SpawnOptions.stdio. */
  readonly files: readonly OpenFile[];
  /** The console, if any descriptor is one. */
  readonly console: ConsoleTty | undefined;
  private readonly stream: StandardStream | undefined;

  constructor(kernel: Kernel, options: StandardIoOptions) {
    const { vfs } = kernel;
    const { ptys } = vfs;
    let console: ConsoleTty | undefined;
    let dentry: Dentry | undefined;
    if (options.terminal.includes(true)) {
      if (ptys === undefined) throw new Error('standard streams before the tree was built');
      console = ptys.adopt((device) => new ConsoleTty(kernel, device, (bytes) => options.onOutput(1, bytes)));
      dentry = ptys.dentryOf(console);
    }
    this.console = console;
    let stream: StandardStream | undefined;
    this.files = options.terminal.map((isTerminal, fd) => {
      if (isTerminal && console !== undefined && dentry !== undefined) return new TerminalFile(console, dentry, OpenFlag.readWrite | OpenFlag.largeFile);
      const output = fd === 0 ? undefined : (bytes: Uint8Array): void => options.onOutput(fd === 2 ? 2 : 1, bytes);
      const inode = new StandardStream(vfs.pipes, output, options.onInputWanted);
      if (fd === 0) stream = inode;
      return new StandardFile(inode, new Dentry(undefined, `pipe:[${inode.number}]`, inode), fd === 0 ? OpenFlag.readOnly : OpenFlag.writeOnly);
    });
    this.stream = stream;
  }

  /** After `kernel.spawn`: makes the console the process's controlling terminal, so that Ctrl-C reaches it. */
  attach(process: Process): void {
    this.console?.control(process);
  }

  /** Bytes from outside, between slices only. */
  input(bytes: Uint8Array): void {
    if (this.stream !== undefined) this.stream.input(bytes);
    else this.console?.input(bytes);
  }

  /** Standard input has ended; a terminal hangs up. */
  end(): void {
    if (this.stream !== undefined) this.stream.end();
    else this.console?.hangUp();
  }
}
