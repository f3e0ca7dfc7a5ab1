/**
 * Debug information that was split off from an executable into a file of its own, where gdb looks for it, too (gdb manual, "Separate Debug
 * Files"): by build id, or by the name the executable gives, which is checked by its checksum.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ElfError, ElfFile } from '../../emulator/image/elf.ts';

const SYSTEM = '/usr/lib/debug';
const BUILD_ID = '.note.gnu.build-id';
/** The note's header and its name, `GNU`. */
const NOTE_HEAD = 16;
const LINK = '.gnu_debuglink';

function contents(elf: ElfFile, name: string): Buffer | undefined {
  const section = elf.section(name);
  return section === undefined ? undefined : Buffer.from(elf.contents(section));
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Undefined: there is none that belongs to it. @param program the executable on this machine */
export function separateDebugFile(elf: ElfFile, program: string): ElfFile | undefined {
  const note = contents(elf, BUILD_ID);
  const id = note?.subarray(NOTE_HEAD).toString('hex') ?? '';
  const link = contents(elf, LINK);
  const name = link?.subarray(0, link.indexOf(0)).toString() ?? '';
  const folder = dirname(program);
  const paths = id === '' ? [] : [join(SYSTEM, '.build-id', id.slice(0, 2), `${id.slice(2)}.debug`)];
  if (name !== '') paths.push(join(folder, name), join(folder, '.debug', name), join(SYSTEM, folder, name));
  for (const path of paths) {
    const bytes = read(path);
    if (bytes === undefined) continue;
    try {
      const found = new ElfFile(bytes, path);
      const theirs = contents(found, BUILD_ID);
      const same = note !== undefined && theirs !== undefined ? note.equals(theirs) : link !== undefined && crc32(bytes) === link.readUInt32LE(link.length - 4);
      if (same) return found;
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
    }
  }
  return undefined;
}
