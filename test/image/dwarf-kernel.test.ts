/** The reader on the UML kernel, against gdb and addr2line. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { ElfFile } from '../../emulator/image/elf.ts';
import { DebugInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { DwarfType, Member } from '../../emulator/image/dwarf/types.ts';

const environment = { ...process.env, LC_ALL: 'C' };
const STRUCTURES = ['task_struct', 'thread_struct', 'list_head', 'mm_struct', 'file'];
const ADDRESSES = 1000;

describe.each([['6.12', 'DWARF 5', 'static'], ['6.1', 'DWARF 4', 'older']] as const)('Linux %s with %s', (_version, _format, variant) => {
  const path = umlKernel(variant);
  const info = DebugInfo.open(new ElfFile(readFileSync(path), path));

  function gdb(commands: readonly string[]): string {
    return execFileSync('gdb', ['-batch', '-nx', ...commands.flatMap((command) => ['-ex', command]), path], { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
  }

  describe('structures', () => {
    it('are laid out as gdb says', () => {
      const flattened = (each: DwarfType | undefined): Member[] => (each?.members ?? []).flatMap((member) => (member.name === undefined ? flattened(member.type.stripped) : [member]));
      const wanted = STRUCTURES.map((name) => {
        const type = info.structure(name);
        const members = flattened(type).flatMap(({ name: member, bits }) => (member === undefined || bits !== undefined ? [] : [member]));
        expect(members.length).toBeGreaterThan(1);
        return { name, type, members };
      });
      const shown = gdb(wanted.flatMap(({ name, members }) => [`p sizeof(struct ${name})`, ...members.map((member) => `p (long)&((struct ${name} *)0)->${member}`)]));
      const values = [...shown.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, value]) => Number(value));
      expect(wanted.flatMap(({ type, members }) => [type?.size, ...members.map((member) => type?.member(member)?.offset)])).toEqual(values);
    });

    it('bit-fields are where gdb says', () => {
      const shown = gdb(['ptype /o struct task_struct']);
      const bits = [...shown.matchAll(/^\/\*\s+(\d+):\s*(\d+)\s+\|\s+\d+ \*\/\s+.*?(\w+) : (\d+);/gm)].map(([, byte, bit, name, width]) => [name, Number(byte) * 8 + Number(bit), Number(width)]);
      expect(bits.length).toBeGreaterThan(5);
      const type = info.structure('task_struct');
      expect(bits.map(([name]) => {
        const member = [type?.member(String(name)), type?.path(`dl.${name}`)].find((each) => each?.bits !== undefined);
        return [name, (member?.offset ?? NaN) * 8 + (member?.bits?.shift ?? NaN), member?.bits?.width];
      })).toEqual(bits);
    });
  });

  describe('addresses', () => {
    const text = info.functionsNamed('start_kernel')[0]?.ranges[0];
    const section = new ElfFile(readFileSync(path), path).section('.text');

    it('a thousand of them have the function and line addr2line gives', () => {
      expect(text).toBeDefined();
      const from = section?.address ?? 0;
      let seed = 12345;
      const addresses: number[] = [];
      while (addresses.length < ADDRESSES) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        const address = from + Math.floor((seed / 2 ** 32) * (section?.size ?? 0));
        if (info.functionAt(address) !== undefined) addresses.push(address);
      }
      const lines = execFileSync('addr2line', ['-f', '-e', path], { encoding: 'utf8', env: environment, input: addresses.map((address) => address.toString(16)).join('\n') }).trimEnd().split('\n');
      const theirs = addresses.map((address, i) => `${address.toString(16)} ${lines[2 * i]} ${normalize(lines[2 * i + 1].replace(/ \(discriminator \d+\)$/, ''))}`);
      const ours = addresses.map((address) => {
        const row = info.lineAt(address);
        return `${address.toString(16)} ${info.scopesAt(address)[0]?.name} ${row?.file}:${row === undefined || row.line === 0 ? '?' : row.line}`;
      });
      // Binutils' addr2line 2.40 takes some files from another unit's table: there gdb decides, and it must stay rare.
      const different = addresses.filter((_, i) => ours[i] !== theirs[i]);
      expect(different.length).toBeLessThan(5);
      expect(addresses.filter((_, i) => ours[i].split(' ')[1] !== theirs[i].split(' ')[1])).toEqual([]);
      for (const address of different) {
        const [, line, file] = /Line (\d+) of "(.*?)"/.exec(gdb([`info line *${address}`])) ?? [];
        expect([info.lineAt(address)?.file, info.lineAt(address)?.line]).toEqual([file, Number(line)]);
      }
    });
  });
});
