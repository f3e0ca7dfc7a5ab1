/**
 * Miniature UMLs in four techniques run the same unchanged program. What it prints is what it prints on a bare host; the techniques real hosts
 * have, too, are also run natively.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { hostText, spaceRows } from '../../emulator/host/host-view.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import type { Process } from '../../emulator/host/process/process.ts';
import { AREA_BYTES } from '../../emulator/memory/mapped-pages.ts';
import { miniUml, TECHNIQUES, type Bits, type Technique } from '../fixtures/mini-uml.ts';
import { skas } from '../fixtures/skas.ts';

const NATIVE_TECHNIQUES = TECHNIQUES.filter((technique) => technique !== 'skas3');

/** Without address randomisation, as in the machine. */
function native(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync('setarch', ['-R', program, ...args], { encoding: 'utf8', timeout: 60_000 });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

function machine(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = skas(['run', '--quiet', '--share', dirname(program), program, ...args], { timeout: 60_000 });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

describe.each([64, 32] as const)('%d-bit miniature UMLs', (bits) => {
  const user = miniUml('user', bits);
  const expected = native(user, 'all', '8');

  it('have a program that runs without them', () => {
    expect(expected).toContain('ud2 ends with signal 4\n');
    expect(machine(user, 'all', '8')).toBe(expected);
  });

  it.each(TECHNIQUES)('%s runs the program as a bare host does', (technique) => {
    expect(machine(miniUml(technique, bits), user, 'all', '8')).toBe(expected);
    expect(machine(miniUml(technique, bits), '--nosysemu', user, 'all', '4')).toBe(native(user, 'all', '4'));
  });

  it.each(NATIVE_TECHNIQUES)('%s does so on a real host', (technique) => {
    expect(native(miniUml(technique, bits), user, 'all', '8')).toBe(expected);
    expect(native(miniUml(technique, bits), '--nosysemu', user, 'all', '8')).toBe(expected);
  });

  const KEPT_OUT = 'pointer: status 11\nstore: status 11\nwrite: error 14\nprocess_vm_readv: error 38\nptrace attach: error 38\n/proc/PID/mem: error 2\n';
  const OPEN = KEPT_OUT.replace('pointer: status 11\nstore: status 11\n', "by pointer: the kernel's secret\npointer: status 0\nstore: status 0\n");
  const PROBED: Readonly<Record<Technique, string>> = { tt: OPEN, 'tt-jail': KEPT_OUT, skas0: KEPT_OUT, skas3: KEPT_OUT };

  it.each(TECHNIQUES)('%s: what a process can read of the kernel', (technique) => {
    const args = [user, 'probe', '@secret', '@pid'] as const;
    expect(machine(miniUml(technique, bits), ...args)).toBe(PROBED[technique]);
    if (technique !== 'skas3') expect(native(miniUml(technique, bits), ...args)).toBe(PROBED[technique]);
  });

  it('in skas3 a process sees the ranges it would have on a bare host, and the host has mapped nothing else for it', () => {
    const bare = machine(user, 'maps');
    // The real host's mappings begin below its vdso
    const stable = (text: string): string[] => text.split('\n').filter((line) => !/\[v|^(7ffff7|f7ff)/.test(line));
    expect(stable(bare).length).toBeGreaterThan(7);
    expect(stable(bare)).toEqual(stable(native(user, 'maps')));

    const inside = new InProcess('skas3', bits, 'maps');
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

  constructor(technique: Technique, bits: Bits, ...args: readonly string[]) {
    const { kernel } = this;
    const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { this.output += new TextDecoder().decode(bytes); } });
    kernel.vfs.writeFile('/mini', readFileSync(miniUml(technique, bits)), 0o755);
    kernel.vfs.writeFile('/user', readFileSync(miniUml('user', bits)), 0o755);
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
    const machine = new InProcess(technique, 64, 'crowd', '10');
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
    const machine = new InProcess('skas3', 32, 'crowd', '10');
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
