/** --stats: what the machine did, and how fast. */
import type { Kernel } from '../../emulator/host/kernel.ts';

const grouped = (value: number): string => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ');

/** Lines for stderr. `seconds`: real time the machine ran; `finalState`: hash of the machine as its first process ended, if known. */
export function statistics(kernel: Kernel, seconds: number, finalState: string): string {
  const { clock, cpu } = kernel;
  const retired = clock.monotonic - clock.idle;
  const rows: [string, string][] = [
    ['instructions', grouped(retired)],
    ['real time', `${seconds.toFixed(3)} s`],
    ['speed', `${(retired / seconds / 1e6).toFixed(1)} MIPS`],
    ['virtual time', `${(clock.monotonic / 1e9).toFixed(6)} s, of it idle ${(clock.idle / 1e9).toFixed(6)} s`],
    ...(finalState === '' ? [] : [['state', finalState] as [string, string]]),
    ...Object.entries(cpu.stats).map(([name, value]): [string, string] => [name.replace(/([A-Z])/g, ' $1').toLowerCase(), grouped(Number(value))]),
  ];
  return rows.map(([name, value]) => `skas: ${name.padEnd(16)} ${value}\n`).join('');
}
