/** Terminal settings: flag values, struct termios and termios2 (include/uapi/asm-generic/termbits.h). */
export const InputFlag = {
  ignoreBreak: 0o1, breakInterrupt: 0o2, ignoreParity: 0o4, strip: 0o40, nlToCr: 0o100, ignoreCr: 0o200, crToNl: 0o400, upperToLower: 0o1000, xon: 0o2000,
  xany: 0o4000, xoff: 0o10000, maxBell: 0o20000, utf8: 0o40000,
} as const;
export const OutputFlag = { process: 0o1, lowerToUpper: 0o2, nlToCrNl: 0o4, crToNl: 0o10, noCrAtZero: 0o20, nlReturns: 0o40, tabs: 0o14000 } as const;
export const ControlFlag = { size8: 0o60, read: 0o200, hangup: 0o2000, baudMask: 0o10017, baud38400: 0o17 } as const;
export const LocalFlag = {
  signals: 0o1, canonical: 0o2, echo: 0o10, echoErase: 0o20, echoKill: 0o40, echoNewline: 0o100, noFlush: 0o200, stopOutput: 0o400, echoControl: 0o1000,
  echoPrint: 0o2000, echoKillErase: 0o4000, extended: 0o100000,
} as const;
/** Indices of the control characters. */
export const Control = {
  interrupt: 0, quit: 1, erase: 2, kill: 3, endOfFile: 4, time: 5, minimum: 6, swap: 7, start: 8, stop: 9, suspend: 10, endOfLine: 11, reprint: 12,
  discard: 13, wordErase: 14, literalNext: 15, endOfLine2: 16,
} as const;
/** c_cc members in struct termios. */
export const CONTROL_CHARACTERS = 19;

export interface Termios {
  input: number;
  output: number;
  control: number;
  local: number;
  line: number;
  readonly characters: Uint8Array;
  inputSpeed: number;
  outputSpeed: number;
}

/** What a fresh terminal has (tty_std_termios). */
export function standardTermios(): Termios {
  const { signals, canonical, echo, echoErase, echoKill, echoControl, echoKillErase, extended } = LocalFlag;
  return {
    input: InputFlag.crToNl | InputFlag.xon,
    output: OutputFlag.process | OutputFlag.nlToCrNl,
    control: ControlFlag.baud38400 | ControlFlag.size8 | ControlFlag.read,
    local: signals | canonical | echo | echoErase | echoKill | echoControl | echoKillErase | extended,
    line: 0,
    characters: Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0),
    inputSpeed: 38400,
    outputSpeed: 38400,
  };
}

export const TERMIOS_BYTES = 36;
export const TERMIOS2_BYTES = 44;
/** struct termio, the System V form: 16-bit flags and 8 characters. */
export const TERMIO_BYTES = 18;
const TERMIO_CHARACTERS = 8;

export function writeTermios(termios: Termios, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const flags = [termios.input, termios.output, termios.control, termios.local];
  if (size === TERMIO_BYTES) {
    flags.forEach((value, i) => view.setUint16(i * 2, value, true));
    bytes[8] = termios.line;
    bytes.set(termios.characters.subarray(0, TERMIO_CHARACTERS), 9);
    return bytes;
  }
  flags.forEach((value, i) => view.setUint32(i * 4, value, true));
  bytes[16] = termios.line;
  bytes.set(termios.characters, 17);
  if (size === TERMIOS2_BYTES) {
    view.setUint32(36, termios.inputSpeed, true);
    view.setUint32(40, termios.outputSpeed, true);
  }
  return bytes;
}

export function readTermios(termios: Termios, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes.length !== TERMIO_BYTES;
  const flag = (i: number, before: number): number => (wide ? view.getUint32(i * 4, true) : (before & ~0xffff) | view.getUint16(i * 2, true));
  termios.input = flag(0, termios.input);
  termios.output = flag(1, termios.output);
  termios.control = flag(2, termios.control);
  termios.local = flag(3, termios.local);
  termios.line = bytes[wide ? 16 : 8];
  termios.characters.set(wide ? bytes.subarray(17, 17 + CONTROL_CHARACTERS) : bytes.subarray(9, 9 + TERMIO_CHARACTERS));
  if (bytes.length === TERMIOS2_BYTES) {
    termios.inputSpeed = view.getUint32(36, true);
    termios.outputSpeed = view.getUint32(40, true);
  }
}
