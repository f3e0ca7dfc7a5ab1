/** The kernel's loaded modules as libraries: their files, linked to where their sections are. */
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { ElfError, ElfFile } from '../../emulator/image/elf.ts';
import type { ModuleLibrary } from '../libraries/library-documents.ts';
import { linkModule, unlinkedModule } from '../libraries/linked-module.ts';
import { ModuleFileError } from '../libraries/module-compression.ts';
import type { ModuleFiles } from '../libraries/module-files.ts';
import type { KernelView } from './kernel-view.ts';
import { listModules, type LoadedModule } from './module-list.ts';
import { moduleSections } from './module-sections.ts';

/** Folder the linked files are found in by gdb. */
const FOLDER = '/skas-modules/';
const BUILD_ID = '.note.gnu.build-id';

export class KernelModules {
  private readonly files: ModuleFiles;
  private readonly made = new Map<string, { readonly library: ModuleLibrary; readonly bytes: Uint8Array; readonly unlinked: Uint8Array; readonly placement: ReadonlyMap<string, number> }>();
  /** Modules there is no fitting file for, and why. */
  readonly missing = new Map<string, string>();

  constructor(files: ModuleFiles) {
    this.files = files;
  }

  /** Of the modules that are loaded now; `leaving`: address of one that is just going. @throws LayoutError @throws GuestDataError */
  libraries(kernel: KernelView, leaving?: number): ModuleLibrary[] {
    this.missing.clear();
    const loaded = (listModules(kernel) ?? []).filter(({ state, object }) => state !== 'unformed' && object.address !== leaving);
    return loaded.flatMap((module) => {
      const found = this.library(kernel, module);
      if (typeof found !== 'string') return [found];
      this.missing.set(module.name, found);
      return [];
    });
  }

  /** A file by a path `libraries` gave; undefined: there is none. */
  openFile(path: string): Uint8Array | undefined {
    const found = this.made.get(path) ?? [...this.made.values()].find(({ library }) => library.unlinkedPath === path);
    return found?.library.unlinkedPath === path ? found.unlinked : found?.bytes;
  }

  private library(kernel: KernelView, module: LoadedModule): ModuleLibrary | string {
    const sections = moduleSections(module);
    if (sections === undefined) return 'the kernel does not say where its sections are (CONFIG_KALLSYMS, CONFIG_SYSFS)';
    const path = `${FOLDER}${module.name}.ko`;
    const known = this.made.get(path);
    // The sections of its initialisation go when that is over, the others stay as they are.
    if (known !== undefined && known.library.address === module.object.address && [...sections].every(([name, address]) => known.placement.get(name) === address)) return known.library;
    try {
      const file = this.files.find(module.name);
      if (file === undefined) return 'there is no file for it (--modules DIR)';
      const elf = new ElfFile(file.bytes, file.path);
      const note = elf.section(BUILD_ID);
      const place = sections.get(BUILD_ID);
      const inMemory = note === undefined || place === undefined ? undefined : kernel.memory(place, note.size);
      if (note !== undefined && inMemory !== undefined && Buffer.compare(elf.contents(note), inMemory) !== 0) return `${file.path} is of another build`;
      const { bytes, sections: addresses } = linkModule(elf, sections);
      const library = { path, unlinkedPath: `${FOLDER}unlinked/${module.name}.ko`, address: module.object.address, sections: addresses };
      this.made.set(path, { library, bytes, unlinked: unlinkedModule(elf, sections), placement: sections });
      return library;
    } catch (error) {
      if (error instanceof DwarfError || error instanceof ElfError || error instanceof ModuleFileError) return error.message;
      throw error;
    }
  }
}
