/** A kernel built for gcov and gprof, with tests of its own: its files are read by the real tools, and each of its tests has a profile of its own. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { skas } from '../fixtures/skas.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, listen } from '../gdb/dialogue.ts';

const LONG = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'skas-instrumented-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files below a folder whose names end so, relative to it. */
const filesIn = (root: string, end: string): string[] => (existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : []).filter((name) => name.endsWith(end)).sort();

describe('a kernel with CONFIG_GCOV and CONFIG_GPROF', () => {
  const [clean, memory] = [join(folder, 'clean'), join(folder, 'memory')];
  let gmon = '';

  beforeAll(async () => {
    mkdirSync(clean);
    const kernel = umlKernel('instrumented');
    const machine = await listen([
      'boot', '--gdb', ':0', '--wait', '--share', `${clean}:rw`, '--env', `GCOV_PREFIX=${clean}`, '--env', `GMON_OUT_PREFIX=${join(clean, 'gmon')}`, kernel, 'mem=64M', `initrd=${initramfs()}`, 'skas.run=poweroff',
    ]);
    // The kernel's linker script leaves out what calls it at the end of a program: as libgcov itself would write at this moment.
    await gdb(machine.port, ['break _exit', 'continue', `monitor gcov write ${memory}`, 'call (void)__gcov_exit()', 'delete', 'continue'], { symbols: kernel, timeout: LONG });
    expect(await machine.ended, machine.errors()).toBe(0);
    gmon = join(clean, 'gmon.2');
  }, LONG);

  it('writes its counts through a share, which gcov reads', () => {
    const files = filesIn(clean, '.gcda');
    expect(files.length).toBeGreaterThan(300);
    const main = files.find((name) => name.endsWith('init/main.gcda')) ?? '';
    const notes = `/${main.replace(/\.gcda$/, '.gcno')}`;
    copyFileSync(notes, join(clean, main.replace(/\.gcda$/, '.gcno')));
    const output = spawnSync('gcov', ['--json-format', '--stdout', join(clean, main)], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;
    const { files: covered } = JSON.parse(output) as { files: { functions: { name: string; execution_count: number }[] }[] };
    const count = (wanted: string): number | undefined => covered.flatMap(({ functions }) => functions).find(({ name }) => name === wanted)?.execution_count;
    expect(count('start_kernel')).toBe(1);
    expect(count('do_one_initcall')).toBeGreaterThan(50);
  });

  it('has the same in its memory', () => {
    const files = filesIn(clean, '.gcda');
    expect(filesIn(memory, '.gcda')).toEqual(files);
    const differing = files.filter((name) => !readFileSync(join(clean, name)).equals(readFileSync(join(memory, name))));
    // Writing executes functions of the kernel's, too: the C library's malloc and free are wrapped, and strings measured.
    expect(differing.map((name) => name.replace(/^.*instrumented\//, ''))).toEqual(['arch/um/os-Linux/main.gcda', 'lib/string.gcda']);
  });

  it('writes what its SIGPROF timer has seen, which gprof reads', () => {
    const flat = spawnSync('gprof', ['-b', '-p', umlKernel('instrumented'), gmon], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;
    expect(flat).toMatch(/Each sample counts as 0\.01 seconds/);
    expect(flat).toMatch(/^ *[\d.]+ +[\d.]+ +[\d.]+ +1 +.* +calibrate_delay$/m);
  });
});

describe('its own tests', () => {
  it('each have a profile, and all of them are the run', () => {
    const tests = join(folder, 'tests');
    const boot = ['--quiet', umlKernel('instrumented'), 'mem=64M', `initrd=${initramfs()}`, 'skas.run=poweroff'];
    const { stdout, stderr } = skas(['boot', '--profile-per-test', `collapsed=${tests}`, ...boot], { timeout: LONG });
    const results = [...stdout.matchAll(/^ {4}(?:not )?ok \d+ (\S+)/gm)].map(([, name]) => name);
    expect(results, stderr).toContain('example_simple_test');
    const files = filesIn(tests, '.collapsed');
    expect(files).toEqual(expect.arrayContaining(['example.example_simple_test.collapsed', 'example.example_skip_test.collapsed', 'list-kunit-test.list_test_list_add.collapsed', 'rest.collapsed', 'rest-2.collapsed']));
    const lines = (name: string): string[] => readFileSync(join(tests, name), 'utf8').trim().split('\n');
    const sum = (name: string): number => lines(name).reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
    // What a test calls is in its profile, and in no other's.
    const callers = (called: string): string[] => files.filter((name) => lines(name).some((line) => line.includes(`;${called};`) || line.includes(`;${called} `)));
    expect(callers('example_simple_test')).toEqual(['example.example_simple_test.collapsed']);
    expect(callers('list_test_list_add')).toEqual(['list-kunit-test.list_test_list_add.collapsed']);
    const whole = skas(['boot', '--profile', `collapsed=${join(folder, 'whole')}`, ...boot], { timeout: LONG });
    expect(whole.stdout).toBe(stdout);
    const all = readFileSync(join(folder, 'whole'), 'utf8').trim().split('\n').reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
    expect(files.reduce((total, name) => total + sum(name), 0)).toBe(all);
  }, LONG);
});
