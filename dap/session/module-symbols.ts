/** Symbols of loaded kernel modules: found when the target says that modules have come or gone, in the folders of `modulePath`. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { MODULE_FILE } from '../../stub/libraries/module-compression.ts';
import type { Stub } from '../rsp/stub.ts';
import { SymbolFile, SymbolFileError } from '../symbols/symbol-file.ts';
import type { Inspector } from './inspector.ts';

export interface LoadedModule {
  readonly name: string;
  readonly file: SymbolFile | undefined;
  readonly addresses: readonly bigint[];
}

/** Kernel modules write `-` and `_` alike. */
const plainName = (path: string): string => basename(path).replace(MODULE_FILE, '').replaceAll('-', '_');

export class ModuleSymbols {
  /** As of the last look. */
  loaded: readonly LoadedModule[] = [];
  private readonly stub: Stub;
  private readonly inspector: Inspector;
  private readonly folders: readonly string[];
  private readonly tell: (text: string) => void;

  constructor(stub: Stub, inspector: Inspector, folders: readonly string[], tell: (text: string) => void) {
    this.stub = stub;
    this.inspector = inspector;
    this.folders = folders;
    this.tell = tell;
  }

  /** The program and the modules, as the protocol has them. */
  list(): DebugProtocol.Module[] {
    const { files } = this.inspector;
    const program = files.filter((file) => !this.loaded.some((each) => each.file === file));
    return [
      ...program.map(({ path, info }) => ({ id: basename(path), name: basename(path), path, symbolStatus: info.hasTypes ? 'Symbols loaded' : 'No debug information' })),
      ...this.loaded.map(({ name, file, addresses }) => ({
        id: name, name, ...(file === undefined ? {} : { path: file.path }), symbolStatus: file === undefined ? 'No symbols: see modulePath' : 'Symbols loaded', addressRange: `0x${(addresses[0] ?? 0n).toString(16)}`,
      })),
    ];
  }

  /** True when something has changed. */
  async refresh(): Promise<boolean> {
    const now = await this.stub.libraries();
    if (now === undefined) return false;
    const same = now.length === this.loaded.length && now.every(({ name, addresses }, i) => name === this.loaded[i].name && addresses.join() === this.loaded[i].addresses.join());
    if (same) return false;
    for (const { file } of this.loaded) if (file !== undefined) this.inspector.removeFile(file);
    const loaded: LoadedModule[] = [];
    for (const { name, addresses } of now) loaded.push({ name: plainName(name), addresses, file: await this.open(name, addresses) });
    this.loaded = loaded;
    return true;
  }

  /** From the user's folders; else what the stub has. */
  private async open(name: string, addresses: readonly bigint[]): Promise<SymbolFile | undefined> {
    const path = this.find(name);
    const bytes = path === undefined && name.startsWith('/') ? await this.stub.readFile(name) : undefined;
    if (path === undefined && bytes === undefined) return undefined;
    try {
      const file = SymbolFile.openModule(path ?? name, addresses.map((address) => this.inspector.address(address)), bytes);
      this.inspector.addFile(file);
      return file;
    } catch (error) {
      if (!(error instanceof SymbolFileError)) throw error;
      this.tell(`module ${name}: ${error.message}\n`);
      return undefined;
    }
  }

  private find(name: string): string | undefined {
    for (const folder of this.folders) {
      let entries: string[];
      try {
        entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
      } catch {
        this.tell(`"modulePath": ${folder} cannot be read\n`);
        continue;
      }
      const entry = entries.find((each) => MODULE_FILE.test(each) && plainName(each) === plainName(name));
      if (entry !== undefined) return join(folder, entry);
    }
    return undefined;
  }
}
