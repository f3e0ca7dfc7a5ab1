/** The task that builds a UML kernel in a folder with the kernel's source. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';

interface BuildDefinition extends vscode.TaskDefinition {
  readonly target: string;
  readonly folder?: string;
}

function isBuild(definition: vscode.TaskDefinition): definition is BuildDefinition {
  return typeof definition['target'] === 'string';
}

function task(definition: BuildDefinition, scope: vscode.WorkspaceFolder | vscode.TaskScope): vscode.Task {
  const cwd = definition.folder ?? (typeof scope === 'object' ? scope.uri.fsPath : '.');
  const execution = new vscode.ShellExecution('make', ['ARCH=um', `-j${cpus().length}`, definition.target], { cwd });
  const made = new vscode.Task(definition, scope, `make ARCH=um ${definition.target}`, 'skas', execution, ['$gcc']);
  made.group = vscode.TaskGroup.Build;
  return made;
}

export class KernelBuildTasks implements vscode.TaskProvider {
  provideTasks(): vscode.Task[] {
    const sources = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => existsSync(join(uri.fsPath, 'arch', 'um', 'Makefile')));
    return sources.map((folder) => task({ type: 'skas', target: 'linux' }, folder));
  }

  resolveTask({ definition, scope }: vscode.Task): vscode.Task | undefined {
    return isBuild(definition) ? task(definition, typeof scope === 'object' ? scope : vscode.TaskScope.Workspace) : undefined;
  }
}
