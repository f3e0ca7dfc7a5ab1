/**
 * The terminal line discipline (n_tty): editing, echo, signals and newline conversion between the wire and the reading process.
 * It knows neither processes nor descriptors: what it wants done goes through {@link LineHost}.
 */
import { ByteQueue } from './byte-queue.ts';
import { Control, InputFlag, LocalFlag, OutputFlag, standardTermios, type Termios } from './termios.ts';
import { Signal } from '../signals/signal-numbers.ts';

export interface LineHost {
  /** Bytes for the terminal. */
  transmit(bytes: Uint8Array): void;
  /** Bytes the terminal can take now. */
  readonly transmitRoom: number;
  /** A signal for the foreground process group. */
  signalForeground(signal: number): void;
  /** Input became readable. */
  inputReady(): void;
}

/** Bytes kept for readers, as Linux's N_TTY_BUF_SIZE; more input is thrown away. */
const BUFFER_SIZE = 4096;
const NEWLINE = 10;
const RETURN = 13;
const TAB = 9;
const BACKSPACE = 8;
const DELETE = 127;
const BELL = 7;
const SPACE = 32;
/** A control character set to this is switched off. */
const DISABLED = 0;

export class LineDiscipline {
  readonly termios: Termios = standardTermios();
  private readonly host: LineHost;
  /** Bytes a reader may have. */
  private readonly queue = new ByteQueue();
  /** Canonical mode: where lines end, as counts of queued bytes; an end of file ends one without a byte. */
  private boundaries: number[] = [];
  /** The line being edited. */
  private edit: number[] = [];
  private literal = false;
  /** Output column, for tabs and erasing. */
  private column = 0;
  /** Column at which the line being edited began. */
  private editColumn = 0;
  /** Echo of the bytes being received, sent when all of them have been; a signal character throws it away. */
  private echoed: number[] = [];
  /** Output is stopped (^S). */
  stopped = false;

  constructor(host: LineHost) {
    this.host = host;
  }

  get canonical(): boolean {
    return (this.termios.local & LocalFlag.canonical) !== 0;
  }

  /** Bytes the wire may deliver now; a canonical line that is too long is cut instead of holding up what would end it. */
  get inputRoom(): number {
    const room = BUFFER_SIZE - 1 - this.queue.length - this.edit.length;
    return room <= 0 && this.canonical && this.boundaries.length === 0 ? 1 : room;
  }

  /** Bytes FIONREAD counts. */
  get available(): number {
    return this.queue.length;
  }

  /** True if a read would not wait. */
  get readable(): boolean {
    if (this.canonical) return this.boundaries.length > 0;
    const { characters } = this.termios;
    const minimum = characters[Control.time] === 0 && characters[Control.minimum] > 0 ? characters[Control.minimum] : 1;
    return this.queue.length >= minimum;
  }

  /** Raw bytes waiting. */
  get queued(): number {
    return this.queue.length;
  }

  /** Takes at most one line (canonical) or what is there (raw); 0 is end of file or nothing. */
  read(into: Uint8Array): number {
    if (!this.canonical) {
      const count = this.queue.shift(into);
      this.boundaries = this.boundaries.filter((end) => end > count).map((end) => end - count);
      return count;
    }
    const end = this.boundaries[0];
    if (end === undefined) return 0;
    const count = this.queue.shift(into.subarray(0, Math.min(into.length, end)));
    if (count === end) this.boundaries.shift();
    this.boundaries = this.boundaries.map((boundary) => boundary - count);
    return count;
  }

  /** New settings; what was typed stays readable across a change of mode. */
  setTermios(change: (termios: Termios) => void): void {
    const wasCanonical = this.canonical;
    change(this.termios);
    if (wasCanonical && !this.canonical) {
      this.queue.push(Uint8Array.from(this.edit));
      this.edit = [];
      this.boundaries = [];
      if (this.queue.length > 0) this.host.inputReady();
    } else if (!wasCanonical && this.canonical && this.queue.length > 0) {
      this.boundaries = [this.queue.length];
    }
  }

  flushInput(): void {
    this.queue.clear();
    this.boundaries = [];
    this.edit = [];
  }

  /** Bytes from the wire. */
  receive(bytes: Uint8Array): void {
    const before = this.queue.length + this.boundaries.length;
    for (const byte of bytes) this.receiveByte(byte);
    if (this.echoed.length > 0) {
      const echo = Uint8Array.from(this.echoed);
      this.echoed = [];
      this.host.transmit(echo);
    }
    if (this.queue.length + this.boundaries.length > before) this.host.inputReady();
  }

  /** How many bytes of `bytes` a process may write now, and writes them (OPOST done). */
  write(bytes: Uint8Array): number {
    if (this.stopped) return 0;
    if ((this.termios.output & OutputFlag.process) === 0) {
      const room = Math.min(bytes.length, this.host.transmitRoom);
      if (room > 0) this.host.transmit(bytes.subarray(0, room));
      return room;
    }
    const out: number[] = [];
    const room = this.host.transmitRoom;
    let taken = 0;
    for (const byte of bytes) {
      if (out.length + 8 > room) break;
      this.processOutput(byte, out);
      taken++;
    }
    if (out.length > 0) this.host.transmit(Uint8Array.from(out));
    return taken;
  }

  private receiveByte(raw: number): void {
    const { input, local, characters } = this.termios;
    let byte = raw;
    if ((input & InputFlag.strip) !== 0) byte &= 0x7f;
    if (this.literal) {
      this.literal = false;
      this.store(byte, true);
      return;
    }
    if ((input & InputFlag.upperToLower) !== 0 && (local & LocalFlag.extended) !== 0 && byte >= 65 && byte <= 90) byte += 32;
    if ((input & InputFlag.xon) !== 0) {
      if (byte !== DISABLED && byte === characters[Control.stop]) {
        this.stopped = true;
        return;
      }
      if (byte !== DISABLED && byte === characters[Control.start]) {
        this.restartOutput();
        return;
      }
    }
    if ((local & LocalFlag.signals) !== 0 && byte !== DISABLED) {
      const signal = byte === characters[Control.interrupt] ? Signal.INT : byte === characters[Control.quit] ? Signal.QUIT : byte === characters[Control.suspend] ? Signal.TSTP : 0;
      if (signal !== 0) {
        if ((local & LocalFlag.noFlush) === 0) {
          this.flushInput();
          this.echoed = [];
        }
        this.restartOutput();
        this.echo(byte);
        this.host.signalForeground(signal);
        return;
      }
    }
    if (this.stopped && (input & InputFlag.xany) !== 0) this.restartOutput();
    if (byte === RETURN) {
      if ((input & InputFlag.ignoreCr) !== 0) return;
      if ((input & InputFlag.crToNl) !== 0) byte = NEWLINE;
    } else if (byte === NEWLINE && (input & InputFlag.nlToCr) !== 0) byte = RETURN;
    if ((local & LocalFlag.canonical) !== 0) this.receiveCanonical(byte);
    else this.store(byte, false);
  }

  private receiveCanonical(byte: number): void {
    const { local, characters } = this.termios;
    const extended = (local & LocalFlag.extended) !== 0;
    if (byte !== DISABLED) {
      if (byte === characters[Control.erase]) return this.erase('character');
      if (byte === characters[Control.kill]) return this.erase('line');
      if (extended && byte === characters[Control.wordErase]) return this.erase('word');
      if (extended && byte === characters[Control.literalNext]) {
        this.literal = true;
        if ((local & LocalFlag.echo) !== 0 && (local & LocalFlag.echoControl) !== 0) this.emit([94, BACKSPACE]);
        return;
      }
      if (extended && byte === characters[Control.reprint] && (local & LocalFlag.echo) !== 0) {
        this.echo(byte);
        this.emit([NEWLINE]);
        for (const old of this.edit) this.echo(old);
        return;
      }
      if (byte === characters[Control.endOfFile]) {
        this.endLine();
        return;
      }
    }
    const ends = byte === NEWLINE || (byte !== DISABLED && (byte === characters[Control.endOfLine] || (extended && byte === characters[Control.endOfLine2])));
    if (!ends) {
      this.store(byte, false);
      return;
    }
    if (byte === NEWLINE) {
      if ((local & (LocalFlag.echo | LocalFlag.echoNewline)) !== 0) this.emit([NEWLINE]);
    } else this.echo(byte);
    this.edit.push(byte);
    this.endLine();
  }

  /** Adds an ordinary byte to the line or the queue. */
  private store(byte: number, literally: boolean): void {
    if (this.queue.length + this.edit.length >= BUFFER_SIZE - 1) {
      if ((this.termios.input & InputFlag.maxBell) !== 0) this.echoed.push(BELL);
      return;
    }
    if (this.edit.length === 0) this.editColumn = this.column;
    if (byte === NEWLINE && !literally && !this.canonical && (this.termios.local & LocalFlag.echo) !== 0) this.emit([NEWLINE]);
    else this.echo(byte);
    if (this.canonical) this.edit.push(byte);
    else this.queue.push(Uint8Array.of(byte));
  }

  private endLine(): void {
    this.queue.push(Uint8Array.from(this.edit));
    this.edit = [];
    this.boundaries.push(this.queue.length);
  }

  private erase(what: 'character' | 'word' | 'line'): void {
    const { local } = this.termios;
    const echo = (local & LocalFlag.echo) !== 0;
    if (what === 'line' && echo && (local & LocalFlag.echoKillErase) === 0) {
      this.edit = [];
      if ((local & LocalFlag.echoKill) !== 0) this.emit([NEWLINE]);
      return;
    }
    const isWord = (byte: number): boolean => byte === 95 || (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte >= 128;
    let seenWord = false;
    for (;;) {
      const last = this.edit.at(-1);
      if (last === undefined) break;
      if (what === 'word') {
        if (isWord(last)) seenWord = true;
        else if (seenWord) break;
      }
      this.eraseOne();
      if (what === 'character') break;
    }
  }

  private eraseOne(): void {
    const { local, input, characters } = this.termios;
    let last = this.edit.pop();
    if (last === undefined) return;
    // A UTF-8 sequence goes as a whole.
    while ((input & InputFlag.utf8) !== 0 && last !== undefined && (last & 0xc0) === 0x80) last = this.edit.pop();
    if (last === undefined || (local & LocalFlag.echo) === 0) return;
    if ((local & LocalFlag.echoErase) === 0) {
      this.echo(characters[Control.erase]);
      return;
    }
    if (last === TAB) {
      const target = this.edit.reduce((column, byte) => advance(column, byte, (local & LocalFlag.echoControl) !== 0), this.editColumn);
      while (this.column > target) this.emit([BACKSPACE]);
      return;
    }
    const width = isControl(last) ? ((local & LocalFlag.echoControl) !== 0 ? 2 : 0) : 1;
    for (let i = 0; i < width; i++) this.emit([BACKSPACE, SPACE, BACKSPACE]);
  }

  /** Shows a typed byte, control characters as ^X. */
  private echo(byte: number): void {
    const { local } = this.termios;
    if ((local & LocalFlag.echo) === 0) return;
    if (isControl(byte) && byte !== TAB && (local & LocalFlag.echoControl) !== 0) this.emit([94, byte ^ 64]);
    else this.emit([byte]);
  }

  private emit(bytes: readonly number[]): void {
    for (const byte of bytes) {
      if ((this.termios.output & OutputFlag.process) !== 0) this.processOutput(byte, this.echoed);
      else this.echoed.push(byte);
    }
  }

  private processOutput(byte: number, out: number[]): void {
    const { output } = this.termios;
    switch (byte) {
      case NEWLINE:
        if ((output & OutputFlag.nlToCrNl) !== 0) {
          out.push(RETURN, NEWLINE);
          this.column = 0;
          return;
        }
        if ((output & OutputFlag.nlReturns) !== 0) this.column = 0;
        break;
      case RETURN:
        if ((output & OutputFlag.noCrAtZero) !== 0 && this.column === 0) return;
        if ((output & OutputFlag.crToNl) !== 0) {
          out.push(NEWLINE);
          if ((output & OutputFlag.nlReturns) !== 0) this.column = 0;
          return;
        }
        this.column = 0;
        break;
      case TAB: {
        const width = 8 - (this.column & 7);
        this.column += width;
        if ((output & OutputFlag.tabs) === OutputFlag.tabs) {
          for (let i = 0; i < width; i++) out.push(SPACE);
          return;
        }
        break;
      }
      case BACKSPACE:
        if (this.column > 0) this.column--;
        break;
      default:
        if (!isControl(byte)) {
          if ((byte & 0xc0) !== 0x80 || (this.termios.input & InputFlag.utf8) === 0) this.column++;
          if ((output & OutputFlag.lowerToUpper) !== 0 && byte >= 97 && byte <= 122) byte -= 32;
        }
    }
    out.push(byte);
  }

  private restartOutput(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.host.transmit(new Uint8Array(0));
  }
}

function isControl(byte: number): boolean {
  return byte < SPACE || byte === DELETE;
}

/** Column after showing `byte` at `column`. */
function advance(column: number, byte: number, showsControl: boolean): number {
  if (byte === TAB) return column + 8 - (column & 7);
  if (isControl(byte)) return column + (showsControl ? 2 : 0);
  return column + 1;
}
