/** Confinement: what a guest can reach of the real machine, and that what it may write arrives there. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas } from '../fixtures/skas.ts';

const EXPECTED = `OUTSIDE: ENOENT
chdir(argv[1]): ok
.: . .. out-absolute out-folder out-relative pipe plain through to-plain
plain: "plain text"
to-plain: "plain text"
out-absolute: ENOENT
out-relative: ENOENT
out-folder/secret: ENOENT
through/../../secret: ENOENT
../secret: ENOENT
/proc/self/root/etc/shadow: ENOENT
open(path, O_RDONLY): ENOENT
open(path, O_RDONLY): ENOENT
open("plain", O_WRONLY): EROFS
open("plain", O_RDONLY | O_TRUNC): EROFS
open("new", O_CREAT | O_RDWR, 0600): EROFS
mkdir("new", 0700): EROFS
unlink("plain"): EROFS
rmdir("through"): EROFS
rename("plain", "other"): EROFS
link("plain", "other"): EROFS
symlink("x", "other"): EROFS
chmod("plain", 0600): EROFS
truncate("plain", 0): EROFS
utimensat(AT_FDCWD, "plain", NULL, 0): EROFS
access("plain", W_OK): EROFS
access("plain", R_OK): ok
open("pipe", O_RDONLY | O_NONBLOCK): ENXIO
mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0: EACCES
mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0: ok
read-only: 1
chdir(argv[2]): ok
.: . .. existing gone shrink
write(fd, "made by the guest", 17): ok
lseek(fd, 5000, SEEK_SET): ok
write(fd, "far", 3): ok
munmap(memory, 8192): ok
mkdir("folder", 0750): ok
rename("existing", "folder/moved"): ok
folder/moved: "existing"
symlink("../../secret", "folder/link"): ok
folder/link: ENOENT
link("made", "folder/hard"): ok
chmod("made", 0604): ok
utimensat(AT_FDCWD, "folder/moved", times, 0): ok
truncate("shrink", 3): ok
unlink("gone"): ok
read(fd, buffer, 4): ok
gone
made: links 2 size 5003 mode 100604
folder: . .. hard link moved
.: 1 1
made: 1 1
folder: 1 1
folder/link: 1 1
folder/hard: 1 1
shrink: 1 1
`;

describe('shares', () => {
  it('show what was given, keep everything else out, and pass on what may be written', () => {
    const base = mkdtempSync(join(tmpdir(), 'skas-shares-'));
    try {
      const [readOnly, writable, secret] = [join(base, 'read-only'), join(base, 'writable'), join(base, 'secret')];
      for (const folder of [readOnly, writable, join(readOnly, 'through')]) mkdirSync(folder);
      writeFileSync(secret, 'must not be seen');
      writeFileSync(join(readOnly, 'plain'), 'plain text');
      symlinkSync('plain', join(readOnly, 'to-plain'));
      symlinkSync(secret, join(readOnly, 'out-absolute'));
      symlinkSync('../secret', join(readOnly, 'out-relative'));
      symlinkSync(base, join(readOnly, 'out-folder'));
      execFileSync('mkfifo', [join(readOnly, 'pipe')]);
      for (const name of ['existing', 'gone', 'shrink']) writeFileSync(join(writable, name), name);

      const { stdout, stderr, status } = skas(['run', '--quiet', '--share', readOnly, '--share', `${writable}:rw`, guestProgram('share-probe.c'), readOnly, writable, secret], { cwd: readOnly });
      expect(stdout.replaceAll(secret, 'OUTSIDE'), stderr).toBe(EXPECTED);
      expect(status).toBe(0);

      const made = readFileSync(join(writable, 'made'), 'latin1');
      expect(made.length).toBe(5003);
      expect(made.replaceAll('\0', '')).toBe('Made by the guest!far');
      expect(statSync(join(writable, 'made')).mode & 0o7777).toBe(0o604);
      expect(statSync(join(writable, 'folder')).mode & 0o7777).toBe(0o750);
      expect(readFileSync(join(writable, 'folder', 'moved'), 'utf8')).toBe('existing');
      expect(statSync(join(writable, 'folder', 'moved')).mtimeMs).toBe(1_200_000_000_000);
      expect(readlinkSync(join(writable, 'folder', 'link'))).toBe('../../secret');
      expect(lstatSync(join(writable, 'folder', 'hard')).ino).toBe(statSync(join(writable, 'made')).ino);
      expect(readFileSync(join(writable, 'shrink'), 'utf8')).toBe('shr');
      expect(existsSync(join(writable, 'gone'))).toBe(false);
      expect(readdirSync(base).sort()).toEqual(['read-only', 'secret', 'writable']);
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  }, 120_000);
});
