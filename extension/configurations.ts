/** Launch configurations: defaults from settings, F5 without a launch.json, and one for every UML kernel in the workspace. */
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE, DEFAULTED, INITIAL_CONFIGURATION } from './manifest.ts';

const MOST_KERNELS = 20;

/** Whether a file is an ELF executable for x86. */
async function isExecutable(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0);
      const machine = buffer.readUInt16LE(18);
      return bytesRead === 20 && buffer.toString('latin1', 0, 4) === '\x7fELF' && (machine === 62 || machine === 3);
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

/** UML kernels: executables called `linux`. */
async function kernels(folder: vscode.WorkspaceFolder | undefined): Promise<string[]> {
  const pattern = folder === undefined ? '**/linux' : new vscode.RelativePattern(folder, '**/linux');
  const found = await vscode.workspace.findFiles(pattern, '**/node_modules/**', MOST_KERNELS);
  const checked = await Promise.all(found.map(async ({ fsPath }) => ((await isExecutable(fsPath)) ? [fsPath] : [])));
  return checked.flat().sort((a, b) => a.length - b.length);
}

export class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  async resolveDebugConfiguration(folder: vscode.WorkspaceFolder | undefined, given: vscode.DebugConfiguration): Promise<vscode.DebugConfiguration | undefined> {
    let configuration: vscode.DebugConfiguration = { ...given };
    if (!configuration.type && !configuration.request && !configuration.name) {
      // F5 without a launch.json.
      const [program] = await kernels(folder);
      if (program === undefined) {
        void vscode.window.showErrorMessage('skas: no UML kernel (an executable called linux) was found in this workspace. Build one, or name it in launch.json.');
        return undefined;
      }
      configuration = { ...INITIAL_CONFIGURATION, args: [...INITIAL_CONFIGURATION.args], program };
    }
    const settings = vscode.workspace.getConfiguration('skas.launch', folder);
    for (const name of DEFAULTED) {
      const value = settings.get<unknown>(name);
      if (value !== null && value !== undefined) configuration[name] ??= value;
    }
    if (configuration.request === 'launch' && configuration['cwd'] === undefined && folder !== undefined) configuration['cwd'] = folder.uri.fsPath;
    return configuration;
  }
}

export class DynamicConfigurations implements vscode.DebugConfigurationProvider {
  async provideDebugConfigurations(folder: vscode.WorkspaceFolder | undefined): Promise<vscode.DebugConfiguration[]> {
    const found = await kernels(folder);
    return found.map((program) => ({
      ...INITIAL_CONFIGURATION, type: DEBUG_TYPE, args: [...INITIAL_CONFIGURATION.args], program, name: `Debug ${folder === undefined ? program : `./${vscode.workspace.asRelativePath(program, false)}`}`,
      cwd: dirname(program), presentation: { group: basename(program) },
    }));
  }
}
