/** Views of the kernel that is being debugged, filled at every stop while they are visible. */
import * as vscode from 'vscode';
import { DEBUG_TYPE, VIEWS } from '../manifest.ts';
import { withSession } from '../session.ts';

interface Row {
  readonly label: string;
  readonly detail: string;
  readonly kind: 'task' | 'line' | 'note';
  /** Of a task. */
  readonly threadId?: number;
}

interface TasksAnswer {
  readonly tasks?: readonly { readonly threadId: number; readonly name: string; readonly detail: string }[];
}
interface ModulesAnswer {
  readonly modules?: readonly { readonly name: string; readonly detail: string }[];
}
interface TextAnswer {
  readonly text?: string;
}

const lines = ({ text = '' }: TextAnswer): Row[] => text.split('\n').filter((line) => line !== '').map((label) => ({ label, detail: '', kind: 'line' }));

/** By view: the request to the adapter, and its answer as rows. */
const SOURCES: Readonly<Record<string, (session: vscode.DebugSession) => Promise<Row[]>>> = {
  'skas.tasks': async (session) => {
    const answer: TasksAnswer = await session.customRequest('skas/tasks');
    return (answer.tasks ?? []).map(({ threadId, name, detail }) => ({ label: name, detail, kind: 'task', threadId }));
  },
  'skas.log': async (session) => lines(await session.customRequest('skas/log')).reverse(),
  'skas.modules': async (session) => {
    const answer: ModulesAnswer = await session.customRequest('skas/modules');
    return (answer.modules ?? []).map(({ name, detail }) => ({ label: name, detail, kind: 'line' }));
  },
  'skas.spaces': async (session) => lines(await session.customRequest('skas/spaces')),
};

class RowView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly id: string;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Row>;

  constructor(id: string) {
    this.id = id;
    this.view = vscode.window.createTreeView(id, { treeDataProvider: this });
  }

  refresh(): void {
    this.changed.fire();
  }

  getTreeItem({ label, detail, kind, threadId }: Row): vscode.TreeItem {
    const item = new vscode.TreeItem(label);
    item.description = detail;
    item.tooltip = detail === '' ? label : `${label} ${detail}`;
    item.contextValue = kind;
    if (kind === 'task') {
      item.iconPath = new vscode.ThemeIcon(detail.startsWith('running') ? 'debug-start' : 'circle-outline');
      item.id = `task ${threadId ?? ''}`;
    }
    return item;
  }

  async getChildren(row?: Row): Promise<Row[]> {
    const session = vscode.debug.activeDebugSession;
    if (row !== undefined || session?.type !== DEBUG_TYPE) return [];
    try {
      const rows = await SOURCES[this.id](session);
      return rows.length > 0 ? rows : [{ label: 'nothing to show', detail: '', kind: 'note' }];
    } catch (error) {
      return [{ label: error instanceof Error ? error.message : String(error), detail: '', kind: 'note' }];
    }
  }

  dispose(): void {
    this.view.dispose();
    this.changed.dispose();
  }
}

/** The kernel log as a document. */
class LogDocuments implements vscode.TextDocumentContentProvider {
  async provideTextDocumentContent(): Promise<string> {
    const session = vscode.debug.activeDebugSession;
    if (session?.type !== DEBUG_TYPE) return 'no session';
    const answer: TextAnswer = await session.customRequest('skas/log');
    return answer.text ?? '';
  }
}

/** `init [1] (sleeping)` is `1` to the stub. */
const pidOf = (label: string): string => /\[(\d+)\]/.exec(label)?.[1] ?? label;

async function monitor(): Promise<void> {
  const command = await vscode.window.showInputBox({ title: 'Monitor command', prompt: 'What the stub is to do: help, ps, dmesg, stats …' });
  if (command === undefined) return;
  await withSession(async (session) => {
    const answer: TextAnswer = await session.customRequest('skas/monitor', { command });
    vscode.debug.activeDebugConsole.appendLine(answer.text ?? '');
  });
}

export function registerViews(): vscode.Disposable[] {
  const views = VIEWS.map(({ id }) => new RowView(id));
  const refresh = (): void => views.forEach((view) => view.refresh());
  let seen = 0;
  return [
    ...views,
    vscode.debug.onDidChangeActiveDebugSession(refresh),
    vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
      createDebugAdapterTracker: () => ({
        onDidSendMessage: (message: { type?: string; event?: string }) => {
          if (message.type === 'event' && (message.event === 'stopped' || message.event === 'terminated')) refresh();
        },
      }),
    }),
    vscode.workspace.registerTextDocumentContentProvider('skas-log', new LogDocuments()),
    vscode.commands.registerCommand('skas.refresh', refresh),
    vscode.commands.registerCommand('skas.monitor', monitor),
    vscode.commands.registerCommand('skas.switchTask', (row: Row | undefined) => (row === undefined ? undefined : withSession((session) => session.customRequest('skas/switch', { task: pidOf(row.label) })))),
    vscode.commands.registerCommand('skas.returnTask', () => withSession((session) => session.customRequest('skas/return'))),
    vscode.commands.registerCommand('skas.showTask', (row: Row | undefined) => (row?.threadId === undefined ? undefined : withSession(async (session) => {
      const answer: { stackFrames?: readonly { name: string; line: number; source?: { path?: string } }[] } = await session.customRequest('stackTrace', { threadId: row.threadId });
      const frames = answer.stackFrames ?? [];
      const chosen = await vscode.window.showQuickPick(frames.map((frame, i) => ({ label: `#${i} ${frame.name}`, description: `${frame.source?.path ?? ''}:${frame.line}`, frame })), { title: row.label });
      const path = chosen?.frame.source?.path;
      if (path === undefined) return;
      const line = Math.max(0, (chosen?.frame.line ?? 1) - 1);
      await vscode.window.showTextDocument(vscode.Uri.file(path), { selection: new vscode.Range(line, 0, line, 0), preview: true });
    }))),
    vscode.commands.registerCommand('skas.openLog', () => withSession(async () => {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(`skas-log:dmesg-${++seen}.log`));
      await vscode.window.showTextDocument(document, { preview: true });
    })),
  ];
}
