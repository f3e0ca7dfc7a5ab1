/** A guest that wants all there is of files, descriptors and socket buffers gets errors; the machine goes on. */
import { expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

it('files, open files and socket buffers have an end', () => {
  const { stdout, stderr, status } = skas(['run', '--quiet', guestProgram('bomb-files.c')], { timeout: 170_000 });
  expect(stdout, stderr).toBe('inodes: ENOSPC after more than 100000: 1\na new one: 1\nENFILE 1 EMFILE 1 other 0\na new pair takes 1 byte\n');
  expect(status).toBe(0);
}, 180_000);
