import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { FileType, writeCpio } from './cpio.ts';
import { buildInitramfs } from './initramfs.ts';

const list = (archive: Uint8Array): string => {
  const result = spawnSync('cpio', ['-itv', '--quiet', '--numeric-uid-gid'], { input: archive, encoding: 'utf8', env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } });
  expect(result.stderr).toBe('');
  return result.stdout.trim();
};

describe('writeCpio', () => {
  it('is read back by cpio(1)', () => {
    const archive = writeCpio([
      { path: 'd', mode: FileType.directory | 0o755 },
      { path: 'd/odd', mode: FileType.regular | 0o640, data: new TextEncoder().encode('12345') },
      { path: 'l', mode: FileType.symlink | 0o777, data: new TextEncoder().encode('d/odd') },
      { path: 'c', mode: FileType.character | 0o600, device: { major: 5, minor: 1 } },
    ]);
    expect(list(archive).replace(/ +/g, ' ').split('\n')).toEqual([
      'drwxr-xr-x 2 0 0 0 Jan 1 1970 d',
      '-rw-r----- 1 0 0 5 Jan 1 1970 d/odd',
      'lrwxrwxrwx 1 0 0 5 Jan 1 1970 l -> d/odd',
      'crw------- 1 0 0 5, 1 Jan 1 1970 c',
    ]);
  });

  it('makes an initramfs whose every link has its target', () => {
    const names = list(buildInitramfs(new Uint8Array(1000))).split('\n');
    expect(names.some((line) => line.endsWith(' init'))).toBe(true);
    expect(names.filter((line) => line.includes(' -> ')).every((line) => line.endsWith('-> busybox'))).toBe(true);
  });
});
