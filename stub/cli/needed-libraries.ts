/**
 * Libraries a dynamically linked program needs, found on this machine: its interpreter (PT_INTERP) and everything DT_NEEDED, followed
 * through. Only the loader's standard folders are searched; a library elsewhere needs a --share.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ELF_HEADER_BYTES, ElfError, parseElfHeader, SegmentType, type ElfSegment } from '../../emulator/image/elf.ts';
import { inspectProgram, readPart, type ProgramFile } from './program-file.ts';

/** Where glibc's loader looks without a cache. */
const FOLDERS = {
  8: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/lib', '/usr/lib'],
  4: ['/lib/i386-linux-gnu', '/usr/lib/i386-linux-gnu', '/lib32', '/usr/lib32', '/lib', '/usr/lib'],
} as const;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
const LONGEST_STRING_TABLE = 1 << 24;

const terminated = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, Math.max(bytes.indexOf(0, at), at));

/** File offset of a virtual address. */
function fileOffset(segments: readonly ElfSegment[], address: number): number | undefined {
  const segment = segments.find((candidate) => candidate.type === SegmentType.load && address >= candidate.address && address < candidate.address + candidate.fileSize);
  return segment === undefined ? undefined : address - segment.address + segment.offset;
}

function neededNames({ path, segments, wordSize }: ProgramFile): string[] {
  const dynamic = segments.find(({ type }) => type === SegmentType.dynamic);
  if (dynamic === undefined) return [];
  const table = readPart(path, dynamic.offset, dynamic.fileSize);
  const entries: [bigint, bigint][] = [];
  const word = (at: number): bigint => (wordSize === 4 ? BigInt(table.readUInt32LE(at)) : table.readBigUInt64LE(at));
  const bytes = wordSize ?? 8;
  for (let at = 0; at + 2 * bytes <= table.length; at += 2 * bytes) {
    const tag = word(at);
    if (tag === DT_NULL) break;
    entries.push([tag, word(at + bytes)]);
  }
  const value = (wanted: bigint): number => Number(entries.find(([tag]) => tag === wanted)?.[1] ?? 0n);
  const stringsAt = fileOffset(segments, value(DT_STRTAB));
  if (stringsAt === undefined) return [];
  const strings = readPart(path, stringsAt, Math.min(value(DT_STRSZ), LONGEST_STRING_TABLE));
  return entries.filter(([tag]) => tag === DT_NEEDED).map(([, offset]) => terminated(strings, Number(offset)));
}

/** Paths of the interpreter and all libraries, as the loader will ask for them. Those not found are left out: the loader says so itself. */
export function neededLibraries(program: ProgramFile): string[] {
  const { path, segments, wordSize } = program;
  const found = new Map<string, string>();
  const interpreter = segments.find(({ type }) => type === SegmentType.interpreter);
  if (interpreter === undefined || wordSize === undefined) return [];
  const loader = terminated(readPart(path, interpreter.offset, interpreter.fileSize), 0);
  if (existsSync(loader)) found.set(loader, loader);
  const isOurs = (file: string): boolean => existsSync(file) && wordSizeOf(file) === wordSize;
  const queue = neededNames(program);
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name)) continue;
    const file = name.includes('/') ? name : FOLDERS[wordSize].map((folder) => join(folder, name)).find(isOurs);
    if (file === undefined || !isOurs(file)) continue;
    found.set(name, file);
    queue.push(...neededNames(inspectProgram(file, file, false)));
  }
  return [...found.values()];
}

/** The loader passes by libraries of the other word size. */
function wordSizeOf(file: string): 4 | 8 | undefined {
  try {
    return parseElfHeader(readPart(file, 0, ELF_HEADER_BYTES), file).wordSize;
  } catch (error) {
    if (error instanceof ElfError) return undefined;
    throw error;
  }
}
