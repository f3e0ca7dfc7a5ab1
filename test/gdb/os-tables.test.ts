/** `info os` and modules as libraries, from the real gdb. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel, umlModule } from '../fixtures/uml-kernel.ts';
import { gdb, listen, type Listening } from './dialogue.ts';

const LONG = 120_000;
/** Variants of a version: the ordinary one, and one with modules. */
const KERNELS = [{ version: '6.12', plain: 'static', modular: 'dynamic' }, { version: '6.1', plain: 'older', modular: 'older' }] as const;
let machine: Listening | undefined;

afterEach(() => {
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

describe('info os', () => {
  it.each(KERNELS)('lists what the guest has (Linux $version)', async ({ plain, version }) => {
    const kernel = umlKernel(plain);
    machine = await listen(['boot', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${initramfs()}`, 'skas.run=sleep,1000,<,/etc/passwd']);
    machine.child.stdin?.end();
    const tables = ['', 'processes', 'threads', 'files', 'mounts', 'interrupts', 'dmesg', 'spaces', 'modules', 'nonsense'];
    const text = await gdb(machine.port, ['info os processes', 'break hrtimer_nanosleep', 'continue', ...tables.flatMap((table) => [`echo [${table}]\\n`, `info os ${table}`]), 'echo [end]\\n', 'kill'], { symbols: kernel });
    const part = (table: string): string => text.slice(text.indexOf(`[${table}]`)).split('\n[')[0];
    // Before the kernel has begun there is nothing to list, and nonsense there is never.
    expect(text.match(/Can not fetch data now/g)).toHaveLength(2);
    for (const table of tables.slice(1, -1)) expect(part('')).toMatch(new RegExp(`^${table} +\\S`, 'm'));
    expect(part('processes')).toMatch(/^1 +0 +0 +sleeping +init/m);
    expect(part('processes')).toMatch(/^2 +0 +0 +\S+ +\[kthreadd\]/m);
    expect(part('processes')).toMatch(/^\d+ +1 +0 +running +(sleep|busybox)/m);
    expect(part('threads')).toMatch(/^2 +2 +kthreadd +sleeping +0x[0-9a-f]+ kthreadd/m);
    expect(part('files')).toMatch(/^\d+ +(sleep|busybox) +0 +r +0 +\/etc\/passwd/m);
    expect(part('mounts')).toMatch(/^proc +\/proc +proc +rw/m);
    expect(part('mounts')).toMatch(/^devpts +\/dev\/pts +devpts +rw/m);
    expect(part('interrupts')).toMatch(/^0 +[1-9]\d* +\S+ +hr timer +um_timer/m);
    expect(part('dmesg')).toMatch(new RegExp(`^0\\.000000 +Linux version ${version.replace('.', '\\.')}\\.`, 'm'));
    expect(part('dmesg')).toMatch(/Run \/init as init process/);
    expect(part('spaces')).toMatch(/^\d+ +\d+ +(sleep|busybox) \[\d+\] +\d+ +\d+K/m);
  }, LONG);
});

/** What gdb says about test_module, which is loaded, unloaded and loaded again; `folder`: where its file is, else beside the kernel. */
async function load(variant: 'dynamic' | 'older', commands: readonly string[], options: { readonly before?: readonly string[]; readonly folder?: string } = {}): Promise<string> {
  const kernel = umlKernel(variant);
  const files = initramfs({ 'test_module.ko': umlModule('test_module', variant) });
  const run = 'skas.run=busybox,insmod,/test_module.ko;,busybox,rmmod,test_module;,busybox,insmod,/test_module.ko';
  machine = await listen(['boot', '--gdb', ':0', '--wait', '--modules', options.folder ?? `${kernel}.modules`, kernel, 'mem=64M', `initrd=${files}`, run]);
  machine.child.stdin?.end();
  return gdb(machine.port, ['set breakpoint pending on', 'break test_module_init', 'break test_module_exit', ...commands], { symbols: kernel, before: options.before ?? [] });
}

describe.each(KERNELS)('modules of Linux $version', ({ modular }) => {
  it('are loaded by gdb itself, with breakpoints that were pending; unloaded and loaded again', async () => {
    const text = await load(modular, [
      'continue', 'bt 2', 'next', 'info os modules', 'info symbol $pc', 'continue', 'bt 2', 'info sharedlibrary', 'continue', 'bt 2', 'delete', 'continue',
    ]);
    expect(text).toMatch(/Breakpoint 1 \(test_module_init\) pending/);
    expect(text.match(/hit Breakpoint 1, test_module_init \(\) at .*lib\/test_module\.c:\d+/g)).toHaveLength(2);
    expect(text).toMatch(/#1 .* in do_one_initcall/);
    expect(text).toMatch(/^test_module +coming +0x[0-9a-f]+ +\d+/m);
    expect(text).toMatch(/init_module .*in section \.init\.text of target:\/skas-modules\/test_module\.ko/);
    expect(text).toMatch(/hit Breakpoint 2, test_module_exit \(\)/);
    expect(text).toMatch(/#1 .* in __do_sys_delete_module/);
    expect(text).toMatch(/Yes .*target:\/skas-modules\/test_module\.ko/);
    expect(text).toContain('Temporarily disabling breakpoints for unloaded shared library');
    expect(text).toMatch(/exited normally/);
  }, LONG);

  it('are linked by a gdb that takes lists of sections (without an operating system it knows)', async () => {
    const text = await load(modular, ['continue', 'bt 2', 'info symbol $pc', 'continue', 'bt 2', 'info symbol $pc', 'kill'], { before: ['set osabi none'] });
    expect(text).toMatch(/hit Breakpoint 1, test_module_init \(\) at .*lib\/test_module\.c:\d+/);
    expect(text).toMatch(/#1 .* in do_one_initcall/);
    expect(text).toMatch(/hit Breakpoint 2, test_module_exit \(\)/);
    expect(text).toMatch(/in section \.exit\.text of target:\/skas-modules\/unlinked\/test_module\.ko/);
    expect(text).not.toContain('wrong number of ALLOC sections');
  }, LONG);
});

describe('files of modules', () => {
  const inFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
    const folder = mkdtempSync(join(tmpdir(), 'skas-modules-'));
    try {
      await use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('may be compressed', () => inFolder(async (folder) => {
    writeFileSync(join(folder, 'test_module.ko.gz'), gzipSync(readFileSync(umlModule('test_module', 'older'))));
    const text = await load('older', ['continue', 'bt 1', 'monitor modules', 'kill'], { folder });
    expect(text).toMatch(/hit Breakpoint 1, test_module_init \(\) at .*lib\/test_module\.c:\d+/);
    expect(text).toMatch(/^test_module +\d+ +coming +0x[0-9a-f]+$/m);
  }), LONG);

  it('that are not there or of another build are told of', () => inFolder(async (folder) => {
    const show = ['tbreak __do_sys_delete_module', 'continue', 'monitor modules', 'kill'];
    expect(await load('older', show, { folder })).toMatch(/^test_module .* no symbols: there is no file for it \(--modules DIR\)$/m);
    writeFileSync(join(folder, 'test_module.ko'), readFileSync(umlModule('test_module', 'dynamic')));
    expect(await load('older', show, { folder })).toMatch(/^test_module .* no symbols: .*test_module\.ko is of another build$/m);
  }), LONG);
});
