/** UML 6.12 from start to its first user command, natively and in the machine. */
import { spawn } from 'node:child_process';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { SKAS } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';

const MARK = 'SKAS-IS-UP';
/** Natively, 6.12 dies now and then when its processes inherit glibc's rseq area and unmap it. */
const NATIVE_WORKAROUND = { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };

/** Seconds until the guest's init has run its command. */
function untilMark(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: '/tmp', ...NATIVE_WORKAROUND } });
    let seen = '';
    let seconds: number | undefined;
    child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      // The mark also stands on the kernel command line, which the kernel prints: wait for a line of its own.
      if (seconds === undefined && /^SKAS-IS-UP\r?$/m.test(seen)) seconds = Number(process.hrtime.bigint() - start) / 1e9;
    });
    child.on('error', reject);
    child.on('close', () => (seconds === undefined ? reject(new Error(`${program} did not boot:\n${seen.slice(-2000)}`)) : resolve(seconds)));
  });
}

export interface BootRow {
  /** Undefined where it does not boot natively. */
  readonly nativeSeconds: number | undefined;
  readonly skasSeconds: number;
  readonly ratio: number | undefined;
}

const TRIES = 5;

/** Seconds natively; undefined where the kernel does not boot on this host (6.12's buffer for registers is too small for AMX, for one). */
async function natively(kernel: readonly string[]): Promise<number | undefined> {
  let least: number | undefined;
  for (let i = 0; i < TRIES; i++) {
    const seconds = await untilMark(kernel[0], kernel.slice(1)).catch(() => undefined);
    if (seconds !== undefined) least = Math.min(least ?? Infinity, seconds);
  }
  return least;
}

async function bootRow(report: (line: string) => void, name: string, bar: string, kernel: readonly string[]): Promise<BootRow> {
  const nativeSeconds = await natively(kernel);
  let skasSeconds = Infinity;
  for (let i = 0; i < TRIES; i++) skasSeconds = Math.min(skasSeconds, await untilMark(process.execPath, [SKAS, 'boot', '--quiet', ...kernel]));
  const ratio = nativeSeconds === undefined ? undefined : skasSeconds / nativeSeconds;
  const native = nativeSeconds === undefined ? 'native: does not boot on this host' : `native ${nativeSeconds.toFixed(2)} s`;
  report(`${name} boot to first command: ${native}, skas ${skasSeconds.toFixed(2)} s${ratio === undefined ? '' : `, × ${ratio.toFixed(1)}`}${bar}`);
  return { nativeSeconds, skasSeconds, ratio };
}

export async function benchBoot(report: (line: string) => void): Promise<BootRow> {
  return bootRow(report, 'UML 6.12', '   (bar: ≤ 10)', [umlKernel('static'), 'mem=64M', `initrd=${initramfs()}`, `skas.run=echo,${MARK}`]);
}

/** The same of a 32-bit kernel with its userland. */
export async function benchBootI386(report: (line: string) => void): Promise<BootRow> {
  return bootRow(report, 'UML 6.12 for i386', '', [umlKernel('i386'), 'mem=64M', `initrd=${initramfsI386()}`, `skas.run=echo,${MARK}`]);
}
