/**
 * System calls on an excursion: those that change nothing but the caller's registers, memory and signal mask, which all come back; and what writing to
 * the console takes. Whatever else the host would do could not be taken back, so it is not done.
 */
import { Reg } from '../cpu/state.ts';
import { FileType } from '../host/files/file-mode.ts';
import { Ioctl } from '../host/files/ioctl-numbers.ts';
import type { OpenFile } from '../host/files/open-file.ts';
import { StandardStream } from '../host/files/standard-stream.ts';
import type { Terminal } from '../host/files/terminal.ts';
import { TerminalFile } from '../host/files/terminal-file.ts';
import { readTermios, TERMIOS2_BYTES, TERMIOS_BYTES, writeTermios } from '../host/files/termios.ts';
import { ARGUMENT_REGISTERS, callOnce } from '../host/process/syscall-dispatch.ts';
import type { Thread } from '../host/process/thread.ts';
import { SignalSet } from '../host/signals/signal-set.ts';
import { Wait } from '../host/syscall.ts';

const HARMLESS = new Set([
  'clock_gettime', 'clock_getres', 'gettimeofday', 'time', 'getpid', 'gettid', 'getppid', 'getuid', 'geteuid', 'getgid', 'getegid', 'clock_gettime64', 'sigprocmask', 'rt_sigprocmask', 'sched_yield',
]);
const OUTPUT = new Set(['write', 'writev']);
const READERS = new Set<number>([Ioctl.TCGETS, Ioctl.TCGETS2, Ioctl.TIOCGWINSZ]);
const WRITERS: ReadonlyMap<number, number> = new Map([
  [Ioctl.TCSETS, TERMIOS_BYTES], [Ioctl.TCSETSW, TERMIOS_BYTES], [Ioctl.TCSETSF, TERMIOS_BYTES],
  [Ioctl.TCSETS2, TERMIOS2_BYTES], [Ioctl.TCSETSW2, TERMIOS2_BYTES], [Ioctl.TCSETSF2, TERMIOS2_BYTES],
]);

export class ExcursionCalls {
  private readonly thread: Thread;
  private readonly blocked: bigint;
  /** Settings of terminals that were changed, as they were. */
  private readonly settings = new Map<Terminal, Uint8Array>();

  constructor(thread: Thread) {
    this.thread = thread;
    this.blocked = thread.signals.blocked.toBig();
  }

  /** Takes back what the calls have done outside of memory and registers. */
  undo(): void {
    this.thread.signals.blocked.set(SignalSet.fromBig(this.blocked));
    for (const [terminal, bytes] of this.settings) readTermios(terminal.line.termios, bytes);
  }

  /** Makes the call the registers ask for: its result, or why it was not made. */
  make(): number | string {
    const { context, kernel, wordSize } = this.thread;
    const nr = context.gprNumber(Reg.rax) | 0;
    const name = kernel.abis[wordSize].names[nr] ?? `number ${nr}`;
    const [first, second, third] = ARGUMENT_REGISTERS[wordSize].map((register) => context.gprNumber(register));
    const file = this.thread.descriptors.get(first | 0);
    const terminal = name === 'ioctl' && file instanceof TerminalFile ? this.terminalCall(file.terminal, second, third) : undefined;
    if (terminal !== undefined) return terminal;
    const plain = (name === 'ioctl' && READERS.has(second)) || (name === 'sigaltstack' && first === 0);
    if (!HARMLESS.has(name) && !plain && !(OUTPUT.has(name) && isConsole(file))) return `Stopped before the host's system call ${name}: its effects could not be taken back.`;
    const result = callOnce(this.thread, nr, wordSize);
    return result instanceof Wait ? `Stopped before the host's system call ${name}: it would have to wait.` : result;
  }

  /** Changes of settings, without what else they do (throwing typed input away). Undefined: it is another call. */
  private terminalCall(terminal: Terminal, request: number, address: number): number | undefined {
    const size = WRITERS.get(request);
    const bytes = size === undefined ? undefined : this.thread.space.read(address, size);
    if (bytes === undefined) return undefined;
    const { termios } = terminal.line;
    if (!this.settings.has(terminal)) this.settings.set(terminal, writeTermios(termios, TERMIOS2_BYTES));
    readTermios(termios, bytes);
    return 0;
  }
}

function isConsole(file: OpenFile | undefined): boolean {
  const inode = file?.dentry?.inode;
  return inode instanceof StandardStream || inode?.type === FileType.character;
}
