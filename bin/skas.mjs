#!/usr/bin/env node
// Starts skas with a Node that can run it: this one if it is 24 or newer, else the one installed beside the project.
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const root = fileURLToPath(new URL('..', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  const { loadProgram } = await import('./program/load.mjs');
  const { program, finish } = await loadProgram();
  // The launcher below is gone: so is whoever wanted this machine.
  process.channel?.unref();
  process.on('disconnect', () => process.kill(process.pid, 'SIGHUP'));
  const status = await program.main(process.argv.slice(2));
  finish();
  process.exit(status);
}

// A process that needs it: Node's child processes take 15 ms to load.
const { spawn } = await import('node:child_process');
const candidates = [join(root, 'node_modules', '.bin', 'node'), join(root, '..', '.bin', 'node')];
const node = candidates.find((path) => existsSync(path));
if (node === undefined) {
  process.stderr.write(`skas: needs Node ${NEEDED}, this is ${process.versions.node}: run 'npm install' in ${root}, which brings one\n`);
  process.exit(1);
}
const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
// What the terminal sends reaches the child by itself; the rest is passed on.
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => {});
child.on('error', (error) => {
  process.stderr.write(`skas: cannot start ${node}: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
