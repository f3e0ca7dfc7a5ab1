/** Profiles of a UML kernel: a whole boot from the command line, and between two stops from gdb. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { skas } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, listen } from '../gdb/dialogue.ts';
import { parseCallgrind } from './callgrind-file.ts';

const LONG = 170_000;
const folder = mkdtempSync(join(tmpdir(), 'skas-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);
const boot = (): string[] => [umlKernel(), 'mem=64M', `initrd=${initramfs()}`, 'skas.run=echo,UP'];

describe('a profile of a kernel', () => {
  it('holds every instruction of the boot, and leaves the boot as it was', () => {
    const history = (options: readonly string[]): { all: string; instructions: number } => {
      const { status, stderr, stdout } = skas(['boot', '--stats', ...options, ...boot()], { timeout: LONG });
      expect(status, stderr).toBe(0);
      const lines = ['instructions', 'virtual time', 'state'].map((name) => new RegExp(`^skas: ${name} +(.*)$`, 'm').exec(stderr)?.[1] ?? stderr);
      return { all: [...lines, stdout].join('\n'), instructions: Number(lines[0].replaceAll(' ', '')) };
    };
    const plain = history([]);
    const counted = history(['--profile-all', '--profile', `callgrind=${path('all.out')},gmon=${path('gmon.out')}`]);
    expect(counted).toEqual(plain);
    const { total, functions } = parseCallgrind(readFileSync(path('all.out'), 'utf8'));
    expect(total).toBe(plain.instructions);
    expect([...functions.values()].reduce((sum, { self }) => sum + self, 0)).toBe(total);
    const calls = (caller: string, callee: string): number | undefined => functions.get(caller)?.calls.get(callee)?.count;
    expect(calls('start_kernel_proc', 'start_kernel')).toBe(1);
    expect(calls('new_thread_handler', 'kernel_init')).toBe(1);
    // A call that spans task switches costs what its own task did meanwhile, which is less than the whole.
    const schedule = functions.get('schedule')?.calls.get('__schedule');
    expect(schedule?.count).toBeGreaterThan(20);
    expect(schedule?.inclusive).toBeLessThan((schedule?.count ?? 0) * 5000);
    // Timer ticks, whose handlers run on a stack above this one, do not end its calls.
    const calibration = functions.get('calibrate_delay');
    expect(functions.get('start_kernel')?.calls.get('calibrate_delay')?.inclusive).toBeGreaterThan((calibration?.self ?? Infinity) + (calibration?.calls.get('__delay')?.inclusive ?? Infinity));
    const flat = execFileSync('gprof', ['-b', '-p', umlKernel(), path('gmon.out')], { encoding: 'utf8', maxBuffer: 1 << 26, stdio: 'pipe' });
    expect(flat).toMatch(/ 1 +[\d.]+ +[\d.]+ +calibrate_delay$/m);
  }, LONG);

  it('is had between two stops from gdb', async () => {
    const machine = await listen(['boot', '--gdb', ':0', '--wait', ...boot()]);
    machine.child.stdin?.end();
    try {
      const output = await gdb(machine.port, [
        'monitor profile', 'monitor profile write gmon=/x', 'break calibrate_delay', 'continue', 'monitor stats', 'monitor profile start', 'finish', 'monitor profile stop', 'monitor stats', `monitor profile write callgrind=${path('part.out')}`,
        'monitor profile reset', 'monitor profile start', 'next', `monitor profile write callgrind=${path('none.out')}`, 'monitor profile frobnicate', 'delete', 'kill',
      ], { symbols: umlKernel(), timeout: LONG / 2 });
      expect(output).toContain('Not counting');
      expect(output).toMatch(/nothing has been profiled/);
      expect(output).toMatch(/profile of \d+ retired instructions written to/);
      const { functions, total } = parseCallgrind(readFileSync(path('part.out'), 'utf8'));
      expect(functions.get('calibrate_delay')?.self).toBeGreaterThan(10_000_000);
      expect(functions.get('start_kernel')).toBeUndefined();
      expect([...functions.values()].reduce((sum, { self }) => sum + self, 0)).toBe(total);
      const [before, behind] = [...output.matchAll(/instructions of living threads +([\d ]+)/g)].map(([, figure]) => Number(figure.replaceAll(' ', '')));
      expect(total).toBe(behind - before);
      const after = parseCallgrind(readFileSync(path('none.out'), 'utf8'));
      expect(after.functions.get('calibrate_delay')).toBeUndefined();
      expect(after.total).toBeGreaterThan(0);
      expect(after.total).toBeLessThan(10_000_000);
    } finally {
      machine.child.kill('SIGKILL');
    }
  }, LONG);
});

describe('processes of a UML kernel', () => {
  it.each([['static', ['-static']], ['with shared libraries', []]])('have their programs, functions and names: %s', (_, flags) => {
    const program = guestProgram('profile-program.c', ['-O1', '-g', ...flags]);
    const libraries = flags.length > 0 ? {} : { 'lib64/ld-linux-x86-64.so.2': realpathSync('/lib64/ld-linux-x86-64.so.2'), 'lib/x86_64-linux-gnu/libc.so.6': realpathSync('/lib/x86_64-linux-gnu/libc.so.6'), 'lib/x86_64-linux-gnu/libm.so.6': realpathSync('/lib/x86_64-linux-gnu/libm.so.6') };
    const [chains, calls] = [path('chains'), path('calls')];
    const { status, stdout, stderr } = skas([
      'boot', '--quiet', '--profile-all', '--profile', `collapsed=${chains},callgrind=${calls}`, umlKernel('static'), 'mem=64M', `initrd=${initramfs({ 'bin/worker': program, ...libraries })}`, 'skas.run=/bin/worker',
    ], { timeout: 120_000 });
    expect([status, stdout.includes(execFileSync(program, { encoding: 'utf8' }).trim())], stderr).toEqual([0, true]);
    const alone = path('alone');
    expect(skas(['run', '--profile', `callgrind=${alone}`, program]).status).toBe(0);
    const [guest, host] = [calls, alone].map((file) => parseCallgrind(readFileSync(file, 'utf8')));
    for (const name of ['leaf', 'middle', 'fibonacci', 'compare', 'escape']) expect([name, guest.functions.get(name)?.self]).toEqual([name, host.functions.get(name)?.self]);
    const lines = readFileSync(chains, 'utf8').split('\n');
    // Its own part and the kernel's, under one name.
    expect(lines.some((line) => /^worker \[\d+\];.*;main;middle;leaf \d+$/.test(line))).toBe(true);
    expect(lines.some((line) => /^worker \[\d+\];.*;userspace;handle_trap;.*;ksys_write;/.test(line) || /^worker \[\d+\];.*;userspace;.*;ksys_write;/.test(line))).toBe(true);
    expect(lines.some((line) => /^kthreadd \[2\];/.test(line))).toBe(true);
    const only = path('only');
    expect(skas(['boot', '--quiet', '--profile-all', '--profile-only', 'tasks=^worker ', '--profile', `callgrind=${only}`, umlKernel('static'), 'mem=64M', `initrd=${initramfs({ 'bin/worker': program, ...libraries })}`, 'skas.run=/bin/worker'], { timeout: 120_000 }).status).toBe(0);
    const alive = parseCallgrind(readFileSync(only, 'utf8'));
    expect([alive.functions.get('leaf')?.self, alive.functions.get('start_kernel'), alive.functions.has('ksys_write')]).toEqual([host.functions.get('leaf')?.self, undefined, true]);
    // Of no file is what UML has put into its processes itself.
    const sum = (wanted: (line: string) => boolean): number => lines.filter(wanted).reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
    expect(sum((line) => line.includes('[no_file]'))).toBeLessThan(0.005 * sum(() => true));
  }, 240_000);
});
