import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWhole } from './whole-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'skas-whole-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file written whole', () => {
  it('replaces an earlier one, in one step', () => {
    const path = join(folder, 'profile');
    writeFileSync(path, 'earlier');
    const { ino } = statSync(path);
    writeWhole(path, 'later');
    expect(readFileSync(path, 'utf8')).toBe('later');
    expect(statSync(path).ino).not.toBe(ino);
    expect(readdirSync(folder)).toEqual(['profile']);
  });

  it('goes through a symbolic link, and to a device', () => {
    const path = join(folder, 'link');
    symlinkSync(join(folder, 'target'), path);
    writeWhole(path, 'text');
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('text');
    writeWhole('/dev/null', 'text');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('says what node says when it cannot be, and leaves nothing', () => {
    expect(() => writeWhole(join(folder, 'none', 'profile'), '')).toThrow('ENOENT');
    mkdirSync(join(folder, 'full'));
    expect(() => writeWhole(join(folder, 'full'), '')).toThrow('EISDIR');
    expect(existsSync(join(folder, 'full.skas-partial'))).toBe(false);
  });
});
