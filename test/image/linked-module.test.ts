/** Kernel modules linked to where they are loaded, against readelf, addr2line and gdb. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ElfFile } from '../../emulator/image/elf.ts';
import { linkModule, unlinkedModule } from '../../stub/libraries/linked-module.ts';
import { umlModule } from '../fixtures/uml-kernel.ts';

const folder = mkdtempSync(join(tmpdir(), 'skas-module-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = umlModule('test_module');
const placement = new Map([['.init.text', 0x6481a000], ['.exit.text', 0x64814000], ['.rodata.str1.1', 0x64818020], ['.data', 0x6481c000], ['.note.gnu.build-id', 0x64818000]]);
const linked = linkModule(new ElfFile(readFileSync(path), path), placement);
const file = join(folder, 'test_module.ko');
writeFileSync(file, linked.bytes);
const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe'] });

describe('an unlinked one', () => {
  it('says of the same sections that they are in memory, and where of none', () => {
    const unlinked = join(folder, 'unlinked.ko');
    writeFileSync(unlinked, unlinkedModule(new ElfFile(readFileSync(path), path), placement));
    const rows = [...run('readelf', '-SW', unlinked).matchAll(/^\s*\[ *\d+\] (\S+) +[A-Z]+ +([0-9a-f]{16}) [0-9a-f]+ [0-9a-f]+ \w+ +([A-Z]*) /gm)];
    expect(rows.filter(([, , , flags]) => flags.includes('A')).map(([, name]) => name)).toEqual([...placement.keys()].sort((a, b) => order(a) - order(b)));
    expect(new Set(rows.map(([, , address]) => address))).toEqual(new Set(['0000000000000000']));
  });
});

const order = (name: string): number => new ElfFile(readFileSync(path), path).sections.findIndex((section) => section.name === name);

describe('a linked module', () => {
  it('has its sections where they are, and only those', () => {
    const rows = [...run('readelf', '-SW', file).matchAll(/^\s*\[ *\d+\] (\S+) +(?:PROGBITS|NOTE|NOBITS) +([0-9a-f]{16}) .* +(?:[A-Z]*A[A-Z]*) +\d/gm)];
    expect(new Map(rows.map(([, name, address]) => [name, Number.parseInt(address, 16)]))).toEqual(placement);
    expect(linked.sections).toEqual(rows.map(([, , address]) => Number.parseInt(address, 16)));
  });

  it('has its symbols at their addresses', () => {
    const symbols = run('nm', file);
    expect(symbols).toMatch(/^000000006481a000 t test_module_init$/m);
    expect(symbols).toMatch(/^0000000064814000 t test_module_exit$/m);
  });

  it('has lines and frames of the code there', () => {
    expect(run('addr2line', '-fe', file, '0x64814000', '0x6481a000')).toMatch(/^test_module_exit\n.*test_module\.c:\d+\ntest_module_init\n.*test_module\.c:\d+\n$/);
    expect(run('gdb', '-batch', '-nx', '-ex', 'info line test_module_init', '-ex', 'info scope test_module_exit', '-ex', 'info symbol 0x64814004', file)).toMatch(
      /starts at address 0x6481a000 <(init_module|test_module_init)>[^]*(cleanup_module|test_module_exit) \+ 4 in section \.exit\.text/,
    );
    // The frame information's addresses are relative to where it is, in the file's own words.
    expect(run('readelf', '-wF', file)).toMatch(/pc=0*64814000\.\./);
  });
});
