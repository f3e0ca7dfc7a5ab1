import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { argumentFiles } from './guest-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'skas-tree-'));
for (const name of ['init', 'disk', 'cow']) writeFileSync(join(folder, name), '');
afterAll(() => rmSync(folder, { recursive: true }));

it('finds the files a kernel is given, and which of them it may write', () => {
  const files = argumentFiles(['mem=64M', 'initrd=init', `ubd0=${folder}/cow,disk`, 'ubdbr=disk', 'ubdc=nowhere', 'root=/dev/ubda', 'quiet', 'con=fd:0,fd:1'], folder);
  expect(files.map(({ path, writable }) => [path.slice(folder.length + 1), writable])).toEqual([['init', false], ['cow', true], ['disk', false], ['disk', false]]);
});
