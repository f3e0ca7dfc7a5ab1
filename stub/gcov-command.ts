/** `monitor gcov write DIR`: the .gcda files of a program or kernel built with gcc's --coverage (CONFIG_GCOV), from its memory, at any stop. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Debugger } from '../emulator/debug/debugger.ts';
import { ElfError, ElfFile, ElfType } from '../emulator/image/elf.ts';
import { GcovError, readGcovFiles, type GcovFile } from '../emulator/profile/gcov-memory.ts';
import type { MonitorCommand } from './monitor-commands.ts';
import { Refusal } from './target.ts';

/** libgcc's list of what is to be written (libgcov.h). */
const ROOT = '__gcov_root';

function symbolAddress(elf: ElfFile, name: string): number | undefined {
  const symbols = elf.symbols();
  if (symbols === undefined) return undefined;
  for (let i = 0; i < symbols.count; i++) if (symbols.sections[i] !== 0 && symbols.name(i) === name) return symbols.values[i];
  return undefined;
}

function readFiles(debug: Debugger, program: string, elf: ElfFile): GcovFile[] {
  const [thread] = debug.threads();
  if (thread === undefined) throw new Refusal('the program has ended');
  const address = symbolAddress(elf, ROOT);
  if (address === undefined) throw new Refusal(`${program} was not built for coverage: it has no ${ROOT} (gcc --coverage, CONFIG_GCOV; not stripped)`);
  const { space } = thread;
  // Of a position-independent program the file's first page tells where it is.
  const moved = elf.header.type === ElfType.shared ? space.regions().find(({ name, offset }) => name === program && offset === 0)?.start : 0;
  if (moved === undefined) throw new Refusal(`${program} is not mapped: has it called exec?`);
  try {
    return readGcovFiles((at, length) => space.peek(at, length), address + moved, elf.header.wordSize);
  } catch (error) {
    if (error instanceof GcovError) throw new Refusal(error.message);
    throw error;
  }
}

/**
 * @param program path of the debuggee's program
 * @param readFile contents of a guest file
 */
export function gcovCommand(debug: Debugger, program: string, readFile: (path: string) => Uint8Array | undefined): MonitorCommand {
  return {
    name: 'gcov', arguments: 'write DIR', help: 'write .gcda files of an instrumented program under DIR (as with GCOV_PREFIX)',
    run: (rest) => {
      const [, folder] = /^\s*write\s+(\S.*)$/.exec(rest) ?? [];
      if (folder === undefined) throw new Refusal('gcov write DIR');
      const bytes = readFile(program);
      if (bytes === undefined) throw new Refusal(`${program} cannot be read`);
      try {
        const files = readFiles(debug, program, new ElfFile(bytes, program));
        for (const { path, bytes: contents } of files) {
          const target = join(folder.trim(), path);
          mkdirSync(dirname(target), { recursive: true });
          writeFileSync(target, contents);
        }
        return `${files.length} files written under ${folder.trim()}\n`;
      } catch (error) {
        if (error instanceof ElfError || (error instanceof Error && 'code' in error)) throw new Refusal(error.message);
        throw error;
      }
    },
  };
}
