/**
 * Miniature UMLs in four techniques run the same unchanged program. What it prints is what it prints on a bare host; the techniques real hosts
 * have, too, are also run natively.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import type { Process } from '../../emulator/host/process/process.ts';
import { miniUml, TECHNIQUES, type Technique } from '../fixtures/mini-uml.ts';
import { skas } from '../fixtures/skas.ts';

const USER = miniUml('user');
const NATIVE_TECHNIQUES = TECHNIQUES.filter((technique) => technique !== 'skas3');

/** Without address randomisation, as in the machine. */
function native(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync('setarch', ['-R', program, ...args], { encoding: 'utf8', timeout: 60_000 });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

function machine(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = skas(['run', '--quiet', '--share', USER, program, ...args], { timeout: 60_000 });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

describe('miniature UMLs', () => {
  const expected = native(USER, 'all', '20');

  it.each(TECHNIQUES)('%s runs the program as a bare host does', (technique) => {
    expect(expected).toContain('ud2 ends with signal 4\n');
    expect(machine(miniUml(technique), USER, 'all', '20')).toBe(expected);
  });

  it.each(NATIVE_TECHNIQUES)('%s does so on a real host', (technique) => {
    expect(native(miniUml(technique), USER, 'all', '20')).toBe(expected);
  });
});

describe('separation', () => {
  const KEPT_OUT = 'pointer: status 11\nstore: status 11\nwrite: error 14\nprocess_vm_readv: error 38\nptrace attach: error 38\n/proc/PID/mem: error 2\n';
  const OPEN = KEPT_OUT.replace('pointer: status 11\nstore: status 11\n', "by pointer: the kernel's secret\npointer: status 0\nstore: status 0\n");
  const EXPECTED: Readonly<Record<Technique, string>> = { tt: OPEN, 'tt-jail': KEPT_OUT, skas0: KEPT_OUT, skas3: KEPT_OUT };

  it.each(TECHNIQUES)('%s: what a process can read of the kernel', (technique) => {
    const args = [USER, 'probe', '@secret', '@pid'] as const;
    expect(machine(miniUml(technique), ...args)).toBe(EXPECTED[technique]);
    if (technique !== 'skas3') expect(native(miniUml(technique), ...args)).toBe(EXPECTED[technique]);
  });

  it('in skas3 a process sees the ranges it would have on a bare host, and the host has mapped nothing else for it', () => {
    const bare = machine(USER, 'maps');
    expect(bare.split('\n').length).toBeGreaterThan(7);
    expect(machine(miniUml('skas3'), USER, 'maps')).toBe(bare);

    const { output, runner } = runSkas3('maps');
    expect(output).toBe(bare);
    const ranges = bare.trimEnd().split('\n').map((line) => line.split(/[- ]/).slice(0, 2).map((text) => parseInt(text, 16)));
    const regions = runner.leader.space.regions();
    expect(regions.length).toBeGreaterThan(4);
    for (const { start, end, name } of regions) {
      expect(name).toBe('/memfd:physical memory (deleted)');
      expect(ranges.some(([from, to]) => start >= from && end <= to), `${start.toString(16)}-${end.toString(16)}`).toBe(true);
    }
  });
});

/** Runs skas3 in this process, up to the end of its init; `runner` is the one process its tasks run in, still in the last one's memory. */
function runSkas3(...args: readonly string[]): { output: string; runner: Process } {
  const kernel = new Kernel({ memory: 64 << 20 });
  let output = '';
  const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { output += new TextDecoder().decode(bytes); } });
  kernel.vfs.writeFile('/mini', readFileSync(miniUml('skas3')), 0o755);
  kernel.vfs.writeFile('/user', readFileSync(USER), 0o755);
  let runner: Process | undefined;
  kernel.hooks.onClone = (_, child) => {
    if (child.process.pid !== first.pid) runner = child.process;
  };
  const first = kernel.spawn('/mini', ['mini', '/user', ...args], [], { stdio: io.files });
  let ended = false;
  kernel.hooks.onProcessEnding = () => {
    ended = true;
    kernel.requestStop();
  };
  while (!ended && kernel.runSlice(0) === 'running');
  if (runner === undefined) throw new Error('skas3 made no process');
  return { output, runner };
}
