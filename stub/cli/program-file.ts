/** Looks at the program before the machine is built, so that mistakes get an answer in a line. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { ELF_HEADER_BYTES, ElfError, ElfType, parseElfHeader, parseSegments, SegmentType, type ElfSegment } from '../../emulator/image/elf.ts';
import { UserError } from './user-error.ts';

export interface ProgramFile {
  /** Absolute path. */
  readonly path: string;
  /** 4 for i386, 8 for x86-64; undefined: a script. */
  readonly wordSize: 4 | 8 | undefined;
  /** Empty for scripts. */
  readonly segments: readonly ElfSegment[];
}

/** Reads part of a file; shorter at its end. */
export function readPart(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
  } finally {
    closeSync(file);
  }
}

/** The guest's PATH. */
export const GUEST_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Finds a command as a shell does: names without a slash in PATH, the guest's first, as what is only in ours may need more than the guest sees. */
export function findCommand(name: string): string {
  if (name.includes('/')) return resolve(name);
  for (const folder of `${GUEST_PATH}${delimiter}${process.env['PATH'] ?? ''}`.split(delimiter)) {
    const path = join(folder, name);
    if (folder !== '' && statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  }
  throw new UserError(`${name}: no such program in PATH`, 127);
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = { ENOENT: 'no such file', EACCES: 'permission denied', ENOTDIR: 'no such file', ELOOP: 'too many links' };
  return known[code] ?? (error instanceof Error ? error.message : String(error));
}

/** Checks that it is a program this machine can run. `scripts`: files with #! will do. */
export function inspectProgram(name: string, path: string, scripts: boolean): ProgramFile {
  let size: number;
  let mode: number;
  let head: Buffer;
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new UserError(`${name}: is a directory, not a program`);
    ({ size, mode } = stat);
    head = readPart(path, 0, ELF_HEADER_BYTES);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${name}: ${reason(error)}`, 127);
  }
  const notExecutable = (): UserError => new UserError(`${name}: is not executable; make it so with chmod +x`, 126);
  if (scripts && head.subarray(0, 2).toString('latin1') === '#!') {
    if ((mode & 0o111) === 0) throw notExecutable();
    return { path, wordSize: undefined, segments: [] };
  }
  try {
    const header = parseElfHeader(head, name);
    if (header.type !== ElfType.executable && header.type !== ElfType.shared) throw new UserError(`${name}: is an ELF file, but not a program (type ${header.type})`);
    const table = readPart(path, header.programHeaders, header.programHeaderSize * header.programHeaderCount);
    const segments = parseSegments(header, table, name);
    const end = Math.max(0, ...segments.filter(({ type }) => type === SegmentType.load).map(({ offset, fileSize }) => offset + fileSize));
    if (end > size) throw new UserError(`${name}: is truncated: ${size} bytes of at least ${end}; copy or build it again`);
    if (end === 0) throw new UserError(`${name}: has nothing to load`);
    if ((mode & 0o111) === 0) throw notExecutable();
    return { path, wordSize: header.wordSize, segments };
  } catch (error) {
    if (error instanceof ElfError) throw new UserError(error.message.startsWith(name) ? error.message : `${name}: ${error.message}`);
    throw error;
  }
}
