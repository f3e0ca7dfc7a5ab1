/** One system call as a line of `--trace=syscall`, in strace's style: printed when the call has its result. */
import { Errno } from '../errno.ts';
import { signalName } from '../signals/signal-numbers.ts';
import { KEEP_RAX, type ArgumentFormat, type SyscallCall, type SyscallRow } from '../syscall.ts';

const ERROR_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Errno).map(([name, number]) => [number, name]));
const SHOWN_BYTES = 32;
const AT_FDCWD = -100;

export class SyscallTrace {
  private readonly call: SyscallCall;
  private readonly name: string;
  private readonly formats: readonly ArgumentFormat[];
  private readonly shown: (string | undefined)[];

  constructor(call: SyscallCall, name: string | undefined, row: SyscallRow | undefined) {
    this.call = call;
    this.name = row?.name ?? name ?? `syscall_${call.nr}`;
    this.formats = row?.args ?? ['hex', 'hex', 'hex', 'hex', 'hex', 'hex'];
    // Buffers are read when the call is over: before, they hold what a read is to replace.
    this.shown = this.formats.map((format, i) => (format === 'buf' ? undefined : this.show(format, i)));
  }

  /** @param result undefined: the call does not return. */
  finish(result: number | undefined): void {
    const { thread } = this.call;
    const shown = this.shown.map((text, i) => text ?? this.showBuffer(i, result ?? 0));
    thread.kernel.trace.line('syscall', `[${thread.tid}] ${this.name}(${shown.join(', ')}) = ${resultText(result)}`);
  }

  private show(format: ArgumentFormat, i: number): string {
    const { call } = this;
    switch (format) {
      case 'int':
      case 'pid':
      case 'fd':
        return String(call.int(i));
      case 'uint':
        return String(call.uint(i));
      case 'long':
        return String(call.signed(i));
      case 'size':
        return call.big(i).toString();
      case 'dirfd':
        return call.int(i) === AT_FDCWD ? 'AT_FDCWD' : String(call.int(i));
      case 'signal':
        return signalName(call.int(i));
      case 'mode':
        return `0${call.uint(i).toString(8)}`;
      case 'ptr':
        return call.args[i] === 0 ? 'NULL' : `0x${call.big(i).toString(16)}`;
      case 'hex':
      case 'flags':
        return `0x${call.big(i).toString(16)}`;
      case 'path':
      case 'str': {
        const text = call.thread.space.readString(call.args[i], 4096);
        return text === undefined ? `0x${call.big(i).toString(16)}` : JSON.stringify(text);
      }
      case 'buf':
        return this.showBuffer(i, 0);
    }
  }

  private showBuffer(i: number, result: number): string {
    const address = this.call.args[i];
    if (address === 0) return 'NULL';
    const bytes = result > 0 ? this.call.thread.space.read(address, Math.min(result, SHOWN_BYTES)) : undefined;
    if (bytes === undefined) return `0x${address.toString(16)}`;
    return `${JSON.stringify(Buffer.from(bytes).toString('latin1'))}${result > SHOWN_BYTES ? '...' : ''}`;
  }
}

function resultText(result: number | undefined): string {
  if (result === undefined || result === KEEP_RAX) return '?';
  const name = result < 0 ? ERROR_NAMES.get(-result) : undefined;
  if (name !== undefined) return `-1 ${name}`;
  return result > 0xffff ? `0x${result.toString(16)}` : String(result);
}
