/** The three ways a program is run in a benchmark: on the host CPU, under qemu-user, in our machine. */
import { spawnSync } from 'node:child_process';
import { SKAS } from '../fixtures/skas.ts';

export type Contender = 'native' | 'qemu' | 'skas';

/** A program to time. `input` goes to its stdin. */
export interface Job {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: Uint8Array | string;
  readonly cwd?: string;
  /** Of the program; 64 if not given. */
  readonly bits?: 32 | 64;
}

function command(contender: Contender, job: Job): [string, string[]] {
  switch (contender) {
    case 'native':
      return [job.program, [...job.args]];
    case 'qemu':
      return [job.bits === 32 ? 'qemu-i386' : 'qemu-x86_64', [job.program, ...job.args]];
    case 'skas':
      return [process.execPath, [SKAS, 'run', '--quiet', ...(job.cwd === undefined ? [] : ['--share', `${job.cwd}:rw`]), job.program, ...job.args]];
  }
}

/** Wall-clock seconds of one run and what it printed; throws when it fails. */
export function runOnce(contender: Contender, job: Job): { seconds: number; stdout: string } {
  const [program, args] = command(contender, job);
  const start = process.hrtime.bigint();
  const result = spawnSync(program, args, { input: job.input ?? '', cwd: job.cwd, maxBuffer: 1 << 28, timeout: 600_000, env: { PATH: process.env['PATH'] ?? '', HOME: '/root', LC_ALL: 'C' } });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${contender}: ${job.program} ${job.args.join(' ')} ended with ${result.status ?? result.signal}: ${result.stderr.toString().slice(-500)}`);
  return { seconds, stdout: result.stdout.toString() };
}

/** Best of `times` runs, in seconds. */
export function best(contender: Contender, job: Job, times: number): number {
  let least = Infinity;
  for (let i = 0; i < times; i++) least = Math.min(least, runOnce(contender, job).seconds);
  return least;
}

export const geomean = (values: readonly number[]): number => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
