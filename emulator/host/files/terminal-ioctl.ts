/** ioctls of terminals (ioctl_tty(2)), for the console and both sides of ptys. */
import { Errno } from '../errno.ts';
import { Signal } from '../signals/signal-numbers.ts';
import type { SyscallCall, SyscallResult } from '../syscall.ts';
import { Ioctl } from './ioctl-numbers.ts';
import type { Terminal } from './terminal.ts';
import { readTermios, TERMIO_BYTES, TERMIOS2_BYTES, TERMIOS_BYTES, writeTermios } from './termios.ts';

/** What each settings request does. */
const GETTERS: ReadonlyMap<number, number> = new Map([[Ioctl.TCGETS, TERMIOS_BYTES], [Ioctl.TCGETS2, TERMIOS2_BYTES], [Ioctl.TCGETA, TERMIO_BYTES]]);
const SETTERS: ReadonlyMap<number, { readonly size: number; readonly flush: boolean }> = new Map([
  [Ioctl.TCSETS, { size: TERMIOS_BYTES, flush: false }], [Ioctl.TCSETSW, { size: TERMIOS_BYTES, flush: false }], [Ioctl.TCSETSF, { size: TERMIOS_BYTES, flush: true }],
  [Ioctl.TCSETS2, { size: TERMIOS2_BYTES, flush: false }], [Ioctl.TCSETSW2, { size: TERMIOS2_BYTES, flush: false }], [Ioctl.TCSETSF2, { size: TERMIOS2_BYTES, flush: true }],
  [Ioctl.TCSETA, { size: TERMIO_BYTES, flush: false }], [Ioctl.TCSETAW, { size: TERMIO_BYTES, flush: false }], [Ioctl.TCSETAF, { size: TERMIO_BYTES, flush: true }],
]);
const Flush = { input: 0, output: 1, both: 2 } as const;
const FlowControl = { outputOff: 0, outputOn: 1, inputOff: 2, inputOn: 3 } as const;

export function terminalIoctl(call: SyscallCall, terminal: Terminal, request: number, argument: number): SyscallResult {
  const { space, process } = call.thread;
  const give = (bytes: Uint8Array): number => (space.write(argument, bytes) ? 0 : -Errno.EFAULT);
  const giveInt = (value: number): number => (space.writeU32(argument, value) ? 0 : -Errno.EFAULT);
  const size = GETTERS.get(request);
  if (size !== undefined) return give(writeTermios(terminal.line.termios, size));
  const setter = SETTERS.get(request);
  if (setter !== undefined) {
    const background = terminal.checkForeground(call, Signal.TTOU);
    if (background !== 0) return background;
    const bytes = space.read(argument, setter.size);
    if (bytes === undefined) return -Errno.EFAULT;
    if (setter.flush) terminal.line.flushInput();
    terminal.line.setTermios((termios) => readTermios(termios, bytes));
    terminal.settingsChanged();
    return 0;
  }
  switch (request) {
    case Ioctl.TIOCGWINSZ: {
      const { rows, columns, xPixels, yPixels } = terminal.window;
      return give(new Uint8Array(Uint16Array.of(rows, columns, xPixels, yPixels).buffer));
    }
    case Ioctl.TIOCSWINSZ: {
      const bytes = space.read(argument, 8);
      if (bytes === undefined) return -Errno.EFAULT;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      terminal.resize(view.getUint16(0, true), view.getUint16(2, true), view.getUint16(4, true), view.getUint16(6, true));
      return 0;
    }
    case Ioctl.TIOCSCTTY:
      return setControlling(call, terminal, argument);
    case Ioctl.TIOCNOTTY:
      if (process.session.terminal !== terminal) return -Errno.ENOTTY;
      if (process.session.id === process.pid) {
        terminal.leaderExited(process.session);
      } else process.session.terminal = undefined;
      return 0;
    case Ioctl.TIOCGPGRP:
      if (process.session.terminal !== terminal) return -Errno.ENOTTY;
      return giveInt(terminal.foreground);
    case Ioctl.TIOCSPGRP:
      return setForeground(call, terminal, argument);
    case Ioctl.TIOCGSID:
      if (process.session.terminal !== terminal || terminal.session === undefined) return -Errno.ENOTTY;
      return giveInt(terminal.session.id);
    case Ioctl.FIONREAD:
      return giveInt(terminal.line.readable || !terminal.line.canonical ? terminal.line.available : 0);
    case Ioctl.TIOCOUTQ:
      return giveInt(0);
    case Ioctl.TCFLSH:
      if (call.int(2) < Flush.input || call.int(2) > Flush.both) return -Errno.EINVAL;
      if (call.int(2) !== Flush.output) terminal.line.flushInput();
      return 0;
    case Ioctl.TCXONC:
      switch (call.int(2)) {
        case FlowControl.outputOff:
          terminal.line.stopped = true;
          return 0;
        case FlowControl.outputOn:
          terminal.line.stopped = false;
          terminal.transmit(new Uint8Array(0));
          return 0;
        case FlowControl.inputOff:
        case FlowControl.inputOn:
          return 0;
        default:
          return -Errno.EINVAL;
      }
    case Ioctl.TCSBRK:
    case Ioctl.TCSBRKP:
    case Ioctl.TIOCEXCL:
    case Ioctl.TIOCNXCL:
      return 0;
    case Ioctl.TIOCGETD:
      return giveInt(0);
    case Ioctl.TIOCSETD:
      return space.readU32(argument) === 0 ? 0 : -Errno.EINVAL;
    case Ioctl.TIOCGDEV:
      return giveInt(terminal.deviceNumber);
    case Ioctl.TIOCSTI:
      return -Errno.EIO;
    case Ioctl.TIOCMGET:
      return -Errno.ENOTTY;
    default:
      return -Errno.ENOTTY;
  }
}

function setControlling(call: SyscallCall, terminal: Terminal, steal: number): number {
  const { process } = call.thread;
  const { session } = process;
  if (session.id === process.pid && session.terminal === terminal) return 0;
  if (session.id !== process.pid || session.terminal !== undefined) return -Errno.EPERM;
  if (terminal.session !== undefined) {
    if (steal !== 1 || process.credentials.euid !== 0) return -Errno.EPERM;
    terminal.releaseSession();
  }
  terminal.control(process);
  return 0;
}

function setForeground(call: SyscallCall, terminal: Terminal, argument: number): number {
  const { process, space, kernel } = call.thread;
  const background = terminal.checkForeground(call, Signal.TTOU);
  if (background !== 0) return background;
  if (process.session.terminal !== terminal || terminal.session !== process.session) return -Errno.ENOTTY;
  const group = space.readU32(argument);
  if (group === undefined) return -Errno.EFAULT;
  if (group > 0x7fffffff) return -Errno.EINVAL;
  const members = [...kernel.processes.values()].filter((other) => other.group === group);
  if (members.length === 0) return -Errno.ESRCH;
  if (!members.some((other) => other.session === process.session)) return -Errno.EPERM;
  terminal.foreground = group;
  return 0;
}
