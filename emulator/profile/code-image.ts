/** A program file as a profile sees it: functions by address, lines, and the bytes of instructions. Addresses are the file's own (before it is moved). */
import { transferKind } from '../cpu/counting/transfer.ts';
import { decode } from '../cpu/decode/decoder.ts';
import { Instruction } from '../cpu/decode/instruction.ts';
import { DebugInfo } from '../image/dwarf/debug-info.ts';
import { ElfFile, ElfMachine, ElfType, SegmentFlag, SegmentType, type ElfSymbols } from '../image/elf.ts';

export interface CodeFunction {
  readonly image: CodeImage;
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

/** A place in a source file. */
export interface SourceLine {
  /** As the debug information has it; absolute where the compiler's directory is known. */
  readonly file: string;
  readonly line: number;
}

const FUNCTION = 2;
const INDIRECT_FUNCTION = 10;
const GLOBAL = 1;
/** Longest instruction; the decoder may look at as much behind one. */
const MAX_LENGTH = 15;
/** Bytes in which changed code is remembered. */
const PATCH = 4096;

export class CodeImage {
  readonly path: string;
  readonly elf: ElfFile;
  /** Ascending, not overlapping. */
  readonly functions: readonly CodeFunction[];
  private readonly mode: 64 | 32;
  private readonly instruction = new Instruction();
  private debug: DebugInfo | undefined;
  /** By address: stretches that differ from the file. */
  private readonly patches = new Map<number, Uint8Array>();
  private readonly framed = new Map<number, CodeFunction>();
  /** The last one that was asked for: questions come in the order of addresses. */
  private stretch: { readonly low: number; readonly high: number; readonly line: SourceLine | undefined } = { low: 0, high: 0, line: undefined };

  /** @throws ElfError */
  constructor(bytes: Uint8Array, path: string) {
    this.path = path;
    this.elf = new ElfFile(bytes, path);
    this.mode = this.elf.header.machine === ElfMachine.x86_64 ? 64 : 32;
    this.functions = this.readFunctions();
  }

  /** Whether it is linked for fixed addresses. */
  get isFixed(): boolean {
    return this.elf.header.type === ElfType.executable;
  }

  /** The executable segment that holds a file offset: what a mapping of the file shows. */
  addressOfOffset(offset: number): number | undefined {
    const segment = this.elf.segments.find((s) => s.type === SegmentType.load && s.offset <= offset && offset < s.offset + s.fileSize);
    return segment === undefined ? undefined : segment.address + (offset - segment.offset);
  }

  /** Lowest and highest address of code. */
  get codeRange(): { readonly low: number; readonly high: number } {
    const code = this.elf.segments.filter((s) => s.type === SegmentType.load && (s.flags & SegmentFlag.execute) !== 0);
    return { low: Math.min(...code.map(({ address }) => address)), high: Math.max(...code.map(({ address, memorySize }) => address + memorySize)) };
  }

  functionAt(address: number): CodeFunction | undefined {
    let low = 0;
    let high = this.functions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.functions[middle].low <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.functions[low - 1];
    return found !== undefined && address < found.high ? found : this.framedFunction(address);
  }

  /** A function no symbol names, but whose extent the unwind information tells: named by file and address. */
  private framedFunction(address: number): CodeFunction | undefined {
    this.debug ??= DebugInfo.open(this.elf);
    const description = this.debug.frameAt(address)?.description;
    if (description === undefined) return undefined;
    const known = this.framed.get(description.low);
    if (known !== undefined) return known;
    const name = `${this.path.slice(this.path.lastIndexOf('/') + 1)}+0x${description.low.toString(16)}`;
    const made = { image: this, name, low: description.low, high: description.high };
    this.framed.set(description.low, made);
    return made;
  }

  lineAt(address: number): SourceLine | undefined {
    const last = this.stretch;
    if (address >= last.low && address < last.high) return last.line;
    this.debug ??= DebugInfo.open(this.elf);
    const found = this.debug.lineStretchAt(address);
    const line = found === undefined || found.row.line === 0 ? undefined : { file: found.row.file, line: found.row.line };
    this.stretch = { low: address, high: found?.end ?? address + 1, line };
    return line;
  }

  /**
   * Code as it is in memory, which may not be what is in the file: kernels patch themselves. What differs is what
   * {@link instructions} goes by from now on.
   * @param own first address, in the file's own addresses
   */
  compare(own: number, memory: Uint8Array): void {
    const file = this.fileBytes(own, memory.length);
    for (let at = 0; at < memory.length; at += PATCH) {
      const now = memory.subarray(at, at + PATCH);
      if (Buffer.compare(now, file.subarray(at, at + PATCH)) !== 0) this.patches.set(own + at, now.slice());
    }
  }

  /** Length of the instruction at an address; undefined: there is none that can be decoded. */
  lengthAt(address: number): number | undefined {
    return decode(this.code(address, 2 * MAX_LENGTH), 0, MAX_LENGTH, address, this.mode, this.instruction) === 'ok' ? this.instruction.length : undefined;
  }

  /** Whether the instruction at an address is a conditional branch: it is taken, or falls through. */
  isConditional(address: number): boolean {
    if (this.lengthAt(address) === undefined) return false;
    const { form } = this.instruction;
    return form !== undefined && transferKind(form.mnemonic, form.operands.some(({ method }) => method === 'rel')) === 'branch';
  }

  /** Addresses of the instructions of [low, high), one after the other; what cannot be decoded is one piece. */
  *instructions(low: number, high: number): Generator<number> {
    for (let address = low; address < high; address += this.lengthAt(address) ?? high - address) yield address;
  }

  private fileBytes(address: number, length: number): Uint8Array {
    const segment = this.elf.segments.find((s) => s.type === SegmentType.load && s.address <= address && address < s.address + s.fileSize);
    const bytes = new Uint8Array(length);
    if (segment === undefined) return bytes;
    const start = segment.offset + (address - segment.address);
    bytes.set(this.elf.bytes.subarray(start, Math.min(start + length, segment.offset + segment.fileSize)));
    return bytes;
  }

  /** The file's code with what was found different in memory. */
  private code(address: number, length: number): Uint8Array {
    const bytes = this.fileBytes(address, length);
    if (this.patches.size === 0) return bytes;
    for (let page = address - (address % PATCH); page < address + length; page += PATCH) {
      const patch = this.patches.get(page);
      if (patch === undefined) continue;
      const from = Math.max(page, address);
      bytes.set(patch.subarray(from - page, Math.min(patch.length, address + length - page)), from - address);
    }
    return bytes;
  }

  private readFunctions(): CodeFunction[] {
    const byStart = new Map<number, { name: string; end: number; global: boolean }>();
    for (const kind of ['dynamic', 'static'] as const) {
      const symbols = this.elf.symbols(kind);
      if (symbols !== undefined) addFunctions(symbols, byStart);
    }
    const sorted = [...byStart].sort(([a], [b]) => a - b);
    return sorted.map(([low, { name, end }], i) => ({ image: this, name, low, high: Math.min(end, sorted[i + 1]?.[0] ?? Infinity) }));
  }
}

function addFunctions(symbols: ElfSymbols, byStart: Map<number, { name: string; end: number; global: boolean }>): void {
  for (let i = 0; i < symbols.count; i++) {
    const type = symbols.info[i] & 0xf;
    if ((type !== FUNCTION && type !== INDIRECT_FUNCTION) || symbols.sections[i] === 0 || symbols.sizes[i] === 0) continue;
    const global = symbols.info[i] >> 4 === GLOBAL;
    const known = byStart.get(symbols.values[i]);
    const end = symbols.values[i] + symbols.sizes[i];
    if (known !== undefined && (known.global || !global)) {
      known.end = Math.max(known.end, end);
      continue;
    }
    byStart.set(symbols.values[i], { name: symbols.name(i), end: Math.max(known?.end ?? 0, end), global });
  }
}
