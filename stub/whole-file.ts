/** A file that appears whole, or not at all: who waits for it never reads half of it. */
import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const PARTIAL = '.skas-partial';

/** What is there and not a plain file (a pipe, a device, a symbolic link) is written to, not replaced. @throws node's errors; no file of ours is left then */
export function writeWhole(path: string, contents: Uint8Array | string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    writeFileSync(path, contents);
    return;
  }
  const partial = `${path}${PARTIAL}`;
  try {
    writeFileSync(partial, contents);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
