/** Starts the debug adapter in a process of its own, on a Node that can run it. */
import { execFile } from 'node:child_process';
import * as vscode from 'vscode';

/** What the adapter and the machine need: WebAssembly tail calls, zstd. */
const OLDEST_NODE = 22;

function majorVersion(path: string): Promise<number> {
  return new Promise((resolve) => {
    execFile(path, ['-p', 'process.versions.node'], { timeout: 10_000, env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } }, (error, stdout) => resolve(error === null ? Number.parseInt(stdout, 10) : 0));
  });
}

export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  private readonly context: vscode.ExtensionContext;
  private node: { readonly setting: string; readonly path: string } | undefined;

  constructor(context: vscode.ExtensionContext) {
    this.context = context;
  }

  async createDebugAdapterDescriptor(): Promise<vscode.DebugAdapterDescriptor> {
    const setting = vscode.workspace.getConfiguration('skas').get<string>('nodePath', '').trim();
    if (this.node?.setting !== setting) this.node = { setting, path: await this.findNode(setting) };
    const adapter = vscode.Uri.joinPath(this.context.extensionUri, 'dist', 'adapter.mjs').fsPath;
    return new vscode.DebugAdapterExecutable(this.node.path, ['--no-warnings', adapter], { env: { ELECTRON_RUN_AS_NODE: '1' } });
  }

  private async findNode(setting: string): Promise<string> {
    for (const path of setting === '' ? [process.execPath, 'node'] : [setting]) if ((await majorVersion(path)) >= OLDEST_NODE) return path;
    throw new Error(setting === '' ? `skas needs Node.js ${OLDEST_NODE} or newer: name one in the setting skas.nodePath` : `skas.nodePath: ${setting} is not Node.js ${OLDEST_NODE} or newer`);
  }
}
