/** The debug session of ours that the user looks at. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from './manifest.ts';

/** Does something with it, if there is one; what goes wrong is shown. */
export async function withSession(work: (session: vscode.DebugSession) => Thenable<unknown>): Promise<void> {
  const session = vscode.debug.activeDebugSession;
  if (session?.type !== DEBUG_TYPE) return;
  try {
    await work(session);
  } catch (error) {
    void vscode.window.showErrorMessage(`skas: ${error instanceof Error ? error.message : String(error)}`);
  }
}
