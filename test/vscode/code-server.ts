/** A real VS Code in a browser: code-server (from npm, once, in the cache) and Debian's chromium. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../fixtures/cache.ts';

const VERSION = '4.139.1';
const START_MS = 60_000;
/** What its native parts are built with. */
const BUILD_PACKAGES = 'build-essential python3 libkrb5-dev';

/** Path of its entry; installs it when there is none (600 MB, about four minutes). */
function codeServer(): string {
  const folder = join(cacheFolder(), `code-server-${VERSION}`);
  const entry = join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
  if (existsSync(entry)) return entry;
  console.log(`installing code-server ${VERSION} (needs ${BUILD_PACKAGES})`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "code-server-for-skas", "private": true }\n');
  const node = dirname(dirname(realpathSync(process.execPath)));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', `code-server@${VERSION}`], {
    cwd: folder, stdio: 'inherit', env: { ...process.env, npm_config_nodedir: node, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
  });
  return entry;
}

export function chromium(): string {
  const path = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
  if (path === undefined) throw new Error('chromium is missing: apt-get install chromium');
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const SETTINGS = {
  'workbench.startupEditor': 'none', 'workbench.secondarySideBar.defaultVisibility': 'hidden', 'chat.disableAIFeatures': true, 'telemetry.telemetryLevel': 'off', 'remote.autoForwardPorts': false,
  'debug.openDebug': 'openOnDebugBreak', 'workbench.colorTheme': 'Default Dark Modern', 'security.workspace.trust.enabled': false, 'extensions.ignoreRecommendations': true, 'git.enabled': false,
  'debug.internalConsoleOptions': 'neverOpen', 'files.watcherExclude': { '**': true }, 'search.followSymlinks': false, 'window.commandCenter': false, 'workbench.tips.enabled': false, 'terminal.integrated.gpuAcceleration': 'off',
};

export interface Workbench {
  readonly url: string;
  close(): void;
}

/** Starts it on a workspace, with the extension of a .vsix; `data` is an empty folder. */
export async function startWorkbench(vsix: string, workspace: string, data: string): Promise<Workbench> {
  const entry = codeServer();
  const common = ['--user-data-dir', join(data, 'user'), '--extensions-dir', join(data, 'extensions'), '--config', join(data, 'config.yaml')];
  mkdirSync(join(data, 'user', 'User'), { recursive: true });
  writeFileSync(join(data, 'user', 'User', 'settings.json'), JSON.stringify(SETTINGS));
  writeFileSync(join(data, 'config.yaml'), 'auth: none\n');
  execFileSync(process.execPath, [entry, ...common, '--install-extension', vsix], { stdio: ['ignore', 'ignore', 'inherit'] });
  const port = await freePort();
  // In a group of its own: it leaves children behind when only it is killed.
  const child: ChildProcess = spawn(process.execPath, [entry, ...common, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-workspace-trust', '--disable-telemetry', '--disable-update-check', workspace], {
    detached: true, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = (): void => {
    if (child.pid !== undefined) try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
  };
  process.once('exit', close);
  const url = `http://127.0.0.1:${port}/`;
  for (const end = performance.now() + START_MS; ;) {
    const answer = await fetch(`${url}healthz`).catch(() => undefined);
    if (answer?.ok === true) return { url, close };
    if (performance.now() > end || child.exitCode !== null) throw new Error('code-server did not start');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
