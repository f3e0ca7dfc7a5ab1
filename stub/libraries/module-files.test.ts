/** Modules as files, in all the forms `make modules_install` gives them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModuleFiles } from './module-files.ts';

const CONTENTS = Buffer.from('what a module is '.repeat(1000));
let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'skas-modules-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const FORMS: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['.ko', (bytes) => bytes],
  ['.ko.gz', (bytes) => gzipSync(bytes)],
  ['.ko.zst', (bytes) => zstdCompressSync(bytes)],
  ['.ko.xz', (bytes) => execFileSync('xz', ['--check=crc32', '--lzma2=dict=1MiB', '-c'], { input: bytes })],
];

describe('modules of a folder', () => {
  it.each(FORMS)('are found and unpacked: %s', (ending, pack) => {
    mkdirSync(join(folder, 'kernel', 'fs'), { recursive: true });
    const path = join(folder, 'kernel', 'fs', `some-fs${ending}`);
    writeFileSync(path, pack(CONTENTS));
    const found = new ModuleFiles(folder, '/nowhere/linux').find('some_fs');
    expect(found?.path).toBe(path);
    expect(Buffer.from(found?.bytes ?? []).equals(CONTENTS)).toBe(true);
  });

  it.each(FORMS.slice(1))('say that they are broken: %s', (ending, pack) => {
    const packed = pack(CONTENTS);
    writeFileSync(join(folder, `cut${ending}`), packed.subarray(0, packed.length / 2));
    expect(() => new ModuleFiles(folder, '/nowhere/linux').find('cut')).toThrow(/cut\.ko\.\w+ cannot be unpacked: ./);
  });

  it('and other files are not', () => {
    for (const name of ['a.ko.bz2', 'a.kot', 'a.mod.o', 'modules.order']) writeFileSync(join(folder, name), 'x');
    expect(new ModuleFiles(folder, '/nowhere/linux').find('a')).toBeUndefined();
  });

  it('say how they can be read where there is no xz', () => {
    const path = join(folder, 'm.ko.xz');
    writeFileSync(path, FORMS[3][1](CONTENTS));
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      expect(() => new ModuleFiles(folder, '/nowhere/linux').find('m')).toThrow(`${path} cannot be unpacked: it needs the command xz`);
    } finally {
      process.env['PATH'] = before;
    }
  });
});
