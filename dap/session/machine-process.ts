/** The machine a launch boots: skas in a process of its own, which listens for the adapter on a port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LaunchAttributes } from './launch-attributes.ts';

/** The machine cannot be started; the message is fit for the user. */
export class LaunchError extends Error {}

export interface MachineCommand {
  /** Program and arguments. */
  readonly words: readonly string[];
  readonly cwd: string;
  readonly port: number;
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((settled, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => settled(port));
    });
  });
}

/** skas beside this file: bundled with the extension, or in the source tree. */
function ownSkas(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, 'skas.mjs'), join(here, '..', '..', 'bin', 'skas.mjs'), join(here, '..', 'bin', 'skas.mjs')].find(existsSync);
  if (found === undefined) throw new LaunchError('skas itself was not found: reinstall the extension, or name it with "skas" in launch.json');
  return found;
}

/** @throws LaunchError */
export async function machineCommand(attributes: LaunchAttributes): Promise<MachineCommand> {
  const { program, args, initrd, share, memory, kind, skas, modulePath, profile } = attributes;
  const cwd = attributes.cwd ?? (isAbsolute(program) ? dirname(program) : process.cwd());
  if (!existsSync(cwd)) throw new LaunchError(`"cwd": ${cwd} does not exist`);
  const path = resolve(cwd, program);
  if (!existsSync(path)) throw new LaunchError(`"program": ${path} does not exist`);
  if (initrd !== undefined && !existsSync(resolve(cwd, initrd))) throw new LaunchError(`"initrd": ${resolve(cwd, initrd)} does not exist`);
  const port = await freePort();
  const start = skas === undefined ? [process.execPath, ownSkas()] : [skas];
  const options = [
    kind, '--gdb', `${port}`, '--wait', ...share.flatMap((each) => ['--share', each]), ...(memory === undefined ? [] : ['--memory', memory]),
    ...profile.flatMap((each) => ['--profile', each]),
    ...(kind === 'boot' ? ['--quiet', ...modulePath.slice(0, 1).flatMap((folder) => ['--modules', folder])] : []), path, ...args, ...(initrd === undefined ? [] : [`initrd=${resolve(cwd, initrd)}`]),
  ];
  return { words: [...start, ...options], cwd, port };
}

/** Starts it as a child; its output goes to `onOutput`. */
export function startMachine({ words, cwd }: MachineCommand, onOutput: (category: 'stdout' | 'stderr', text: string) => void): ChildProcess {
  const [command, ...args] = words;
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } });
  child.stdout.on('data', (chunk: Buffer) => onOutput('stdout', chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => onOutput('stderr', chunk.toString()));
  child.on('error', (error) => onOutput('stderr', `skas: cannot start ${command}: ${error.message}\n`));
  return child;
}
