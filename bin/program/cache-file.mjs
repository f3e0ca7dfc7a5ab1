/**
 * Files of the cache: written whole or not at all, believed only if they are ours and undamaged. Whatever goes wrong here is no error: what
 * is not in the cache is made again.
 *
 * A file is a line of JSON (`length` and `crc32` of what follows, and the writer's facts) and the contents.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Nobody writes a file for so many milliseconds. */
const LEFT_BEHIND = 60_000;

/** Where the cache is ($XDG_CACHE_HOME/skas, by default ~/.cache/skas), or undefined if that cannot be told. */
export function cacheFolder() {
  const base = process.env['XDG_CACHE_HOME'];
  if (base !== undefined && base.startsWith('/')) return join(base, 'skas');
  try {
    const home = homedir();
    return home.startsWith('/') ? join(home, '.cache', 'skas') : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string | undefined} path
 * @returns {{ facts: Record<string, unknown>, contents: Buffer } | undefined}
 */
export function readCacheFile(path) {
  if (path === undefined) return undefined;
  let fd;
  try {
    fd = openSync(path, 'r');
    // What is in it will be executed.
    const { uid, mode } = fstatSync(fd);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined;
    const bytes = readFileSync(fd);
    const end = bytes.indexOf(10);
    const { length, crc, ...facts } = JSON.parse(bytes.toString('latin1', 0, Math.max(end, 0)));
    const contents = bytes.subarray(end + 1);
    return contents.length === length && crc32(contents) === crc ? { facts, contents } : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Makes the folder and the one it is in; not `recursive`, with which Node loops for ever where nothing can be made (/proc). */
function makeFolder(path) {
  for (const folder of [dirname(path), path]) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/** Removes what processes that were killed while they wrote `path` have left. */
function removeLeftovers(path) {
  const start = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    const leftover = join(dirname(path), name);
    if (name.startsWith(start) && /^\d+$/.test(name.slice(start.length)) && Date.now() - statSync(leftover).mtimeMs > LEFT_BEHIND) unlinkSync(leftover);
  }
}

/**
 * @param {string | undefined} path
 * @param {Record<string, unknown>} facts
 * @param {Uint8Array} contents
 */
export function writeCacheFile(path, facts, contents) {
  if (path === undefined) return;
  const temporary = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path));
    const head = `${JSON.stringify({ ...facts, length: contents.length, crc: crc32(contents) })}\n`;
    writeFileSync(temporary, Buffer.concat([Buffer.from(head, 'latin1'), contents]), { mode: 0o600 });
    renameSync(temporary, path);
    removeLeftovers(path);
  } catch {
    try {
      unlinkSync(temporary);
    } catch {
      // It was never made.
    }
  }
}
