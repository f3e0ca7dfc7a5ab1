/** Exact coverage in VS Code's Test Coverage view: gutter and tree, from an lcov file that skas has written. */
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { SourceMap } from '../../dap/session/source-map.ts';
import { readLcov, type CoveredFile } from './lcov-file.ts';

const lineRange = (line: number): vscode.Position => new vscode.Position(Math.max(0, line - 1), 0);

class ExactCoverage extends vscode.FileCoverage {
  readonly file: CoveredFile;

  constructor(uri: vscode.Uri, file: CoveredFile) {
    const { lines, functions, branches } = file;
    const hit = (counts: readonly (number | undefined)[]): vscode.TestCoverageCount => ({ covered: counts.filter((count) => count !== undefined && count > 0).length, total: counts.length });
    super(uri, hit(lines.map(([, count]) => count)), branches.length === 0 ? undefined : hit(branches.map(({ count }) => count)), functions.length === 0 ? undefined : hit(functions.map(({ count }) => count)));
    this.file = file;
  }

  get details(): vscode.FileCoverageDetail[] {
    const { lines, functions, branches } = this.file;
    const byLine = new Map<number, vscode.BranchCoverage[]>();
    for (const { line, count } of branches) byLine.set(line, [...(byLine.get(line) ?? []), new vscode.BranchCoverage(count ?? 0, lineRange(line))]);
    return [
      ...lines.map(([line, count]) => new vscode.StatementCoverage(count, lineRange(line), byLine.get(line) ?? [])),
      ...functions.map(({ name, line, count }) => new vscode.DeclarationCoverage(name, count, lineRange(line))),
    ];
  }
}

export class CoverageView implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController('skas', 'skas: exact coverage');
  private readonly profile: vscode.TestRunProfile;

  constructor() {
    this.profile = this.controller.createRunProfile('Exact coverage', vscode.TestRunProfileKind.Coverage, () => undefined);
    this.profile.loadDetailedCoverage = async (_, coverage) => (coverage instanceof ExactCoverage ? coverage.details : []);
  }

  /** Shows what an lcov file says. `map`: where sources are here. @throws when the file cannot be read, or is none */
  async show(path: string, name: string, map: Readonly<Record<string, string>> | undefined): Promise<void> {
    const files = readLcov(await readFile(path, 'utf8'));
    const sources = new SourceMap(map);
    const run = this.controller.createTestRun(new vscode.TestRunRequest(undefined, undefined, this.profile), name, false);
    for (const file of files) run.addCoverage(new ExactCoverage(vscode.Uri.file(sources.shown(file.path)), file));
    run.end();
    await vscode.commands.executeCommand('testing.openCoverage').then(undefined, () => undefined);
  }

  dispose(): void {
    this.profile.dispose();
    this.controller.dispose();
  }
}
