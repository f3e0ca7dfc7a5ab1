/** Profiles and coverage: commands that have the machine write them, and what a session left behind shown at its end. */
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { CoverageView } from './coverage/coverage.ts';
import { DEBUG_TYPE } from './manifest.ts';
import { withSession } from './session.ts';

/** How long a machine that was ended may take to write its files. */
const WRITTEN_WITHIN_MS = 20_000;
const LOOK_AGAIN_MS = 200;

/** Whether a file was written, whole, since a moment (ms since 1970): what an earlier session left is not this one's. */
async function written(path: string, since: number): Promise<boolean> {
  for (const end = performance.now() + WRITTEN_WITHIN_MS; performance.now() < end;) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs >= since) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return false;
}

const sourceMap = ({ configuration }: vscode.DebugSession): Readonly<Record<string, string>> | undefined => configuration['sourceFileMap'] as Readonly<Record<string, string>> | undefined;

/** Files of the `profile` attribute with a format, by their whole paths. */
function profilesOf({ configuration }: vscode.DebugSession, format: string): string[] {
  const wanted: readonly unknown[] = Array.isArray(configuration['profile']) ? configuration['profile'] : [];
  const cwd = String(configuration['cwd'] ?? '');
  return wanted.flatMap((each) => (typeof each === 'string' && each.startsWith(`${format}=`) ? [each.slice(format.length + 1)] : [])).map((path) => (isAbsolute(path) ? path : join(cwd, path)));
}

/** Has the machine write what it has counted so far. */
async function writeNow(session: vscode.DebugSession, format: string, name: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'skas-profile-')), name);
  await session.customRequest('skas/profile', { action: 'write', format, path });
  return path;
}

export function registerProfiles(): vscode.Disposable[] {
  const coverage = new CoverageView();
  const begun = new Map<string, number>();
  const profile = (action: 'start' | 'stop' | 'reset') => (): Promise<void> => withSession(async (session) => {
    const answer: { text?: string } = await session.customRequest('skas/profile', { action });
    vscode.window.setStatusBarMessage(`skas: ${answer.text ?? ''}`, 5000);
  });
  return [
    coverage,
    vscode.commands.registerCommand('skas.profileStart', profile('start')),
    vscode.commands.registerCommand('skas.profileStop', profile('stop')),
    vscode.commands.registerCommand('skas.profileReset', profile('reset')),
    vscode.commands.registerCommand('skas.profileOpen', () => withSession(async (session) => {
      await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(await writeNow(session, 'cpuprofile', 'skas.cpuprofile')));
    })),
    vscode.commands.registerCommand('skas.coverage', () => withSession(async (session) => {
      await coverage.show(await writeNow(session, 'lcov', 'skas.info'), session.name, sourceMap(session));
    })),
    vscode.debug.onDidStartDebugSession((session) => {
      if (session.type === DEBUG_TYPE) begun.set(session.id, Date.now());
    }),
    vscode.debug.onDidTerminateDebugSession(async (session) => {
      if (session.type !== DEBUG_TYPE) return;
      const since = begun.get(session.id) ?? Date.now();
      begun.delete(session.id);
      for (const path of profilesOf(session, 'lcov')) {
        try {
          if (await written(path, since)) await coverage.show(path, session.name, sourceMap(session));
          else void vscode.window.showWarningMessage(`skas: the machine has not written ${path}`);
        } catch (error) {
          void vscode.window.showErrorMessage(`skas: ${path}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }),
  ];
}
