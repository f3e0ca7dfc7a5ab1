/**
 * Making the memory of a new program: segments, interpreter, heap, stack with arguments, environment and auxiliary vector,
 * laid out as Linux does it without address randomisation (fs/binfmt_elf.c is where the rules are).
 */
import { PAGE_SIZE } from '../../cpu/state.ts';
import { ELF_HEADER_BYTES, ElfError, ElfType, SegmentFlag, SegmentType, parseElfHeader, parseSegments, type ElfHeader, type ElfSegment } from '../../image/elf.ts';
import { pageDown, pageUp, type AddressSpace, type Layout } from '../../memory/address-space.ts';
import { MapFlag, Prot } from '../../memory/protection.ts';
import { byteString } from '../files/arguments.ts';
import type { ExecutableFile } from '../files/vfs.ts';
import { Personality } from '../misc/personality.ts';

/** An x86-64 user's address space: 47 bits, less a guard page. */
const TASK_SIZE = 0x7ffffffff000;
/** An i386 user's on a 64-bit host: all of 32 bits, less two pages (IA32_PAGE_OFFSET). */
const TASK_SIZE_32 = 0xffffe000;
/** Least room between stack and mappings. */
const LEAST_STACK_ROOM = 128 * 1024 * 1024;
const GUARD = 256 * PAGE_SIZE;
/** The same for a program that asks to be limited as on a 32-bit host (ADDR_LIMIT_3GB). */
const TASK_SIZE_3GB = 0xc0000000;
/** Position-independent programs with an interpreter go to two thirds of the address space; i386's so far above a third of it. */
const DYNAMIC_GAP_32 = 0x1000000;
/** What the stack's mapping has in advance below what is on it. */
const STACK_SPARE = 128 * 1024;
const LONGEST_INTERPRETER = 4096;

/** Auxiliary vector types (include/uapi/linux/auxvec.h). */
export const Aux = {
  null: 0, phdr: 3, phent: 4, phnum: 5, pagesz: 6, base: 7, flags: 8, entry: 9, uid: 11, euid: 12, gid: 13, egid: 14, platform: 15, hwcap: 16,
  clktck: 17, secure: 23, random: 25, hwcap2: 26, execfn: 31,
} as const;
const CLOCK_TICKS = 100;

/** A program file whose headers have been read; nothing is mapped yet. */
export interface Program {
  readonly file: ExecutableFile;
  readonly name: string;
  readonly header: ElfHeader;
  readonly segments: readonly ElfSegment[];
}

export interface StartState {
  readonly entry: number;
  readonly stack: number;
}

/** What goes onto the stack besides the strings. */
export interface ProcessFacts {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  /** cpuid(1).edx */
  readonly hwcap: number;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** What can be read can be executed (READ_IMPLIES_EXEC). */
  readonly readImpliesExec: boolean;
}

/** The bytes of a byte string (files/arguments.ts: one character for each). */
export function byteArray(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Layout of an x86-64 program's address space for a stack limit. */
export function layout64(stackLimit: number): Layout {
  return layoutBelow(TASK_SIZE, stackLimit);
}

/** The same of an i386 program's on a 64-bit host. */
export function layout32(stackLimit: number): Layout {
  return layoutBelow(TASK_SIZE_32, stackLimit);
}

function layoutBelow(taskSize: number, stackLimit: number): Layout {
  const room = Math.min(Math.max(stackLimit + GUARD, LEAST_STACK_ROOM), (taskSize / 6) * 5);
  return { taskSize, mmapBase: pageDown(taskSize - room) };
}

/** Of a program with that word size and personality. */
export function layoutFor(wordSize: 4 | 8, stackLimit: number, personality: number): Layout {
  const taskSize = wordSize === 8 ? TASK_SIZE : (personality & Personality.limit3Gb) !== 0 ? TASK_SIZE_3GB : TASK_SIZE_32;
  if ((personality & Personality.compatLayout) === 0) return layoutBelow(taskSize, stackLimit);
  return { taskSize, mmapBase: pageUp(taskSize / 3), upwards: true };
}

/** i386 programs from before PT_GNU_STACK expect that whatever can be read can be executed. */
export function expectsExecutableData(program: Program): boolean {
  return program.header.wordSize === 4 && !program.segments.some(({ type }) => type === SegmentType.gnuStack);
}

/** @throws ElfError when it is no program for x86 */
export function readProgram(file: ExecutableFile, name: string): Program {
  const start = new Uint8Array(ELF_HEADER_BYTES);
  const header = parseElfHeader(start.subarray(0, Math.max(file.read(0, start), 0)), name);
  if (header.type !== ElfType.executable && header.type !== ElfType.shared) throw new ElfError(`${name}: ELF type ${header.type} is not a program`);
  const table = new Uint8Array(header.programHeaderCount * header.programHeaderSize);
  const segments = parseSegments(header, table.subarray(0, Math.max(file.read(header.programHeaders, table), 0)), name);
  if (!segments.some((segment) => segment.type === SegmentType.load)) throw new ElfError(`${name}: nothing to load`);
  for (const segment of segments) {
    if (segment.type !== SegmentType.load) continue;
    if (segment.fileSize > segment.memorySize) throw new ElfError(`${name}: a segment has more in the file than in memory`);
    if (segment.offset + segment.fileSize > file.size) throw new ElfError(`${name}: truncated: a segment ends at byte ${segment.offset + segment.fileSize} of ${file.size}`);
    if ((segment.offset - segment.address) % PAGE_SIZE !== 0) throw new ElfError(`${name}: a segment's file offset and address do not match`);
  }
  return { file, name, header, segments };
}

/** The PT_INTERP path; undefined for a program that needs none. */
export function interpreterPath(program: Program): string | undefined {
  const segment = program.segments.find(({ type }) => type === SegmentType.interpreter);
  if (segment === undefined) return undefined;
  if (segment.fileSize < 2 || segment.fileSize > LONGEST_INTERPRETER) throw new ElfError(`${program.name}: unreasonable PT_INTERP`);
  const bytes = new Uint8Array(segment.fileSize);
  if (program.file.read(segment.offset, bytes) !== bytes.length || bytes[bytes.length - 1] !== 0) throw new ElfError(`${program.name}: PT_INTERP is not terminated`);
  return byteString(bytes.subarray(0, -1));
}

/**
 * Fills an empty address space with a program; undefined: no memory.
 * @param execfn path as given to execve
 */
export function loadProgram(
  space: AddressSpace, program: Program, interpreter: Program | undefined, strings: { readonly execfn: string; readonly argv: readonly Uint8Array[]; readonly envp: readonly Uint8Array[] },
  facts: ProcessFacts,
): StartState | undefined {
  const { wordSize } = program.header;
  const dynamicBase = wordSize === 8 ? (TASK_SIZE / 3) * 2 : pageUp(space.layout.taskSize / 3) + DYNAMIC_GAP_32;
  const base = pageDown(dynamicBase);
  const { readImpliesExec } = facts;
  if (readImpliesExec) space.heapProt |= Prot.exec;
  const stack = new StackBuilder(space, wordSize, readImpliesExec);
  if (!stack.writeStrings(strings.execfn, strings.argv, strings.envp, program)) return undefined;
  const wantsLowBase = program.header.type === ElfType.shared && interpreter !== undefined;
  const main = mapImage(space, program, wantsLowBase ? base : undefined, readImpliesExec);
  if (main === undefined) return undefined;
  space.codeStart = main.codeStart;
  space.codeEnd = main.codeEnd;
  space.dataStart = main.dataStart;
  space.dataEnd = main.dataEnd;
  // A static position-independent program lies where mappings go; its heap gets the room it left
  const isStaticPie = program.header.type === ElfType.shared && interpreter === undefined;
  space.heapStart = space.heapEnd = isStaticPie ? pageUp(dynamicBase) : pageUp(main.end);
  const loader = interpreter === undefined ? undefined : mapImage(space, interpreter, undefined, readImpliesExec);
  if (interpreter !== undefined && loader === undefined) return undefined;
  const entry = program.header.entry + main.bias;
  const sp = stack.writeTables(strings.argv.length, strings.envp.length, facts, (platform, random, execfn) => [
    [Aux.hwcap, facts.hwcap], [Aux.pagesz, PAGE_SIZE], [Aux.clktck, CLOCK_TICKS], [Aux.phdr, main.headers], [Aux.phent, program.header.programHeaderSize],
    [Aux.phnum, program.header.programHeaderCount], [Aux.base, loader?.bias ?? 0], [Aux.flags, 0], [Aux.entry, entry], [Aux.uid, facts.uid], [Aux.euid, facts.euid],
    [Aux.gid, facts.gid], [Aux.egid, facts.egid], [Aux.secure, 0], [Aux.random, random], [Aux.hwcap2, 0], [Aux.execfn, execfn], [Aux.platform, platform], [Aux.null, 0],
  ]);
  if (sp === undefined) return undefined;
  return { entry: interpreter === undefined || loader === undefined ? entry : interpreter.header.entry + loader.bias, stack: sp };
}

interface Image {
  readonly bias: number;
  /** First address after the last segment. */
  readonly end: number;
  /** Where the program headers are in memory; 0 if they are not. */
  readonly headers: number;
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/** Maps a program's PT_LOAD segments. `base`: where to put a position-independent one; undefined: wherever there is room. */
function mapImage(space: AddressSpace, program: Program, base: number | undefined, readImpliesExec: boolean): Image | undefined {
  const loads = program.segments.filter(({ type }) => type === SegmentType.load);
  const low = pageDown(Math.min(...loads.map(({ address }) => address)));
  const high = pageUp(Math.max(...loads.map(({ address, memorySize }) => address + memorySize)));
  let bias = 0;
  if (program.header.type === ElfType.shared) {
    let place = base;
    if (place === undefined) {
      place = space.map(0, high - low, Prot.none, MapFlag.private | MapFlag.anonymous | MapFlag.noReserve);
      if (place < 0) return undefined;
      space.unmap(place, high - low);
    }
    bias = place - low;
  }
  let codeStart = Infinity;
  let codeEnd = 0;
  let dataStart = 0;
  let dataEnd = 0;
  for (const segment of loads) {
    if (!mapSegment(space, program, segment, bias, readImpliesExec)) return undefined;
    const start = segment.address + bias;
    const end = start + segment.fileSize;
    if (start < codeStart) codeStart = start;
    if ((segment.flags & SegmentFlag.execute) !== 0 && end > codeEnd) codeEnd = end;
    if (start > dataStart) dataStart = start;
    if (end > dataEnd) dataEnd = end;
  }
  const headerSegment = loads.find(({ offset, fileSize }) => offset <= program.header.programHeaders && program.header.programHeaders < offset + fileSize);
  const headers = headerSegment === undefined ? 0 : program.header.programHeaders - headerSegment.offset + headerSegment.address + bias;
  return { bias, end: Math.max(...loads.map(({ address, memorySize }) => address + memorySize)) + bias, headers, codeStart, codeEnd, dataStart, dataEnd };
}

function mapSegment(space: AddressSpace, program: Program, segment: ElfSegment, bias: number, readImpliesExec: boolean): boolean {
  const asked = ((segment.flags & SegmentFlag.read) !== 0 ? Prot.read : 0) | ((segment.flags & SegmentFlag.write) !== 0 ? Prot.write : 0)
    | ((segment.flags & SegmentFlag.execute) !== 0 ? Prot.exec : 0);
  const prot = readImpliesExec && (asked & Prot.read) !== 0 ? asked | Prot.exec : asked;
  const start = segment.address + bias;
  const fileEnd = start + segment.fileSize;
  const memoryEnd = start + segment.memorySize;
  const first = pageDown(start);
  const mapped = segment.fileSize === 0 ? first : pageUp(fileEnd);
  if (segment.fileSize > 0) {
    const place = space.map(first, mapped - first, prot, MapFlag.private | MapFlag.fixed, program.file.source, (segment.offset - (start - first)) / PAGE_SIZE);
    if (place < 0) return false;
    // The rest of the last file page belongs to bss
    if (memoryEnd > fileEnd && mapped > fileEnd && !space.poke(fileEnd, new Uint8Array(mapped - fileEnd))) return false;
  }
  if (pageUp(memoryEnd) > mapped) {
    const place = space.map(mapped, pageUp(memoryEnd) - mapped, prot, MapFlag.private | MapFlag.anonymous | MapFlag.fixed);
    if (place < 0) return false;
  }
  return true;
}

/** The initial stack, from the top down: execfn, environment, arguments; platform, random bytes; then, at sp, argc and the tables. */
class StackBuilder {
  private readonly space: AddressSpace;
  private readonly wordSize: 4 | 8;
  private readonly executable: boolean;
  private at: number;
  private execfn = 0;

  constructor(space: AddressSpace, wordSize: 4 | 8, executable: boolean) {
    this.space = space;
    this.wordSize = wordSize;
    this.executable = executable;
    this.at = space.layout.taskSize - 8;
  }

  writeStrings(execfn: string, argv: readonly Uint8Array[], envp: readonly Uint8Array[], program: Program): boolean {
    const { space } = this;
    const name = byteArray(execfn);
    const top = space.layout.taskSize;
    const bytes = [name, ...argv, ...envp].reduce((sum, { length }) => sum + length + 1, 8);
    const tables = (argv.length + envp.length + 64) * 8;
    const size = pageUp(bytes) + Math.max(STACK_SPARE, pageUp(tables + PAGE_SIZE));
    const gnuStack = program.segments.find(({ type }) => type === SegmentType.gnuStack);
    const executable = gnuStack === undefined ? this.executable : (gnuStack.flags & SegmentFlag.execute) !== 0;
    const prot = Prot.read | Prot.write | (executable ? Prot.exec : 0);
    if (space.map(top - size, size, prot, MapFlag.private | MapFlag.anonymous | MapFlag.fixed | MapFlag.growsDown) < 0) return false;
    this.execfn = this.push(name);
    space.environmentEnd = this.execfn;
    for (const text of [...envp].reverse()) this.push(text);
    space.environmentStart = space.argumentsEnd = this.at;
    for (const text of [...argv].reverse()) this.push(text);
    space.argumentsStart = this.at;
    return true;
  }

  writeTables(
    argc: number, envc: number, facts: ProcessFacts, auxv: (platform: number, random: number, execfn: number) => readonly (readonly [number, number])[],
  ): number | undefined {
    const { space, wordSize } = this;
    this.at -= this.at % 16;
    const platform = this.push(byteArray(wordSize === 8 ? 'x86_64' : 'i686'));
    this.at -= facts.random.length;
    space.poke(this.at, facts.random);
    const pairs = auxv(platform, this.at, this.execfn);
    let sp = this.at - this.at % wordSize - (pairs.length * 2 + argc + 1 + envc + 1 + 1) * wordSize;
    sp -= sp % 16;
    const words: number[] = [argc];
    let string = space.argumentsStart;
    for (let i = 0; i < argc; i++) {
      words.push(string);
      string = this.after(string);
    }
    words.push(0);
    for (let i = 0; i < envc; i++) {
      words.push(string);
      string = this.after(string);
    }
    words.push(0);
    const auxvStart = words.length * wordSize;
    for (const [type, value] of pairs) words.push(type, value);
    const image = new Uint8Array(words.length * wordSize);
    const view = new DataView(image.buffer);
    words.forEach((word, i) => (wordSize === 8 ? view.setBigUint64(i * 8, BigInt(word), true) : view.setUint32(i * 4, word, true)));
    if (!space.poke(sp, image)) return undefined;
    space.auxv = image.slice(auxvStart);
    space.stackStart = sp;
    return sp;
  }

  private push(text: Uint8Array): number {
    const bytes = new Uint8Array(text.length + 1);
    bytes.set(text);
    this.at -= bytes.length;
    this.space.poke(this.at, bytes);
    return this.at;
  }

  /** Address of the string after the one at `address`. */
  private after(address: number): number {
    return address + (this.space.readStringBytes(address, this.space.layout.taskSize - address)?.length ?? 0) + 1;
  }
}
