/** Where the files of a kernel's modules are, on the machine this runs on: in the folder the user named, or beside the kernel. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MODULE_FILE, ModuleFileError, unpackModule } from './module-compression.ts';

/** A build tree is no deeper, and has no more folders. */
const DEEPEST = 16;
const MOST_FOLDERS = 20_000;

/** The kernel writes `-` in a module's name as `_`. */
const canonical = (name: string): string => name.replaceAll('-', '_');

export class ModuleFiles {
  private readonly folder: string | undefined;
  private readonly kernel: string;
  private paths: Map<string, string> | undefined;

  /** `folder`: searched with all below; undefined: what the kernel's own folder says (modules.order of a build tree, lib/modules of an installed one). */
  constructor(folder: string | undefined, kernel: string) {
    this.folder = folder;
    this.kernel = kernel;
  }

  /** Undefined: there is no file for this module. @throws ModuleFileError when there is one that cannot be read */
  find(module: string): { readonly path: string; readonly bytes: Uint8Array } | undefined {
    this.paths ??= this.search();
    const path = this.paths.get(canonical(module));
    if (path === undefined) return undefined;
    let packed: Buffer;
    try {
      packed = readFileSync(path);
    } catch (error) {
      throw new ModuleFileError(error instanceof Error ? error.message : String(error));
    }
    return { path, bytes: unpackModule(path, packed) };
  }

  private search(): Map<string, string> {
    const found = new Map<string, string>();
    const add = (path: string): void => void found.set(canonical(basename(path).replace(MODULE_FILE, '')), path);
    if (this.folder !== undefined) below(this.folder).forEach(add);
    else {
      const beside = dirname(this.kernel);
      const order = join(beside, 'modules.order');
      if (existsSync(order)) readFileSync(order, 'utf8').split('\n').filter((line) => line !== '').forEach((line) => add(join(beside, line.replace(/^kernel\//, '').replace(/\.o$/, '.ko'))));
      below(join(beside, 'lib', 'modules')).forEach(add);
    }
    return found;
  }
}

/** All modules in a folder and below. */
function below(top: string): string[] {
  const found: string[] = [];
  const folders = [{ path: top, depth: 0 }];
  for (let i = 0; i < folders.length && i < MOST_FOLDERS; i++) {
    const { path, depth } = folders[i];
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      if (entry.isDirectory() && depth < DEEPEST) folders.push({ path: join(path, entry.name), depth: depth + 1 });
      else if (MODULE_FILE.test(entry.name)) found.push(join(path, entry.name));
    }
  }
  return found;
}
