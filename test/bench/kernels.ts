/**
 * The ten kernels: time per run as the slope between few and many repeats, so that start-up and translation drop out;
 * the watch is outside, as the machine's own clock counts instructions.
 */
import { join } from 'node:path';
import { guestProgram } from '../fixtures/guest-program.ts';
import { geomean, runOnce, type Contender } from './contenders.ts';

/** Kernel → repeats which take about 0.2 s natively. */
const REPEATS: Readonly<Record<string, number>> = { crc32: 1000, memcpy8: 40000, strlen: 9000, list: 10000, fib: 1600, qsort: 130, sieve: 500, fnv: 2200, matmul: 2700, vm: 2500 };

export interface KernelRow {
  readonly name: string;
  readonly nativeSeconds: number;
  readonly qemuRatio: number;
  readonly skasRatio: number;
}

function slope(contender: Contender, program: string, bits: 32 | 64, name: string): { seconds: number; check: string } {
  const many = REPEATS[name];
  const few = Math.ceil(many / 10);
  let seconds = Infinity;
  let check = '';
  for (let round = 0; round < 2; round++) {
    const short = runOnce(contender, { program, bits, args: [name, String(few)] });
    const long = runOnce(contender, { program, bits, args: [name, String(many)] });
    seconds = Math.min(seconds, (long.seconds - short.seconds) / (many - few));
    check = long.stdout.trim().split(' ')[2];
  }
  return { seconds, check };
}

export function benchKernels(report: (line: string) => void, bits: 32 | 64 = 64): { rows: KernelRow[]; qemu: number; skas: number } {
  const program = guestProgram(join(import.meta.dirname, 'kernels.c'), [...(bits === 32 ? ['-m32', '-msse2', '-mfpmath=sse'] : []), '-O2', '-fno-tree-vectorize', '-static']);
  const rows: KernelRow[] = [];
  report(`${(bits === 32 ? 'i386' : 'kernel').padEnd(6)}      native µs   qemu ×   skas ×`);
  for (const name of Object.keys(REPEATS)) {
    const native = slope('native', program, bits, name);
    const qemu = slope('qemu', program, bits, name);
    const skas = slope('skas', program, bits, name);
    if (native.check !== skas.check) throw new Error(`kernel ${name}: ${skas.check} in the machine, ${native.check} natively`);
    const row = { name, nativeSeconds: native.seconds, qemuRatio: qemu.seconds / native.seconds, skasRatio: skas.seconds / native.seconds };
    rows.push(row);
    report(`${name.padEnd(10)} ${(row.nativeSeconds * 1e6).toFixed(1).padStart(10)} ${row.qemuRatio.toFixed(2).padStart(8)} ${row.skasRatio.toFixed(2).padStart(8)}`);
  }
  const qemu = geomean(rows.map((r) => r.qemuRatio));
  const skas = geomean(rows.map((r) => r.skasRatio));
  report(`geomean ${qemu.toFixed(2).padStart(22)} ${skas.toFixed(2).padStart(8)}${bits === 64 ? '   (bar: skas ≤ 3.0)' : ''}`);
  return { rows, qemu, skas };
}
