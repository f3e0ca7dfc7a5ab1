/** A machine with --gdb and the real gdb in batch mode talking to it. */
import { execFile, type ChildProcess } from 'node:child_process';
import { guestProgram } from '../fixtures/guest-program.ts';
import { startSkas } from '../fixtures/skas.ts';

/** A test that runs out of time does not get to its own clean-up. */
const started = new Set<ChildProcess>();
process.once('exit', () => started.forEach((child) => child.kill('SIGKILL')));

/** A running machine and the port its stub listens on. */
export interface Listening {
  readonly child: ChildProcess;
  readonly port: number;
  /** What it has printed so far. */
  output(): string;
  errors(): string;
  /** Resolves to the exit status. */
  readonly ended: Promise<number | null>;
}

/** Starts `skas ARGS` and waits for its line about gdb. */
export async function listen(args: readonly string[]): Promise<Listening> {
  const child = startSkas(args);
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const found = /target remote :(\d+)/.exec(stderr);
      if (found !== null) resolve(Number(found[1]));
    });
    child.on('close', () => reject(new Error(`skas ended before it listened:\n${stderr}`)));
  });
  return { child, port, output: () => stdout, errors: () => stderr, ended };
}

const PRINTED_WITHIN_MS = 60_000;

/** Waits until a machine has printed something. */
export async function printed(started: Listening, text: string): Promise<void> {
  const end = performance.now() + PRINTED_WITHIN_MS;
  while (!started.output().includes(text)) {
    if (performance.now() > end) throw new Error(`no '${text}' in:\n${started.output().slice(-1000)}${started.errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A command that has what a monitor command prints stand among gdb's own output. */
export const monitor = (command: string): string => `python print(gdb.execute('monitor ${command}', to_string=True))`;

/** As a command: soon after gdb has come here it gets SIGINT, as from Ctrl-C, while the next command runs. */
export const INTERRUPT = 'echo [interrupt me]\\n';
const INTERRUPT_AFTER_MS = 1000;
const INTERRUPT_AGAIN_MS = 20_000;

export interface GdbOptions {
  readonly symbols?: string;
  readonly timeout?: number;
  /** Before gdb connects. */
  readonly before?: readonly string[];
  /** `target extended-remote`. */
  readonly extended?: boolean;
}

/** gdb's output for the commands after `target remote`. */
export function gdb(port: number, commands: readonly string[], options: GdbOptions = {}): Promise<string> {
  const first = ['set pagination off', 'set confirm off', 'set width 0', 'set style enabled off', 'set debuginfod enabled off', 'set remotetimeout 60', 'set tcp connect-timeout 60', ...(options.before ?? []), `target ${options.extended === true ? 'extended-remote' : 'remote'} 127.0.0.1:${port}`];
  const args = ['-nx', '-q', '-batch', ...[...first, ...commands].flatMap((command) => ['-ex', command]), ...(options.symbols === undefined ? [] : [options.symbols])];
  return new Promise((resolve, reject) => {
    const child = execFile('gdb', args, { timeout: options.timeout ?? 60_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error !== null && error.killed === true) reject(new Error(`gdb did not come to an end:\n${stdout}${stderr}`));
      else resolve(stdout + stderr);
    });
    let output = '';
    let wanted = 0;
    const seen = (): number => output.split('received signal SIGINT').length - 1;
    const interrupt = (number: number): void => {
      if (seen() >= number || child.exitCode !== null) return;
      child.kill('SIGINT');
      // Under load gdb may not have been there yet, and then took no notice.
      setTimeout(interrupt, INTERRUPT_AGAIN_MS, number);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      // Words come in pieces.
      output += chunk.toString();
      while (wanted < output.split('[interrupt me]').length - 1) setTimeout(interrupt, INTERRUPT_AFTER_MS, ++wanted);
    });
  });
}

export interface Dialogue {
  readonly gdb: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Runs test/guests/gdb-program.c with one argument, stopped at its first instruction, under gdb; the machine must end by itself. */
export async function debugProgram(what: string, commands: readonly string[], options: GdbOptions = {}): Promise<Dialogue> {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, what]);
  machine.child.stdin?.end();
  try {
    const output = await gdb(machine.port, commands, { symbols: program, ...options });
    const status = await Promise.race([machine.ended, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 20_000))]);
    if (status === undefined) throw new Error(`the machine did not end:\n${output}\n${machine.errors()}`);
    return { gdb: output, stdout: machine.output(), stderr: machine.errors(), status };
  } finally {
    machine.child.kill('SIGKILL');
  }
}
