/**
 * Miniature UMLs in four techniques run the same unchanged program. What it prints is what it prints on a bare host; the techniques real hosts
 * have, too, are also run natively.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { hostText, spaceRows } from '../../emulator/host/host-view.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import type { Process } from '../../emulator/host/process/process.ts';
import { AREA_BYTES } from '../../emulator/memory/mapped-pages.ts';
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
    expect(machine(miniUml(technique), '--nosysemu', USER, 'all', '4')).toBe(native(USER, 'all', '4'));
  });

  it.each(NATIVE_TECHNIQUES)('%s does so on a real host', (technique) => {
    expect(native(miniUml(technique), USER, 'all', '20')).toBe(expected);
    expect(native(miniUml(technique), '--nosysemu', USER, 'all', '20')).toBe(expected);
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

    const inside = new InProcess('skas3', 'maps');
    inside.run();
    expect(inside.output).toBe(bare);
    const ranges = bare.trimEnd().split('\n').map((line) => line.split(/[- ]/).slice(0, 2).map((text) => parseInt(text, 16)));
    const regions = inside.runner?.leader.space.regions() ?? [];
    expect(regions.length).toBeGreaterThan(4);
    for (const { start, end, name } of regions) {
      expect(name).toBe('/memfd:physical memory (deleted)');
      expect(ranges.some(([from, to]) => start >= from && end <= to), `${start.toString(16)}-${end.toString(16)}`).toBe(true);
    }
  });
});

/** A machine in this process with a miniature UML that runs the program; `runner` is the last host process it made. */
class InProcess {
  readonly kernel = new Kernel({ memory: 128 << 20 });
  output = '';
  runner: Process | undefined;
  /** The first process is about to end; all memory is still there. */
  ended = false;

  constructor(technique: Technique, ...args: readonly string[]) {
    const { kernel } = this;
    const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { this.output += new TextDecoder().decode(bytes); } });
    kernel.vfs.writeFile('/mini', readFileSync(miniUml(technique)), 0o755);
    kernel.vfs.writeFile('/user', readFileSync(USER), 0o755);
    kernel.hooks.onClone = (_, child) => { this.runner = child.process; };
    const first = kernel.spawn('/mini', ['mini', '/user', ...args], [], { stdio: io.files });
    kernel.hooks.onProcessEnding = (process) => {
      if (process !== first) return;
      this.ended = true;
      kernel.requestStop();
    };
  }

  /** Runs to the end, with a look after each turn of a thread. */
  run(look?: () => void): void {
    while (!this.ended && this.kernel.runSlice(0) === 'running') look?.();
  }
}

describe('the host\'s view', () => {
  it.each([['tt', 12, 12], ['skas0', 12, 12], ['skas3', 2, 12]] as const)('of %s with eleven tasks: %d processes, %d address spaces', (technique, processes, spaces) => {
    const machine = new InProcess(technique, 'crowd', '10');
    let most = 0;
    let text = '';
    machine.run(() => {
      if (machine.kernel.spaces.count <= most) return;
      most = machine.kernel.spaces.count;
      text = hostText(machine.kernel);
    });
    const lines = text.split('\n');
    const title = lines.findIndex((line) => line.includes('areas'));
    expect(machine.output).toBe('crowd: 10\n');
    expect(title - 1, text).toBe(processes);
    expect(lines.length - title - 3, text).toBe(spaces);
  });

  it('of memory counts what each space holds, and ends at nothing', () => {
    const machine = new InProcess('skas3', 'crowd', '10');
    let seen = 0;
    machine.run(() => {
      const rows = spaceRows(machine.kernel);
      if (rows.length < 12) return;
      seen++;
      expect(rows.reduce((sum, { pageTables, areas }) => sum + pageTables + areas * AREA_BYTES, 0)).toBe(machine.kernel.frames.tableBytes);
      const tasks = rows.filter(({ handles }) => handles.length > 0);
      expect(tasks.length).toBeGreaterThan(9);
      // Their pages are the kernel's physical memory, so none has any of its own
      for (const row of tasks) expect(row).toMatchObject({ own: 0, others: 0 });
    });
    expect(seen).toBeGreaterThan(0);
    while (machine.kernel.runSlice(10) === 'running');
    expect([machine.kernel.spaces.count, machine.kernel.frames.tableBytes]).toEqual([0, 0]);
  });
});
